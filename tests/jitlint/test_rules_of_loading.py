"""The rules about loaders, samplers and workers: every bug beside its near miss."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jitlint.api import lint_paths, lint_text
from jitlint.config import Settings
from jitlint.diagnostic import Confidence
from tests.jitlint.beside import Beside, check, found
from tests.jitlint.fixing import carry_out

SAME_ORDER = "every epoch has the samples in the same order: nothing calls `set_epoch` on this sampler"
LOOP = """
from torch.utils.data import DataLoader, RandomSampler, Subset
from torch.utils.data.distributed import DistributedSampler
def train(model, dataset, optimizer, epochs):
    sampler = DistributedSampler(dataset)
    loader = DataLoader(dataset, batch_size=32, sampler=sampler)
    for epoch in range(epochs):
        HERE
        for images, labels in loader:
            model(images, labels).backward()
            optimizer.step()
"""
MADE = """
import torch.utils.data as data
class Config:
    pass
def loaders(train_set, val_set, distributed):
    loaders = {}
    for name, part in (("train", train_set), ("val", val_set)):
        HERE
        loaders[name] = data.DataLoader(part, sampler=order)
    return loaders
def epoch(loader, model, optimizer):
    for step, batch in enumerate(loader):
        model(batch).backward()
        optimizer.step()
def main(args, model, optimizer, train_set, val_set):
    parts = loaders(train_set, val_set, args.distributed)
    for number in range(args.epochs):
        epoch(parts["train"], model, optimizer)
"""
FILES = """
# file: data.py
from torch.utils.data import DataLoader, DistributedSampler
def make(dataset):
    return DataLoader(dataset, sampler=DistributedSampler(dataset))
# file: trainer.py
class Trainer:
    def __init__(self, loader, model, optimizer):
        self.loader, self.model, self.optimizer = loader, model, optimizer
    def run(self, epochs):
        for epoch in range(epochs):
            HERE
            for batch in self.loader:
                self.model(batch).backward()
                self.optimizer.step()
# file: main.py
from data import make
from trainer import Trainer
def main(dataset, model, optimizer):
    train_loader = make(dataset)
    Trainer(train_loader, model, optimizer).run(10)
"""
OWN = """
import torch
from torch.utils.data import DataLoader, Sampler
class Endless(Sampler):
    def __init__(self, dataset):
        self.dataset, self.epoch = dataset, 0
    def set_epoch(self, epoch):
        self.epoch = epoch
    def __iter__(self):
        generator = torch.Generator().manual_seed(self.epoch)
        HERE
        return iter(torch.randperm(len(self.dataset), generator=generator).tolist())
def train(model, dataset, optimizer):
    loader = DataLoader(dataset, sampler=Endless(dataset))
    for epoch in range(10):
        for batch in loader:
            model(batch).backward()
            optimizer.step()
"""
CHOSEN = """
from torch.utils.data import DataLoader, DistributedSampler, RandomSampler
def train(args, model, dataset, optimizer):
    make = DistributedSampler if args.world > 1 else RandomSampler
    loader = DataLoader(dataset, sampler=make(dataset))
    batches = iter(loader)
    for step in range(args.steps):
        try:
            batch = next(batches)
        except StopIteration:
            HERE
            batches = iter(loader)
            batch = next(batches)
        model(batch).backward()
        optimizer.step()
"""
SAMPLERS = [
    Beside("JIT306", LOOP, "", "sampler.set_epoch(epoch)", "DistributedSampler(dataset)", SAME_ORDER, fixed=True),
    Beside("JIT306", LOOP, "", "loader.sampler.set_epoch(epoch)", "DistributedSampler(dataset)", SAME_ORDER),
    Beside("JIT306", LOOP, "", "loader.batch_sampler.sampler.set_epoch(epoch)", "sampler = Dist", SAME_ORDER),
    Beside(
        "JIT306",
        MADE,
        "order = data.distributed.DistributedSampler(part)",
        "order = data.distributed.DistributedSampler(part, shuffle=False)",
        "order =",
        SAME_ORDER,
    ),
    Beside("JIT306", FILES, "", "self.loader.sampler.set_epoch(epoch)", "sampler=DistributedSampler", SAME_ORDER),
    Beside("JIT306", OWN, "", "self.epoch += 1", "sampler=Endless(dataset)", SAME_ORDER),
    Beside("JIT306", CHOSEN, "", "loader.sampler.set_epoch(step)", "sampler=make(dataset)", SAME_ORDER),
]
QUIET = {
    "one pass": LOOP.replace("for epoch in range(epochs):", "if epochs:"),
    "evaluation": LOOP.replace("sampler", "test_sampler"),
    "trainer": "import lightning as L\n" + LOOP,
    "made in every epoch": """
