"""The examples are real programs, and jitlint finds what is wrong in the buggy ones and nothing in the others."""

from __future__ import annotations

import ast
import importlib.util
import json
import math
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
RUNNER = ROOT / "tests" / "torchvision_cpu.py"


@dataclass(frozen=True)
class Example:
    """One pair of programs: where, what it imports beyond torch, and what must be found in the buggy form."""

    folder: str
    found: tuple[tuple[str, str], ...]  # code, and a piece of the line it is reported on
    needs: str | None = None
    suffix: str = ".py"

    def program(self, form: str) -> Path:
        return EXAMPLES / self.folder / f"{form}{self.suffix}"

    def __str__(self) -> str:
        return self.folder


COORDINATES = Example("coordinates", (("JIT101", "coord = jitter_grid(coord, jitter_std)"),))
TRAINER = Example(
    "trainer",
    (
        ("JIT201", "# coord = self.add_gaussian_noise_to_grid(coord)"),
        ("JIT202", "def add_gaussian_noise_to_grid(self, coord):"),
    ),
)
AUGMENTATION = Example("augmentation", (("JIT203", "val_set.dataset.transform = val_transform"),), needs="torchvision")
MIXUP = Example("mixup", (("JIT102", "lam = mixing.sample()"),))
LIGHTNING = Example("lightning_module", (("JIT301", "torch.manual_seed(0)"),), needs="lightning")
NOTEBOOK = Example(
    "notebook",
    (("JIT101", "coord = add_gaussian_noise_to_grid(coord, std=jitter_std)"),),
    needs="tqdm",
    suffix=".ipynb",
)
DIFFUSION = Example("diffusion", (("JIT102", "noise = torch.randn(loader.batch_size, 2)"),))
PINN = Example("pinn", (("JIT101", "points = jitter(make_grid())"),))
JAX = Example("jax_noise", (("JIT308", "jax.random.normal(key, x.shape)"),), needs="jax")
REINFORCEMENT = Example("reinforcement", (("JIT301", "seen = env.reset(seed=42)"),))
KERAS = Example("keras_cache", (("JIT105", ".cache()"),), needs="tensorflow")
HF_TRAINER = Example("hf_trainer", (("JIT302", "torch.Generator().manual_seed(0)"),), needs="transformers")
TORCH = (COORDINATES, TRAINER, AUGMENTATION, MIXUP, LIGHTNING, NOTEBOOK, DIFFUSION, PINN, REINFORCEMENT, HF_TRAINER)
ALL = (*TORCH, JAX, KERAS)


def test_every_example_is_listed_here() -> None:
    found = {path for path in EXAMPLES.rglob("*") if path.suffix in {".py", ".ipynb"}}
    elsewhere = ("plugin", "examples")  # tests/jitlint/test_plugins.py and tests/test_tour.py run those
    programs = {path for path in found if path.parent.name not in elsewhere}
    assert programs == {example.program(form) for example in ALL for form in ("correct", "buggy")}


@pytest.mark.parametrize("form", ["correct", "buggy"])
@pytest.mark.parametrize("example", ALL, ids=str)
def test_runs_and_prints_a_finite_loss(example: Example, form: str, tmp_path: Path) -> None:
    for library in ("torch", example.needs):
        if library is not None and importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    script = as_script(example.program(form), tmp_path)
    run = subprocess.run([sys.executable, RUNNER, script], capture_output=True, text=True, cwd=tmp_path, timeout=300)
    assert run.returncode == 0, run.stderr
    loss = re.search(r"^final loss: (\S+)$", run.stdout, re.MULTILINE)
    assert loss is not None, run.stdout
    assert math.isfinite(float(loss[1]))


@pytest.mark.parametrize("example", ALL, ids=str)
def test_finds_nothing_in_the_correct_form(example: Example, tmp_path: Path) -> None:
    assert findings(alone(example.program("correct"), tmp_path)) == []


@pytest.mark.parametrize("example", ALL, ids=str)
def test_finds_exactly_the_bug_in_the_buggy_form(example: Example, tmp_path: Path) -> None:
    program = alone(example.program("buggy"), tmp_path)
    found = findings(program)
    assert sorted(str(finding["code"]) for finding in found) == sorted(code for code, _ in example.found)
    for code, text in example.found:
        finding = next(finding for finding in found if finding["code"] == code)
        assert text in reported_line(program, finding)


def test_finds_a_bug_in_every_buggy_form_of_the_folder_and_nowhere_else() -> None:
    assert {str(finding["path"]) for finding in findings(EXAMPLES)} == {
        example.program("buggy").relative_to(ROOT).as_posix() for example in ALL
    }


@pytest.mark.parametrize("example", [COORDINATES, MIXUP, NOTEBOOK], ids=str)
def test_the_safe_fix_of_the_buggy_form_is_the_correct_form(example: Example, tmp_path: Path) -> None:
    copy = alone(example.program("buggy"), tmp_path)
    fix = jitlint("--fix", copy)
    assert fix.returncode == 0, fix.stdout + fix.stderr
    assert meaning(copy) == meaning(example.program("correct"))


def test_the_readme_shows_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "110")
    printed = jitlint("--format", "full", "examples/coordinates/buggy.py").stdout
    assert printed.strip() in (ROOT / "README.md").read_text(encoding="utf-8")


def alone(program: Path, folder: Path) -> Path:
    """A copy of the program, in a project of its own."""
    return Path(shutil.copy(program, folder / program.name))


def as_script(program: Path, folder: Path) -> Path:
    """The program as a Python file: a notebook's code cells one after the other."""
    if program.suffix == ".py":
        return program
    script = folder / f"{program.stem}.py"
    script.write_text("\n\n".join(code_cells(program).values()), encoding="utf-8")
    return script


def code_cells(notebook: Path) -> dict[int, str]:
    """Source of the code cells by position in the document, from 1."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return {n: "".join(cell["source"]) for n, cell in enumerate(cells, start=1) if cell["cell_type"] == "code"}


def jitlint(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jitlint", "--no-cache", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)


def findings(path: Path) -> list[dict[str, object]]:
    run = jitlint("--format", "json", path)
    assert run.returncode in (0, 1), run.stderr
    found = json.loads(run.stdout)
    assert isinstance(found, list)
    return found


def reported_line(program: Path, finding: dict[str, object]) -> str:
    cell, line = finding["cell"], finding["line"]
    text = program.read_text(encoding="utf-8") if cell is None else code_cells(program)[int(str(cell))]
    return text.splitlines()[int(str(line)) - 1]


def meaning(program: Path) -> str:
    """The program without comments, formatting and its docstring."""
    text = "\n\n".join(code_cells(program).values()) if program.suffix == ".ipynb" else program.read_text("utf-8")
    tree = ast.parse(text)
    if ast.get_docstring(tree) is not None:
        del tree.body[0]
    return ast.dump(tree)
