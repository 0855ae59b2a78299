"""Masked language model pre-training from scratch."""
from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    vocab: int = 120
    mask_id: int = 119
    pad_id: int = 0
    seq_len: int = 20
    dim: int = 32
    epochs: int = 3
    batch: int = 16
    lr: float = 5e-4
    mlm_probability: float = 0.15


def mask_tokens(tokens, cfg):
    """Hides 15 % of the tokens; of these 80 % become [MASK], 10 % a random token, 10 % stay."""
    labels = tokens.clone()
    chosen = torch.bernoulli(torch.full(tokens.shape, cfg.mlm_probability)).bool() & (tokens != cfg.pad_id)
    labels[~chosen] = -100
    hidden = torch.bernoulli(torch.full(tokens.shape, 0.8)).bool() & chosen
    swapped = torch.bernoulli(torch.full(tokens.shape, 0.5)).bool() & chosen & ~hidden
    out = tokens.masked_fill(hidden, cfg.mask_id)
    out[swapped] = torch.randint(1, cfg.mask_id, (int(swapped.sum()),))
    return out, labels


class TinyBert(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.embed = nn.Embedding(cfg.vocab, cfg.dim, padding_idx=cfg.pad_id)
        self.position = nn.Parameter(torch.zeros(cfg.seq_len, cfg.dim))
        block = nn.TransformerEncoderLayer(cfg.dim, 2, 64, batch_first=True)
        self.encoder = nn.TransformerEncoder(block, 1)
        self.head = nn.Linear(cfg.dim, cfg.vocab)

    def forward(self, ids):
        return self.head(self.encoder(self.embed(ids) + self.position))


def pretrain(cfg):
    corpus = torch.randint(1, cfg.mask_id, (96, cfg.seq_len))
    model = TinyBert(cfg)
    optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
    criterion = nn.CrossEntropyLoss(ignore_index=-100)
    dataloader = DataLoader(TensorDataset(corpus), cfg.batch, shuffle=True)
    for epoch in range(cfg.epochs):
        model.train()
        for (batch,) in dataloader:
            batch_ids, batch_labels = mask_tokens(batch, cfg)
            logits = model(batch_ids)
            loss = criterion(logits.flatten(0, 1), batch_labels.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    pretrain(Config())
