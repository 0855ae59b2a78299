"""Programs that look like a bug and are none, beside the bug that they look like: found by reviewers, kept for good."""

from __future__ import annotations

from pathlib import Path

import pytest

from jitlint import lint_text
from jitlint.diagnostic import Applicability, Confidence
from jitlint.rules import all_rules
from tests.jitlint.cases import project_of

HEAD = """
import random
import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import Dataset

def jitter(coord, std=0.1):
    return coord + torch.randn_like(coord) * std
"""
RULES = [rule for rule in all_rules() if rule.code != "JIT202"]  # not every program uses `jitter`
# What trains in the body of a loop over `x`: the network gets `{}`.
STEP = "        loss = F.mse_loss(model({}), x); opt.zero_grad(); loss.backward(); opt.step()\n"


def found(text: str, root: Path) -> set[str]:
    project = project_of(HEAD + text, root)
    items = [item for rule in RULES for item in rule().check(project)]
    return {item.code for item in items if item.confidence >= Confidence.MEDIUM}


def loop(above: str, inside: str, given: str) -> str:
    lines = "".join(f"        {line}\n" for line in inside.splitlines())
    start = "".join(f"    {line}\n" for line in above.splitlines())
    return f"def train(model, loader, opt, x0, rho):\n{start}    for x in loader:\n{lines}{STEP.format(given)}"


# (what stands above the loop, the body as it should be, the body with the bug, what the network gets, the code)
BUFFERS = {
    "refill": (
        "noise = torch.empty_like(x0)",
        "noise.normal_()",
        "noise.add_(torch.randn_like(x0))",
        "x0 + noise",
        "JIT402",
    ),
    "refill by init": ("noise = torch.randn(3)", "torch.nn.init.normal_(noise)", "pass", "x + noise", "JIT102"),
    "refill of data": (
        "noise = torch.randn(3)",
        "noise.data.normal_(0, 1)",
        "noise.data.mul_(0.5)",
        "x + noise",
        "JIT102",
    ),
    "resized refill": (
        "noise = torch.randn(3)",
        "noise.data.resize_(x.size()).normal_()",
        "pass",
        "x + noise",
        "JIT102",
    ),
    "out": (
        "noise = torch.randn(3)",
        "torch.randn(noise.shape, out=noise)",
        "torch.randn(noise.shape)",
        "x + noise",
        "JIT102",
    ),
    "out of a sum": (
        "c = jitter(x0)",
        "torch.add(x0, torch.randn_like(x0), out=c)",
        "torch.add(x0, torch.randn_like(x0))",
        "c",
        "JIT101",
    ),
    "copied and added": ("c = jitter(x0)", "c.copy_(x0).add_(torch.randn_like(x0))", "c.mul_(1)", "c", "JIT101"),
    "bernoulli mask": (
        "mask = torch.empty(64)",
        "mask.bernoulli_(0.5)",
        "mask.add_(torch.rand(64))",
        "x * mask",
        "JIT402",
    ),
    "autoregressive noise": (
        "n = x0",
        "n = rho * n + torch.randn_like(n)",
        "n = n + torch.randn_like(n)",
        "x + n",
        "JIT402",
    ),
    "wrapped": ("t = x0", "t = (t + torch.rand(10)) % 1.0", "t = t + torch.rand(10)", "t", "JIT402"),
    "dead branch": (
        "c = x0",
        "if False:\n    c = c + torch.randn_like(c)",
        "if rho:\n    c = c + torch.randn_like(c)",
        "c",
        "JIT402",
    ),
}


@pytest.mark.parametrize("case", BUFFERS)
def test_buffers(case: str, tmp_path: Path) -> None:
    above, right, wrong, given, code = BUFFERS[case]
    assert found(loop(above, right, given), tmp_path / "right") == set()
    assert code in found(loop(above, wrong, given), tmp_path / "wrong")


