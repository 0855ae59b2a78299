"""A denoiser in plain JAX and Optax."""
import jax
import jax.numpy as jnp
import optax


def init_params(key, sizes=(64, 128, 64)):
    params = []
    for fan_in, fan_out in zip(sizes[:-1], sizes[1:]):
        key, sub = jax.random.split(key)
        params.append({"w": jax.random.normal(sub, (fan_in, fan_out)) * fan_in**-0.5, "b": jnp.zeros(fan_out)})
    return params


def apply(params, x):
    for layer in params[:-1]:
        x = jax.nn.gelu(x @ layer["w"] + layer["b"])
    return x @ params[-1]["w"] + params[-1]["b"]


def loss_fn(params, noisy, clean):
    return jnp.mean((apply(params, noisy) - clean) ** 2)


class DenoiserTrainer:
    def __init__(self, seed=0, lr=1e-3, sigma=0.3):
        self.rng, init_key = jax.random.split(jax.random.PRNGKey(seed))
        self.params = init_params(init_key)
        self.tx = optax.adamw(lr)
        self.opt_state = self.tx.init(self.params)
        self.sigma = sigma
        self._grad = jax.jit(jax.value_and_grad(loss_fn))

    def corrupt(self, clean):
        self.rng, noise_key = jax.random.split(self.rng)
        return clean + self.sigma * jax.random.normal(noise_key, clean.shape)

    def train_step(self, clean):
        loss, grads = self._grad(self.params, self.corrupt(clean), clean)
        updates, self.opt_state = self.tx.update(grads, self.opt_state, self.params)
        self.params = optax.apply_updates(self.params, updates)
        return loss

    def fit(self, batches, epochs=20):
        for epoch in range(epochs):
            losses = [self.train_step(batch) for batch in batches]
            print(epoch, float(jnp.mean(jnp.stack(losses))))


if __name__ == "__main__":
    patches = jax.random.uniform(jax.random.PRNGKey(1), (32, 16, 64))
    DenoiserTrainer().fit(patches)
