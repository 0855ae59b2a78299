"""Programs of every kind of bug, each beside its twin: `BUG` is replaced by True or False before they run.

Each says which word the bug's report has, and a code of the linter or a piece of its text.
"""

from __future__ import annotations

from dataclasses import dataclass

PRELUDE = """
import random
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

torch.manual_seed(0)
np.random.seed(0)
random.seed(0)


class Images(Dataset):
    def __init__(self):
        self.images = torch.rand(24, 8, generator=torch.Generator().manual_seed(1))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.augment(self.images[index])

    def augment(self, image):
        return image


class Net(nn.Module):
    def __init__(self, width=8, dropout=0.0):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 1))

    def forward(self, x):
        return self.body(x)


def fit(model, batches, optimizer):
    for batch in batches:
        loss = model(batch).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def train(dataset=None, epochs=3, model=None, begin=lambda: None, **options):
    loader = DataLoader(dataset or Images(), batch_size=6, shuffle=True, **options)
    model = model or Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for _ in range(epochs):
        begin()
        fit(model, loader, optimizer)
    return model
"""


@dataclass(frozen=True)
class Kind:
    """A program, the word of its bug, and what the report on the bug says besides."""

    name: str
    program: str
    word: str
    says: str = ""
    twin: str = ""  # the word of the twin, where one is certain

    def source(self, bug: bool) -> str:
        """The program's text."""
        return f"{PRELUDE}\nBUG = {bug}\n{self.program}"

    def __str__(self) -> str:
        return self.name