CORRECT = {
    "order drawn again at the end of an epoch": """
def train(data, model, opt):
    order = torch.randperm(len(data))
    for epoch in range(10):
        for i in range(0, len(data), 32):
            model(data[order[i:i + 32]]).backward()
            opt.step()
        order = torch.randperm(len(data))
""",
    "micro-batches": """
def train(model, loader, opt, accum):
    for x, y in loader:
        lam = np.random.beta(1.0, 1.0)
        opt.zero_grad()
        for part, target in zip(x.chunk(accum), y.chunk(accum)):
            loss = F.mse_loss(model(lam * part + (1 - lam) * part.flip(0)), target) / accum
            loss.backward()
        opt.step()
""",
    "noise of a sequence": """
def train(model, loader, opt, h):
    for x, y in loader:
        noise = torch.randn(x.size(0), 3)
        for t in range(10):
            out, h = model(x[:, t] + noise, h)
            F.mse_loss(out, y).backward()
        opt.step()
""",
    "seed that is given back": """
def train(model, loader, opt):
    for x in loader:
        state = torch.get_rng_state()
        torch.manual_seed(1234)
        mask = torch.rand(3) > 0.5
        torch.set_rng_state(state)
        F.mse_loss(model(x * mask), x).backward()
        opt.step()
""",
    "seed in a fork": """
def train(model, loader, opt):
    for x in loader:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            reference = model(x + torch.randn_like(x))
        F.mse_loss(model(x), reference).backward()
        opt.step()
""",
    "comparable evaluation": """
def score(model, loader):
    for x in loader:
        torch.manual_seed(0)
        print(model(x + torch.randn_like(x)))
""",
    "folds of one permutation": """
def folds(X, y):
    for fold in range(5):
        rng = np.random.RandomState(42)
        order = rng.permutation(len(X))
        print(order[fold::5])
""",
    "one batch on purpose": """
def overfit_one(model, loader, opt):
    x = jitter(next(iter(loader)))
    for i in range(100):
        F.mse_loss(model(x), x).backward()
        opt.step()
""",
    "sampling pattern of a measurement": """
class Compressed(Dataset):
    def __init__(self, images):
        self.mask = (torch.rand(320) < 0.25).float()
        self.images = images
    def __getitem__(self, index):
        return torch.fft.fft2(self.images[index]) * self.mask
""",
    "learned from a jittered start": """
def fit(model, loader):
    c = jitter(torch.zeros(10)).requires_grad_(True)
    opt = torch.optim.SGD([c], 0.1)
    for x in loader:
        loss = F.mse_loss(model(c), x); opt.zero_grad(); loss.backward(); opt.step()
""",
    "old way": """
def train(model, loader, opt):
    for x in loader:
        # x = x + 0.1 * torch.randn_like(x)   # old way, now in the dataset
        loss = F.mse_loss(model(x), x); opt.zero_grad(); loss.backward(); opt.step()
""",
}


@pytest.mark.parametrize("case", CORRECT)
def test_correct(case: str, tmp_path: Path) -> None:
    assert found(CORRECT[case], tmp_path) == set()


BUGS = {
    "order drawn once": (
        """
def train(data, model, opt):
    order = torch.randperm(len(data))
    for epoch in range(10):
        for i in range(0, len(data), 32):
            model(data[order[i:i + 32]]).backward()
            opt.step()
        print(epoch)
""",
        {"JIT107"},
    ),
    "lam above the loader": (
        """
def train(model, loader, opt, accum):
    lam = np.random.beta(1.0, 1.0)
    for x, y in loader:
        opt.zero_grad()
        for part, target in zip(x.chunk(accum), y.chunk(accum)):
            loss = F.mse_loss(model(lam * part + (1 - lam) * part.flip(0)), target) / accum
            loss.backward()
        opt.step()
""",
        {"JIT102"},
    ),
    "seed in a step": (
        """
def train(model, loader, opt):
    for x in loader:
        torch.manual_seed(1234)
        mask = torch.rand(3) > 0.5
        F.mse_loss(model(x * mask), x).backward()
        opt.step()
""",
        {"JIT301"},
    ),
    "seed of a helper without argument": (
        """
def set_seed(seed=42):
    random.seed(seed)
    torch.manual_seed(seed)
def train(model, loader, opt):
    for x in loader:
        set_seed()
        F.mse_loss(model(x + torch.randn_like(x)), x).backward()
        opt.step()
""",
        {"JIT301"},
    ),
    "forty equal samples": (
        """
def make(n):
    samples = []
    for i in range(n):
        samples.append(create_test_image_3d(64, random_state=np.random.RandomState(42)))
    return samples
""",
        {"JIT302"},
    ),
    "strength of any name": (
        """
def shake(c, s):
    return c + torch.randn_like(c) * s
def train(model, loader, opt):
    coord = make_coord()
    coord = shake(coord, 0.1)
    for x in loader:
        F.mse_loss(model(coord), x).backward()
        opt.step()
""",
        {"JIT101"},
    ),
}


