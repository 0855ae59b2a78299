import imgaug
import numpy as np
import torch
from imgaug import augmenters as iaa
from torch.utils.data import DataLoader, Dataset

from facenet import LandmarkNet, wing_loss


class Faces(Dataset):
    def __init__(self, npz):
        archive = np.load(npz)
        self.images, self.points = archive["images"], archive["points"]
        self.augmenter = iaa.Sequential([
            iaa.Affine(rotate=(-20, 20), translate_percent=(-0.08, 0.08)),
            iaa.Multiply((0.7, 1.3)),
            iaa.Sometimes(0.4, iaa.MotionBlur(k=5)),
        ])

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        points = imgaug.KeypointsOnImage.from_xy_array(self.points[i], shape=self.images[i].shape)
        image, points = self.augmenter(image=self.images[i], keypoints=points)
        tensor = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float() / 255
        return tensor, torch.from_numpy(points.to_xy_array()).float()


def init_worker(worker_id):
    np.random.seed(torch.initial_seed() % 2**32)


def train(archive="300w.npz", epochs=80, batch_size=64):
    loader = DataLoader(
        Faces(archive), batch_size, shuffle=True, num_workers=6, worker_init_fn=init_worker, drop_last=True, pin_memory=True
    )
    net = LandmarkNet(n_points=68).cuda().train()
    optimizer = torch.optim.RMSprop(net.parameters(), lr=5e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 25, 0.3)
    for epoch in range(epochs):
        running = 0.0
        for image, points in loader:
            loss = wing_loss(net(image.cuda(non_blocking=True)), points.cuda(non_blocking=True))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item()
        scheduler.step()
        print(f"{epoch:03d} {running / len(loader):.5f}")
        torch.save(net.state_dict(), "landmarks.pt")


if __name__ == "__main__":
    train()