from torch.utils.data import DataLoader, DistributedSampler
def train(model, optimizer, parts):
    for part in parts:
        loader = DataLoader(part, sampler=DistributedSampler(part))
        for batch in loader:
            model(batch).backward()
            optimizer.step()
""",
}


@pytest.mark.parametrize("case", SAMPLERS)
def test_a_sampler_is_told_the_epoch(case: Beside, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.parametrize("case", QUIET)
def test_a_sampler_that_needs_no_epoch(case: str, tmp_path: Path) -> None:
    assert found("JIT306", QUIET[case].replace("HERE", ""), tmp_path) == []


def test_the_epoch_of_another_sampler_is_set(tmp_path: Path) -> None:
    other = LOOP.replace("def train(", "def pretrain(").replace("HERE", "sampler.set_epoch(epoch)")
    (candidate,) = found("JIT306", LOOP.replace("HERE", "") + other, tmp_path)
    assert candidate.span.line == 5
    assert candidate.confidence is Confidence.MEDIUM


def test_another_file_may_set_the_epoch_of_any_sampler(tmp_path: Path) -> None:
    hook = "# file: hooks.py\ndef before_epoch(runner):\n    runner.loader.sampler.set_epoch(runner.epoch)\n"
    assert found("JIT306", LOOP.replace("HERE", "") + hook, tmp_path) == []


SCRIPT = """
# file: main_finetune.py
from torch.utils.data import DataLoader, DistributedSampler
MORE
def main(model, dataset, optimizer, epochs):
    loader = DataLoader(dataset, batch_size=32, sampler=DistributedSampler(dataset))
    for epoch in range(epochs):
        for images in loader:
            model(images).backward()
            optimizer.step()
if __name__ == "__main__":
    main(*setup())
"""
SETTER = """
# file: NAME.py
def run(args):
    for epoch in range(args.epochs):
        args.loader.sampler.set_epoch(epoch)
"""
MAIN = 'if __name__ == "__main__":\n    run(parse())\n'
# Who else calls `set_epoch`, and whether that may be for the sampler of the script.
OTHERS = {
    "a script of the same folder": (SETTER.replace("NAME", "main_pretrain") + MAIN, "", False),
    "a module that only the other script imports": (
        SETTER.replace("NAME", "engine") + "# file: main_pretrain.py\nfrom engine import run\n" + MAIN,
        "",
        False,
    ),
    "a data set that hands it on, which nobody asks": (
        "# file: streams.py\nclass Stream:\n    def set_epoch(self, epoch):\n        self.reader.set_epoch(epoch)\n",
        "from streams import Stream",
        False,
    ),
    "a module that the script imports": (SETTER.replace("NAME", "engine"), "from engine import run", True),
    "a module of a module": (
        SETTER.replace("NAME", "tools/engine") + "# file: tools/__init__.py\nfrom .engine import run\n",
        "import tools",
        True,
    ),
    "a script that imports this one": (
        SETTER.replace("NAME", "sweep") + "from main_finetune import main\n" + MAIN,
        "",
        True,
    ),
    "a module that nobody is seen to import": (SETTER.replace("NAME", "hooks"), "", True),
}


@pytest.mark.parametrize("case", OTHERS)
def test_who_sets_an_epoch_counts_only_in_the_same_program(case: str, tmp_path: Path) -> None:
    others, more, may_be = OTHERS[case]
    found_here = found("JIT306", SCRIPT.replace("MORE", more) + others, tmp_path)
    assert [item.message for item in found_here] == ([] if may_be else [SAME_ORDER])


TWO_SCRIPTS = """
# file: data.py
from torch.utils.data import DataLoader, DistributedSampler
def make_loader(dataset):
    return DataLoader(dataset, batch_size=32, sampler=DistributedSampler(dataset))
