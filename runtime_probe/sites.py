"""Places in the user's source: which frames of the stack are the user's own."""

from __future__ import annotations

import math
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor

_CELL = re.compile(r"<ipython-input-(\d+)-")


@dataclass(frozen=True)
class Site:
    """A place in the user's source: file, 1-based line, and function name."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        cell = _cell(self.file)
        return f"cell {cell}, line {self.line}" if cell else f"{Path(self.file).name}:{self.line}"


_LIBRARIES = tuple(
    f"{directory.rstrip('/')}/"
    for directory in (
        str(Path(__file__).parent),
        str(Path(torch.__file__).parent),
        *(sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")),
    )
)


def _cell(file: str) -> int | None:
    """The number of the notebook cell that a file name stands for."""
    named = _CELL.search(file)
    if named is not None:
        return int(named[1])
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    numbers: dict[str, int] = getattr(getattr(shell, "compile", None), "_filename_map", {})
    return numbers.get(file)


def is_library(file: str) -> bool:
    """True for files of Python, of installed packages and of the probe; they are never the user's line."""
    if file.startswith("<ipython-input-"):
        return False
    return file.startswith(("<", *_LIBRARIES)) or "/site-packages/" in file or "/dist-packages/" in file


def user_frames(frame: FrameType | None) -> Iterator[Site]:
    """The user's places on the stack, innermost first, up to the module that is run or imported."""
    while frame is not None:
        if not is_library(frame.f_code.co_filename):
            yield Site(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
            if frame.f_code.co_name == "<module>":
                return
        frame = frame.f_back


MAKERS = ("make", "generate", "create", "load", "build", "synth", "simulate", "toy", "get_data", "init", "setup")
COMPREHENSIONS = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")  # frames of their own before Python 3.12
DATA = 16  # entries from which on an argument is data, and no size or option


def is_given_data(frame: FrameType) -> bool:
    """Whether a function was handed data: then what it draws changes them, and is not how they are made up."""
    while frame.f_code.co_name in COMPREHENSIONS and frame.f_back is not None:
        frame = frame.f_back
    code = frame.f_code
    name = code.co_name.lstrip("_").lower()
    if name == "<module>" or name.startswith(MAKERS):
        return False
    values = (frame.f_locals.get(argument) for argument in code.co_varnames[: code.co_argcount] if argument != "self")
    return any(_is_data(value) for value in values)


def _is_data(value: Any) -> bool:
    if isinstance(value, Tensor) or type(value).__name__ == "ndarray":
        return bool(value.ndim > 0 and math.prod(value.shape) >= DATA)
    return isinstance(value, (list, tuple)) and len(value) >= DATA
