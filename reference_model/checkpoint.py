"""Files that a killed run continues from: whole or absent, never half written."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path
from typing import Any

import torch


class CheckpointError(Exception):
    """A checkpoint that cannot be read, or belongs to another run; the message is one line."""


def save(state: dict[str, Any], path: Path) -> None:
    """Write tensors and plain values to `path`, replacing it at once. OSError (a full disk) leaves the old file."""
    contents = io.BytesIO()  # written by plain file operations, whose errors are plain: no space left, and the like
    torch.save(state, contents)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            file.write(contents.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def load(path: Path, owner: dict[str, Any], device: torch.device) -> dict[str, Any] | None:
    """What `save` wrote, or None when there is no such file; `owner` are entries that have to be equal."""
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError) as error:
        raise CheckpointError(f"{path} is not a checkpoint ({type(error).__name__}); delete it to start over") from None
    for name, value in owner.items():
        if state.get(name) != value:
            raise CheckpointError(f"{path} is of another run: {name} is {state.get(name)}, not {value}")
    return state
