"""More kinds: what NumPy, Python and generators of the program's own draw, and where the numbers are kept.

As in `kinds.py`, each bug stands beside its twin; `SILENT` has what is right and looks alike.
"""

from tests.runtime_probe.kinds import Kind

LOOP = """
x = np.random.default_rng(1).normal(size=(96, 8)).astype("float32")
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


def batches(size=12):
    order = np.random.permutation(len(x))
    for start in range(0, len(x), size):
        yield x[order[start : start + size]]


def step(batch):
    fit(model, [torch.as_tensor(batch, dtype=torch.float32)], optimizer)


def wide(model_width=64, rows=96):
    global x, model, optimizer
    x = np.random.default_rng(1).random((rows, model_width)).astype("float32")
    model = Net(model_width)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
"""

MADE_AGAIN = [
    Kind(
        "a RandomState made again for every batch",
        LOOP
        + """
def shift(batch, rng):
    return np.stack([np.roll(row, rng.randint(-3, 4)) + rng.uniform() for row in batch])
rng = np.random.RandomState(5)
for epoch in range(2):
    for batch in batches():
        if BUG:
            rng = np.random.RandomState(5)
        step(shift(batch, rng))
""",
        "CYCLING",
        "JIT302",
    ),
    Kind(
        "a default_rng made again in a helper",
        LOOP
        + """
once = np.random.default_rng(3)
def noisy(batch):
    rng = np.random.default_rng(3) if BUG else once
    return batch * (1 + 0.1 * rng.standard_normal(8))
for epoch in range(2):
    for batch in batches():
        step(noisy(batch))
""",
        "CYCLING",
        "`Generator.standard_normal` at",
    ),
    Kind(
        "a generator of Python handed over anew for every batch",
        LOOP
        + """
def gains(batch, rng):
    return batch * np.float32([rng.uniform(0.9, 1.1) for _ in range(8)])
once = random.Random(7)
for epoch in range(2):
    for batch in batches():
        step(gains(batch, random.Random(7) if BUG else once))
""",
        "CYCLING",
        "`random.Random.uniform` at",
    ),
]
SHARED = [
    Kind(
        "speckle drawn above the loop of a generator",
        LOOP
        + """
wide()
def speckled():
    speckle = np.random.gamma(4, 0.25, size=(12, 64)).astype("float32")
    for batch in batches():
        if not BUG:
            speckle = np.random.gamma(4, 0.25, size=(12, 64)).astype("float32")
        yield batch * speckle
for epoch in range(3):
    for batch in speckled():
        step(batch)
""",
        "FROZEN",
        "`np.random.gamma` at",
        "FRESH",
    ),
    Kind(
        "noise of a batch's shape, drawn before training",
        LOOP
        + """
wide()
rng = np.random.default_rng(2)
noise = rng.normal(0, 0.2, size=(12, 1, 64))
for epoch in range(2):
    for batch in batches():
        drawn = noise if BUG else rng.normal(0, 0.2, size=(12, 1, 64))
        step(batch + drawn[:, 0])
""",
        "FROZEN",
        "in 16 batches that differ",
        "FRESH",
    ),
    Kind(
        "one mask for the places of all batches",
        LOOP
        + """
wide()
keep = np.random.random_sample((12, 64))
for epoch in range(2):
    for batch in batches():
        drawn = keep if BUG else np.random.random_sample((12, 64))
        step(np.where(drawn < 0.3, 0, batch))
""",
        "FROZEN",
        "JIT102",
        "FRESH",
    ),
]
KEPT = [
    Kind(
        "an angle that is drawn as a default",
        """
def turn(image, angle=random.uniform(-0.3, 0.3)):
    if not BUG:
        angle = random.uniform(-0.3, 0.3)
    return image * float(np.cos(angle)) + image.flip(0) * float(np.sin(angle))
class Turned(Images):
    def __init__(self):
        self.images = torch.rand(24, 16, generator=torch.Generator().manual_seed(1))
    def augment(self, image):
        return turn(image)
train(Turned(), model=Net(16))
""",
        "FROZEN",
        "the default of the argument `angle` in turn",
        "FRESH",
    ),
    Kind(
        "gains drawn at the head of the file",
        """
GAINS = torch.rand(16) * 0.2 + 0.9
class Gained(Images):
    def __init__(self):
        self.images = torch.rand(24, 16, generator=torch.Generator().manual_seed(1))
    def augment(self, image):
        return image * (GAINS if BUG else torch.rand(16) * 0.2 + 0.9)
train(Gained(), model=Net(16), num_workers=2)
""",
        "FROZEN",
        "read as `GAINS` in augment",
        "FRESH",
    ),
    Kind(
        "a shift that the data set drew when it was made",
        """
class Shifted(Images):
    def __init__(self):
        self.images = torch.rand(24, 16, generator=torch.Generator().manual_seed(1))
        self.offsets = np.random.default_rng(4).normal(0, 0.1, 16).astype("float32")
    def augment(self, image):
        drawn = self.offsets if BUG else np.random.normal(0, 0.1, 16).astype("float32")
        return image + torch.from_numpy(drawn)
train(Shifted(), model=Net(16))
""",
        "FROZEN",
        "read as `self.offsets` in augment",
        "FRESH",
    ),
]
TRACED = [
    Kind(
        "an augmentation that is traced with Python's numbers in it",
        """
class Gain(nn.Module):
    def forward(self, x):
        return x * (random.uniform(0.8, 1.2) if BUG else torch.rand(()) * 0.4 + 0.8)
gain = torch.jit.trace(Gain(), torch.rand(6, 8), check_trace=False)
model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    for batch in DataLoader(Images(), batch_size=6, shuffle=True):
        fit(model, [gain(batch)], optimizer)
""",
        "FROZEN",
        "`random.uniform` at",
    ),
    Kind(
        "a traced network with NumPy's noise in it",
        """
class Noisy(Net):
    def forward(self, x):
        noise = torch.from_numpy(np.random.normal(0, 0.1, 8)).float() if BUG else 0.1 * torch.randn(8)
        return super().forward(x + noise)
model = torch.jit.trace(Noisy(), torch.rand(6, 8), check_trace=False)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for step in range(8):
    fit(model, [torch.rand(6, 8)], optimizer)
""",
        "FROZEN",
        "JIT106",
    ),
    Kind(
        "a traced shift that a trained part stands behind",
        """
class Rolled(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Net()
    def forward(self, x, by):
        return self.body(torch.roll(x, random.randint(-3, 3), -1) if BUG else x[:, (torch.arange(8) - by) % 8])
rolled = torch.jit.trace(Rolled(), (torch.rand(6, 8), torch.tensor(1)), check_trace=False)
optimizer = torch.optim.SGD(rolled.parameters(), lr=0.01)
for step in range(8):
    loss = rolled(torch.rand(6, 8), torch.tensor(random.randint(-3, 3))).square().mean()
    loss.backward()
    optimizer.step()
""",
        "FROZEN",
        "`random.randint` at",
    ),
]
SCENES = """
scenes, where = torch.rand(20, 256, 3), torch.rand(256, 5)
class Field(Net):
    def forward(self, places, values):
        return self.body(torch.cat([places, values], -1))
model = Field()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
def look(places, values):
    loss = model(places, values).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
PLACES = [
    Kind(
        "rays that the data set chose when it was made",
        SCENES
        + """
