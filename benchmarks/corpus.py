"""The source files the benchmark lints, copied to a place of their own.

Linters skip `site-packages`, so the installed packages are copied; the copy is what every tool sees.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Corpus:
    """A folder of Python files."""

    folder: Path
    files: int
    lines: int
    size: int

    def __str__(self) -> str:
        return f"{self.files:,} files, {self.lines:,} lines, {self.size / 2**20:.0f} MiB"


def copy_packages(site_packages: Path, packages: Sequence[str], target: Path) -> Corpus:
    """Copy all `.py` files of the packages that are there."""
    sources = [path for package in packages for path in sorted((site_packages / package).rglob("*.py"))]
    if not sources:
        raise FileNotFoundError(f"none of {', '.join(packages)} in {site_packages}")
    return _copy(sources, site_packages, target)


def copy_part(corpus: Corpus, lines: int, target: Path) -> Corpus:
    """Copy files with about `lines` lines together, taken evenly over the whole corpus."""
    share = min(1.0, lines / corpus.lines)
    sources = sorted(corpus.folder.rglob("*.py"))
    taken = [path for n, path in enumerate(sources) if int((n + 1) * share) > int(n * share)]
    return _copy(taken, corpus.folder, target)


def copy_often(corpus: Corpus, times: int, target: Path) -> Corpus:
    """Copy a corpus several times, each into a folder of its own: more of exactly the same."""
    copies = [
        _copy(sorted(corpus.folder.rglob("*.py")), corpus.folder, target / f"copy{number}") for number in range(times)
    ]
    return Corpus(target, *(sum(getattr(copy, name) for copy in copies) for name in ("files", "lines", "size")))


def _copy(sources: Sequence[Path], root: Path, target: Path) -> Corpus:
    lines = size = 0
    for source in sources:
        content = source.read_bytes()
        lines += content.count(b"\n")
        size += len(content)
        copy = target / source.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    return Corpus(target, len(sources), lines, size)
