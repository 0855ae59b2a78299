import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

IMG, BATCH = 160, 32
AUTO = tf.data.AUTOTUNE

augmenter = keras.Sequential([
    layers.RandomFlip("horizontal"),
    layers.RandomRotation(0.1),
    layers.RandomZoom(0.2),
])


def prepare(ds, shuffle=False, augment=False):
    ds = ds.map(lambda x, y: (x / 255.0, y), num_parallel_calls=AUTO)
    ds = ds.cache()
    if shuffle:
        ds = ds.shuffle(20)
    if augment:
        ds = ds.map(lambda x, y: (augmenter(x, training=True), y), num_parallel_calls=AUTO)
    return ds.prefetch(AUTO)


def load(subset):
    return keras.utils.image_dataset_from_directory(
        "PetImages", validation_split=0.2, subset=subset, seed=1337, image_size=(IMG, IMG), batch_size=BATCH
    )


def make_model(num_classes=2):
    inputs = keras.Input((IMG, IMG, 3))
    x = inputs
    for width in (32, 64, 128):
        x = layers.Conv2D(width, 3, strides=2, padding="same", activation="relu")(x)
        x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.25)(x)
    return keras.Model(inputs, layers.Dense(num_classes, activation="softmax")(x))


train_ds = prepare(load("training"), shuffle=True, augment=True)
val_ds = prepare(load("validation"))

model = make_model()
model.compile(keras.optimizers.Adam(3e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train_ds, validation_data=val_ds, epochs=25, callbacks=[keras.callbacks.ModelCheckpoint("cats_{epoch}.keras")])
