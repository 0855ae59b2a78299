import glob
from functools import partial

import tensorflow as tf

AUTOTUNE = tf.data.AUTOTUNE
FEATURES = {
    "image": tf.io.FixedLenFeature([], tf.string),
    "target": tf.io.FixedLenFeature([], tf.int64),
}


def read_tfrecord(example, labelled):
    example = tf.io.parse_single_example(example, FEATURES)
    image = tf.image.decode_jpeg(example["image"], channels=3)
    image = tf.reshape(tf.cast(image, tf.float32) / 255.0, [256, 256, 3])
    return (image, example["target"]) if labelled else image


def random_erase(image, area=48):
    y = tf.random.uniform([], 0, 256 - area, tf.int32)
    x = tf.random.uniform([], 0, 256 - area, tf.int32)
    hole = tf.pad(tf.zeros([area, area, 3]), [[y, 256 - area - y], [x, 256 - area - x], [0, 0]], constant_values=1.0)
    return image * hole


def augment(image, target):
    image = tf.image.random_flip_left_right(image)
    image = tf.image.random_flip_up_down(image)
    image = tf.image.random_saturation(image, 0.7, 1.3)
    return random_erase(image), target


def load_dataset(filenames, labelled=True):
    dataset = tf.data.TFRecordDataset(filenames, num_parallel_reads=AUTOTUNE)
    return dataset.map(partial(read_tfrecord, labelled=labelled), num_parallel_calls=AUTOTUNE)


def get_training_dataset(filenames, batch_size):
    dataset = load_dataset(filenames)
    dataset = dataset.map(augment, num_parallel_calls=AUTOTUNE)
    dataset = dataset.shuffle(2048).repeat()
    return dataset.batch(batch_size).prefetch(AUTOTUNE)


def get_validation_dataset(filenames, batch_size):
    return load_dataset(filenames).batch(batch_size).prefetch(AUTOTUNE)


def main(batch_size=64):
    records = sorted(glob.glob("melanoma/train*.tfrec"))
    train, valid = records[2:], records[:2]
    base = tf.keras.applications.EfficientNetB3(include_top=False, input_shape=(256, 256, 3), pooling="avg")
    model = tf.keras.Sequential([base, tf.keras.layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy", metrics=[tf.keras.metrics.AUC(name="auc")])
    model.fit(
        get_training_dataset(train, batch_size),
        steps_per_epoch=28000 // batch_size,
        epochs=12,
        validation_data=get_validation_dataset(valid, batch_size),
    )
    model.save("melanoma.keras")


if __name__ == "__main__":
    main()
