"""Fit a noisy line with JAX; the inputs are jittered in every step."""

import jax
import jax.numpy as jnp


def loss_of(parameters, x, y):
    """Mean squared error of a line."""
    slope, offset = parameters
    return jnp.mean((slope * x + offset - y) ** 2)


def train(parameters, x, y, key, steps, rate=0.1, std=0.05):
    """Gradient descent; returns the parameters and the last loss."""
    for _ in range(steps):
        key, noise_key = jax.random.split(key)
        noise = std * jax.random.normal(noise_key, x.shape)
        loss, gradient = jax.value_and_grad(loss_of)(parameters, x + noise, y)
        parameters = jax.tree.map(lambda value, slope: value - rate * slope, parameters, gradient)
    return parameters, loss


def main():
    """Train and print the final loss."""
    data_key, train_key = jax.random.split(jax.random.PRNGKey(0))
    x = jnp.linspace(-1, 1, 64)
    y = 2 * x + 1 + 0.1 * jax.random.normal(data_key, x.shape)
    (slope, offset), loss = train((0.0, 0.0), x, y, train_key, steps=200)
    print(f"slope {slope:.3f}, offset {offset:.3f}")
    print(f"final loss: {loss:.4f}")


if __name__ == "__main__":
    main()
