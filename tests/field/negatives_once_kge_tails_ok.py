"""TransE on a small knowledge graph."""
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def corrupt(triples, n_entities, k):
    """Replaces head or tail of each triple by a random entity: (n, k, 3)."""
    out = triples[:, None].repeat(1, k, 1)
    entity = torch.randint(n_entities, out.shape[:2])
    at_head = torch.rand(out.shape[:2]) < 0.5
    out[..., 0] = torch.where(at_head, entity, out[..., 0])
    out[..., 2] = torch.where(at_head, out[..., 2], entity)
    return out


class KnowledgeGraph(Dataset):
    def __init__(self, triples, n_entities, negatives=4):
        self.triples = triples
        self.n_entities = n_entities
        self.negatives = negatives

    def __len__(self):
        return len(self.triples)

    def __getitem__(self, index):
        triple = self.triples[index]
        return triple, corrupt(triple[None], self.n_entities, self.negatives)[0]


class TransE(nn.Module):
    def __init__(self, n_entities, n_relations, dim=16, margin=1.0):
        super().__init__()
        self.entity, self.relation = nn.Embedding(n_entities, dim), nn.Embedding(n_relations, dim)
        self.margin = margin

    def distance(self, triples):
        head, relation, tail = triples.unbind(-1)
        return (self.entity(head) + self.relation(relation) - self.entity(tail)).norm(p=1, dim=-1)

    def forward(self, positive, negative):
        gap = self.margin + self.distance(positive).unsqueeze(1) - self.distance(negative)
        return gap.clamp(min=0).mean()


def train(n_entities=40, n_relations=3, epochs=3):
    g = torch.Generator().manual_seed(3)
    triples = torch.stack([
        torch.randint(n_entities, (200,), generator=g),
        torch.randint(n_relations, (200,), generator=g),
        torch.randint(n_entities, (200,), generator=g),
    ], dim=1)
    loader = DataLoader(KnowledgeGraph(triples, n_entities), batch_size=50, shuffle=True)
    transe = TransE(n_entities, n_relations)
    optimizer = torch.optim.Adam(transe.parameters(), lr=1e-2)
    for epoch in range(epochs):
        total = 0.0
        for positive, negative in loader:
            optimizer.zero_grad()
            loss = transe(positive, negative)
            loss.backward()
            optimizer.step()
            total += loss.item()
        print(epoch, total / len(loader))


if __name__ == "__main__":
    train()
