from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax


def forward(params, x):
    h = jnp.tanh(x @ params["w1"] + params["b1"])
    return h @ params["w2"] + params["b2"]


@partial(jax.jit, static_argnames=("tx", "sigma"))
def train_step(params, opt_state, x, y, key, tx, sigma=0.05):
    noise = sigma * jax.random.normal(key, x.shape)

    def objective(p):
        return jnp.mean((forward(p, x + noise) - y) ** 2)

    loss, grads = jax.value_and_grad(objective)(params)
    updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state, loss


def init(rng, n_in, n_hidden):
    return {
        "w1": jnp.asarray(rng.normal(size=(n_in, n_hidden)) / np.sqrt(n_in)),
        "b1": jnp.zeros(n_hidden),
        "w2": jnp.asarray(rng.normal(size=(n_hidden, 1)) / np.sqrt(n_hidden)),
        "b2": jnp.zeros(1),
    }


def main(epochs=50, batch=64):
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, size=(2048, 6)).astype(np.float32)
    y = np.sin(x[:, :1]) * x[:, 1:2]
    params = init(rng, 6, 64)
    tx = optax.adam(2e-3)
    opt_state = tx.init(params)
    key = jax.random.key(0)
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        for rows in np.split(order, len(order) // batch):
            key, step_key = jax.random.split(key)
            params, opt_state, loss = train_step(params, opt_state, x[rows], y[rows], step_key, tx)
        print(epoch, float(loss))


if __name__ == "__main__":
    main()