# file: first.py
from data import make_loader
def main(model, dataset, optimizer, epochs):
    loader = make_loader(dataset)
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)
        for images in loader:
            model(images).backward()
            optimizer.step()
if __name__ == "__main__":
    main(*setup())
# file: second.py
from data import make_loader
def main(model, dataset, optimizer, epochs):
    loader = make_loader(dataset)
    for epoch in range(epochs):
        HERE
        for images in loader:
            model(images).backward()
            optimizer.step()
if __name__ == "__main__":
    main(*setup())
"""


def test_each_program_has_to_set_the_epoch_of_its_own_sampler(tmp_path: Path) -> None:
    mend = "loader.sampler.set_epoch(epoch)"
    check(
        Beside("JIT306", TWO_SCRIPTS, "", mend, "sampler=DistributedSampler", SAME_ORDER, Confidence.MEDIUM), tmp_path
    )


def test_a_loader_whose_sampler_another_file_makes(tmp_path: Path) -> None:
    """Of a run over one file, what stands there is said there, and mended there."""
    _, *parts = re.split(r"^# file: (\S+)\n", TWO_SCRIPTS.replace("HERE", "pass"), flags=re.MULTILINE)
    texts = dict(zip(parts[::2], parts[1::2], strict=True))
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    settings = Settings(root=tmp_path)
    said = {name: lint_paths([tmp_path / name], settings).diagnostics for name in texts}
    assert {name: [item.message for item in items] for name, items in said.items()} == {
        "data.py": [],
        "first.py": [],
        "second.py": [SAME_ORDER.replace("this sampler", "the sampler of this loader")],
    }
    (item,) = said["second.py"]
    assert texts["second.py"].splitlines()[item.location.line - 1].endswith("loader = make_loader(dataset)")
    assert item.fix is not None
    assert [edit.content.strip() for edit in item.fix.edits] == ["loader.sampler.set_epoch(epoch)"]


def test_an_epoch_that_an_editor_has_not_saved(tmp_path: Path) -> None:
    text = SCRIPT.replace("MORE", "").replace("# file: main_finetune.py\n", "")
    right = text.replace("        for images", "        loader.sampler.set_epoch(epoch)\n        for images")
    path = tmp_path / "program" / "main.py"
    path.parent.mkdir()
    settings = Settings(root=path.parent)
    path.write_text(right)
    assert [item.code for item in lint_text(text, str(path), settings).diagnostics] == ["JIT306"]
    path.write_text(text)
    assert lint_text(right, str(path), settings).diagnostics == ()


def copied(name: str) -> str:
    return f"every worker and every epoch draws the same numbers: `{name}` is copied into each worker process"


NOISY = """
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
class Noisy(Dataset):
    def __init__(self, images):
        self.images = images
        self.rng = np.random.RandomState(0)
    def __getitem__(self, i):
        HERE
        return self.images[i] + self.rng.normal(size=self.images[i].shape)
def make(images, workers=2):
    return DataLoader(Noisy(images), num_workers=workers)
"""
LIST = """
import random
from torch.utils.data import ConcatDataset, DataLoader, Dataset
class Step:
    def __init__(self):
        self.reset()
    def reset(self, seed=7):
        self.rnd = random.Random(seed)
class Gain(Step):
    def apply(self, x):
        return x * self.rnd.uniform(0.5, 2)
class Steps:
    def __init__(self, *steps):
        self.steps = steps
    def __call__(self, x):
        for step in self.steps:
            x = step.apply(x)
        return x
class Waves(Dataset):
    def __init__(self, waves, steps):
        self.waves, self.steps = waves, steps
    def __getitem__(self, i):
        return self.steps(self.waves[i])
def init(worker):
    HERE
parts = [Waves(a, Steps(Gain())), Waves(b, Steps(Gain()))]
loader = DataLoader(ConcatDataset(parts), num_workers=4, worker_init_fn=init)
"""
SHARED = """
# file: noise.py
import torch
generator = torch.Generator().manual_seed(3)
def add(x):
    HERE
    return x + torch.randn(x.shape, generator=generator)
