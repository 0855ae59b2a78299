import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from dataset import get_loader


def build():
    return nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 2, 3, padding=1))


def main(epochs=40):
    volume = np.load("liver.npz")
    loader = get_loader(volume["slices"], volume["masks"], batch_size=8)
    net = build().cuda()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-4)
    for epoch in range(epochs):
        for image, mask in tqdm(loader):
            loss = nn.functional.cross_entropy(net(image.cuda()), mask.cuda())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


if __name__ == "__main__":
    main()
