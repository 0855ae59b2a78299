"""Draws above a training loop: those that every batch should have anew, and those that are right to be made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.diagnostic import Confidence
from jitlint.rules import all_rules
from tests.jitlint.cases import project_of

RULES = [rule for rule in all_rules() if rule.code in ("JIT101", "JIT102", "JIT107", "JIT402")]
HEAD = "import numpy as np\nimport torch\nimport torch.nn.functional as F\n"
STEP = "        opt.zero_grad(); loss.backward(); opt.step()\n"


def found(text: str, root: Path) -> set[str]:
    root.mkdir(exist_ok=True)
    items = [item for rule in RULES for item in rule().check(project_of(HEAD + text, root))]
    return {item.code for item in items if item.confidence >= Confidence.MEDIUM}


def over_loader(draw: str, use: str, loss: str = "F.mse_loss(model(x), y)") -> tuple[str, str]:
    """A draw above the batch loop, and the same program with the draw in the loop."""
    start, step = "def train(model, loader, opt, epochs):\n", f"        loss = {loss}\n{STEP}"
    wrong = f"{start}    {draw}\n    for x, y in loader:\n        {use}\n{step}"
    return wrong, f"{start}    for x, y in loader:\n        {draw}\n        {use}\n{step}"


GAN = """
def train(G, D, opt_g, opt_d, data, steps):
{}    for it in range(steps):
        x = {}
{}        d_loss = -(torch.log(D(x)) + torch.log(1 - D(G({})))).mean()
        d_loss.backward(); opt_d.step()
        g_loss = -torch.log(D(G({}))).mean()
        g_loss.backward(); opt_g.step()
"""


def over_steps(batch: str, name: str) -> tuple[str, str]:
    """A latent above a loop that counts, whose batches come from `batch`, and the program with it in the loop."""
    draw = f"{name} = torch.randn(64, 100)\n"
    return (
        GAN.format(f"    {draw}", batch, "", name, name),
        GAN.format("", batch, f"        {draw}", name, name),
    )


AUTOENCODER = """
def train(D, opt, data, steps):
    Q = torch.nn.Sequential(torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 8))
    P = torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.ReLU(), torch.nn.Linear(64, 784))
    {}
    for it in range(steps):
        x = data.next_batch(64)
        {}
        z_fake = Q(x)
        loss = F.mse_loss(P(z_fake), x) + (torch.log(D(z_real)) + torch.log(1 - D(z_fake))).mean()
        loss.backward(); opt.step()
"""
WRAPPED = """
D_ = torch.nn.Sequential(torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 784))
G_ = torch.nn.Sequential(torch.nn.Linear(110, 64), torch.nn.ReLU(), torch.nn.Linear(64, 784))
def energy(x):
    return (x - D_(x)).pow(2).sum(1).mean()
def generate(z, c):
    return G_(torch.cat([z, c], 1))
{}
for it in range(100000):
    x, c = mnist.train.next_batch(64)
    {}
    loss = energy(x) + torch.relu(1 - energy(generate(z, c)))
    loss.backward(); solver.step()
"""
CLOSURE = """
def fit(model, image, opt, steps):
    clean = torch.stack(torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64)), -1).reshape(-1, 2)
    {}
    for step in range(steps):
        {}
        def closure():
            opt.zero_grad()
            loss = F.mse_loss(model(coords), image)
            loss.backward()
            return loss
        opt.step(closure)
"""
INNER = """
def train_epoch(model, loader, opt, scaler):
    {}
    for x, y in loader:
        {}
        x = x + noise
        def forward():
            with torch.autocast("cuda"):
                return F.mse_loss(model(x), y)
        loss = forward()
        scaler.scale(loss).backward(); scaler.step(opt)
"""
MOVED = "coords = clean + (torch.rand_like(clean) - 0.5) / 64"
NOISE = "noise = 0.1 * torch.randn(3, 32, 32)"
CONDITIONAL = """
def train(G, D, opt, loader):
    {}
    for x, c in loader:
        {}
        loss = D(x).mean() - D(G(torch.cat([z, c], 1))).mean()
        opt.zero_grad(); loss.backward(); opt.step()