# file: train.py
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from noise import add
loader = DataLoader(MNIST("data", transform=add), num_workers=8)
"""
KEPT = [
    Beside(
        "JIT303",
        NOISY,
        "",
        "self.rng.seed((torch.initial_seed() + i) % 2**32)",
        "RandomState(0)",
        copied("rng"),
    ),
    Beside("JIT303", NOISY, "", "self.rng = np.random.RandomState()", "RandomState(0)", copied("rng")),
    Beside("JIT303", LIST, "random.seed(worker)", "parts[worker].datasets[0].steps.reset()", "Random(", copied("rnd")),
    Beside("JIT303", SHARED, "", "global generator", "generator = ", copied("generator")),
]
EVALUATED = NOISY.replace("HERE", "").replace("def make(", "def make_test_loader(")


@pytest.mark.parametrize("case", KEPT)
def test_a_kept_generator_is_copied(case: Beside, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.parametrize("text", [EVALUATED, NOISY.replace("workers=2", "workers=0").replace("HERE", "")])
def test_a_kept_generator_that_is_not_copied(text: str, tmp_path: Path) -> None:
    assert found("JIT303", text, tmp_path) == []


EACH_EPOCH = "the workers draw the same numbers in every epoch: this seed does not change with the epoch"
ALL_ALIKE = "all workers draw the same numbers in every epoch: this seed is a constant"
FRESH = "torch.initial_seed() % 2**32"
CROPS = """
import random
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
SEED = 1234
class Crops(Dataset):
    def __init__(self, images, seed=3):
        self.images, self.base_seed, self.epoch = images, seed, 0
    def __getitem__(self, i):
        left = np.random.randint(32)
        return self.images[i][:, left : left + 224]
    def init(self, worker):
        HERE
def init(worker):
    HERE
def make_init(seed):
    def inner(worker):
        HERE
    return inner
def loader(images, args):
    data = Crops(images)
    return DataLoader(data, num_workers=args.workers, worker_init_fn=INIT)
