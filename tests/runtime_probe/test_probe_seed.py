"""The seed's own programs, as they were written, under the library call; and the README's command in a fresh clone."""

import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import einops
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from runtime_probe import Flag, Verdict, probe_coords

ROOT = Path(__file__).parents[2]
SEED = ROOT / "tests" / "fixtures" / "seed"
SIZE, BATCH = 32, 4


class Decoder(nn.Module):
    """What the seed's programs call `model(images, coord)`; coord is (BATCH, SIZE, SIZE, 2)."""

    def __init__(self):
        super().__init__()
        self.colour = nn.Linear(2, 3)

    def forward(self, images, coord):
        return self.colour(coord).movedim(-1, 1) + images


def create_coordinate_grid(height, width, device):
    y, x = (torch.arange(n, device=device).add(0.5) / n for n in (height, width))
    return torch.stack(torch.meshgrid(y, x, indexing="ij"), dim=-1)


def add_gaussian_noise_to_grid(coord, std):
    return coord + std * torch.randn_like(coord)


def names(model):
    """What the seed's programs take for granted."""
    return {
        "model": model, "device": "cpu", "use_jittering": True, "jitter_std": 0.01, "B": BATCH, "epoch": 0,
        "loader": DataLoader(TensorDataset(torch.rand(12, 3, SIZE, SIZE), torch.zeros(12)), batch_size=BATCH),
        "tqdm": lambda loader, desc: loader, "einops": einops, "torch": torch,
        "create_coordinate_grid": create_coordinate_grid, "add_gaussian_noise_to_grid": add_gaussian_noise_to_grid,
    }  # fmt: skip


def watched(program, epochs=2):
    """Run a program of the seed once an epoch; it is a piece of a training loop."""
    model = Decoder()
    with probe_coords(model) as probe:
        for _ in range(epochs):
            runpy.run_path(str(SEED / program), init_globals=names(model))
    return probe.report()


def line_of(program, text):
    lines = (SEED / program).read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


@pytest.mark.parametrize(
    ("program", "verdict", "draws"), [("fragment.py", Verdict.ONCE_PER_EPOCH, 2), ("corrected.py", Verdict.FRESH, 6)]
)
def test_the_hoisted_and_the_corrected_program(program, verdict, draws):
    report = watched(program)
    assert report.verdict is verdict
    assert bool(report.violations) is (verdict is not Verdict.FRESH)
    (source,) = report.provenance.sources
    assert (source.operation, source.draws, source.forwards) == ("randn_like", draws, 6)
    line = line_of(program, "coord = add_gaussian_noise_to_grid(coord, std=jitter_std)")
    assert (source.caller.file, source.caller.line) == (str(SEED / program), line)
    assert f"called from {program}:{line}" in str(report)
    assert report.main.geometry.std == pytest.approx(0.01, rel=0.05)
    assert Flag.SHARED_IN_BATCH in report.flags


def test_the_commented_out_program():
    model = Decoder()
    trainer = runpy.run_path(str(SEED / "commented_out.py"))["Trainer"](model)
    with probe_coords(model) as probe:
        for _ in range(2):
            for images, _ in names(model)["loader"]:
                trainer._iter_step({"gt": images}, is_train=True).mean().backward()
    report = probe.report()
    assert report.verdict is Verdict.CLEAN_GRID
    line = line_of("commented_out.py", "#coord = self.add_gaussian_noise_to_grid(coord)")
    assert [(hint.site.file, hint.site.line) for hint in report.hints] == [(str(SEED / "commented_out.py"), line)]
    assert f"commented out at commented_out.py:{line}: coord = self.add_gaussian_noise_to_grid(coord)" in str(report)


def test_the_function_with_the_hoisted_draw_stops_by_itself_at_its_second_batch():
    """It repeats its own grid for the batch in every batch; the first one is seen, and the error is the program's."""
    model = Decoder()
    train_epoch = runpy.run_path(str(SEED / "hoisted.py"), init_globals=names(model))["train_epoch"]
    with pytest.raises(einops.EinopsError), probe_coords(model) as probe:
        train_epoch(model, names(model)["loader"], None, "cpu", 0)
    report = probe.report()
    assert (report.verdict, report.conclusion.batches) == (Verdict.INCONCLUSIVE, 1)
    assert report.provenance.sources[0].caller.line == line_of("hoisted.py", "add_gaussian_noise_to_grid(coord")


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="not a clone")
def test_the_command_of_the_readme_in_a_fresh_clone(tmp_path):
    command = "python -m runtime_probe --evidence evidence.json train.py"
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth", "1", f"file://{ROOT}", str(clone)], check=True, timeout=120)
    shutil.copy(clone / "examples" / "coordinates" / "buggy.py", clone / "train.py")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, *command.split()[1:]], cwd=clone, env=environment, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0, run.stderr
    assert "runtime_probe: ONCE_PER_EPOCH" in run.stdout
    source = (clone / "train.py").read_text().splitlines()
    drawn = next(n for n, line in enumerate(source, start=1) if "torch.randn_like" in line)
    called = next(n for n, line in enumerate(source, start=1) if "coord = jitter_grid(" in line)
    assert f"`randn_like` at train.py:{drawn} in jitter_grid, called from train.py:{called}" in run.stdout