LOADERS = [
    Kind(
        "an unused draw",
        """
class Rotated(Images):
    def augment(self, image):
        noise = np.random.normal(size=8).astype("float32")
        return image * 1 if BUG else image + torch.from_numpy(noise)
train(Rotated())
""",
        "CYCLING",
        "JIT204",
        "FRESH",
    ),
    Kind(
        "samples kept after their first use",
        """
class Kept(Images):
    kept = {}
    def __getitem__(self, index):
        if not BUG or index not in self.kept:
            self.kept[index] = self.images[index] + random.random()
        return self.kept[index]
train(Kept())
""",
        "CYCLING",
        "JIT105",
        "FRESH",
    ),
    Kind(
        "a constant seed in every sample",
        """
class Seeded(Images):
    def augment(self, image):
        if BUG:
            torch.manual_seed(7)
        return image + torch.randn(8)
train(Seeded())
""",
        "CYCLING",
        "`torch.manual_seed(7)` at",
        "FRESH",
    ),
    Kind(
        "a generator copied into the workers",
        """
class Copied(Images):
    rng = np.random.default_rng(0)
    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(0)
    def augment(self, image):
        return image + (self.rng.random() if BUG else random.random())
train(Copied(), num_workers=2)
""",
        "CYCLING",
        "JIT303",
        "FRESH",
    ),
    Kind(
        "workers seeded with their number",
        """
class Numbers(Images):
    def augment(self, image):
        return image + float(np.random.rand())
train(Numbers(), num_workers=2, worker_init_fn=(lambda n: np.random.seed(n)) if BUG else None)
""",
        "CYCLING",
        "JIT304",
        "FRESH",
    ),
    Kind(
        "negatives drawn once",
        """
def add_negatives(positives):
    return [positives[np.random.randint(len(positives))] for _ in positives]
class Pairs(Images):
    def __init__(self):
        super().__init__()
        self.sample()
    def sample(self):
        self.negatives = add_negatives(list(self.images))
    def __getitem__(self, index):
        return self.images[index] - self.negatives[index]
pairs = Pairs()
train(pairs, begin=(lambda: None) if BUG else pairs.sample)
""",
        "FROZEN",
        "JIT104",
        "FRESH",
    ),
    Kind(
        "an augmentation that nobody calls",
        """
class Noise:
    def __call__(self, image):
        return image + float(np.random.normal())
class Made(Images):
    transform = None
    def augment(self, image):
        return self.transform(image) if self.transform else image
noise, made = Noise(), Made()
if not BUG:
    made.transform = noise
train(made)
""",
        "FROZEN",
        "JIT206",
        "FRESH",
    ),
    Kind(
        "a commented-out augmentation",
        """
class Plain(Images):
    def __getitem__(self, index):
        image = self.images[index]
        # image = image + 0.1 * torch.randn_like(image)
        return image
class Noisy(Images):
    def __getitem__(self, index):
        return self.images[index] + 0.1 * torch.randn(8)
train(Plain() if BUG else Noisy())
""",
        "FROZEN",
        "JIT201",
        "FRESH",
    ),
    Kind(
        "an order that comes back",
        """
generator = torch.Generator()
loader = DataLoader(Images(), batch_size=6, shuffle=True, generator=generator)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    generator.manual_seed(0 if BUG else epoch)
    fit(model, loader, optimizer)
""",
        "ORDER_REPEATED",
        "JIT306",
    ),
    Kind(
        "an evaluation that draws",
        """
class Jittered(Images):
    def augment(self, image):
        return image + torch.randn(8)
held_out = DataLoader(Jittered() if BUG else Images(), batch_size=6)
model, optimizer = Net(), None
loader = DataLoader(Jittered(), batch_size=6, shuffle=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    model.train()
    fit(model, loader, optimizer)
    model.eval()
    with torch.no_grad():
        [model(batch) for batch in held_out]
""",
        "EVAL_JITTER",
        "evaluation samples of Jittered",
        "FRESH",
    ),
    Kind(
        "batches that are kept in a list",
        """
class Noisy(Images):
    def augment(self, image):
        return image + torch.randn(8)
loader, model = DataLoader(Noisy(), batch_size=6, shuffle=True), Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
kept = list(loader)
for epoch in range(3):
    fit(model, kept if BUG else loader, optimizer)
""",
        "CYCLING",
        "JIT105",
        "FRESH",
    ),
    Kind(
        "noise for stored data, seeded with the sample's number",
        """
class Seeded(Images):
    def __init__(self):
        self.images = torch.rand(24, 16)
    def augment(self, image):
        if BUG:
            np.random.seed(int(image[0] * 1e6))
        return image + float(np.random.normal())
train(Seeded(), model=Net(16))
""",
        "CYCLING",
        "JIT301",
        "FRESH",
    ),
    Kind(
        "a generator made again at its first use in every worker",
        """
from torch.utils.data import get_worker_info
class Late(Images):
    rng = None
    def augment(self, image):
        if self.rng is None:
            seed = get_worker_info().id if BUG else torch.initial_seed()
            self.rng = np.random.default_rng(seed)
        return image + float(self.rng.normal())
loader, model = DataLoader(Late(), batch_size=6, num_workers=2), Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    fit(model, loader, optimizer)
""",
        "CYCLING",
        "`numpy.random.default_rng(0)` at",
        "FRESH",
    ),
    Kind(
        "jitter written into the data set's own clouds",
        """
class Clouds(Images):
    def augment(self, image):
        noise = 0.02 * torch.randn(8)
        return (image.add_(noise) if BUG else image + noise).flip(0)
train(Clouds(), epochs=6)
""",
        "DRIFT",
        "JIT402",
        "FRESH",
    ),
    Kind(
        "pictures augmented once, when the data set is made",
        """
from PIL import Image
def augment(picture):
    return picture.rotate(random.uniform(-12, 12))
class Copies(Images):
    def __init__(self):
        super().__init__()
        self.pictures = [Image.fromarray((image.numpy().reshape(2, 4) * 255).astype("uint8").repeat(4, 1))
                         for image in self.images]
        if BUG:
            self.pictures = [augment(picture) for picture in self.pictures]
    def __getitem__(self, index):
        picture = self.pictures[index] if BUG else augment(self.pictures[index])
        return torch.from_numpy(np.asarray(picture, dtype="float32") / 255).flatten()
train(Copies(), model=Net(32))
""",
        "FROZEN",
        "in augment",
        "FRESH",
    ),
]
STREAMS = [
    Kind(
        "a seed at the head of every epoch",
        """
class Noisy(Images):
    def augment(self, image):
        return image + torch.randn(8)
epoch = iter(range(9))
train(Noisy(), begin=lambda: torch.manual_seed(3 if BUG else next(epoch)))
""",
        "CYCLING",
        "JIT301",
        "FRESH",
    ),
    Kind(
        "a preview that rewinds the global stream",
        """
def preview(model):
    generator = torch.manual_seed(0) if BUG else torch.Generator().manual_seed(0)
    with torch.no_grad():
        return model(torch.randn(4, 8, generator=generator))
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(4):
    for _ in range(5):
        batch = torch.randn(6, 8)
        fit(model, [batch], optimizer)
    preview(model)
""",
        "CYCLING",
        "in preview",
        "FRESH",
    ),
    Kind(
        "a seed in every call of a helper, without any training",
        """
def shift(image):
    if BUG:
        random.seed(42)
    return np.roll(image, random.randint(-3, 3))
images = np.random.rand(20, 8)
made = [shift(images[random.randint(0, 19)]) for _ in range(50)]
""",
        "CYCLING",
        "in shift",
    ),
    Kind(
        "augmentation written into the stored data",
        """
X = np.random.rand(24, 8).astype("float32")
def batches():
    for start in range(0, 24, 6):
        batch = X[start : start + 6] if BUG else X[start : start + 6].copy()
        batch += np.random.normal(0, 0.05, batch.shape)
        yield torch.from_numpy(batch)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(5):
    fit(model, batches(), optimizer)
""",
        "DRIFT",
        "JIT402",
    ),
    Kind(
        "a permutation used for several epochs",
        """
data = torch.rand(24, 8)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for update in range(2):
    order = torch.randperm(24)
    for epoch in range(4):
        order = order if BUG else torch.randperm(24)
        for start in range(0, 24, 6):
            fit(model, [data[order[start : start + 6]]], optimizer)
""",
        "CYCLING",
        "JIT107",
    ),
    Kind(
        "noise drawn above the loop",
        """
model, noise = Net(), torch.randn(6, 8)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(2):
    for batch in DataLoader(Images(), batch_size=6, shuffle=True):
        fit(model, [batch + (noise if BUG else torch.randn(6, 8))], optimizer)
""",
        "FROZEN",
        "JIT102",
        "FRESH",
    ),
    Kind(
        "masks mixed into the tokens before training",
        """
def mask(tokens):
    return torch.where(torch.rand(tokens.shape) < 0.3, 0, tokens)
class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.last = nn.Embedding(9, 4), nn.Linear(4, 1)
    def forward(self, ids):
        return self.last(self.embed(ids))
tokens = torch.randint(1, 9, (24, 8))
kept = mask(tokens) if BUG else tokens
model = Tokens()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    for (ids,) in DataLoader(TensorDataset(kept), batch_size=6, shuffle=True):
        fit(model, [ids if BUG else mask(ids)], optimizer)
""",
        "FROZEN",
        "in mask",
    ),
    Kind(
        "a latent drawn above the loop",
        """
generator, critic = Net(), Net(1)
optimizer = torch.optim.SGD([*generator.parameters(), *critic.parameters()], lr=0.01)
z = torch.randn(6, 8)
for epoch in range(2):
    for real in DataLoader(Images(), batch_size=6, shuffle=True):
        latent = z if BUG else torch.randn(6, 8)
        loss = critic(generator(latent)).mean() - critic(real[:, :1]).mean()
        loss.backward()
        optimizer.step()
""",
        "FROZEN",
        "JIT102",
        "FRESH",
    ),
    Kind(
        "one mixup coefficient, drawn by NumPy, for all batches",
        """
model, weight = Net(), float(np.random.beta(0.4, 0.4))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    for batch in DataLoader(Images(), batch_size=6, shuffle=True):
        lam = weight if BUG else float(np.random.beta(0.4, 0.4))
        fit(model, [lam * batch + (1 - lam) * batch.flip(0)], optimizer)
""",
        "FROZEN",
        "`np.random.beta` at",
        "FRESH",
    ),
    Kind(
        "noise that never reaches the network",
        """
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    for batch in DataLoader(Images(), batch_size=6, shuffle=True):
        noisy = batch + 0.1 * torch.randn_like(batch)
        loss = (model(batch if BUG else noisy) - batch.mean()).square().mean()
        loss.backward()
        optimizer.step()
""",
        "FROZEN",
        "JIT204",
        "FRESH",
    ),
    Kind(
        "a generator made again in every step",
        """
model, once = Net(), torch.Generator().manual_seed(0)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(12):
    generator = torch.Generator().manual_seed(0) if BUG else once
    start = torch.randn(6, 8, generator=generator)
    fit(model, [start + 0.1 * torch.rand(6, 8)], optimizer)
""",
        "CYCLING",
        "JIT302",
        "FRESH",
    ),
]
NETWORKS = [
    Kind(
        "the noise of a layer, kept in a buffer",
        """
class Noisy(Net):
    def __init__(self):
        super().__init__()
        self.register_buffer("eps", torch.randn(8))
        self.register_buffer("fourier", torch.randn(8))
    def forward(self, x):
        if self.training:
            x = x + 0.1 * (self.eps if BUG else self.eps.normal_())
        return super().forward(torch.sin(x * self.fourier))
model, loader = Noisy(), DataLoader(Images(), batch_size=6)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    fit(model.train(), loader, optimizer)
    model.eval()
    with torch.no_grad():
        [model(batch) for batch in loader]
""",
        "FROZEN",
        "`eps` is the same",
    ),
    Kind(
        "a width of noise that an evaluation sets to zero",
        """
class Noisy(Net):
    width = 0.1
    def __init__(self):
        super().__init__()
        self.width = 0.1
    def forward(self, x):
        return super().forward(x + self.width * torch.randn_like(x))
model, loader = Noisy(), DataLoader(Images(), batch_size=6)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(4):
    fit(model, loader, optimizer)
    before, model.width = model.width, 0.0
    with torch.no_grad():
        [model(batch) for batch in loader]
    model.width = 0.0 if BUG else before
""",
        "LOST_TRAINING_MODE",
        "width went from 0.1 to 0",
    ),
    Kind(
        "a dropout rate that an evaluation overwrites",
        """
class Dropped(Net):
    p_drop = 0.5
    def forward(self, x):
        if BUG and not self.training:
            self.p_drop = 0.0
        return super().forward(nn.functional.dropout(x, self.p_drop, self.training))
model = Dropped()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
loader = DataLoader(Images(), batch_size=6)
for epoch in range(3):
    model.train()
    fit(model, loader, optimizer)
    model.eval()
    with torch.no_grad():
        [model(batch) for batch in loader]
""",
        "LOST_TRAINING_MODE",
        "JIT207",
    ),
    Kind(
        "a network left in evaluation mode",
        """
model = Net(dropout=0.5)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
loader = DataLoader(Images(), batch_size=6)
for epoch in range(3):
    fit(model, loader, optimizer)
    model.eval()
    with torch.no_grad():
        [model(batch) for batch in loader]
    if not BUG:
        model.train()
""",
        "LOST_TRAINING_MODE",
        "model.train()",
    ),
    Kind(
        "a network put into evaluation mode in its own forward",
        """
class Dropping(Net):
    def forward(self, x):
        if BUG:
            self.eval()
        return super().forward(x)
train(model=Dropping(dropout=0.5), begin=lambda: None)
""",
        "LOST_TRAINING_MODE",
        "dropout that never acts: body.2 (0.5)",
    ),
    Kind(
        "a network that is trained in evaluation mode from the start; a frozen part that is meant to be",
        """
body, head = Net(dropout=0.2).body[:3], nn.Linear(16, 1)
model = nn.Sequential(body, head).eval()
if not BUG:
    body.requires_grad_(False)
optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad])
fit(model, [torch.rand(6, 8) for _ in range(8)], optimizer)
""",
        "LOST_TRAINING_MODE",
        "all 8 steps were taken in evaluation mode",
    ),
    Kind(
        "two optimizers of a network in evaluation mode; statistics that are kept, without dropout",
        """
model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Dropout(0.3 if BUG else 0.0), nn.Linear(16, 1)).eval()
optimizers = torch.optim.SGD(model[:2].parameters(), lr=0.01), torch.optim.Adam(model[3].parameters())
for step in range(8):
    model.zero_grad()
    model(torch.rand(6, 8)).square().mean().backward()
    [optimizer.step() for optimizer in optimizers]
""",
        "LOST_TRAINING_MODE",
        "2 (0.3)",
    ),
    Kind(
        "dropout that acts in evaluation",
        """
class Functional(Net):
    def forward(self, x):
        return super().forward(nn.functional.dropout(x, 0.5, True if BUG else self.training))
model = train(model=Functional())
model.eval()
for batch in DataLoader(Images(), batch_size=6):
    model(batch)
""",
        "EVAL_JITTER",
        "in forward",
    ),
]
COORDINATES = [
    Kind(
        "a frozen time beside fresh places",
        """
class Field(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Net(3)
    def forward(self, x, y, t):
        return self.body(torch.stack([x, y, t], -1))
model, t = Field(), torch.rand(32)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(8):
    model(torch.rand(32), torch.rand(32), t if BUG else torch.rand(32)).square().mean().backward()
    optimizer.step()
""",
        "FROZEN",
        "argument: Field(t)",
        "FRESH",
    ),
    Kind(
        "fresh rays with clean depths",
        """
class Field(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Net(3)
    def forward(self, rays, z_pos):
        return self.body(rays[:, None] * z_pos[..., None])
model = Field()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(8):
    depths = torch.linspace(2, 6, 16).expand(32, 16)[..., None]
    if not BUG:
        depths = depths + 0.2 * torch.rand(32, 16, 1)
    model(torch.rand(32, 3), depths[..., 0]).square().mean().backward()
    optimizer.step()
""",
        "CLEAN_GRID",
        "z_pos",
    ),
    Kind(
        "points of a PINN that are never drawn again",
        """
model = Net(2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
fixed = torch.rand(32, 2)
for step in range(8):
    points = (fixed if BUG else torch.rand(32, 2)).clone().requires_grad_()
    model(points).square().mean().backward()
    optimizer.step()
""",
        "FROZEN",
        "Net(x)",
        "FRESH",
    ),
    Kind(
        "a boundary beside points that are never drawn again",
        """
model = Net(2)
optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)
inside, border = torch.rand(32, 2), torch.rand(16, 2)
for step in range(4):
    points = inside if BUG else torch.rand(32, 2)
    def closure():
        optimizer.zero_grad()
        loss = sum(model(p.clone().requires_grad_()).square().mean() for p in (points, border))
        loss.backward()
        return loss
    optimizer.step(closure)
""",
        "FROZEN",
        "Net(x)",
        "FRESH",
    ),
    Kind(
        "jitter on some of the points; a boundary beside drawn points in one tensor",
        """
model = Net(2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
border, places = torch.rand(16, 2), torch.rand(48, 2)
border[:, 0] = 0
for step in range(8):
    inside = places + 0.02 * torch.randn(48, 2) if BUG else torch.rand(48, 2)
    model(torch.cat([border, inside]).requires_grad_()).square().mean().backward()
    optimizer.step()
""",
        "PARTIAL",
        "of the coordinate values change",
        "FRESH",
    ),
    Kind(
        "jitter on the first half of a cloud; a measured surface beside points drawn in its box",
        """
class Field(Net):
    def forward(self, coords):
        return self.body(coords)
model = Field(3)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
surface = nn.functional.normalize(torch.randn(40, 3), dim=-1)
for step in range(8):
    cloud = surface.expand(4, 40, 3).clone()
    if BUG:
        cloud[:, :20] += 0.05 * torch.randn(4, 20, 3)
    else:
        cloud[:, :20] = 2 * torch.rand(4, 20, 3) - 1
    model(cloud).square().mean().backward()
    optimizer.step()
""",
        "PARTIAL",
        "of the coordinate values change",
        "FRESH",
    ),
    Kind(
        "one component of drawn points never moves; points of the start beside points drawn by NumPy",
        """
model = Net(2)
optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)
start = np.stack([np.linspace(-1, 1, 21), np.zeros(21)], -1)
for step in range(6):
    drawn = np.random.uniform(0.1, 0.9, (60, 2))
    if BUG:
        drawn[:, 1] = np.linspace(0.1, 0.9, 60)
    points = torch.tensor(drawn if BUG else np.concatenate([drawn, start]), dtype=torch.float32)
    def closure():
        optimizer.zero_grad()
        loss = model(points.clone().requires_grad_()).square().mean()
        loss.backward()
        return loss
    optimizer.step(closure)
""",
        "PARTIAL",
        "of the coordinate values change",
        "FRESH",
    ),
    Kind(
        "a decoder without parameters of its own",
        """
class Decoder(nn.Module):
    def forward(self, coord, weights):
        return torch.sin(coord @ weights)
decoder, hyper = Decoder(), nn.Linear(1, 6)
optimizer = torch.optim.SGD(hyper.parameters(), lr=0.01)
axis = (torch.arange(8) + 0.5) / 8
grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
for step in range(6):
    coord = grid if BUG else grid + 0.02 * torch.randn_like(grid)
    decoder(coord, hyper(torch.rand(1)).view(2, 3)).mean().backward()
    optimizer.step()
""",
        "CLEAN_GRID",
        "Decoder(coord)",
        "FRESH",
    ),
    Kind(
        "a fixed selection of pixels",
        """
axis = (torch.arange(16) + 0.5) / 16
nodes = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).view(-1, 2)
class Field(Net):
    def forward(self, coords):
        return self.body(coords)
model, picked = Field(2), torch.randperm(256)[:64]
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(8):
    fit(model, [nodes[picked if BUG else torch.randperm(256)[:64]]], optimizer)
""",
        "FROZEN",
        "JIT104",
        "FRESH_SUBSET",
    ),
]
KINDS = [*LOADERS, *STREAMS, *NETWORKS, *COORDINATES]