"""


def crops(init: str) -> str:
    """The program with one of its ways to seed the workers."""
    functions = {"init": "def init(worker):", "data.init": "def init(self, worker):"}
    kept = functions.get(init, "def inner(worker):")
    head, here, tail = CROPS.replace("INIT", init).partition(f"{kept}\n")
    body = tail.replace("HERE", "KEEP", 1)
    return (head + here).replace("HERE", "pass") + body.replace("HERE", "pass").replace("KEEP", "HERE")


def numpy_seed(value: str) -> str:
    return f"np.random.seed({value})"


SEEDED = [
    Beside("JIT304", crops("init"), numpy_seed("worker"), numpy_seed(FRESH), "seed(worker)", EACH_EPOCH, fixed=True),
    Beside("JIT304", crops("init"), numpy_seed("SEED + worker"), numpy_seed(FRESH), "SEED +", EACH_EPOCH, fixed=True),
    Beside("JIT304", crops("init"), numpy_seed("SEED"), "np.random.seed()", "(SEED)", ALL_ALIKE),
    Beside("JIT304", crops("init"), numpy_seed("worker"), "random.seed(worker)", "seed(worker)", EACH_EPOCH),
    Beside(
        "JIT304",
        crops("data.init"),
        numpy_seed("self.base_seed + worker"),
        numpy_seed("self.epoch + worker"),
        "base_seed + worker",
        EACH_EPOCH,
    ),
    Beside(
        "JIT304",
        crops("make_init(args.seed)"),
        numpy_seed("seed * 100 + worker"),
        numpy_seed("np.random.get_state()[1][0] + worker"),
        "seed * 100",
        EACH_EPOCH,
    ),
]
ITERABLE = """
import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info
class Stream(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        rng = np.random.default_rng(HERE)
        for item in self.items:
            yield item + rng.normal(size=item.shape)
"""


@pytest.mark.parametrize("case", SEEDED)
def test_a_worker_is_seeded(case: Beside, tmp_path: Path) -> None:
    check(case, tmp_path)


def test_a_stream_seeds_by_the_number_of_its_worker(tmp_path: Path) -> None:
    check(Beside("JIT304", ITERABLE, "7 + info.id", "info.seed", "default_rng", EACH_EPOCH), tmp_path)


def test_a_stream_without_end_has_one_epoch(tmp_path: Path) -> None:
    text = ITERABLE.replace("HERE", "info.id")
    assert found("JIT304", text, tmp_path / "ends") != []
    loop = "        for item in self.items:\n            yield item"
    endless = "        while True:\n            item = rng.choice(self.items)\n            yield item"
    assert found("JIT304", text.replace(loop, endless), tmp_path / "endless") == []
    leaves = endless.replace(
        "            yield", "            if item is None:\n                return\n            yield"
    )
    assert found("JIT304", text.replace(loop, leaves), tmp_path / "leaves") != []


@pytest.mark.parametrize("option", ["persistent_workers=True", "num_workers=0"])
def test_workers_that_start_once(option: str, tmp_path: Path) -> None:
    text = crops("init").replace("HERE", numpy_seed("worker")).replace("num_workers=args.workers", option)
    assert found("JIT304", text, tmp_path) == []


PROPERTY = """
import numpy as np
from torch.utils.data import DataLoader, Dataset, get_worker_info
class Cutouts(Dataset):
    def __init__(self, images):
        self.images, self._rng = images, None
    @property
    def rng(self):
        if self._rng is None:
            info = get_worker_info()
            self._rng = np.random.default_rng(HERE)
        return self._rng
    def __getitem__(self, i):
        return self.images[i] + self.rng.normal(size=self.images[i].shape)
loader = DataLoader(Cutouts(images), num_workers=2)
"""
IMGAUG = """
import imgaug
import numpy as np
import torch
from imgaug import augmenters as iaa
from torch.utils.data import DataLoader, Dataset
class Faces(Dataset):
    def __init__(self, images):
        self.images = images
        self.augmenter = iaa.Sequential([iaa.Affine(rotate=(-20, 20))])
    def __getitem__(self, i):
        return self.augmenter(image=self.images[i])
def init(worker):
    HERE
def loader(images):
    return DataLoader(Faces(images), num_workers=6, worker_init_fn=init)
"""
UNSEEDED = "all workers draw the same numbers in every epoch: nothing seeds imgaug in them"


def test_a_generator_made_at_its_first_use(tmp_path: Path) -> None:
    check(Beside("JIT304", PROPERTY, "99 + info.id", "info.seed", "default_rng(", EACH_EPOCH), tmp_path)


def test_the_workers_seed_another_library(tmp_path: Path) -> None:
    case = Beside("JIT304", IMGAUG, numpy_seed(FRESH), f"imgaug.seed({FRESH})", "DataLoader(Faces", UNSEEDED)
    check(case, tmp_path)


RANKS = """
import os
import numpy as np
import torch
import torch.distributed as dist
from torch.utils.data import DataLoader, DistributedSampler
def set_seeds(value):
    np.random.seed(HERE)
def setup(cfg, rank):
    dist.init_process_group("nccl")
    set_seeds(cfg.seed)
def train(model, loader, opt):
    for images, labels in loader:
        lam = np.random.beta(1.0, 1.0)
        mixed = lam * images + (1 - lam) * images.flip(0)
        model(mixed, labels).backward()
        opt.step()
if __name__ == "__main__":
    setup(load(), 0)
    train(*make())
"""
SHARES = """
import os
from torch.utils.data import DataLoader, DistributedSampler
def loader(dataset, cfg, rank):
    return DataLoader(dataset, sampler=DistributedSampler(dataset, seed=HERE))
"""
ALIKE = "all ranks draw the same numbers: this seed does not depend on the rank"
OVERLAP = "the ranks' shares of the data overlap: the seed of this sampler differs between ranks"
RANKED = [
    Beside("JIT307", RANKS, "value", "value + int(os.environ['RANK'])", "np.random.seed", ALIKE, Confidence.MEDIUM),
    Beside("JIT307", RANKS, "value", "value + dist.get_rank()", "np.random.seed", ALIKE, Confidence.MEDIUM),
    Beside("JIT307", SHARES, "cfg.seed + rank", "cfg.seed", "seed=", OVERLAP),
    Beside("JIT307", SHARES, "int(os.environ['RANK'])", "int(os.environ['SEED'])", "seed=", OVERLAP),
]


@pytest.mark.parametrize("case", RANKED)
def test_ranks_and_seeds(case: Beside, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        ('    dist.init_process_group("nccl")\n', ""),
        ("    set_seeds(cfg.seed)", "    set_seeds(cfg.seed + rank)"),
        ("    np.random.seed(value)", "    if value is not None:\n        np.random.seed(value)"),
        ("np.random.beta(1.0, 1.0)", "0.5"),
        ("import os\n", "import os\nimport lightning as L\n"),
    ],
)
def test_ranks_that_need_no_seeds_of_their_own(change: tuple[str, str], tmp_path: Path) -> None:
    assert found("JIT307", RANKS.replace("HERE", "value"), tmp_path / "bug") != []
    assert found("JIT307", RANKS.replace("HERE", "value").replace(*change), tmp_path / "right") == []


def test_a_class_that_was_chosen_is_asked_first(tmp_path: Path) -> None:
    text = LOOP.replace(
        "sampler = DistributedSampler", "make = DistributedSampler if world > 1 else RandomSampler\n    sampler = make"
    )
    (candidate,) = found("JIT306", text.replace("HERE", ""), tmp_path)
    assert candidate.fix is not None
    assert 'if hasattr(sampler, "set_epoch"): sampler.set_epoch(epoch)' in carry_out(
        text.replace("HERE", ""), candidate.fix.plan
    )


def test_a_restarted_iterator_has_no_epochs_to_count(tmp_path: Path) -> None:
    (candidate,) = found("JIT306", CHOSEN.replace("HERE", ""), tmp_path)
    assert candidate.fix is None


def test_ranks_of_one_program(tmp_path: Path) -> None:
    text = RANKS.replace("HERE", "value")
    start = text.index("def set_seeds")
    cut, end = text.index("def train"), text.index("if __name__")
    head, seeds, training = text[:start], text[start:cut], text[cut:end]
    main = "# file: run.py\nimport seeds\nfrom training import train\nseeds.setup(cfg, 0)\ntrain(*make())\n"
    files = f"# file: seeds.py\n{head}{seeds}# file: training.py\n{head}{training}"
    assert found("JIT307", files + main, tmp_path / "one")
    assert found("JIT307", files, tmp_path / "two") == []
    assert found("JIT307", (files + main).replace("file: ", "file: tests/"), tmp_path / "tests") == []


PARENT = """
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
def work(rank, args):
    dist.init_process_group("nccl", rank=rank)
    HERE
    model, loader, opt = make(args)
    for images in loader:
        model(images + torch.randn_like(images)).mean().backward()
        opt.step()
def main(args):
    torch.manual_seed(args.seed)
    mp.spawn(work, nprocs=8, args=(args,))
"""
PROJECTOR = """
import torch
import torch.distributed as dist
class Generator:
    def work(self, rank, args):
        dist.init_process_group("nccl", rank=rank)
        train(self.net, args)
    def project(self, picture, seed, steps):
        HERE
        w = self.mean.clone().requires_grad_()
        opt = torch.optim.Adam([w])
        for step in range(steps):
            loss = (self.net(w + torch.randn_like(w)) - picture).square().mean()
            loss.backward()
            opt.step()
"""
RUN_ALONE = {
    "the parent of the ranks": PARENT.replace("HERE", "pass"),
    "one picture after the other": PROJECTOR.replace("HERE", "torch.manual_seed(seed)"),
}


@pytest.mark.parametrize("case", RUN_ALONE)
def test_a_seed_that_no_rank_sets(case: str, tmp_path: Path) -> None:
    assert found("JIT307", RUN_ALONE[case], tmp_path) == []


def test_a_seed_that_every_spawned_rank_sets(tmp_path: Path) -> None:
    mend = "torch.manual_seed(args.seed + rank)"
    check(Beside("JIT307", PARENT, "torch.manual_seed(7)", mend, "seed(7)", ALIKE, Confidence.MEDIUM), tmp_path)


def test_a_projector_that_every_rank_runs(tmp_path: Path) -> None:
    text = PROJECTOR.replace("HERE", "torch.manual_seed(1)").replace("train(self.net, args)", "self.project(*args)")
    assert [item.message for item in found("JIT307", text, tmp_path)] == [ALIKE]
