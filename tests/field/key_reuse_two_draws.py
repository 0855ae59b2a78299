"""Contrastive pre-training of a time series encoder with Equinox."""
import equinox as eqx
import jax
import jax.numpy as jnp
import optax


class Encoder(eqx.Module):
    conv: eqx.nn.Conv1d
    out: eqx.nn.Linear

    def __init__(self, key, width=32, dim=16):
        ckey, okey = jax.random.split(key)
        self.conv = eqx.nn.Conv1d(1, width, 9, stride=4, key=ckey)
        self.out = eqx.nn.Linear(width, dim, key=okey)

    def __call__(self, series):
        z = self.out(jax.nn.gelu(self.conv(series[None])).max(-1))
        return z / (jnp.linalg.norm(z) + 1e-6)


def view(series, key):
    """Jitter and masking of one series."""
    noisy = series + 0.1 * jax.random.normal(key, series.shape)
    keep = jax.random.bernoulli(key, 0.8, series.shape)
    return noisy * keep


def loss_fn(encoder, batch, key):
    first, second = jax.random.split(key)
    a = jax.vmap(encoder)(jax.vmap(view)(batch, jax.random.split(first, len(batch))))
    b = jax.vmap(encoder)(jax.vmap(view)(batch, jax.random.split(second, len(batch))))
    return optax.softmax_cross_entropy_with_integer_labels(a @ b.T / 0.1, jnp.arange(len(batch))).mean()


@eqx.filter_jit
def step(encoder, opt_state, batch, key, tx):
    loss, grads = eqx.filter_value_and_grad(loss_fn)(encoder, batch, key)
    updates, opt_state = tx.update(grads, opt_state)
    return eqx.apply_updates(encoder, updates), opt_state, loss


def main(steps=1000):
    data_key, model_key, key = jax.random.split(jax.random.key(8), 3)
    data = jnp.cumsum(jax.random.normal(data_key, (2000, 128)), -1)
    encoder, tx = Encoder(model_key), optax.adam(1e-3)
    opt_state = tx.init(eqx.filter(encoder, eqx.is_array))
    for number in range(steps):
        key, pick, aug = jax.random.split(key, 3)
        rows = jax.random.randint(pick, (64,), 0, len(data))
        encoder, opt_state, loss = step(encoder, opt_state, data[rows], aug, tx)
        if number % 100 == 0:
            print(number, loss)


if __name__ == "__main__":
    main()
