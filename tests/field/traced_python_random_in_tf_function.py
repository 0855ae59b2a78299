import random

import tensorflow as tf
from tensorflow.keras import layers


class Pix2Pix:
    """Facade labels to photographs, reduced to one generator and an L1 loss."""

    def __init__(self, lr=2e-4):
        self.generator = tf.keras.Sequential([
            layers.Conv2D(64, 4, 2, padding="same"), layers.LeakyReLU(),
            layers.Conv2D(128, 4, 2, padding="same"), layers.LeakyReLU(),
            layers.Conv2DTranspose(64, 4, 2, padding="same"), layers.ReLU(),
            layers.Conv2DTranspose(3, 4, 2, padding="same", activation="tanh"),
        ])
        self.optimizer = tf.keras.optimizers.Adam(lr, beta_1=0.5)

    def jitter(self, labels, photo):
        if random.random() < 0.5:
            labels, photo = tf.reverse(labels, [2]), tf.reverse(photo, [2])
        shift = random.randint(-15, 15)
        return tf.roll(labels, shift, 2), tf.roll(photo, shift, 2)

    @tf.function
    def train_step(self, labels, photo):
        labels, photo = self.jitter(labels, photo)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.abs(photo - self.generator(labels, training=True)))
        grads = tape.gradient(loss, self.generator.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.generator.trainable_variables))
        return loss


def load(path):
    image = tf.cast(tf.image.decode_jpeg(tf.io.read_file(path)), tf.float32) / 127.5 - 1
    photo, labels = tf.split(image, 2, axis=1)
    return labels, photo


def main(folder="facades/train", epochs=150):
    files = tf.data.Dataset.list_files(f"{folder}/*.jpg")
    data = files.map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(1)
    model = Pix2Pix()
    for epoch in range(epochs):
        for labels, photo in data:
            loss = model.train_step(labels, photo)
        tf.print("epoch", epoch, "l1", loss)


if __name__ == "__main__":
    main()
