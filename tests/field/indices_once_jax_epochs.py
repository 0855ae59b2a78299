"""Logistic regression and a small MLP on tabular data, in JAX."""
from functools import partial

import jax
import jax.numpy as jnp
import optax
from jax import random


def mlp_init(key, sizes):
    keys = random.split(key, len(sizes))
    return [(random.normal(k, (m, n)) * jnp.sqrt(2 / m), jnp.zeros(n)) for k, m, n in zip(keys, sizes[:-1], sizes[1:])]


def mlp(params, x):
    *hidden, (w, b) = params
    for wh, bh in hidden:
        x = jax.nn.relu(x @ wh + bh)
    return x @ w + b


def loss(params, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(mlp(params, x), y).mean()


@partial(jax.jit, static_argnums=0)
def update(tx, params, opt_state, x, y):
    value, grads = jax.value_and_grad(loss)(params, x, y)
    updates, opt_state = tx.update(grads, opt_state, params)
    return optax.apply_updates(params, updates), opt_state, value


def batches(x, y, order, batch_size):
    for i in range(0, len(order) - batch_size + 1, batch_size):
        rows = order[i:i + batch_size]
        yield x[rows], y[rows]


def train(x, y, num_epochs=30, batch_size=128, seed=0):
    key = random.PRNGKey(seed)
    key, init_key, perm_key = random.split(key, 3)
    params = mlp_init(init_key, [x.shape[1], 64, 64, int(y.max()) + 1])
    tx = optax.adamw(1e-3)
    opt_state = tx.init(params)
    order = random.permutation(perm_key, len(x))
    for epoch in range(num_epochs):
        for bx, by in batches(x, y, order, batch_size):
            params, opt_state, value = update(tx, params, opt_state, bx, by)
        accuracy = jnp.mean(jnp.argmax(mlp(params, x), -1) == y)
        print(f"{epoch:3d} loss {value:.4f} accuracy {accuracy:.3f}")
    return params


if __name__ == "__main__":
    xkey, wkey = random.split(random.PRNGKey(99))
    features = random.normal(xkey, (5000, 20))
    labels = jnp.argmax(features @ random.normal(wkey, (20, 3)), axis=-1)
    train(features, labels)
