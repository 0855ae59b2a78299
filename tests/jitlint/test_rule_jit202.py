from __future__ import annotations

from pathlib import Path

import pytest

from jitlint.diagnostic import Candidate, Confidence
from jitlint.rules.jit202_unused_augmentation import UnusedAugmentation
from tests.jitlint.cases import project_of

NOISE = """
import torch
def add_noise(x):
    return x + 0.01 * torch.randn_like(x)
"""
TRAIN = """
def train(model, loader, opt):
    for images in loader:
        {body}
        model(images).mean().backward()
        opt.step()
"""


def found(text: str, root: Path, least: Confidence = Confidence.MEDIUM) -> list[Candidate]:
    return [item for item in UnusedAugmentation().check(project_of(text, root)) if item.confidence >= least]


def program(body: str = "pass") -> str:
    return NOISE + TRAIN.format(body=body)


@pytest.mark.parametrize("case", UnusedAugmentation.VALID)
def test_valid(case: str, tmp_path: Path) -> None:
    assert found(case, tmp_path) == []


@pytest.mark.parametrize("case", UnusedAugmentation.INVALID)
def test_invalid(case: str, tmp_path: Path) -> None:
    assert len(found(case, tmp_path)) == 1


def test_message_and_place(tmp_path: Path) -> None:
    (item,) = found(program(), tmp_path)
    assert (
        item.message == "training runs without `add_noise`: it perturbs its input, but nothing in the project calls it"
    )
    assert (item.span.line, item.confidence) == (3, Confidence.MEDIUM)


@pytest.mark.parametrize(
    "use",
    [
        "images = add_noise(images)",
        "images = next(map(add_noise, [images]))",
        'images = getattr(helpers, "add_noise")(images)',
        "images = helpers.add_noise(images)",
    ],
)
def test_any_mention_is_a_use(use: str, tmp_path: Path) -> None:
    assert found(program(use), tmp_path, Confidence.LOW) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yaml", "transforms:\n  - add_noise\n"),
        ("run.sh", "python train.py --augment add_noise\n"),
        ("config.json", '{"augment": "add_noise"}\n'),
        ("pkg/__init__.py", "from case import add_noise\n"),
        ("scripts/other.py", "import case\ncase.add_noise(1)\n"),
    ],
)
def test_other_files_mention_it(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert found(program(), tmp_path, Confidence.LOW) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yaml", "# add_noise: true\n"),
        ("other.py", "from case import add_noise\n"),
        ("other.py", "def run(x):\n    # x = add_noise(x)\n    return x\n"),
        ("other.py", '"""Once there was add_noise(x)."""\n'),
    ],
)
def test_comments_and_imports_are_no_mention(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert len(found(program(), tmp_path)) == 1


@pytest.mark.parametrize("path", ["tests/helpers.py", "third_party/noise.py"])
def test_tests_and_vendored_code_are_left_alone(path: str, tmp_path: Path) -> None:
    assert found(f"# file: {path}\n{program()}", tmp_path, Confidence.LOW) == []


def test_a_package_is_used_by_others(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("from setuptools import setup\nsetup()\n")
    assert [item.confidence for item in found(program(), tmp_path, Confidence.LOW)] == [Confidence.LOW]


def test_computed_names_may_call_it(tmp_path: Path) -> None:
    text = program("images = getattr(helpers, name)(images)")
    assert [item.confidence for item in found(text, tmp_path, Confidence.LOW)] == [Confidence.LOW]


def test_a_file_that_does_not_train_is_a_toolbox(tmp_path: Path) -> None:
    assert [item.confidence for item in found(NOISE, tmp_path, Confidence.LOW)] == [Confidence.LOW]


def test_a_function_that_does_not_draw_is_none(tmp_path: Path) -> None:
    assert found(program().replace("torch.randn_like", "torch.ones_like"), tmp_path, Confidence.LOW) == []


DRAWN = ("import os\nimport random\nimport numpy as np\n", TRAIN.format(body="pass"))
POOL = """
class AugmentPool:
    def __init__(self):
        self.images = []
    def __call__(self, image):
        {keep}
        return {past} if random.random() < 0.5 else image
"""
MASK = """
class RandomMaskAugment:
    def __call__(self, image):
        mask = np.random.rand(8, 8) > 0.5
        return {given}
"""
REMOVE = """
def drop_augmented(folder, share):
    for name in os.listdir(folder):
        if random.random() < share:
            os.remove(os.path.join(folder, name))
"""


@pytest.mark.parametrize(
    ("bug", "near_miss"),
    [
        (
            POOL.format(keep="pass", past="image[::-1]"),
            POOL.format(keep="self.images.append(image)", past="self.images[0]"),
        ),
        (MASK.format(given="image * mask"), MASK.format(given="mask")),
        (REMOVE + "    return random_flip(folder)\n", REMOVE),
    ],
)
def test_what_draws_and_gives_nothing_of_its_input_back_is_none(bug: str, near_miss: str, tmp_path: Path) -> None:
    head, train = DRAWN
    assert len(found(head + bug + train, tmp_path / "bug", Confidence.LOW)) == 1
    assert found(head + near_miss + train, tmp_path / "near_miss", Confidence.LOW) == []


def test_bases_in_a_circle_end(tmp_path: Path) -> None:
    """Python refuses such classes, but a text may hold them."""
    jitters = "    def __call__(self, x):\n        return x + torch.randn_like(x)\n"
    text = "import torch\nclass Add(Shift):\n" + jitters + "class Shift(Add):\n" + jitters
    assert list(UnusedAugmentation().check(project_of(text, tmp_path))) == []
