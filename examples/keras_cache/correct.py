"""Train a Keras classifier on tf.data; the images are flipped and shifted at random."""

import tensorflow as tf

SIZE = 16


def make_stripes(count):
    """Noisy images of upright (0) and lying (1) stripes, (count, SIZE, SIZE, 1)."""
    labels = tf.random.uniform((count,), maxval=2, dtype=tf.int32)
    wave = tf.sin(tf.range(SIZE, dtype=tf.float32))
    upright = tf.tile(wave[None, :], (SIZE, 1))
    images = tf.where(labels[:, None, None] == 0, upright[None], tf.transpose(upright)[None])
    return (images + 0.5 * tf.random.normal((count, SIZE, SIZE)))[..., None], labels


def augment(image, label):
    """Flip and shift an image."""
    image = tf.image.random_flip_left_right(image)
    image = tf.image.random_crop(tf.pad(image, [[2, 2], [2, 2], [0, 0]]), (SIZE, SIZE, 1))
    return image, label


def main():
    """Train and print the final loss."""
    tf.keras.utils.set_random_seed(0)
    data = tf.data.Dataset.from_tensor_slices(make_stripes(512))
    data = data.cache().shuffle(512).map(augment).batch(64)
    model = tf.keras.Sequential(
        [
            tf.keras.layers.Conv2D(8, 3, activation="relu"),
            tf.keras.layers.GlobalAveragePooling2D(),
            tf.keras.layers.Dense(2),
        ]
    )
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(data, epochs=5, verbose=0)
    print(f"final loss: {history.history['loss'][-1]:.4f}")


if __name__ == "__main__":
    main()
