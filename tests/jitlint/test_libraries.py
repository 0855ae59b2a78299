"""The tables of libraries: every entry has its source, its names exist, and the versions that are allowed decide."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from jitlint.libraries.facts import Fact, What, newest
from jitlint.libraries.tables import LIBRARIES, all_names, facts
from jitlint.versions import Allowed, Version
from tests.jitlint.beside import found

FACTS = [pytest.param(fact, id=f"{library.name}-{fact.names[0]}") for library in LIBRARIES for fact in library.facts]
ASKED_FOR = (
    "torch torchvision albumentations kornia imgaug monai torchaudio audiomentations keras jax flax equinox optax "
    "datasets lightning accelerate timm gymnasium torch_geometric"
).split()
# A page, or a file of the package and the version that was read.
SOURCE = re.compile(r"https://\S+|[\w/-]+/[\w/]+\.py")


def test_there_is_a_table_for_each_library() -> None:
    assert {library.name for library in LIBRARIES} >= set(ASKED_FOR)
    assert len({library.name for library in LIBRARIES}) == len(LIBRARIES)


@pytest.mark.parametrize("fact", FACTS)
def test_an_entry_names_its_source_and_its_versions(fact: Fact) -> None:
    assert fact.names
    assert SOURCE.match(fact.source)
    assert fact.since is None or fact.before is None or fact.since < fact.before


@pytest.mark.parametrize("what", What)
def test_no_version_has_two_entries_for_a_name(what: What) -> None:
    for library, fact in facts(what):
        for other_library, other in facts(what):
            if (library, fact) == (other_library, other) or not set(fact.names) & set(other.names):
                continue
            assert fact.before == other.since or other.before == fact.since


@pytest.mark.parametrize("name", sorted(all_names(What.LOADER) | all_names(What.EPOCH_SAMPLER) | all_names(What.DROPS)))
def test_a_name_exists_where_its_package_is_installed(name: str) -> None:
    module = name
    for _ in range(name.count(".")):
        module = module.rpartition(".")[0]
        try:
            found_there = importlib.import_module(module)
        except ImportError:
            continue
        for part in name.removeprefix(module + ".").split("."):
            found_there = getattr(found_there, part)
        return
    pytest.skip(f"{name.partition('.')[0]} is not installed")


@pytest.mark.parametrize(
    ("least", "below", "generator"),
    [(None, None, "own"), ((1, 3), (1, 4), "python"), ((1, 3), None, "own"), ((1, 4, 20), (1, 4, 21), "python")],
)
def test_the_newest_version_that_is_allowed_decides(
    least: Version | None, below: Version | None, generator: str
) -> None:
    drawn = [fact for library, fact in facts(What.DRAWS_FROM) if library.name == "albumentations"]
    allowed = Allowed(least, below, "requirements.txt") if least or below else None
    assert [fact.detail for fact in newest(drawn, allowed)] == [generator]


PROGRAM = """
# file: train.py
import random
import LIBRARY as T
from torch.utils.data import DataLoader, Dataset
class Pictures(Dataset):
    def __init__(self, images):
        self.images = images
        self.transform = T.Compose([T.CLASS()])
    def __getitem__(self, i):
        return self.transform(image=self.images[i])
def init(worker):
    random.seed(worker)
train_loader = DataLoader(Pictures(images), num_workers=4, worker_init_fn=init)
# file: FILE
CONTENT
"""


@pytest.mark.parametrize(
    ("library", "transform", "file", "content", "counts"),
    [
        ("albumentations", "HorizontalFlip", "requirements.txt", "albumentations==1.3.1", True),
        ("albumentations", "HorizontalFlip", "requirements.txt", "albumentations==2.0.8", False),
        ("albumentations", "HorizontalFlip", "requirements.txt", "albumentations>=1.3", False),
        ("albumentations", "HorizontalFlip", "environment.yml", "dependencies:\n  - albumentations=1.3.0", True),
        ("albumentations", "HorizontalFlip", "notes.txt", "", False),
        (
            "torchvision.transforms",
            "RandomHorizontalFlip",
            "setup.py",
            'setup(install_requires=["torchvision<0.8"])',
            True,
        ),
        (
            "torchvision.transforms",
            "RandomHorizontalFlip",
            "pyproject.toml",
            'dependencies = ["torchvision>=0.9"]',
            False,
        ),
    ],
)
def test_versions_decide_whether_a_seed_of_the_workers_counts(
    library: str, transform: str, file: str, content: str, counts: bool, tmp_path: Path
) -> None:
    text = PROGRAM.replace("LIBRARY", library).replace("CLASS", transform)
    text = text.replace("FILE", file).replace("CONTENT", content)
    assert bool(found("JIT304", text, tmp_path)) is counts
