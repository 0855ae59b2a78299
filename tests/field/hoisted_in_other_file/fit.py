import sys

import torch
from PIL import Image
from torchvision.transforms.functional import to_tensor

from model import FourierMLP
from sampling import grid, jittered_grid


def main(path, steps=2000):
    picture = to_tensor(Image.open(path).convert("RGB"))
    _, height, width = picture.shape
    target = picture.permute(1, 2, 0).reshape(-1, 3)
    net = FourierMLP()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    xy = jittered_grid(height, width)
    for step in range(steps):
        loss = (net(xy) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        rendered = net(grid(height, width)).reshape(height, width, 3)
    torch.save(rendered, "rendered.pt")


if __name__ == "__main__":
    main(sys.argv[1])
