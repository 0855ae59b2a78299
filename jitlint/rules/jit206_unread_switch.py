"""JIT206 unread-switch."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate, Confidence, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.project import Project
from jitlint.semantics.promises import Given, Switch, What
from jitlint.semantics.switches import switches_of


class UnreadSwitch(Rule):
    """A setting promises augmentation, noise or dropout, and nothing reads it.

    What it finds:
        A parameter of a function or class, an attribute that keeps it, an option of the command line, a field or
        key of a configuration: its name promises an augmentation (`augment`, `noise_std`, `mixup`, `dropout`), or a
        caller gives it an augmenting object (`transform=train_transform`), and no code of the project reads it.

    Why it matters:
        Who starts the training turns the augmentation on, sees it in the log of settings, and trains without it.

    Example:
        def fit(model, dataset, augmentation=None):
            for batch in DataLoader(Prepared(dataset), shuffle=True):
                step(model, batch)

    Use instead:
        def fit(model, dataset, augmentation=None):
            for batch in DataLoader(Prepared(dataset, augmentation), shuffle=True):
                step(model, batch)

    Fix:
        None: hand the setting on to where the data is loaded, or delete it.

    Known limits:
        Silent for methods of abstract and overridden interfaces, for functions and classes that are handed around
        as values, for `locals()`, `save_hyperparameters()` and computed names, and for settings that are handed on
        as a whole to code that cannot be seen. Any attribute or string of the same name counts as a read. Low
        confidence where the setting is off by default and no caller turns it on. Keys of YAML files are not read.
    """

    code = "JIT206"
    name = "unread-switch"

    VALID = (
        """
from torch.utils.data import DataLoader
def fit(model, dataset, augmentation=None):
    for batch in DataLoader(Prepared(dataset, augmentation), shuffle=True):
        model(batch).backward()
fit(model, dataset, augmentation=jitter)
""",
        """
import argparse
import torch
parser = argparse.ArgumentParser()
parser.add_argument("--noise-std", type=float, default=0.1)
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()
def train(model, loader, optimizer):
    for images in loader:
        model(images + args.noise_std * torch.randn_like(images)).mean().backward()
        optimizer.step()
train(model, loader, SGD(args.lr))
""",
        """
from torch.utils.data import Dataset
class Base(Dataset):
    def load(self, path, augment=False):
        raise NotImplementedError
class Plain(Base):
    def load(self, path, augment=False):
        return open_image(path)
class Jittered(Base):
    def load(self, path, augment=False):
        return jitter(open_image(path)) if augment else open_image(path)
def training_step(model, data):
    return model(data.load("x", augment=True)).mean()
""",
        """
import argparse
import timm.data
parser = argparse.ArgumentParser()
parser.add_argument("--mixup", type=float, default=0.8)
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()
loader = timm.data.create_loader(args)
for images in loader:
    model(images).mean().backward()
    optimizer.step(args.lr)
""",
        """
import lightning
class Trained(lightning.LightningModule):
    def __init__(self, width=64, dropout=0.1):
        super().__init__()
        self.save_hyperparameters()
    def training_step(self, batch):
        return self.model(batch).mean()
model = Trained(dropout=0.3)
""",
    )
    INVALID = (
        """
from torch.utils.data import DataLoader
def fit(model, dataset, augmentation=None):
    for batch in DataLoader(Prepared(dataset), shuffle=True):
        model(batch).backward()
fit(model, dataset, augmentation=jitter)
""",
        """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--noise-std", type=float, default=0.1)
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()
def train(model, loader, optimizer):
    for images in loader:
        model(images).mean().backward()
        optimizer.step()
train(model, loader, SGD(args.lr))
""",
        """
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
class Pictures(Dataset):
    def __init__(self, files, transform=None):
        self.files = files
        self.transform = transform
    def __getitem__(self, index):
        return load(self.files[index])
augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
loader = DataLoader(Pictures(files, transform=augment), shuffle=True)
""",
        """
import ml_collections
def get_config():
    config = ml_collections.ConfigDict()
    config.noise_std = 0.1
    config.lr = 0.1
    return config
def train(config, model, loader):
    optimizer = Adam(model.parameters(), config.lr)
    for images in loader:
        model(images).mean().backward()
        optimizer.step()
train(get_config(), model, loader)
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a setting."""
        for switch in switches_of(project).found:
            traces = tuple(_traces(project, switch))
            yield Candidate(self.code, switch.path, switch.span, _message(switch), _confidence(switch), traces)


def _message(switch: Switch) -> str:
    if switch.what is What.PARAMETER:
        return f"`{switch.name}` has no effect: `{switch.owner}` takes it and never reads it"
    if switch.what is What.ATTRIBUTE:
        return f"`{switch.name}` has no effect: `{switch.owner}` keeps it and nothing reads it"
    return f"`{switch.name}` has no effect: nothing in the project reads this setting"


def _confidence(switch: Switch) -> Confidence:
    if switch.given is Given.ON:
        return Confidence.HIGH
    if switch.given is Given.NOTHING or (
        switch.given is Given.DEFAULT and switch.what in (What.PARAMETER, What.ATTRIBUTE)
    ):
        return Confidence.LOW
    return Confidence.MEDIUM


def _traces(project: Project, switch: Switch) -> Iterator[Trace]:
    yield Trace("definition", switch.path, switch.span, f"`{switch.name}` is defined here")
    if switch.site is not None:
        node = project.node(switch.site)
        says = "an augmentation is passed here" if switch.given is Given.ON else "a value is passed here"
        yield Trace("consumer", switch.site.scope.path, node.span, says)


rule = UnreadSwitch
