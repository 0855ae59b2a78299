"""Speech command classification with wav2vec 2.0."""
import random

import numpy as np
from datasets import Audio, load_dataset
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification, Trainer, TrainingArguments

MODEL = "facebook/wav2vec2-base"
extractor = AutoFeatureExtractor.from_pretrained(MODEL)


def perturb(wave):
    wave = wave * random.uniform(0.5, 1.5)
    snr = random.uniform(10, 30)
    level = np.sqrt(np.mean(wave**2) / 10 ** (snr / 10))
    return wave + level * np.random.randn(len(wave))


def extract(waves):
    return extractor(waves, sampling_rate=extractor.sampling_rate, max_length=16000, truncation=True, padding="max_length")


def encode(batch):
    return extract([audio["array"] for audio in batch["audio"]])


def augment_and_encode(batch):
    return extract([perturb(audio["array"]) for audio in batch["audio"]])


def build_datasets():
    raw = load_dataset("superb", "ks")
    raw = raw.cast_column("audio", Audio(sampling_rate=16000))
    train = raw["train"].map(augment_and_encode, batched=True, remove_columns=["audio", "file"], num_proc=4)
    valid = raw["validation"].map(encode, batched=True, remove_columns=["audio", "file"], num_proc=4)
    return train, valid, raw["train"].features["label"].names


def main():
    train, valid, names = build_datasets()
    model = AutoModelForAudioClassification.from_pretrained(MODEL, num_labels=len(names))
    args = TrainingArguments(
        output_dir="keyword",
        num_train_epochs=8,
        per_device_train_batch_size=32,
        learning_rate=3e-5,
        warmup_ratio=0.1,
        eval_strategy="epoch",
        remove_unused_columns=False,
    )
    Trainer(model=model, args=args, train_dataset=train, eval_dataset=valid).train()


if __name__ == "__main__":
    main()
