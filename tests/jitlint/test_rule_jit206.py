from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.diagnostic import Candidate, Confidence
from jitlint.rules.jit206_unread_switch import UnreadSwitch
from tests.jitlint.cases import project_of

HEAD = """
import argparse
import random
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
"""


def found(text: str, root: Path, least: Confidence = Confidence.LOW) -> list[Candidate]:
    return [item for item in UnreadSwitch().check(project_of(text, root)) if item.confidence >= least]


@pytest.mark.parametrize("case", UnreadSwitch.VALID)
def test_valid(case: str, tmp_path: Path) -> None:
    assert found(case, tmp_path) == []


@pytest.mark.parametrize("case", UnreadSwitch.INVALID)
def test_invalid(case: str, tmp_path: Path) -> None:
    assert len(found(case, tmp_path, Confidence.MEDIUM)) == 1


STORED = """
class Pictures(Dataset):
    def __init__(self, files, transform=None):
        self.files = files
        self.transform = transform
    def __getitem__(self, index):
        image = load(self.files[index])
        {use}
        return image
loader = DataLoader(Pictures(files, transform=augment), shuffle=True)
"""


def test_a_stored_transform_says_who_gives_it(tmp_path: Path) -> None:
    (item,) = found(HEAD + STORED.format(use="# image = self.transform(image)"), tmp_path)
    assert item.message == "`transform` has no effect: `Pictures` keeps it and nothing reads it"
    assert item.confidence is Confidence.HIGH
    assert [(trace.role, trace.span.line) for trace in item.evidence] == [("definition", 9), ("consumer", 16)]


@pytest.mark.parametrize(
    "use",
    [
        "image = self.transform(image)",
        "image = getattr(self, 'transform')(image)",
        "image = self.__dict__['transform'](image)",
        "image = apply(image, **vars(self))",
    ],
)
def test_a_stored_transform_that_is_read(use: str, tmp_path: Path) -> None:
    assert found(HEAD + STORED.format(use=use), tmp_path) == []


PARAMETERS = {
    "not handed on": ("def run(model, noise_std=0.1):\n    fit(model)\nrun(net, noise_std=0.3)", Confidence.HIGH),
    "passed a variable": (
        "def run(model, noise_std=0.1):\n    fit(model)\nrun(net, noise_std=level)",
        Confidence.MEDIUM,
    ),
    "only bound again": (
        "def run(model, augment=False):\n    augment = True\n    fit(model)\nrun(net, True)",
        Confidence.HIGH,
    ),
    "off, and nobody turns it on": ("def run(model, augment=False):\n    fit(model)\nrun(net)", Confidence.LOW),
    "on by default": ("def run(model, mixup=0.2):\n    fit(model)\nrun(net)", Confidence.LOW),
    "click": (
        "import click\n@click.command()\n@click.option('--mixup', default=0.2)\ndef run(mixup):\n    fit(net)\nrun()",
        Confidence.LOW,
    ),
}


@pytest.mark.parametrize("case", PARAMETERS)
def test_parameter_that_nothing_reads(case: str, tmp_path: Path) -> None:
    text, confidence = PARAMETERS[case]
    (item,) = found(HEAD + text + "\n", tmp_path)
    assert (item.confidence, item.fix) == (confidence, None)


