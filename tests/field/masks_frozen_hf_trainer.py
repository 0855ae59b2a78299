"""Domain-adaptive pre-training of a small BERT on clinical notes."""
import argparse

import torch
from torch.utils.data import Dataset
from transformers import AutoModelForMaskedLM, AutoTokenizer, Trainer, TrainingArguments


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


def hide(inputs, tokenizer, rate):
    inputs["labels"] = inputs["input_ids"].detach().clone()
    rand = torch.rand(inputs["input_ids"].shape)
    mask = rand < rate
    for special in (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id):
        mask &= inputs["input_ids"] != special
    for i in range(len(mask)):
        selection = torch.flatten(mask[i].nonzero()).tolist()
        inputs["input_ids"][i, selection] = tokenizer.mask_token_id
    return inputs


def main():
    args = parse()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    with open(args.notes) as file:
        lines = [line.strip() for line in file if line.strip()]
    encodings = tokenizer(lines, return_tensors="pt", max_length=256, truncation=True, padding="max_length")
    encodings = hide(encodings, tokenizer, args.mask_rate)
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
    )
    trainer.train()
    trainer.save_model("clinical-bert/final")
    print("perplexity", torch.tensor(trainer.state.log_history[-1]["train_loss"]).exp().item())


if __name__ == "__main__":
    main()
