"""Running the command in this process, for the tests of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from jitlint.cli import main

HOISTED = """\
import torch


def train(model, loader, opt):
    noise = torch.randn(3, 32, 32) * 0.1
    for images, _ in loader:
        loss = model(images + noise).mean()
        loss.backward()
        opt.step()
"""
CORRECT = """\
import torch


def train(model, loader, opt):
    for images, _ in loader:
        noise = torch.randn(3, 32, 32) * 0.1
        loss = model(images + noise).mean()
        loss.backward()
        opt.step()
"""


@dataclass(frozen=True)
class Result:
    """What a run printed, and its exit status."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Shell:
    """A directory to run the command in."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capture = capture

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def run(self, *arguments: str) -> Result:
        self.capture.readouterr()
        code = main(list(arguments))
        out, err = self.capture.readouterr()
        return Result(code, out, err)
