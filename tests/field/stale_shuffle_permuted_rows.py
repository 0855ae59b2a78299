"""Fast in-memory training of a small CNN; all data lives on the device."""
import torch
from torch import nn


class TensorLoader:
    """Slices of tensors, without the overhead of a DataLoader."""

    def __init__(self, *tensors, batch_size):
        self.tensors, self.batch_size = tensors, batch_size

    def __len__(self):
        return len(self.tensors[0]) // self.batch_size

    def at(self, order, k):
        rows = order[k * self.batch_size:(k + 1) * self.batch_size]
        return [tensor[rows] for tensor in self.tensors]


def conv_net(width=16):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.GELU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1), nn.BatchNorm2d(2 * width), nn.GELU(), nn.AdaptiveMaxPool2d(1),
        nn.Flatten(), nn.Linear(2 * width, 10),
    )


def main(epochs=3, batch_size=25, device="cpu"):
    torch.manual_seed(0)
    images = torch.rand(200, 3, 12, 12, device=device)
    labels = torch.randint(10, (200,), device=device)
    loader = TensorLoader(images, labels, batch_size=batch_size)
    net = conv_net().to(device)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, epochs * len(loader))
    order = torch.randperm(len(images), device=device)
    for epoch in range(epochs):
        for k in range(len(loader)):
            x, y = loader.at(order, k)
            loss = nn.functional.cross_entropy(net(x), y, label_smoothing=0.2)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
        print(epoch, loss.item())


if __name__ == "__main__":
    main()
