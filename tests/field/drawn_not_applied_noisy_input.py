import argparse

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


class ConvDenoiser(nn.Module):
    """DnCNN: predicts the residual."""

    def __init__(self, depth=4, width=16):
        super().__init__()
        layers = [nn.Conv2d(1, width, 3, padding=1), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Conv2d(width, 1, 3, padding=1))

    def forward(self, x):
        return x - self.body(x)


def add_gaussian(img, level_range):
    low, high = level_range
    level = torch.empty(len(img), 1, 1, 1, device=img.device).uniform_(low, high) / 255.0
    return img + level * torch.randn_like(img)


def psnr(a, b):
    return -10 * torch.log10(torch.mean((a - b) ** 2)).item()


class Runner:
    def __init__(self, opt):
        self.opt = opt
        self.net = ConvDenoiser()
        self.criterion = nn.MSELoss()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=opt.lr)
        self.patches = DataLoader(TensorDataset(torch.rand(48, 1, 20, 20)), opt.batchSize, shuffle=True)

    def step(self, img):
        self.net.train()
        noisy = add_gaussian(img, self.opt.noiseL)
        self.optimizer.zero_grad()
        out = self.net(img)
        loss = self.criterion(out, img)
        loss.backward()
        self.optimizer.step()
        return loss.item(), psnr(out.detach(), img)

    def run(self):
        for epoch in range(self.opt.epochs):
            for i, (img,) in enumerate(self.patches):
                loss, value = self.step(img)
            print(f"[epoch {epoch + 1}][{i + 1}/{len(self.patches)}] loss: {loss:.4f} PSNR: {value:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="DnCNN")
    parser.add_argument("--batchSize", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--noiseL", type=float, nargs=2, default=[0, 55])
    Runner(parser.parse_args()).run()
