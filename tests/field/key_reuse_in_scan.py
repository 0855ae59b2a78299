from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax, random


class State(NamedTuple):
    params: dict
    opt: optax.OptState


def net(params, x):
    for name in ("l1", "l2"):
        x = jnp.tanh(x @ params[name])
    return x @ params["out"]


def make_params(key, width=32):
    k1, k2, k3 = random.split(key, 3)
    return {
        "l1": random.normal(k1, (3, width)) / jnp.sqrt(3),
        "l2": random.normal(k2, (width, width)) / jnp.sqrt(width),
        "out": random.normal(k3, (width, 1)) / jnp.sqrt(width),
    }


def fit(x, y, key, tx, n_steps=2000, batch=64, sigma=0.05):
    init_key, key = random.split(key)
    params = make_params(init_key)

    def objective(p, xb, yb):
        return jnp.mean((net(p, xb) - yb) ** 2)

    def body(state, _):
        pick, noise = random.split(key)
        rows = random.randint(pick, (batch,), 0, len(x))
        xb = x[rows] + sigma * random.normal(noise, (batch, x.shape[1]))
        loss, grads = jax.value_and_grad(objective)(state.params, xb, y[rows])
        updates, opt = tx.update(grads, state.opt, state.params)
        return State(optax.apply_updates(state.params, updates), opt), loss

    return lax.scan(body, State(params, tx.init(params)), None, length=n_steps)


def main():
    data_key, fit_key = random.split(random.PRNGKey(10))
    x = random.uniform(data_key, (4000, 3), minval=-1, maxval=1)
    y = jnp.sin(3 * x[:, :1]) * x[:, 1:2] + x[:, 2:] ** 2
    state, losses = jax.jit(fit, static_argnames=("tx", "n_steps", "batch"))(x, y, fit_key, optax.adam(3e-3))
    print(losses[::200], jnp.mean((net(state.params, x) - y) ** 2))


if __name__ == "__main__":
    main()