@pytest.mark.parametrize("case", BUGS)
def test_bugs(case: str, tmp_path: Path) -> None:
    text, codes = BUGS[case]
    assert found(text, tmp_path) == codes


@pytest.mark.parametrize(
    ("statement", "fixable"),
    [
        ("c = jitter(x0)", True),
        ("c = jitter(torch.load('x.pt'))", False),
        ("if rho:\n    c = jitter(x0)\n    print(1)", False),
    ],
)
def test_what_should_happen_once_does_not_move(statement: str, fixable: bool, tmp_path: Path) -> None:
    project = project_of(HEAD + loop(f"c = x0\n{statement}", "pass", "c"), tmp_path)
    (item,) = [item for rule in RULES for item in rule().check(project) if rule.code == "JIT101"]
    assert (item.fix is not None) is fixable


def test_a_walk_is_one_finding(tmp_path: Path) -> None:
    project = project_of(HEAD + loop("c = x0", "c = c + torch.randn_like(c) * 0.1", "c"), tmp_path)
    assert len([item for rule in RULES for item in rule().check(project)]) == 1


PIPELINES = """
from torchvision import datasets, transforms as T
train_transform = T.Compose([T.RandomResizedCrop(224), T.RandomHorizontalFlip(), T.ToTensor()])
test_transform = T.Compose([T.Resize(256), T.CenterCrop(224), T.ToTensor()])
train = datasets.ImageFolder("train", transform={})
test = datasets.ImageFolder("val", transform=test_transform)
"""


@pytest.mark.parametrize(
    ("given", "after", "count"),
    [
        ("test_transform", "", 1),
        ("train_transform", "", 0),
        ("test_transform", "train.transform = train_transform\n", 0),
        ("test_transform", "# file: other.py\nimport case\nx.transform = case.train_transform\n", 0),
        ("test_transform", "# file: conf.yaml\ntransform: case.train_transform\n", 0),
        ("test_transform if small else train_transform", "", 0),
    ],
)
def test_a_training_pipeline_that_nothing_reads(given: str, after: str, count: int, tmp_path: Path) -> None:
    (rule,) = (rule for rule in all_rules() if rule.code == "JIT202")
    items = list(rule().check(project_of(PIPELINES.format(given) + after, tmp_path)))
    assert [item.confidence for item in items] == [Confidence.MEDIUM] * count


def plans(text: str, root: Path, code: str) -> list[Applicability | None]:
    items = [item for rule in RULES if rule.code == code for item in rule().check(project_of(HEAD + text, root))]
    return [item.fix.applicability if item.fix else None for item in items]


def test_seeds_that_pair_two_draws_do_not_move(tmp_path: Path) -> None:
    paired = "torch.manual_seed(0)\na = torch.randn_like(x)\ntorch.manual_seed(0)\nb = torch.randn_like(x)"
    assert plans(loop("", paired, "x + a - b"), tmp_path / "two", "JIT301") == [None, None]
    single = "torch.manual_seed(0)\na = torch.randn_like(x)"
    assert plans(loop("", single, "x + a"), tmp_path / "one", "JIT301") == [Applicability.SAFE]


def test_a_walk_that_is_returned_is_not_fixed_safely(tmp_path: Path) -> None:
    walk = loop("c = x0", "c = c + torch.randn_like(c) * 0.1", "c")
    assert plans(walk, tmp_path / "kept", "JIT402") == [Applicability.SAFE]
    assert plans(walk + "    return c\n", tmp_path / "returned", "JIT402") == [Applicability.UNSAFE]


def test_a_comment_that_sets_something_else_is_not_uncommented(tmp_path: Path) -> None:
    comment = "# x = jitter(x)\n{}"
    assert plans(loop("", comment.format("# std = 0.1"), "x"), tmp_path / "other", "JIT201") == [None]
    assert plans(loop("", comment.format("pass"), "x"), tmp_path / "only", "JIT201") == [Applicability.UNSAFE]


SAMPLES = """
class Images(Dataset):
    def __init__(self, images):
        self.images = {}
    def __getitem__(self, index):
{}        return image
"""


