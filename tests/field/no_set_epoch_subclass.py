"""Training of a speaker embedding with length buckets, on several GPUs."""
import argparse
import os

import torch
import torch.distributed as dist
import torchaudio
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler


class BucketSampler(DistributedSampler):
    """Yields the indices of a rank, sorted by length inside of windows."""

    def __init__(self, dataset, lengths, window=256):
        super().__init__(dataset, shuffle=True, drop_last=True)
        self.lengths, self.window = lengths, window

    def __iter__(self):
        indices = list(super().__iter__())
        for start in range(0, len(indices), self.window):
            yield from sorted(indices[start:start + self.window], key=self.lengths.__getitem__)


class SpeakerNet(nn.Module):
    def __init__(self, n_speakers, dim=192):
        super().__init__()
        self.mel = torchaudio.transforms.MelSpectrogram(16000, n_mels=80)
        self.tdnn = nn.Sequential(nn.Conv1d(80, 512, 5), nn.ReLU(), nn.Conv1d(512, 512, 3, dilation=2), nn.ReLU())
        self.embed, self.classify = nn.Linear(1024, dim), nn.Linear(dim, n_speakers)

    def forward(self, wave):
        x = self.tdnn(self.mel(wave).clamp(min=1e-6).log())
        return self.classify(self.embed(torch.cat([x.mean(-1), x.std(-1)], -1)))


def pad(rows):
    waves, speakers = zip(*rows)
    return nn.utils.rnn.pad_sequence(waves, batch_first=True), torch.tensor(speakers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("manifest")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=64)
    args = parser.parse_args()
    dist.init_process_group("nccl")
    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    utterances = torch.load(args.manifest)
    sampler = BucketSampler(utterances, [len(wave) for wave, _ in utterances])
    loader = DataLoader(utterances, args.batch_size, sampler=sampler, collate_fn=pad, num_workers=4)
    model = DistributedDataParallel(SpeakerNet(1 + max(speaker for _, speaker in utterances)).cuda())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(args.epochs):
        for wave, speaker in loader:
            loss = nn.functional.cross_entropy(model(wave.cuda()), speaker.cuda())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if dist.get_rank() == 0:
            print(epoch, loss.item())


if __name__ == "__main__":
    main()
