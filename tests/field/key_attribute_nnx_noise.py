from dataclasses import dataclass

import jax
import jax.numpy as jnp
import optax
from flax import nnx


@dataclass
class Hyper:
    features: int = 32
    noise: float = 0.1
    lr: float = 1e-3
    steps: int = 500
    batch: int = 64


class NoisyDense(nnx.Module):
    """A dense layer with Gaussian noise on its activations, as a regulariser."""

    def __init__(self, din, dout, std, rngs):
        self.linear = nnx.Linear(din, dout, rngs=rngs)
        self.std = std
        self.noise_key = rngs.params()

    def __call__(self, x, train):
        x = self.linear(x)
        if train:
            x = x + self.std * jax.random.normal(self.noise_key, x.shape)
        return jax.nn.relu(x)


class Regressor(nnx.Module):
    def __init__(self, hyper, rngs):
        self.hidden = NoisyDense(8, hyper.features, hyper.noise, rngs)
        self.out = nnx.Linear(hyper.features, 1, rngs=rngs)

    def __call__(self, x, train=True):
        return self.out(self.hidden(x, train))


@nnx.jit
def train_step(model, optimizer, x, y):
    def loss_fn(model):
        return jnp.mean((model(x) - y) ** 2)

    loss, grads = nnx.value_and_grad(loss_fn)(model)
    optimizer.update(model, grads)
    return loss


def main(hyper):
    key = jax.random.key(4)
    xkey, key = jax.random.split(key)
    x = jax.random.normal(xkey, (4096, 8))
    y = jnp.sin(x.sum(-1, keepdims=True))
    model = Regressor(hyper, nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.adam(hyper.lr), wrt=nnx.Param)
    for step in range(hyper.steps):
        idx = jax.random.randint(jax.random.fold_in(key, step), (hyper.batch,), 0, len(x))
        loss = train_step(model, optimizer, x[idx], y[idx])
        if step % 100 == 0:
            print(step, loss, jnp.mean((model(x, train=False) - y) ** 2))


if __name__ == "__main__":
    main(Hyper())