READ = {
    "handed on": "def run(model, noise_std=0.1):\n    fit(model, noise_std)\nrun(net, 0.3)",
    "a condition": "def run(model, augment=False):\n    if augment:\n        fit(model)\nrun(net, True)",
    "in an inner function": (
        "def run(model, augment=False):\n    def step(x):\n        return fit(model(x), augment)\n"
        "    step(1)\nrun(net, True)"
    ),
    "refused": "def run(model, dropout=0.1):\n    assert not dropout\n    fit(model)\nrun(net, 0.3)",
    "deleted": "def run(model, dropout=0.1):\n    del dropout\n    fit(model)\nrun(net, 0.3)",
    "said to be unused": "def run(model, dropout=0.1):  # dropout is ignored\n    fit(model)\nrun(net, 0.3)",
    "all of them": "def run(model, dropout=0.1):\n    settings = locals()\n    fit(model, settings)\nrun(net, 0.3)",
    "a stub": "def run(model, augment=False):\n    raise NotImplementedError\nrun(net, True)",
    "a callback": "def run(model, augment=False):\n    fit(model)\nstart(run)\nrun(net, True)",
    "decorated": "@register\ndef run(model, augment=False):\n    fit(model)\nrun(net, True)",
    "a step": "class Net(Module):\n    def forward(self, x, noise_std=0.1):\n        return fit(x)",
    "a tensor": "def run(model, noise):\n    fit(model)\nrun(net, images)",
    "an interface of two classes": (
        "class A:\n    def load(self, path, augment=False):\n        return fit(path)\n"
        "class B:\n    def load(self, path, augment=False):\n        return fit(path, augment)\n"
        "A().load(1, augment=True)"
    ),
    "a library's base": (
        "import lib\nclass A(lib.Base):\n    def __init__(self, dropout=0.1):\n        self.dropout = dropout\nA(0.3)"
    ),
    "a subclass": (
        "class A:\n    def __init__(self, dropout=0.1):\n        self.dropout = dropout\n"
        "class B(A):\n    def get(self):\n        return fit(self.dropout)\nA(0.3)"
    ),
    "another name": "def run(model, noise_dim=10):\n    fit(model)\nrun(net, noise_dim=3)",
}


@pytest.mark.parametrize("case", READ)
def test_parameter_that_is_read_or_need_not_be(case: str, tmp_path: Path) -> None:
    assert found(HEAD + READ[case] + "\n", tmp_path) == []


OPTIONS = """
parser = argparse.ArgumentParser()
parser.add_argument("--noise-std", type=float, default=0.1)
parser.add_argument("--lr", type=float)
args = parser.parse_args()
train(args.lr)
"""


def test_option_that_nothing_reads(tmp_path: Path) -> None:
    (item,) = found(HEAD + OPTIONS, tmp_path)
    assert (item.span.line, item.confidence) == (9, Confidence.MEDIUM)
    assert item.message == "`noise_std` has no effect: nothing in the project reads this setting"


@pytest.mark.parametrize(
    "use",
    [
        "print(args.noise_std)",
        "train(getattr(args, 'noise_std'))",
        "train(getattr(args, name))",
        "import lib\nlib.train(args)",
        "train(**vars(args))\ndef train(noise_std):\n    fit(noise_std)",
        "# file: other.py\ndef train(args):\n    return args.noise_std",
    ],
)
def test_option_that_may_be_read(use: str, tmp_path: Path) -> None:
    assert found("# file: main.py\n" + HEAD + OPTIONS + use + "\n", tmp_path) == []


KEYS = {
    "a dict": 'config = {"lr": 0.1, "jitter": 0.5}\ntrain(config["lr"])',
    "a call of dict": 'config = dict(lr=0.1, jitter=0.5)\ntrain(config["lr"])',
    "fields": (
        "from dataclasses import dataclass\n@dataclass\nclass TrainConfig:\n    lr: float = 0.1\n"
        "    jitter: float = 0.5\n"
        "train(TrainConfig().lr)"
    ),
    "absl": "from absl import flags\nflags.DEFINE_float('lr', 0.1, '')\n"
    "flags.DEFINE_float('jitter', 0.5, '')\ntrain(flags.FLAGS.lr)",
}


@pytest.mark.parametrize("case", KEYS)
def test_key_that_nothing_reads(case: str, tmp_path: Path) -> None:
    text = HEAD + KEYS[case] + "\n"
    (item,) = found(text, tmp_path)
    assert item.confidence is Confidence.MEDIUM
    reading = text + ('train(config["jitter"])' if "config" in text else "train(anything.jitter)") + "\n"
    assert found(reading, tmp_path) == []


