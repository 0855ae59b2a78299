from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.diagnostic import Applicability, Candidate, Confidence, InsertStatements
from jitlint.rules.jit203_overridden_transform import OverriddenTransform
from tests.jitlint.cases import project_of

HEAD = """
import copy
from torchvision import transforms, datasets
from torch.utils.data import DataLoader, Subset, SubsetRandomSampler, random_split
augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
plain = transforms.Compose([transforms.ToTensor()])
both = {"train": augment, "val": plain}
"""


def found(text: str, root: Path, least: Confidence = Confidence.MEDIUM) -> list[Candidate]:
    return [item for item in OverriddenTransform().check(project_of(text, root)) if item.confidence >= least]


@pytest.mark.parametrize("case", OverriddenTransform.VALID)
def test_valid(case: str, tmp_path: Path) -> None:
    assert found(case, tmp_path) == []


@pytest.mark.parametrize("case", OverriddenTransform.INVALID)
def test_invalid(case: str, tmp_path: Path) -> None:
    assert len(found(case, tmp_path)) == 1


BUGS = {
    "three parts": """
full = datasets.ImageFolder("images")
train, val, test = random_split(full, [70, 20, 10])
train.dataset.transform = both["train"]
val.dataset.transform = both["val"]
test.dataset.transform = both["val"]
""",
    "list of parts": """
parts = random_split(datasets.ImageFolder("images", augment), [80, 20])
train_set, val_set = parts[0], parts[1]
val_set.dataset.transform = plain
""",
    "dict of parts": """
parts = {}
parts["train"], parts["val"] = random_split(datasets.ImageFolder("images", transform=augment), [80, 20])
parts["val"].dataset.transform = plain
""",
    "dict display": """
train, val = random_split(datasets.ImageFolder("images", transform=augment), [80, 20])
parts = {"train": train, "val": val}
parts["train"].dataset.transform = augment
parts["val"].dataset.transform = plain
""",
    "loaders with samplers": """
data = datasets.CIFAR10("data")
train_loader = DataLoader(data, sampler=SubsetRandomSampler(first))
val_loader = DataLoader(data, sampler=SubsetRandomSampler(second))
train_loader.dataset.transform = augment
val_loader.dataset.transform = plain
""",
    "subset of a subset": """
small = Subset(datasets.ImageFolder("images"), index)
train, val = random_split(small, [80, 20])
train.dataset.dataset.transform = augment
val.dataset.dataset.transform = plain
""",
    "set on the subset between": """
small = Subset(datasets.ImageFolder("images"), index)
train, val = random_split(small, [80, 20])
train.dataset.transform = augment
val.dataset.transform = plain
""",
    "transforms of a detection set": """
train, val = random_split(datasets.CocoDetection("images", transforms=augment), [80, 20])
val.dataset.transforms = plain
""",
    "setattr": """
train, val = random_split(datasets.ImageFolder("images", transform=augment), [80, 20])
setattr(val.dataset, "transform", plain)
""",
    "helper returns the split": """
def split(root, transform):
    full = datasets.ImageFolder(root, transform=transform)
    return random_split(full, [80, 20])
train, val = split("images", augment)
val.dataset.transform = plain
""",
    "helper returns a tuple": """
def split(full):
    size = len(full) // 5
    train, val = random_split(full, [len(full) - size, size])
    return train, val
full = datasets.ImageFolder("images", transform=augment)
train, val = split(full)
val.dataset.transform = plain
""",
    "helper sets the transforms": """
def prepare(train, val):
    train.dataset.transform = augment
    val.dataset.transform = plain
train, val = random_split(datasets.ImageFolder("images"), [80, 20])
prepare(train, val)
""",
    "attributes of self": """
class Data:
    def setup(self):
        full = datasets.ImageFolder("images", transform=augment)
        self.train_set, self.val_set = random_split(full, [80, 20])
        self.val_set.dataset.transform = plain
""",
    "attributes set in another method": """
class Data:
    def split(self):
        self.train_set, self.val_set = random_split(datasets.ImageFolder("images"), [80, 20])
    def transforms(self):
        self.train_set.dataset.transform = augment
        self.val_set.dataset.transform = plain
""",
    "a loop over the other parts": """
train, val, test = random_split(datasets.ImageFolder("images", transform=augment), [70, 20, 10])
for held_out in (val, test):
    held_out.dataset.transform = plain
""",
    "functions that make transforms": """
train, val = random_split(Pictures("images"), [80, 20])
train.dataset.transform = make_transform(train=True)
val.dataset.transform = make_transform(train=False)
""",
    "unknown transforms by name": """
train, val = random_split(Pictures("images"), [80, 20])
train.dataset.transform = args.train_transform
val.dataset.transform = args.val_transform
""",
    "folds": """
full = datasets.ImageFolder("images")
for train_index, val_index in folds.split(full):
    train, val = Subset(full, train_index), Subset(full, val_index)
    train.dataset.transform = augment
    val.dataset.transform = plain
    fit(train, val)
""",
    "the same data set named by both": """
full = datasets.ImageFolder("images")
full.transform = augment
train = Subset(full, first)
full.transform = plain
val = Subset(full, second)
""",
    "a switch": """
train, val = random_split(Pictures("images", is_train=True), [80, 20])
val.dataset.is_train = False
""",
    "a loop over data sets": """
for full in sources:
    train, val = random_split(full, [80, 20])
    train.dataset.transform = train_transform
    trains.append(train)
    val.dataset.transform = val_transform
""",
    "a part of a filtered set": """
small = Subset(datasets.ImageFolder("images", transform=augment), index)
train, val = random_split(small, [80, 20])
val.dataset.dataset.transform = plain
""",
    "several attributes": """
train, val = Subset(full, first), Subset(full, second)
train.dataset.mode = "train"
train.dataset.augment = augment
train.dataset.transform = get_transforms("train")
val.dataset.mode = "val"
val.dataset.augment = False
val.dataset.transform = get_transforms("val")
""",
    "transforms from one call": """
first, second = get_transforms()
train_transform, val_transform = get_transforms(size)
train, val = random_split(Pictures("images"), [80, 20])
train.dataset.transform = train_transform
val.dataset.transform = val_transform
""",
    "a switch on one side": """
train, val = random_split(Pictures("images", augment=True), [80, 20])
val.dataset.augment = False
""",
    "None instead of a transform": """
train, val = random_split(datasets.ImageFolder("images", transform=augment), [80, 20])
val.dataset.transform = None
""",
    "only if given": """
train, val = random_split(datasets.ImageFolder("images", transform=augment), [80, 20])
if val_transform:
    val.dataset.transform = val_transform
""",
}
FINE = {
    "separate data sets": """
train = Subset(datasets.ImageFolder("images"), first)
val = Subset(datasets.ImageFolder("images"), second)
train.dataset.transform = augment
val.dataset.transform = plain
""",
    "a helper makes each its own": """
def load(transform):
    return datasets.ImageFolder("images", transform=transform)
train = Subset(load(augment), first)
val = Subset(load(plain), second)
train.dataset.transform = augment
val.dataset.transform = plain
""",
    "the part is copied": """
train, val = random_split(datasets.ImageFolder("images", transform=augment), [80, 20])
val = copy.deepcopy(val)
val.dataset.transform = plain
""",
    "the training part is copied": """
full = datasets.ImageFolder("images", transform=augment)
train, val = random_split(full, [80, 20])
train.dataset = copy.copy(full)
val.dataset.transform = plain
""",
    "a helper copies": """
def split(full):
    train, val = random_split(full, [80, 20])
    return train, copy.deepcopy(val)
train, val = split(datasets.ImageFolder("images", transform=augment))
val.dataset.transform = plain
""",
    "the copy is made under an if": """
train, val = random_split(datasets.ImageFolder("images", transform=augment), [80, 20])
if separate:
    val.dataset = copy.copy(val.dataset)
val.dataset.transform = plain
""",
    "one pipeline for both": """
train, val = random_split(datasets.ImageFolder("images"), [80, 20])
train.dataset.transform = augment
val.dataset.transform = augment
""",
    "no pipeline is random": """
train, val = random_split(datasets.ImageFolder("images", transform=plain), [80, 20])
train.dataset.transform = transforms.ToTensor()
val.dataset.transform = plain
""",
    "training last": """
train, val = random_split(datasets.ImageFolder("images"), [80, 20])
val.dataset.transform = plain
train.dataset.transform = augment
""",
    "only the training part": """
train, val = random_split(datasets.ImageFolder("images"), [80, 20])
train.dataset.transform = augment
""",
    "the data sets take turns": """
full = datasets.ImageFolder("images")
train, val = random_split(full, [80, 20])
for epoch in range(10):
    full.transform = augment
    for images, labels in train_loader:
        model(images).mean().backward()
    full.transform = plain
    evaluate(model, val)
""",
    "after training": """
train, val = random_split(datasets.ImageFolder("images", transform=augment), [80, 20])
for images, labels in DataLoader(train):
    model(images).mean().backward()
    optimizer.step()
val.dataset.transform = plain
""",
    "one or the other": """
train, val = random_split(datasets.ImageFolder("images"), [80, 20])
if phase == "train":
    train.dataset.transform = augment
else:
    val.dataset.transform = plain
""",
    "a subset of the project's own": """
class Part(torch.utils.data.Dataset):
    def __init__(self, dataset, index):
        self.dataset, self.index, self.transform = dataset, index, None
    def __getitem__(self, item):
        return self.transform(self.dataset[self.index[item]])
full = datasets.ImageFolder("images")
train, val = Part(full, first), Part(full, second)
train.transform = augment
val.transform = plain
""",
    "somebody reads the subset's transform": """
class Apply(torch.utils.data.Dataset):
    def __init__(self, subset):
        self.subset = subset
    def __getitem__(self, index):
        return self.subset.transform(self.subset[index])
train, val = random_split(datasets.ImageFolder("images"), [80, 20])
train.transform = augment
val.transform = plain
""",
    "the set was split off for tests": """
val, test = random_split(datasets.ImageFolder("images", transform=plain), [80, 20])
val.dataset.transform = plain
""",
    "target transforms": """
train, val = random_split(datasets.ImageFolder("images", transform=augment), [80, 20])
val.dataset.target_transform = plain
""",
    "a copy for one part of each": """
for full in sources:
    train, val = random_split(full, [80, 20])
    train.dataset = copy.copy(full)
    train.dataset.transform = train_transform
    val.dataset.transform = val_transform
""",
    "a wrapper switches while it loads": """
class Plain(Subset):
    def __getitem__(self, index):
        before = self.dataset.augment
        self.dataset.augment = False
        item = super().__getitem__(index)
        self.dataset.augment = before
        return item
full = Pictures("images", augment=True)
train, val = random_split(full, [80, 20])
val = Plain(full, val.indices)
""",
    "each loader sets its own": """
class Data:
    def setup(self):
        self.train_set, self.val_set = random_split(Pictures("images"), [80, 20])
    def train_dataloader(self):
        self.train_set.dataset.transform = self.train_transform
        return DataLoader(self.train_set)
    def val_dataloader(self):
        self.val_set.dataset.transform = self.val_transform
        return DataLoader(self.val_set)
""",
    "which data set it is is not known": """
train, val = load_splits()
train.dataset.transform = augment
val.dataset.transform = plain
""",
}


