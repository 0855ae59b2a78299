"""What marks the folder of a project."""

from __future__ import annotations

from pathlib import Path

__all__ = ["is_project"]

_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".hg")


def is_project(folder: Path) -> bool:
    """Whether a folder holds what marks a project, such as its version control."""
    return any((folder / marker).exists() for marker in _MARKERS)
