import os

import numpy as np
from tensorflow import keras
from tensorflow.keras.preprocessing.image import ImageDataGenerator, img_to_array, load_img

SIZE = (256, 256)
SEED = 1


class LungSequence(keras.utils.Sequence):
    """Batches of radiographs and lung masks."""

    def __init__(self, image_dir, mask_dir, names, batch_size=8, augment=False):
        super().__init__()
        self.image_dir, self.mask_dir, self.names = image_dir, mask_dir, list(names)
        self.batch_size, self.augment = batch_size, augment
        self.datagen = ImageDataGenerator(
            rotation_range=10, width_shift_range=0.05, height_shift_range=0.05, zoom_range=0.1, fill_mode="constant"
        )
        self.on_epoch_end()

    def __len__(self):
        return len(self.names) // self.batch_size

    def on_epoch_end(self):
        self.order = np.random.permutation(len(self.names))

    def _read(self, folder, name):
        return img_to_array(load_img(os.path.join(folder, name), color_mode="grayscale", target_size=SIZE)) / 255.0

    def _pair(self, name):
        image, mask = self._read(self.image_dir, name), self._read(self.mask_dir, name)
        if self.augment:
            image = self.datagen.random_transform(image, seed=SEED)
            mask = self.datagen.random_transform(mask, seed=SEED)
        return image, (mask > 0.5).astype("float32")

    def __getitem__(self, number):
        chosen = self.order[number * self.batch_size:(number + 1) * self.batch_size]
        images, masks = zip(*(self._pair(self.names[k]) for k in chosen))
        return np.stack(images), np.stack(masks)


def small_unet():
    inputs = keras.Input((*SIZE, 1))
    skip = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(inputs)
    x = keras.layers.MaxPooling2D()(skip)
    x = keras.layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = keras.layers.Concatenate()([keras.layers.UpSampling2D()(x), skip])
    return keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))


if __name__ == "__main__":
    files = sorted(os.listdir("lungs/CXR_png"))
    train = LungSequence("lungs/CXR_png", "lungs/masks", files[:600], augment=True)
    valid = LungSequence("lungs/CXR_png", "lungs/masks", files[600:])
    unet = small_unet()
    unet.compile(keras.optimizers.Adam(1e-4), "binary_crossentropy", metrics=["accuracy"])
    unet.fit(train, validation_data=valid, epochs=20)
