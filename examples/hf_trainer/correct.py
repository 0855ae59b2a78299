"""Train a small network with the Trainer of Hugging Face; the collator hides a part of every input."""

import tempfile

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset
from transformers import Trainer, TrainingArguments

LENGTH = 16


class Waves(Dataset):
    """Sine waves of two frequencies, and which of the two it is."""

    def __init__(self, count):
        time = torch.linspace(0, 6.28, LENGTH)
        self.labels = torch.randint(2, (count,))
        phase = 6.28 * torch.rand(count, 1)
        self.inputs = torch.sin(time * (1 + self.labels.unsqueeze(1)) + phase)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.inputs[index], self.labels[index]


def collate(samples):
    """A batch in which a quarter of the values is hidden."""
    inputs, labels = map(torch.stack, zip(*samples, strict=True))
    hidden = torch.rand(inputs.shape) < 0.25
    return {"inputs": inputs.masked_fill(hidden, 0.0), "labels": labels}


class Classifier(nn.Module):
    """Two layers, with the loss that the Trainer asks for."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(LENGTH, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, inputs, labels=None):
        """Loss and logits of inputs (B, LENGTH)."""
        logits = self.layers(inputs)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


def main():
    """Train and print the final loss."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=3,
            per_device_train_batch_size=64,
            remove_unused_columns=False,
            report_to=[],
            save_strategy="no",
            use_cpu=True,
            disable_tqdm=True,
        )
        trainer = Trainer(model=Classifier(), args=arguments, train_dataset=Waves(1024), data_collator=collate)
        print(f"final loss: {trainer.train().training_loss:.4f}")


if __name__ == "__main__":
    main()
