"""Domain-adaptive pre-training of a small BERT on clinical notes."""
import argparse

import torch
from torch.utils.data import Dataset
from transformers import AutoModelForMaskedLM, AutoTokenizer, Trainer, TrainingArguments
from transformers import DataCollatorForLanguageModeling


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("notes")
    parser.add_argument("--model", default="prajjwal1/bert-tiny")
    parser.add_argument("--mask-rate", type=float, default=0.15)
    parser.add_argument("--epochs", type=int, default=10)
    return parser.parse_args()


class NotesDataset(Dataset):
    def __init__(self, encodings):
        self.encodings = encodings

    def __getitem__(self, idx):
        return {name: values[idx] for name, values in self.encodings.items()}

    def __len__(self):
        return len(self.encodings["input_ids"])


def main():
    args = parse()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    with open(args.notes) as file:
        lines = [line.strip() for line in file if line.strip()]
    encodings = tokenizer(lines, return_tensors="pt", max_length=256, truncation=True, padding="max_length")
    collator = DataCollatorForLanguageModeling(tokenizer, mlm=True, mlm_probability=args.mask_rate)
    training_args = TrainingArguments(
        output_dir="clinical-bert",
        per_device_train_batch_size=32,
        num_train_epochs=args.epochs,
        learning_rate=5e-5,
        save_strategy="epoch",
    )
    trainer = Trainer(
        model=AutoModelForMaskedLM.from_pretrained(args.model),
        args=training_args,
        train_dataset=NotesDataset(encodings),
        data_collator=collator,
    )
    trainer.train()
    trainer.save_model("clinical-bert/final")
    print("perplexity", torch.tensor(trainer.state.log_history[-1]["train_loss"]).exp().item())


if __name__ == "__main__":
    main()
