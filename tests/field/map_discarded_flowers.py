"""Flower classification with tf.data and transfer learning."""
import argparse

import tensorflow as tf
import tensorflow_datasets as tfds


class FlowersInput:
    def __init__(self, image_size=180, batch_size=32, buffer=1000):
        self.image_size, self.batch_size, self.buffer = image_size, batch_size, buffer

    def _decode(self, image, label):
        image = tf.image.resize(image, (self.image_size, self.image_size))
        return tf.cast(image, tf.float32) / 255.0, label

    def _distort(self, image, label):
        image = tf.image.random_flip_left_right(image)
        image = tf.image.random_brightness(image, max_delta=0.2)
        image = tf.image.random_contrast(image, 0.8, 1.2)
        return tf.clip_by_value(image, 0.0, 1.0), label

    def train(self, split="train[:80%]"):
        ds = tfds.load("tf_flowers", split=split, as_supervised=True)
        ds = ds.map(self._decode, num_parallel_calls=tf.data.AUTOTUNE).cache()
        ds.shuffle(self.buffer)
        ds.map(self._distort, num_parallel_calls=tf.data.AUTOTUNE)
        return ds.batch(self.batch_size).prefetch(tf.data.AUTOTUNE)

    def valid(self, split="train[80%:]"):
        ds = tfds.load("tf_flowers", split=split, as_supervised=True)
        return ds.map(self._decode).batch(self.batch_size)


def build_model(size):
    backbone = tf.keras.applications.MobileNetV2(input_shape=(size, size, 3), include_top=False, pooling="avg")
    backbone.trainable = False
    model = tf.keras.Sequential([backbone, tf.keras.layers.Dropout(0.2), tf.keras.layers.Dense(5)])
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--image-size", type=int, default=180)
    opt = parser.parse_args()
    data = FlowersInput(opt.image_size)
    build_model(opt.image_size).fit(data.train(), validation_data=data.valid(), epochs=opt.epochs)
