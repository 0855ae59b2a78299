import argparse
from pathlib import Path

from tensorflow.keras import Model
from tensorflow.keras.applications import VGG16
from tensorflow.keras.callbacks import EarlyStopping, ModelCheckpoint
from tensorflow.keras.layers import Dense, Dropout, GlobalAveragePooling2D
from tensorflow.keras.preprocessing.image import ImageDataGenerator


def parse_args():
    parser = argparse.ArgumentParser(description="Chest X-ray classifier")
    parser.add_argument("data", type=Path)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=30)
    return parser.parse_args()


def get_generators(folder, batch_size):
    datagen = ImageDataGenerator(
        rescale=1.0 / 255,
        rotation_range=15,
        width_shift_range=0.1,
        zoom_range=0.1,
        horizontal_flip=True,
        validation_split=0.2,
    )
    options = dict(directory=folder, target_size=(224, 224), batch_size=batch_size, class_mode="binary", seed=3)
    train_gen = datagen.flow_from_directory(subset="training", **options)
    val_gen = datagen.flow_from_directory(subset="validation", shuffle=False, **options)
    return train_gen, val_gen


def get_model():
    base = VGG16(include_top=False, weights="imagenet", input_shape=(224, 224, 3))
    for layer in base.layers:
        layer.trainable = False
    features = Dropout(0.5)(GlobalAveragePooling2D()(base.output))
    model = Model(base.input, Dense(1, activation="sigmoid")(features))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy", "AUC"])
    return model


def main():
    args = parse_args()
    train_gen, val_gen = get_generators(args.data, args.batch_size)
    stop = EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)
    keep = ModelCheckpoint("xray.keras", save_best_only=True)
    get_model().fit(train_gen, validation_data=val_gen, epochs=args.epochs, callbacks=[stop, keep])


if __name__ == "__main__":
    main()