"""
BUGS = {
    "latent beside a label": (
        CONDITIONAL.format("z = torch.randn(64, 100)", "pass"),
        CONDITIONAL.format("pass", "z = torch.randn(64, 100)"),
    ),
    "closure of an optimizer": (CLOSURE.format(MOVED, "pass"), CLOSURE.format("pass", MOVED)),
    "function in the loop": (INNER.format(NOISE, "pass"), INNER.format("pass", NOISE)),
    "networks behind functions": (
        WRAPPED.format("z = torch.randn(64, 100)", "pass"),
        WRAPPED.format("pass", "z = torch.randn(64, 100)"),
    ),
    "mask": over_loader("mask = (torch.rand(32, 32) > 0.25).float()", "x = x * mask"),
    "mask of numpy": over_loader("keep = np.random.rand(32, 32) < 0.7", "x = x * torch.from_numpy(keep)"),
    "filled": over_loader("hidden = torch.rand(32, 32) < 0.15", "x = x.masked_fill(hidden, 0.0)"),
    "where": over_loader("hidden = torch.rand(32) < 0.15", "x = torch.where(hidden, torch.zeros_like(x), x)"),
    "crop": over_loader("top = int(torch.randint(0, 9, (1,)))", "x = x[..., top : top + 24, :]"),
    "window of a signal": over_loader("start = np.random.randint(0, 1000)", "x = x[:, start : start + 16000]"),
    "angle": over_loader(
        "import torchvision.transforms.functional as TF; angle = float(torch.rand(1)) * 30", "x = TF.rotate(x, angle)"
    ),
    "latent beside next_batch": over_steps("data.next_batch(64)", "z"),
    "latent beside an index": over_steps("data[torch.randint(0, len(data), (64,))]", "z_D"),
    "latent beside an iterator": over_steps("next(data)", "gen_input"),
    "prior of an autoencoder": (
        AUTOENCODER.format("z_real = torch.randn(64, 8)", "pass"),
        AUTOENCODER.format("pass", "z_real = torch.randn(64, 8)"),
    ),
}


@pytest.mark.parametrize("name", BUGS)
def test_a_draw_for_every_batch(name: str, tmp_path: Path) -> None:
    wrong, right = BUGS[name]
    assert found(wrong, tmp_path / "wrong")
    assert found(right, tmp_path / "right") == set()


MADE_ONCE = {
    "latents of a preview": """
def train(G, D, opt, loader):
    fixed_noise = torch.randn(64, 100)
    preview = torch.randn(64, 100)
    for i, (x, _) in enumerate(loader):
        loss = -(torch.log(D(x)) + torch.log(1 - D(G(torch.randn(64, 100))))).mean()
        opt.zero_grad(); loss.backward(); opt.step()
        save_image(G(fixed_noise), "samples.png")
        with torch.no_grad():
            grid = G(preview)
""",
    "first values of what is learned": """
def train(loader, lr):
    w, b = torch.randn(784, 10) * 0.01, torch.zeros(10)
    w.requires_grad_(); b.requires_grad_()
    for x, y in loader:
        loss = F.cross_entropy(x @ w + b, y)
        loss.backward()
        with torch.no_grad():
            w -= lr * w.grad
            b -= lr * b.grad
""",
    "first hidden state": """
def train(rnn, loader, opt):
    state = torch.randn(2, 32, 64)
    for x, y in loader:
        out, state = rnn(x, state.detach())
        loss = F.mse_loss(out, y)
        opt.zero_grad(); loss.backward(); opt.step()
""",
    "first samples of a buffer": """
def train(model, loader, opt):
    buffer = torch.rand(10000, 3, 32, 32)
    for x, _ in loader:
        index = torch.randint(0, 10000, (64,))
        fake = langevin(model, buffer[index])
        buffer[index] = fake
        loss = model(x).mean() - model(fake).mean()
        opt.zero_grad(); loss.backward(); opt.step()