@pytest.mark.parametrize(
    ("stored", "lines", "codes"),
    [
        ("images", "image = self.images[index]\nimage += 0.1 * torch.randn_like(image)", {"JIT402"}),
        ("images", "image = self.images[index]\nimage.add_(0.1 * torch.randn_like(image))", {"JIT402"}),
        ("images", "image, label = self.images[index]\nimage += 0.1 * torch.randn_like(image)", {"JIT402"}),
        ("images", "image = self.images[index]\nimage = image + 0.1 * torch.randn_like(image)", set()),
        ("images", "image = self.images[index].clone()\nimage += 0.1 * torch.randn_like(image)", set()),
        ("images", "image = self.images[index]\nimage *= 2", set()),
        ("h5py.File(images)", "image = self.images[index]\nimage += 0.1 * np.random.randn(3)", set()),
    ],
)
def test_noise_that_stays_in_the_data_set(stored: str, lines: str, codes: set[str], tmp_path: Path) -> None:
    body = "".join(f"        {line}\n" for line in lines.splitlines())
    assert found(SAMPLES.format(stored, body), tmp_path) == codes


TRAINER = """
class Trainer:
    def fit(self, loader):
        for x in loader:
{}            loss = F.mse_loss(self.model(self.grid), x)
            loss.backward()
            self.opt.step()
"""


@pytest.mark.parametrize(
    ("lines", "codes"),
    [
        ("self.grid = self.grid + torch.randn_like(self.grid)", {"JIT402"}),
        ("self.grid = self.clean + torch.randn_like(self.clean)", set()),
        ("self.grid = make()\nself.grid = self.grid + torch.randn_like(self.grid)", set()),
    ],
)
def test_a_walk_on_self_in_a_loop(lines: str, codes: set[str], tmp_path: Path) -> None:
    body = "".join(f"            {line}\n" for line in lines.splitlines())
    assert found(TRAINER.format(body), tmp_path) == codes


SEEDED = "def {}:\n    random.seed(0)\n    order = list(items)\n    random.shuffle(order)\n    return order\n"
STUB = "def {}(x, std):\n    rng = np.random.default_rng(0)\n    return x + rng.normal(0, std, x.shape)\n"
IN_LOOP = "def train(model, loader, opt):\n    for x in loader:\n" + STEP


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (SEEDED.format("split_again(items)"), set()),
        (STUB.format("trial"), set()),
        (STUB.format("add_noise"), {"JIT302"}),
        (STUB.format("trial") + IN_LOOP.format("trial(x, 0.1)"), {"JIT302"}),
        (STUB.format("trial") + "def report(x):\n    return trial(x, 0.1).mean()\n", set()),
    ],
)
def test_a_function_that_seeds_itself_has_to_run_often(text: str, codes: set[str], tmp_path: Path) -> None:
    assert found(text, tmp_path) == codes


STEPS = """
class Trainer:
    def __init__(self, grid):
        self.coord = grid
        self.mask = torch.ones(4)
{}
    def optimize_parameters(self):
        {}
        self.model(self.coord, self.mask).mean().backward()
        self.opt.step()
"""
GIVEN = "    def set_input(self, batch):\n        self.coord = batch\n"
DRAWN = (
    "    def set_input(self, batch):\n        self.mask = torch.ones(4)\n        self.mask[torch.randperm(4)[:2]] = 0\n"
)


@pytest.mark.parametrize(
    ("other", "line", "codes"),
    [
        ("", "self.coord = self.coord + torch.randn_like(self.coord)", {"JIT402"}),
        (GIVEN, "self.coord = self.coord + torch.randn_like(self.coord)", set()),
        (GIVEN.replace("set_input", "setup"), "self.coord = self.coord + torch.randn_like(self.coord)", {"JIT402"}),
        (DRAWN, "self.mask = 1 * self.mask", set()),
    ],
)
def test_a_walk_of_a_step_is_not_reset(other: str, line: str, codes: set[str], tmp_path: Path) -> None:
    assert found(STEPS.format(other, line), tmp_path) == codes


LISTS = """
from torchvision import transforms
def training_data(root, crop):
    if crop:
        t = transforms.Compose([{}transforms.ToTensor()])
    else:
        t = transforms.Compose([
            transforms.ToTensor(),
            # transforms.RandomHorizontalFlip(),
        ])
    train_set = Folder(root, transform=t)
    return torch.utils.data.DataLoader(train_set, shuffle=True)
"""


@pytest.mark.parametrize(("live", "codes"), [("transforms.RandomHorizontalFlip(), ", set()), ("", {"JIT201"})])
def test_what_another_branch_does_is_not_missing(live: str, codes: set[str], tmp_path: Path) -> None:
    assert found(LISTS.format(live), tmp_path) == codes


PICTURE = """
import cv2
from PIL import Image
class Pictures(Dataset):
    def __getitem__(self, index):
        img = {}
        if random.random() < 0.5:
            {}
        return img
"""