GRID = """
axis = (torch.arange(8) + 0.5) / 8
grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)


class Field(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Net(2)

    def forward(self, coord):
        return self.body(self.move(coord) if self.training else coord)

    def move(self, coord):
        return coord


def jitter():
    return grid + 0.02 * torch.randn_like(grid)


def steps(model, points, count=8):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(count):
        model(points(step)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
"""


def moved(name: str, move: str, build: str = "Moved()") -> tuple[str, str, str]:
    """A model that jitters its coordinates by itself."""
    body = f"{GRID}\nclass Moved(Field):\n    def move(self, coord):\n        {move}\nsteps({build}, lambda step: grid)"
    return f"jitter inside the model by {name}", body, "INCONCLUSIVE"


SILENT = [  # name, program, verdict
    moved("NumPy", "return coord + torch.from_numpy(np.random.normal(0, 0.01, coord.shape)).float()"),
    moved(
        "a generator of the model's own",
        "self.rng = getattr(self, 'rng', np.random.default_rng(0))\n        return coord + float(self.rng.normal())",
    ),
    moved("where", "return torch.where(torch.rand_like(coord) < 0.5, coord, coord + 0.01 * torch.randn_like(coord))"),
    moved("lerp", "return torch.lerp(coord, torch.rand_like(coord), 0.02)"),
    moved("a stacked copy", "pair = torch.stack([coord, coord])\n        return (pair + torch.randn_like(pair))[0]"),
    moved(
        "a compiled function",
        "return coord + 0.01 * torch.randn_like(coord)",
        "torch.compile(Moved(), backend='eager')",
    ),
    (
        "fresh jitter for the two networks of a GAN without a loader",
        GRID
        + """
one, other = Field(), Field()
optimizers = [torch.optim.SGD(net.parameters(), lr=0.01) for net in (one, other)]
for _ in range(8):
    coord = jitter()
    for net, optimizer in zip((one, other), optimizers):
        (one(coord).mean() - other(coord).mean()).backward()
        optimizer.step()
del optimizers, optimizer
""",
        "FRESH",
    ),
    (
        "one draw for the micro-batches of a step",
        GRID
        + """
model, data = Field(), DataLoader(Images(), batch_size=2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(2):
    for number, batch in enumerate(data):
        if number % 4 == 0:
            coord = jitter()
        model(coord).mean().backward()
        if number % 4 == 3:
            optimizer.step()
""",
        "PERIODIC",
    ),
    (
        "points drawn every five steps",
        GRID
        + """
held = []
def points(step):
    if step % 5 == 0:
        held[:] = [jitter()]
    return held[0]
steps(Field(), points, 20)
""",
        "PERIODIC",
    ),
    (
        "a forward in training mode after the last step",
        GRID
        + """
model = Field()
steps(model, lambda step: jitter())
model(grid)
""",
        "FRESH",
    ),
    (
        "points drawn again beside fixed data",
        GRID
        + """
model, data = Field(), torch.rand(20, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for _ in range(8):
    (model(torch.rand(40, 2).requires_grad_()).mean() + model(data).mean()).backward()
    optimizer.step()
""",
        "FRESH",
    ),
    (
        "synthetic samples seeded by their index, shuffled, in workers",
        """
class Synthetic(Images):
    def __getitem__(self, index):
        generator = torch.manual_seed(index)
        return torch.rand(8, generator=generator)
train(Synthetic(), num_workers=2)
""",
        "",
    ),
    (
        "data sets made of random numbers, with noise in the targets",
        """
x = torch.rand(24, 8)
y = x.sum(1) + 0.1 * torch.randn(24)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
data = TensorDataset(x, y)
for epoch in range(3):
    for inputs, targets in DataLoader(data, batch_size=6, shuffle=True):  # a new one for every epoch
        (model(inputs)[:, 0] - targets).square().mean().backward()
        optimizer.step()
""",
        "NOTHING_DRAWN",
    ),
    (
        "the whole of a random data set in every step",
        """
x = torch.rand(24, 8)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(8):
    fit(model, [x], optimizer)
""",
        "NOTHING_DRAWN",
    ),
    (
        "two trainings with one seed",
        """
for _ in range(2):
    torch.manual_seed(0)
    class Noisy(Images):
        def augment(self, image):
            return image + torch.randn(8)
    train(Noisy())
""",
        "FRESH",
    ),
    (
        "a deterministic evaluation that puts the state back",
        """
class Noisy(Images):
    def augment(self, image):
        return image + torch.randn(8)
model, loader = Net(), DataLoader(Noisy(), batch_size=6, shuffle=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(4):
    fit(model.train(), loader, optimizer)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model.eval()(torch.randn(4, 8))
""",
        "FRESH",
    ),
    (
        "preview latents that never change",
        """
generator, fixed = Net(), torch.randn(6, 8)
optimizer = torch.optim.SGD(generator.parameters(), lr=0.01)
for step in range(12):
    fit(generator, [torch.randn(6, 8)], optimizer)
    with torch.no_grad():
        generator(fixed)
""",
        "FRESH",
    ),
    (
        "samples from a model in evaluation mode",
        """
model = train(model=Net(dropout=0.2))
model.eval()
with torch.no_grad():
    for _ in range(4):
        model(torch.randn(6, 8))
""",
        "NOTHING_DRAWN",
    ),
    (
        "a split drawn once, and batches in order",
        """
data = torch.rand(30, 8)[torch.randperm(30)]
training = data[:24]
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(4):
    fit(model, training.split(6), optimizer)
""",
        "",
    ),
    (
        "a memory that is filled anew",
        """
memory = torch.zeros(24, 8)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(40):
    memory[torch.randint(24, (6,))] = torch.randn(6, 8)
    fit(model, [memory[torch.randint(24, (6,))]], optimizer)
""",
        "",
    ),
    (
        "noise that is the target, and noise that ends after the first epochs",
        """
class Noisy(Net):
    def __init__(self):
        super().__init__()
        self.width = 0.1
    def forward(self, x):
        return super().forward(x + self.width * torch.randn_like(x))
model, loader = Noisy(), DataLoader(Images(), batch_size=6)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(6):
    model.width = 0.1 if epoch < 3 else 0.0
    for batch in loader:
        target = torch.randn_like(batch) + batch
        (model(batch) - target.mean(1, keepdim=True)).square().mean().backward()
        optimizer.step()
    with torch.no_grad():
        [model(batch) for batch in loader]
""",
        "",
    ),
    (
        "a memory bank whose entries are replaced one after the other",
        """
class Bank(Images):
    def __getitem__(self, index):
        self.images[index] = torch.rand(8)
        return self.images[index]
train(Bank(), epochs=6)
""",
        "FRESH",
    ),
    (
        "token ids",
        """
class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.last = nn.Embedding(9, 4), nn.Linear(4, 1)
    def forward(self, idx, pos):
        return self.last(self.embed(idx) + self.embed(pos))
model, text = Tokens(), torch.randint(9, (100,))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(12):
    start = int(torch.randint(90, ()))
    model(text[None, start : start + 3], torch.arange(3)[None]).mean().backward()
    optimizer.step()
""",
        "",
    ),
]