""",
    "steps of a sampler": """
def sample(model, schedule, steps):
    x = torch.randn(16, 3, 32, 32)
    for t in reversed(range(steps)):
        noise = model(x, torch.full((16,), t))
        x = schedule.step(noise, t, x).prev_sample
    return x
""",
    "Fourier features": """
def train(model, loader, opt):
    B = torch.randn(256, 2) * 10
    for coords, y in loader:
        phase = 2 * np.pi * coords @ B.T
        loss = F.mse_loss(model(torch.cat([torch.sin(phase), torch.cos(phase)], -1)), y)
        opt.zero_grad(); loss.backward(); opt.step()
""",
    "sampling pattern of k-space": """
def train(model, loader, opt):
    mask = (torch.rand(320) < 0.25).float()
    for x, _ in loader:
        measured = torch.fft.fft2(x) * mask
        loss = F.mse_loss(model(torch.fft.ifft2(measured).abs()), x)
        opt.zero_grad(); loss.backward(); opt.step()
""",
    "measurements of a matrix": """
def train(model, loader, opt):
    A = torch.randn(200, 784) / 200 ** 0.5
    for x, _ in loader:
        loss = F.mse_loss(model(x.flatten(1) @ A.T), x)
        opt.zero_grad(); loss.backward(); opt.step()
""",
    "holes of one picture": """
def restore(model, image, opt, steps):
    mask = (torch.rand(image.shape) > 0.5).float()
    for step in range(steps):
        out = model(image * mask)
        loss = ((out - image) * mask).pow(2).mean()
        opt.zero_grad(); loss.backward(); opt.step()
""",
    "input of a deep image prior": """
def restore(model, image, opt, steps):
    z = torch.rand(1, 32, 256, 256)
    for step in range(steps):
        loss = F.mse_loss(model(z), image)
        opt.zero_grad(); loss.backward(); opt.step()
""",
    "split": """
def train(model, x, y, opt, epochs):
    order = torch.randperm(len(x))
    train_part, val_part = order[:800], order[800:]
    for epoch in range(epochs):
        loss = F.mse_loss(model(x[train_part]), y[train_part])
        opt.zero_grad(); loss.backward(); opt.step()
        with torch.no_grad():
            print(F.mse_loss(model(x[val_part]), y[val_part]))
""",
    "permuted pixels of a task": """
def train(model, loader, opt):
    pixels = torch.randperm(784)
    for x, y in loader:
        loss = F.cross_entropy(model(x.view(-1, 784)[:, pixels]), y)
        opt.zero_grad(); loss.backward(); opt.step()
""",
    "pruned weights": """
def train(layer, loader, opt):
    mask = (torch.rand(layer.weight.shape) > 0.9).float()
    for x, y in loader:
        loss = F.mse_loss(F.linear(x, layer.weight * mask), y)
        opt.zero_grad(); loss.backward(); opt.step()
""",
    "made-up inputs of a benchmark": """
def speed(model, opt, steps):
    x = torch.randn(64, 3, 224, 224)
    for step in range(steps):
        loss = model(x).sum()
        opt.zero_grad(); loss.backward(); opt.step()
""",
    "places at which a function was measured": """
def train(model, opt, steps):
    x = torch.linspace(-3, 3, 100)
    x = x + 0.05 * torch.randn(100)
    y = torch.sin(x)
    for step in range(steps):
        loss = F.mse_loss(model(x[:, None]), y[:, None])
        opt.zero_grad(); loss.backward(); opt.step()
""",
    "mask of a whole sequence": """
def train(model, loader, opt, h):
    for x, y in loader:
        mask = (torch.rand(64) > 0.5).float()
        for t in range(10):
            h = model(x[:, t] * mask, h)
        loss = F.mse_loss(h, y)
        opt.zero_grad(); loss.backward(); opt.step()
""",
}


@pytest.mark.parametrize("name", MADE_ONCE)
def test_right_to_be_made_once(name: str, tmp_path: Path) -> None:
    assert found(MADE_ONCE[name], tmp_path) == set()
