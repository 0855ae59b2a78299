"""Mistakes in the examples: the running program shows each of them, and whether `jitlint --fix` mends it."""

import linecache
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from runtime_probe import Verdict, probe_loader
from runtime_probe.run import Options, Program, run
from tests.mutators import mutants
from tests.test_examples import EXAMPLES, code_cells
from tests.torchvision_cpu import prepare_torchvision

ROOT = Path(__file__).parents[2]
SAFE, UNSAFE, INCOMPLETE, NONE = "--fix", "--fix --unsafe-fixes", "--fix that is not enough", "no fix"
FIXES = {  # what the linter offers for each mistake; where it is INCOMPLETE or NONE the guide says so
    ("augmentation", "buggy"): SAFE,
    ("coordinates", "buggy"): SAFE,
    ("coordinates", "hoist"): SAFE,
    ("coordinates", "comment_out"): UNSAFE,
    ("coordinates", "reseed"): INCOMPLETE,
    ("coordinates", "discard"): UNSAFE,
    ("coordinates", "bind_unread"): NONE,
    ("coordinates", "accumulate"): SAFE,
    ("lightning_module", "buggy"): NONE,
    ("mixup", "buggy"): SAFE,
    ("mixup", "hoist"): SAFE,
    ("mixup", "reseed"): SAFE,
    ("notebook", "buggy"): SAFE,
    ("notebook", "comment_out"): UNSAFE,
    ("notebook", "reseed"): INCOMPLETE,
    ("notebook", "discard"): UNSAFE,
    ("notebook", "bind_unread"): NONE,
    ("trainer", "buggy"): UNSAFE,
}


@dataclass(frozen=True)
class Example:
    """A training program, what makes it short, and how the probe sees whether its randomness is sound."""

    name: str
    shorter: dict[str, str]
    verdict: Callable[[Path], Verdict]
    needs: str = "torch"

    def text(self, form: str) -> str:
        """The program, with fewer samples and epochs so that a run takes a second."""
        notebook = EXAMPLES / self.name / f"{form}.ipynb"
        script = notebook.with_suffix(".py")
        text = script.read_text() if script.exists() else "\n\n".join(code_cells(notebook).values()) + "\n"
        for long, short in self.shorter.items():
            assert long in text
            text = text.replace(long, short, 1)
        return text

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Mistake:
    """An example with one mistake in it."""

    example: Example
    kind: str
    text: str

    @property
    def fix(self) -> str:
        return FIXES[self.example.name, self.kind]

    def __str__(self) -> str:
        return f"{self.example}-{self.kind}"


# --------------------------------------------------------------------------------- what the probe looks at


def report_of(script, argument=None):
    linecache.clearcache()
    outcome = run(Program(str(script)), Options(argument=argument))
    assert outcome.exit_code == 0
    return outcome.report


def of_coordinates(script):
    """The coordinates that reach the model."""
    report = report_of(script)
    drifts = report.verdict is Verdict.FRESH and report.violations
    return report.violations[0].word if drifts else report.verdict


def of_noisy_signals(script):
    """The model's input: data with noise. Seeding it again repeats the shuffled data too, from epoch to epoch."""
    return report_of(script, "signal").verdict


def of_mixed_inputs(script):
    """The model's input differs with the data; how often each of its random parts was drawn tells more."""
    report = report_of(script, "input")
    draws = [source for source in report.provenance.sources if source.site.function == "train"]
    assert draws
    once = any(source.draws < source.forwards for source in draws)
    return Verdict.FROZEN if once else report.verdict


def of_the_training_loader(script):
    """The samples of the loader that the script makes, in two epochs of its own training."""
    program = runpy.run_path(str(script), run_name="example")
    train_loader, _ = program["make_loaders"](count=60, held_out=12)
    loader, model = probe_loader(train_loader), program["make_model"]()
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(2):
        program["train_epoch"](model, loader, optimizer)
    return loader.verdict


