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
from torch.utils.data import Dataset

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


OWN = f"{Path(__file__).parent}/"
_LIBRARIES = tuple(
    f"{directory.rstrip('/')}/"
    for directory in (
        OWN,
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


def caller(frame: FrameType) -> FrameType:
    """The first frame, from this one outwards, that is not the probe's."""
    while frame.f_code.co_filename.startswith(OWN) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def user_frames(frame: FrameType | None) -> Iterator[Site]:
    """The user's places on the stack, innermost first, up to the module that is run or imported."""
    while frame is not None:
        if not is_library(frame.f_code.co_filename):
            yield Site(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
            if frame.f_code.co_name == "<module>":
                return
        frame = frame.f_back


SAMPLING = ("__getitem__", "__getitems__", "__iter__")
MAKERS = ("make", "generate", "create", "load", "build", "synth", "simulate", "toy", "get_data", "init", "setup")
COMPREHENSIONS = ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>")  # frames of their own before Python 3.12
MANY = 2**14  # entries of a list that are looked through
DATA = 16  # entries from which on an argument is data, and no size or option


def is_given_data(frame: FrameType, whole: bool = True) -> bool:
    """Whether a function was handed data: then what it draws changes them, and is not how they are made up.

    Not `whole`: something that its object keeps is no data if it is used as it is, such as an axis for all samples.
    """
    while frame.f_code.co_name in COMPREHENSIONS and frame.f_back is not None:
        frame = frame.f_back
    code = frame.f_code
    name = code.co_name.lstrip("_").lower()
    if name == "<module>" or name.startswith(MAKERS):
        return False
    variables = frame.f_locals
    owner = variables.get("self")
    kept = list(vars(owner).values()) if hasattr(owner, "__dict__") else []
    arguments = [variables.get(argument) for argument in code.co_varnames[: code.co_argcount] if argument != "self"]
    if any(_is_data(value) and (whole or not any(value is other for other in kept)) for value in arguments):
        return True
    return any(_is_data(value) and _is_part_of(value, kept) for value in variables.values())


def is_in_dataset(frame: FrameType | None) -> bool:
    """Whether a data set is being made: its constructor is among the last callers."""
    for _ in range(6):
        if frame is None:
            break
        if frame.f_code.co_name == "__init__" and isinstance(frame.f_locals.get("self"), Dataset):
            return True
        frame = frame.f_back
    return False


def is_in_sample(frame: FrameType | None) -> bool:
    """Whether a data set makes a sample: its method is among the last callers."""
    for _ in range(12):
        if frame is None:
            break
        if frame.f_code.co_name in SAMPLING and isinstance(frame.f_locals.get("self"), Dataset):
            return True
        frame = frame.f_back
    return False


def _is_data(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) >= DATA
    if isinstance(value, Tensor) or hasattr(type(value), "__array_interface__"):  # of NumPy, or an image of PIL
        return bool(math.prod(value.shape if hasattr(value, "shape") else value.size) >= DATA)
    return False


def _is_part_of(value: Any, kept: list[Any]) -> bool:
    """Whether an array is a part of those that are kept, or one entry of a list of them."""
    for other in kept:
        if isinstance(other, (list, tuple)):
            if len(other) <= MANY and any(value is entry for entry in other):
                return True
        elif isinstance(value, Tensor):
            if isinstance(other, Tensor) and 0 < value.numel() < other.numel() and _storage(value) == _storage(other):
                return True
        elif other is not None and getattr(value, "base", None) is other:
            return True
    return False


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr() if tensor.layout == torch.strided and not tensor.is_meta else 0
