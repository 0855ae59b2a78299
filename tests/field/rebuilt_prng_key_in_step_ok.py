import jax
import jax.numpy as jnp
import optax
import tensorflow_datasets as tfds
from flax import linen as nn
from flax.training import train_state


class CNN(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        for width in (32, 64):
            x = nn.relu(nn.Conv(width, (3, 3))(x))
            x = nn.avg_pool(x, (2, 2), (2, 2))
        x = nn.relu(nn.Dense(256)(x.reshape((x.shape[0], -1))))
        x = nn.Dropout(0.5, deterministic=not train)(x)
        return nn.Dense(10)(x)


@jax.jit
def train_step(state, batch, key):
    dropout_key = jax.random.fold_in(key, state.step)

    def loss_fn(params):
        logits = state.apply_fn({"params": params}, batch["image"], train=True, rngs={"dropout": dropout_key})
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch["label"]).mean()

    loss, grads = jax.value_and_grad(loss_fn)(state.params)
    return state.apply_gradients(grads=grads), loss


@jax.jit
def eval_step(state, batch):
    logits = state.apply_fn({"params": state.params}, batch["image"], train=False)
    return (logits.argmax(-1) == batch["label"]).mean()


def create_state(key):
    model = CNN()
    params = model.init(key, jnp.ones((1, 28, 28, 1)), train=False)["params"]
    return train_state.TrainState.create(apply_fn=model.apply, params=params, tx=optax.adam(1e-3))


def pipeline(split, batch_size):
    data = tfds.load("fashion_mnist", split=split)
    data = data.map(lambda row: {"image": row["image"] / 255, "label": row["label"]})
    return data.shuffle(4096).batch(batch_size, drop_remainder=True)


def main(epochs=10):
    init_key, dropout_key = jax.random.split(jax.random.PRNGKey(1))
    state = create_state(init_key)
    train, test = pipeline("train", 128), pipeline("test", 1000)
    for epoch in range(epochs):
        for batch in train.as_numpy_iterator():
            state, loss = train_step(state, batch, dropout_key)
        accuracy = jnp.mean(jnp.array([eval_step(state, batch) for batch in test.as_numpy_iterator()]))
        print(epoch, loss, accuracy)


if __name__ == "__main__":
    main()