@pytest.mark.parametrize("call", ["load(path).Net(3, **config)", "network(config)", "network({**config, 'depth': 3})"])
def test_key_of_a_dict_that_is_handed_on_out_of_sight(call: str, tmp_path: Path) -> None:
    text = HEAD + KEYS["a dict"] + "\n"
    assert found(text, tmp_path)
    assert found(text + call + "\n", tmp_path) == []


KEPT = """
class Windows(Dataset):
    def __init__(self, log, cfg):
        self.log = log
        {keeps}
    def __getitem__(self, start):
        return self.log[start]{read}
"""


@pytest.mark.parametrize(
    "keeps",
    [
        "self.noise_std = cfg.noise_std",
        "self.pipelines = {'train': augment, 'test': None}",
        "self.augmentations = {}\n        self.augmentations['flip'] = augment",
    ],
)
def test_attribute_that_nothing_reads(keeps: str, tmp_path: Path) -> None:
    (item,) = found(HEAD + KEPT.format(keeps=keeps, read=""), tmp_path)
    assert item.confidence >= Confidence.MEDIUM
    name = keeps.partition(" ")[0].removeprefix("self.")
    assert found(HEAD + KEPT.format(keeps=keeps, read=f" + use(self.{name})"), tmp_path) == []
    assert found(HEAD + KEPT.format(keeps=keeps, read="") + f"use(windows.{name})\n", tmp_path) == []


SETTINGS = {
    "a dictionary": "CONFIG = {{'noise_std': {value}, 'lr': 0.1}}\noptimizer = SGD(CONFIG['lr'])\n",
    "a configuration object": (
        "import ml_collections\nconfig = ml_collections.ConfigDict()\n"
        "config.noise_std = {value}\nconfig.lr = 0.1\noptimizer = SGD(config.lr)\n"
    ),
    "a class": "class Config:\n    noise_std = {value}\n    lr = 0.1\noptimizer = SGD(Config.lr)\n",
}
TRAINED = "for images in loader:\n    model(images).mean().backward()\n    optimizer.step()\n"


@pytest.mark.parametrize("value", ["0.0", "None", "False"])
@pytest.mark.parametrize("kind", SETTINGS)
def test_a_setting_that_is_off_in_the_configuration_is_missed_by_nobody_yet(
    kind: str, value: str, tmp_path: Path
) -> None:
    (on,) = found(SETTINGS[kind].format(value="0.1") + TRAINED, tmp_path)
    assert on.confidence is Confidence.MEDIUM
    (off,) = found(SETTINGS[kind].format(value=value) + TRAINED, tmp_path)
    assert off.confidence is Confidence.LOW


def test_a_class_of_settings_inside_a_function_is_left_alone(tmp_path: Path) -> None:
    """Its values stand in the graph of that function."""
    inside = "def main():\n" + "".join(f"    x{number} = load({number})\n" for number in range(40))
    inside += "    class Config:\n        noise_std = 0.1\n        lr = 0.1\n    return SGD(Config.lr)\n"
    assert found(inside + TRAINED, tmp_path) == []


CONSTRUCTED = """
class Net(nn.Module):
    def __init__(self, dropout, config):
        super().__init__()
        self.{name} = {made}
        self.layers = nn.Sequential(nn.Linear(2, 2), nn.Dropout(dropout))
    def forward(self, x):
        return self.layers(x)
"""


@pytest.mark.parametrize(
    ("name", "made", "count"),
    [
        ("dropout", "float(dropout)", 0),  # the layers got it
        ("noise_pub", "Publisher('noise', queue_size=10)", 0),  # an object, and no setting
        ("distortion", "iaa.Sequential([iaa.PiecewiseAffine(scale=(0.01, 0.15))])", 1),
        ("noise_std", "config.noise_std", 1),
        ("noise_std", "float(config.noise)", 1),
    ],
)
def test_what_a_constructor_keeps_is_a_setting(name: str, made: str, count: int, tmp_path: Path) -> None:
    text = "import imgaug.augmenters as iaa\nfrom torch import nn\n" + CONSTRUCTED.format(name=name, made=made)
    assert len(found(text, tmp_path, Confidence.MEDIUM)) == count