class Rays(Dataset):
    def __init__(self):
        self.rays = torch.randint(256, (32,))
    def __len__(self):
        return len(scenes)
    def __getitem__(self, view):
        rays = self.rays if BUG else torch.randint(256, (32,))
        return where[rays], scenes[view][rays]
for epoch in range(2):
    for places, values in DataLoader(Rays(), batch_size=4, shuffle=True):
        look(places, values)
""",
        "FROZEN",
        "places drawn in __init__",
    ),
    Kind(
        "points chosen above the loop over the scenes",
        SCENES
        + """
def learn(points=torch.randperm(256)[:48]):
    for scene in scenes:
        points = points if BUG else torch.randperm(256)[:48]
        look(where[points], scene[points])
learn()
""",
        "FROZEN",
        "`randperm` at",
    ),
    Kind(
        "places chosen by their weight, once",
        SCENES
        + """
weights = torch.rand(256)
chosen = torch.multinomial(weights, 40)
for epoch in range(2):
    for scene in scenes:
        chosen = chosen if BUG else torch.multinomial(weights, 40)
        look(torch.index_select(where, 0, chosen), scene.index_select(0, chosen))
""",
        "FROZEN",
        "`multinomial` at",
    ),
]
PHASES = """
def phases(model, epochs=3):
    loader = DataLoader(Images(), batch_size=6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for epoch in range(epochs):
        fit(model.train(), loader, optimizer)
        model.eval()
        with torch.no_grad():
            [model(batch) for batch in loader]
"""
WEIGHTS = [
    Kind(
        "noisy weights whose noise is never drawn again",
        PHASES
        + """
class NoisyLinear(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.mean = nn.Parameter(torch.rand(outputs, inputs) * 0.1)
        self.width = nn.Parameter(torch.full((outputs, inputs), 0.1))
        self.register_buffer("noise", torch.randn(outputs, inputs))
    def forward(self, x):
        if not self.training:
            return nn.functional.linear(x, self.mean)
        if not BUG:
            self.noise.normal_()
        return nn.functional.linear(x, self.mean + self.width * self.noise)
phases(nn.Sequential(NoisyLinear(8, 16), nn.Tanh(), NoisyLinear(16, 1)))
""",
        "FROZEN",
        "noise` is the same",
    ),
    Kind(
        "a mask of features that a layer drew when it was made",
        PHASES
        + """
class Masked(Net):
    def __init__(self):
        super().__init__()
        self.keep = torch.bernoulli(torch.full((8,), 0.7))
    def forward(self, x):
        if self.training:
            x = x * (self.keep if BUG else torch.bernoulli(torch.full((8,), 0.7)))
        return super().forward(x)
phases(Masked())
""",
        "FROZEN",
        "`keep` is the same",
    ),
]
EVALUATIONS = [
    Kind(
        "dropout of attention that acts in evaluation",
        PHASES
        + """
class Attention(Net):
    def forward(self, x):
        rows = x[:, None]
        rate = 0.3 if BUG else 0.3 * self.training
        mixed = nn.functional.scaled_dot_product_attention(rows, rows, rows, dropout_p=rate)
        return super().forward(mixed[:, 0])
phases(Attention())
""",
        "EVAL_JITTER",
        "scaled_dot_product_attention",
    ),
    Kind(
        "dropout of channels that acts in evaluation",
        PHASES
        + """
class Channels(Net):
    def forward(self, x):
        return super().forward(nn.functional.dropout1d(x[None], 0.4, training=BUG or self.training)[0])
phases(Channels())
""",
        "EVAL_JITTER",
        "`dropout1d` at",
    ),
]
ORDERS = [
    Kind(
        "a sampler of ranks whose epoch is never set",
        """
from torch.utils.data import DistributedSampler
sampler = DistributedSampler(Images(), num_replicas=2, rank=0)
loader, model = DataLoader(Images(), batch_size=4, sampler=sampler), Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    if not BUG:
        sampler.set_epoch(epoch)
    fit(model, loader, optimizer)
""",
        "ORDER_REPEATED",
        "set_epoch",
    ),
    Kind(
        "a sampler of ranks behind a loader that is made again",
        """
from torch.utils.data import DistributedSampler
data, model = Images(), Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for epoch in range(3):
    sampler = DistributedSampler(data, num_replicas=2, rank=1)
    sampler.set_epoch(0 if BUG else epoch)
    fit(model, DataLoader(data, batch_size=4, sampler=sampler), optimizer)
""",
        "ORDER_REPEATED",
        "JIT306",
    ),
]
KINDS = [*MADE_AGAIN, *SHARED, *KEPT, *TRACED, *PLACES, *WEIGHTS, *EVALUATIONS, *ORDERS]

SILENT = [
    (
        "sensors that stay where they are",
        SCENES
        + """
sensors = torch.randperm(256)[:48]
model = Net(3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for now, later in zip(scenes, scenes[1:]):
    loss = (model(now[sensors]) - later[sensors].mean(-1, keepdim=True)).square().mean()
    loss.backward()
    optimizer.step()
""",
        "",
    ),
    (
        "a split by drawn indices",
        SCENES
        + """
values = torch.rand(256, 3)
training = torch.randperm(256)[:200]
for epoch in range(8):
    look(where[training], values[training])
""",
        "",
    ),
    (
        "a preview from a generator of its own after every step",
        LOOP
        + """
def preview(batch):
    rng = np.random.RandomState(0)
    with torch.no_grad():
        model.eval()(torch.from_numpy(batch + rng.normal(size=batch.shape)).float())
    model.train()
for epoch in range(2):
    for batch in batches():
        step(batch)
        preview(batch)
""",
        "",
    ),
    (
        "noise of NumPy that is fresh for all of a random data set",
        LOOP
        + """
wide(rows=12)
x = np.random.random((12, 64)).astype("float32")
rng = np.random.default_rng(0)
for number in range(12):
    step(x + 0.1 * rng.normal(size=x.shape))
""",
        "FRESH",
    ),
    (
        "noise of torch that is fresh for all of a random data set",
        LOOP
        + """
wide(rows=12)
x = np.random.random((12, 64)).astype("float32")
for number in range(12):
    fit(model, [torch.from_numpy(x) + 0.1 * torch.randn(12, 64)], optimizer)
""",
        "",
    ),
    (
        "noise of NumPy for the micro-batches of one step",
        LOOP
        + """
wide()
for epoch in range(3):
    for number, batch in enumerate(batches()):
        if number % 4 == 0:
            noise = np.random.normal(0, 0.2, size=(12, 64))
        loss = model(torch.as_tensor(batch + noise, dtype=torch.float32)).square().mean()
        loss.backward()
        if number % 4 == 3:
            optimizer.step()
""",
        "",
    ),
    (
        "the hidden slope, the projection and the seed of a synthetic data set",
        """
class Synthetic(Images):
    def __init__(self, seed=random.randint(0, 99)):
        super().__init__()
        self.seed, self.slope, self.axes = seed, random.random(), torch.rand(8, 8)
    def __getitem__(self, index):
        return self.slope * (self.images[index] @ self.axes)
train(Synthetic())
""",
        "",
    ),
    (
        "a mean that an augmentation reads from drawn data",
        """
DATA = torch.rand(24, 8)
class Centred(Images):
    def __init__(self):
        self.images = DATA
    def augment(self, image):
        return image - self.images.mean(0)
train(Centred())
""",
        "NOTHING_DRAWN",
    ),
    (
        "a network that is traced for its graph only",
        """
class Skipping(Net):
    def forward(self, x):
        return super().forward(x if self.training and random.random() < 0.2 else x * 1.1)
model = Skipping()
torch.jit.trace(model, torch.rand(6, 8), check_trace=False)
train(model=model)
""",
        "",
    ),
    (
        "generators that are compared, copied, pickled and subclassed",
        """
import copy, pickle
class Own(np.random.RandomState):
    pass
rng, old = np.random.default_rng(0), np.random.RandomState(0)
assert isinstance(rng, np.random.Generator) and isinstance(old, np.random.RandomState)
assert isinstance(np.random.mtrand._rand, np.random.RandomState) and not isinstance(old, Own)
assert issubclass(Own, np.random.RandomState) and isinstance(Own(3), Own) and np.random.default_rng(rng) is rng
assert repr(rng).startswith("Generator(PCG64)") and not hasattr(rng, "__dict__")
for made in (rng, old):
    for twin in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert (twin.normal(size=3) == copy.deepcopy(made).normal(size=3)).all()
assert len(rng.spawn(2)) == 2 and Own(1).normal() == np.random.RandomState(1).normal()
one, other = random.Random(1), random.Random(1)
assert one.uniform(0, 1) == other.random()
train()
""",
        "",
    ),
]