@pytest.mark.parametrize("name", BUGS)
def test_bug(name: str, tmp_path: Path) -> None:
    (item,) = found(HEAD + BUGS[name], tmp_path)
    assert item.message.startswith("the training images are never augmented: ")
    assert "override" in [trace.role for trace in item.evidence]


@pytest.mark.parametrize("name", FINE)
def test_near_miss(name: str, tmp_path: Path) -> None:
    assert found(HEAD + FINE[name], tmp_path) == []


def test_the_split_of_another_file(tmp_path: Path) -> None:
    text = f"""# file: split.py
{HEAD}
train, val = random_split(datasets.ImageFolder("images"), [80, 20])
# file: train.py
from torchvision import transforms
from split import train, val
train.dataset.transform = transforms.RandomHorizontalFlip()
val.dataset.transform = transforms.ToTensor()
"""
    (item,) = found(text, tmp_path)
    assert (Path(item.path).name, item.confidence) == ("train.py", Confidence.HIGH)


def test_the_fix_parts_the_data_sets(tmp_path: Path) -> None:
    (item,) = found(HEAD + BUGS["three parts"], tmp_path)
    assert item.fix is not None
    plan = item.fix.plan
    assert isinstance(plan, InsertStatements)
    assert item.fix.applicability is Applicability.SAFE
    assert plan.statements == ("val.dataset = copy.copy(val.dataset)", "test.dataset = copy.copy(test.dataset)")
    assert plan.imports == ("import copy",)


@pytest.mark.parametrize(
    "name", ["loaders with samplers", "the same data set named by both", "a loop over the other parts"]
)
def test_no_fix_where_a_copy_cannot_be_bound(name: str, tmp_path: Path) -> None:
    (item,) = found(HEAD + BUGS[name], tmp_path)
    assert item.fix is None
