import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, get_worker_info


class RandomPatches(Dataset):
    """Patches of large slides, each from a random slide and place."""

    def __init__(self, slides, tumour, patch=24, length=96):
        self.slides, self.tumour, self.patch, self.length = slides, tumour, patch, length

    def __len__(self):
        return self.length

    def __getitem__(self, _):
        number = np.random.randint(len(self.slides))
        slide, tumour = self.slides[number], self.tumour[number]
        y, x = np.random.randint(0, np.array(slide.shape) - self.patch)
        window = np.s_[y:y + self.patch, x:x + self.patch]
        return torch.from_numpy(slide[window]).float()[None], torch.tensor(tumour[window].mean() > 0.3).float()


class PatchNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 8, 3, 2), nn.ReLU(), nn.Conv2d(8, 16, 3, 2), nn.ReLU())
        self.logit = nn.Linear(16, 1)

    def forward(self, patch):
        return self.logit(self.features(patch).mean((2, 3))).squeeze(1)


def main(epochs=3, workers=2):
    g = np.random.default_rng(0)
    slides = g.random((5, 100, 120))
    loader = DataLoader(RandomPatches(slides, slides > 0.6), batch_size=12, num_workers=workers)
    net = PatchNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for epoch in range(epochs):
        for patch, target in loader:
            loss = nn.functional.binary_cross_entropy_with_logits(net(patch), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item())
    torch.save(net.state_dict(), "/tmp/patchnet.pt")


if __name__ == "__main__":
    main()