COORDINATES = Example(
    "coordinates", {"make_images(256, size)": "make_images(64, size)", "range(8)": "range(2)"}, of_coordinates
)
TRAINER = Example(
    "trainer",
    {"make_blobs(320, size)": "make_blobs(80, size)", "[256, 64]": "[64, 16]", "range(15)": "range(2)"},
    of_coordinates,
)
NOTEBOOK = Example(
    "notebook",
    {"make_blobs(256)": "make_blobs(64)", "batch_size=32": "batch_size=16", "range(12)": "range(2)"},
    of_coordinates,
    "tqdm",
)
MIXUP = Example("mixup", {"make_clusters(2048)": "make_clusters(256)", "epochs=20": "epochs=3"}, of_mixed_inputs)
LIGHTNING = Example(
    "lightning_module",
    {"make_signals(1024)": "make_signals(256)", "max_epochs=10": "max_epochs=3"},
    of_noisy_signals,
    "lightning",
)
AUGMENTATION = Example("augmentation", {}, of_the_training_loader, "torchvision")
ALL = (AUGMENTATION, COORDINATES, LIGHTNING, MIXUP, NOTEBOOK, TRAINER)


def mistakes():
    """The buggy form of every example, and every mutant of every correct one."""
    for example in ALL:
        yield Mistake(example, "buggy", example.text("buggy"))
        yield from (Mistake(example, m.kind, m.text) for m in mutants(example.text("correct")))


MISTAKES = list(mistakes())


@pytest.fixture
def verdict_of(tmp_path):
    """Run a program of an example, as `train.py`, and say what became of its randomness."""

    def verdict_of(example: Example, text: str) -> Verdict:
        if find_spec(example.needs) is None:
            pytest.skip(f"{example.needs} is not installed")
        prepare_torchvision()
        script = tmp_path / "train.py"
        script.write_text(text)
        torch.manual_seed(0)
        return example.verdict(script)

    return verdict_of


def fixed(text: str, folder: Path, *options: str) -> str:
    """The program after `jitlint --fix`."""
    script = folder / "fixed.py"
    script.write_text(text)
    command = [sys.executable, "-m", "jitlint", "--fix", *options, "--no-cache", str(script)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode in (0, 1), finished.stderr
    return script.read_text()


def test_every_mistake_is_listed_above():
    assert {(mistake.example.name, mistake.kind) for mistake in MISTAKES} == set(FIXES)


@pytest.mark.parametrize("example", ALL, ids=str)
def test_every_example_is_fresh(verdict_of, example):
    assert verdict_of(example, example.text("correct")) is Verdict.FRESH


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_each_mistakes_verdict_flips(verdict_of, mistake):
    assert verdict_of(mistake.example, mistake.text) is not Verdict.FRESH


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.fix in (SAFE, UNSAFE)], ids=str)
def test_and_back_after_the_fix(verdict_of, mistake, tmp_path):
    mended = fixed(mistake.text, tmp_path, *mistake.fix.split()[1:])
    assert verdict_of(mistake.example, mended) is Verdict.FRESH


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.fix is UNSAFE], ids=str)
def test_an_unsafe_fix_has_to_be_asked_for(mistake, tmp_path):
    assert fixed(mistake.text, tmp_path) == mistake.text


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.fix is NONE], ids=str)
def test_where_the_linter_offers_no_fix(mistake, tmp_path):
    assert fixed(mistake.text, tmp_path, "--unsafe-fixes") == mistake.text


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.fix is INCOMPLETE], ids=str)
def test_where_the_fix_is_not_enough(verdict_of, mistake, tmp_path):
    """The seed moves above the batch loop, but stays in a function that is called once an epoch."""
    better = fixed(mistake.text, tmp_path, "--unsafe-fixes")
    assert better != mistake.text
    assert verdict_of(mistake.example, better) is Verdict.CYCLING
