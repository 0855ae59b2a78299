import evaluate
import numpy as np
import torch
from datasets import load_dataset
from torchvision.transforms import (
    CenterCrop, ColorJitter, Compose, Normalize, RandomHorizontalFlip, RandomResizedCrop, Resize, ToTensor,
)
from transformers import AutoImageProcessor, AutoModelForImageClassification, Trainer, TrainingArguments

CHECKPOINT = "google/vit-base-patch16-224-in21k"
processor = AutoImageProcessor.from_pretrained(CHECKPOINT)
normalize = Normalize(processor.image_mean, processor.image_std)
edge = processor.size["height"]

train_pipeline = Compose([
    RandomResizedCrop(edge, scale=(0.5, 1.0)), RandomHorizontalFlip(), ColorJitter(0.3, 0.3, 0.3), ToTensor(), normalize,
])
plain_pipeline = Compose([Resize(edge), CenterCrop(edge), ToTensor(), normalize])


def preprocess_train(batch):
    batch["pixel_values"] = [train_pipeline(image.convert("RGB")) for image in batch["image"]]
    return batch


def preprocess_val(batch):
    batch["pixel_values"] = [plain_pipeline(image.convert("RGB")) for image in batch["image"]]
    return batch


def collate(examples):
    pixels = torch.stack([example["pixel_values"] for example in examples])
    return {"pixel_values": pixels, "labels": torch.tensor([example["label"] for example in examples])}


food = load_dataset("food101", split="train[:5000]").train_test_split(test_size=0.2)
food.set_transform(preprocess_val)
train_set = food["train"].with_transform(preprocess_train)
eval_set = food["test"]

accuracy = evaluate.load("accuracy")


def compute_metrics(eval_pred):
    predictions, references = eval_pred
    return accuracy.compute(predictions=np.argmax(predictions, axis=1), references=references)


training_args = TrainingArguments(
    "food", remove_unused_columns=False, num_train_epochs=5, learning_rate=5e-5, per_device_train_batch_size=16,
    eval_strategy="epoch", save_strategy="epoch", load_best_model_at_end=True, metric_for_best_model="accuracy",
)
model = AutoModelForImageClassification.from_pretrained(CHECKPOINT, num_labels=101)
trainer = Trainer(
    model, training_args, train_dataset=train_set, eval_dataset=eval_set, data_collator=collate, compute_metrics=compute_metrics
)
trainer.train()
