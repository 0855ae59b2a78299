import pathlib

import tensorflow as tf
from tensorflow.keras import Sequential, layers

DATA = pathlib.Path("plants")
SIZE = 128

data_augmentation = Sequential([
    layers.RandomFlip("horizontal_and_vertical"),
    layers.RandomRotation(0.2),
    layers.RandomContrast(0.2),
])


def decode(path, label):
    image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
    return tf.image.resize(image, (SIZE, SIZE)) / 255.0, label


def dataset(paths, labels, training, batch=32):
    ds = tf.data.Dataset.from_tensor_slices((paths, labels))
    if training:
        ds = ds.shuffle(len(paths))
    ds = ds.map(decode, num_parallel_calls=tf.data.AUTOTUNE).batch(batch)
    if training:
        ds = ds.map(lambda x, y: (data_augmentation(x, training=True), y), num_parallel_calls=tf.data.AUTOTUNE)
    return ds.prefetch(tf.data.AUTOTUNE)


def split(share=0.2):
    names = sorted(folder.name for folder in DATA.iterdir())
    paths = [str(path) for path in sorted(DATA.glob("*/*.jpg"))]
    labels = [names.index(pathlib.Path(path).parent.name) for path in paths]
    valid = [k % round(1 / share) == 0 for k in range(len(paths))]
    pick = lambda rows, flag: [row for row, v in zip(rows, valid) if v == flag]
    return pick(paths, False), pick(labels, False), pick(paths, True), pick(labels, True), len(names)


train_paths, train_labels, valid_paths, valid_labels, n_species = split()
model = Sequential([
    layers.Conv2D(32, 3, activation="relu"), layers.MaxPooling2D(),
    layers.Conv2D(64, 3, activation="relu"), layers.GlobalMaxPooling2D(),
    layers.Dropout(0.3), layers.Dense(n_species, activation="softmax"),
])
model.compile("nadam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(
    dataset(train_paths, train_labels, training=True),
    validation_data=dataset(valid_paths, valid_labels, training=False),
    epochs=40,
)