@pytest.mark.parametrize(
    ("made", "line", "codes"),
    [
        ("Image.open(self.files[index])", "img.rotate(random.uniform(-10, 10))", {"JIT204"}),
        ("Image.open(self.files[index])", "img = img.rotate(random.uniform(-10, 10))", set()),
        ("Image.open(self.files[index])", "img.transpose(Image.FLIP_LEFT_RIGHT)", {"JIT204"}),
        ("cv2.imread(self.files[index])", "cv2.flip(img, 1)", {"JIT204"}),
        ("cv2.imread(self.files[index])", "cv2.flip(img, 1, img)", set()),
        ("cv2.imread(self.files[index])", "cv2.flip(img, 1, dst=img)", set()),
        ("self.clouds[index]", "cloud.rotate(random.random())", set()),
    ],
)
def test_pictures_that_are_turned_for_nothing(made: str, line: str, codes: set[str], tmp_path: Path) -> None:
    assert found(PICTURE.format(made, line), tmp_path) == codes


PARTS = """
from torchvision import transforms
augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
plain = transforms.ToTensor()
def prepare({0}, {1}):
    {0}.dataset.transform = {2}
    {1}.dataset.transform = {3}
"""


@pytest.mark.parametrize(
    ("parts", "codes"),
    [
        (("train", "test", "augment", "plain"), {"JIT203"}),
        (("train_loader", "test_loader", "augment", "plain"), set()),
        (("test", "train", "plain", "augment"), set()),
        (("train", "test", "augment", "augment"), set()),
    ],
)
def test_transforms_set_through_parameters(parts: tuple[str, ...], codes: set[str], tmp_path: Path) -> None:
    assert found(PARTS.format(*parts), tmp_path) == codes


def test_forward_is_called_through_its_module(tmp_path: Path) -> None:
    text = "class Noise(torch.nn.Module):\n    def forward(self, x):\n        return x + torch.randn_like(x)\n"
    rule = next(rule for rule in all_rules() if rule.code == "JIT202")
    project = project_of(HEAD + text + "def train(x):\n    return jitter(Noise()(x))\n", tmp_path)
    assert list(rule().check(project)) == []


ZEROS = """
from torchvision import transforms as T
train = T.Compose([T.RandomVerticalFlip(p=0.0), T.ToTensor()])
val = T.Compose([{}T.ToTensor()])
"""


@pytest.mark.parametrize(("evaluation", "codes"), [("", {"JIT205"}), ("T.RandomVerticalFlip(p=0.0), ", set())])
def test_a_zero_that_holds_a_place(evaluation: str, codes: set[str], tmp_path: Path) -> None:
    assert found(ZEROS.format(evaluation), tmp_path) == codes


BUFFER = """
class Buffered(Trainer):
    def __init__(self, args):
        self.share = args.share
    def fill(self, batch, steps):
        flags = [random.random() <= self.share for _ in range(steps)]
        chosen = [index for index, flag in enumerate(flags) if flag]
        for index, flag in enumerate(flags):
            if not flag:
                self.buffer[index] = batch
        self.keep(batch, chosen)
    def keep(self, batch, chosen):
        for index in chosen:
            self.buffer[index] = made
    def inputs(self, batch):
        return self.buffer[step]
    def compute_loss(self, model, inputs):
        return model(inputs["input_ids"]).loss
    def {caller}(self, model, inputs):
        inputs = self.inputs(inputs)
        with {context}:
            loss = self.compute_loss(model, inputs)
        return loss
"""


@pytest.mark.parametrize(
    ("caller", "context", "codes"),
    [("prediction_step", "torch.no_grad()", set()), ("training_step", "torch.autocast('cuda')", {"JIT101"})],
)
def test_what_an_evaluation_passes_is_not_what_training_gets(
    caller: str, context: str, codes: set[str], tmp_path: Path
) -> None:
    """The framework calls `compute_loss` as well, with a batch of its own."""
    assert found(BUFFER.format(caller=caller, context=context), tmp_path) == codes


PINNED = """
def perturbed(poses, seed):
    {made}
    return poses + {drawn}
class Poses(Dataset):
    def __init__(self, images, poses, seed):
        self.images = images
        self.poses = perturbed(poses, seed)
    def __getitem__(self, index):
        return self.images[index], self.poses[index]
def train(model, loader, opt):
    for images, poses in loader:
        model(images, poses).mean().backward(); opt.step()
"""
TORCH = "torch.randn(poses.shape, generator=rng)"


