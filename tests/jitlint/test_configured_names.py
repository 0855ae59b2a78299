"""What the settings say of the project's own functions counts more than what they look like."""

from __future__ import annotations

from pathlib import Path

from jitlint.config import Settings
from jitlint.rules import find_rule
from jitlint.semantics.builder import build_module
from jitlint.semantics.project import Project
from jitlint.source import load_source

HOISTED = """
from mylib import {name}
def train(model, {loader}, opt, grid):
    coord = {name}(grid)
    for images in {loader}:
        loss = model(images, coord).mean()
        print(loss)
"""


def codes(text: str, **options: tuple[str, ...]) -> list[str]:
    module = build_module(load_source("case.py", text.encode()))
    project = Project({"case.py": module}, Path(), Settings(**options))  # type: ignore[arg-type]
    rule = find_rule("JIT101")
    assert rule is not None
    return [found.code for found in rule().check(project)]


def test_an_augmentation_that_nothing_gives_away() -> None:
    text = HOISTED.format(name="warp_grid", loader="loader")
    assert codes(text) == []
    assert codes(text, augmentations=("mylib.warp_grid",)) == ["JIT101"]
    assert codes(text, augmentations=("warp_grid",)) == ["JIT101"]
    assert codes(text, augmentations=("other.warp_grid",)) == []


def test_a_function_that_only_sounds_like_one() -> None:
    text = HOISTED.format(name="jitter_table", loader="loader")
    assert codes(text) == ["JIT101"]
    assert codes(text, not_augmentations=("mylib.jitter_table",)) == []


def test_a_function_that_draws_but_is_declared_not_to_matter() -> None:
    text = HOISTED.format(name="offset", loader="loader").replace(
        "from mylib import offset", "import torch\ndef offset(x):\n    return x + torch.randn_like(x)"
    )
    assert codes(text) == ["JIT101"]
    assert codes(text, not_augmentations=("offset",)) == []


def test_the_projects_own_batch_loop() -> None:
    text = HOISTED.format(name="jitter", loader="stream")
    assert codes(text) == []
    assert codes(text, batch_loops=("stream",)) == ["JIT101"]


def test_the_projects_own_step_function() -> None:
    text = """
import torch
class Trainer:
    def __init__(self, model, grid):
        self.model = model
        self.coord = grid + 0.01 * torch.randn_like(grid)
    def advance(self, batch):
        return self.model(batch, self.coord)
"""
    assert codes(text) == []
    assert codes(text, step_functions=("Trainer.advance",)) == ["JIT101"]