@pytest.mark.parametrize(
    ("made", "drawn", "codes"),
    [
        ("rng = torch.Generator(); rng.manual_seed(seed)", TORCH, set()),
        ("rng = torch.Generator().manual_seed(0)", TORCH, set()),
        ("rng = torch.Generator()", TORCH, {"JIT104"}),
        ("rng = np.random.default_rng(seed)", "rng.normal(size=poses.shape)", set()),
        ("rng = np.random.RandomState(3)", "rng.randn(*poses.shape)", set()),
        ("rng = np.random.default_rng()", "rng.normal(size=poses.shape)", {"JIT104"}),
        ("torch.manual_seed(seed)", "torch.randn(poses.shape)", {"JIT104"}),
    ],
)
def test_noise_with_a_seed_of_its_own_is_meant_to_stay(made: str, drawn: str, codes: set[str], tmp_path: Path) -> None:
    """A simulated error of measurement: whoever seeds a generator for this one draw wants the same numbers."""
    assert found(PINNED.format(made=made, drawn=drawn), tmp_path) & {"JIT104"} == codes


NUMBERED = """
import numpy as np
def idx_seed_gen(base_seed):
    traj_idx = 0
    while True:
        seed = traj_idx + 1000 * base_seed
        yield seed
        traj_idx += 1
class Collector:
    def __init__(self, params, seed=None):
        if seed is None:
            self.seed = np.random.randint(0, 100)
    def collect(self, count):
        for seed in tqdm(idx_seed_gen(self.seed), total=count):
            rng = np.random.RandomState(seed)
"""


@pytest.mark.parametrize(("name", "codes"), [("seed", set()), ("jitter", {"JIT102"})])
def test_a_seed_of_a_run_is_no_noise(name: str, codes: set[str], tmp_path: Path) -> None:
    report = lint_text(NUMBERED.replace("seed", name), str(tmp_path / "train.py"))
    assert {item.code for item in report.diagnostics} == codes


LOSS = """
class {kind}(torch.nn.Module):
    def __init__(self, base):
        super().__init__()
        self.base = base
    def forward(self, pred, target, other=None):
        if other is not None:
            return mixup_criterion(self.base, pred, target, other)
        return self.base(pred, target)
class Net(LightningModule):
    def __init__(self, base):
        super().__init__()
        self.criterion = {kind}(base)
    def training_step(self, batch, batch_idx):
        return self.criterion(self(batch[0]), batch[1])
    def validation_step(self, batch, batch_idx):
        loss = self.criterion(self(batch[0]), batch[1])
        return loss
"""


def test_a_loss_is_no_augmentation_by_its_name(tmp_path: Path) -> None:
    assert found(LOSS.format(kind="MixupLoss"), tmp_path) == set()


LAYER = """
class NoisyInput(torch.nn.Module):
    def __init__(self, std=0.1):
        super().__init__()
        self.std = std
    def forward(self, x):
{guard}
        return x + self.std * torch.randn_like(x)
def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        return [model(x) for x in loader]
"""


@pytest.mark.parametrize(
    ("guard", "codes"),
    [
        ("        if not self.training:\n            return x", set()),
        ("        if not self.training or self.std == 0:\n            return x", set()),
        ("        if self.std == 0:\n            return x", {"JIT401"}),
        ("        if not self.training:\n            print(x)", {"JIT401"}),
    ],
)
def test_an_early_return_asks_for_the_mode(guard: str, codes: set[str], tmp_path: Path) -> None:
    assert found(LAYER.format(guard=guard), tmp_path) == codes


FOURIER = """
class Encoder:
    def __init__(self, params):
        if params["embedding"] == "gauss":
            self.B = torch.randn((64, 2)) * {scale}
    def embedding(self, x):
        if self.B is not None:
            x = (2.0 * np.pi * x) @ self.B.t()
            return torch.cat([torch.sin(x), torch.cos(x)], dim=-1)
        return x
def train(model, loader, opt, params):
    encoder = Encoder(params)
    for coords, target in loader:
        coords = encoder.embedding(coords)
        F.mse_loss(model(coords), target).backward(); opt.step()
"""


@pytest.mark.parametrize("scale", ["10", "params['scale']", "params.scale", "params.get('scale', 10)"])
def test_a_random_matrix_of_fourier_features_stays(scale: str, tmp_path: Path) -> None:
    """However its scale is configured: a product of a draw and a setting perturbs no data."""
    assert found(FOURIER.format(scale=scale), tmp_path) == set()
