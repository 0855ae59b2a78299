"""The results folder: one JSON line for each finished run, pictures, checkpoints."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from reference_model.evaluate import Curve, Measured

SCHEMA = 1
PACKAGES = ("jitlint", "torch", "numpy", "scikit-image", "scikit-learn")


class StoreError(Exception):
    """A results folder that cannot be used; the message is one line."""


@dataclass(frozen=True)
class Row:
    """One run: a trained network of one seed (`kind` "model") or a method without training ("reference").

    `arm` is the recipe's digest, or data and method of a reference; `status` "finished" or "nan", with `message`
    saying when. `computed` says on what device and how: bf16, compile, deterministic. `metrics`, `curves` and
    `by_image` are those of `evaluate.evaluate`, `probe` the report of runtime_probe, `claims` the hash of the frozen
    claims that the run was made for.
    """

    arm: str
    label: str
    kind: str
    preset: str
    seed: int | None
    status: str = "finished"
    message: str = ""
    recipe: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    curves: dict[str, Curve] = field(default_factory=dict)
    by_image: dict[str, list[float]] = field(default_factory=dict)
    claims: str = ""
    probe: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    parameters: int = 0
    computed: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA
    versions: dict[str, str] = field(default_factory=dict)
    hardware: dict[str, str] = field(default_factory=dict)
    commit: str = ""
    time: str = ""

    @property
    def key(self) -> tuple[str, str, int | None]:
        """What makes two rows the same run."""
        return self.preset, self.arm, self.seed


class Store:
    """The folder `runs`: `results.jsonl`, `pictures/`, `checkpoints/`."""

    def __init__(self, runs: Path) -> None:
        self.folder = runs
        self.results = runs / "results.jsonl"

    def rows(self) -> dict[tuple[str, str, int | None], Row]:
        """All rows, the last of each run; StoreError when the file is of another version or not a results file."""
        return {row.key: row for row in self._read()}

    def _read(self) -> Iterator[Row]:
        if not self.results.exists():
            return
        try:
            lines = self.results.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            raise StoreError(f"{self.results} is no text; move the file away to start anew") from None
        for number, line in enumerate(lines, 1):
            try:
                values = json.loads(line)
            except json.JSONDecodeError:
                if number == len(lines):
                    return  # a line that a killed run left half written; `repair` removes it
                raise StoreError(f"{self.results}:{number} is not JSON; move the file away to start anew") from None
            yield self._row(values, number)

    def _row(self, values: Any, number: int) -> Row:
        schema = values.get("schema") if isinstance(values, dict) else None
        if schema != SCHEMA:
            raise StoreError(
                f"{self.results}:{number} has results of version {schema}, this program writes version {SCHEMA}: "
                "use another folder with --out"
            )
        try:
            curves = {name: Curve(**curve) for name, curve in values.pop("curves").items()}
            row = Row(**values, curves=curves)
            if not all(isinstance(part, dict) for part in (row.metrics, row.recipe, row.probe, row.computed)):
                raise TypeError("metrics, recipe, probe and computed are objects")
            return row
        except (TypeError, KeyError, AttributeError) as error:
            raise StoreError(f"{self.results}:{number} is not a row of results ({error})") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the folder; StoreError when one is in it. A killed run leaves no lock behind."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("w") as file:
            try:
                _lock(file)
            except BlockingIOError:
                raise StoreError(f"another run is writing to {self.folder}; wait for it, or use --out") from None
            yield

    def repair(self) -> None:
        """Cut off a half-written last line, so that the next row starts on a line of its own."""
        if not self.results.exists():
            return
        contents = self.results.read_bytes()
        if contents and not contents.endswith(b"\n"):
            with self.results.open("rb+") as file:
                file.truncate(contents.rfind(b"\n") + 1)

    def append(self, row: Row) -> None:
        """Write a row with today's versions, hardware and commit; on the disk when this returns."""
        stamped = {
            **asdict(row), "versions": versions(), "hardware": hardware(), "commit": commit(),
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        }  # fmt: skip
        line = json.dumps(rounded(stamped)) + "\n"
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.results.open("a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def save_pictures(self, arm: str, measured: Measured) -> None:
        """Keep the pictures of an arm, (PICTURES, n, n, 3) uint8 by the side n."""
        self.save_arrays(arm, measured.pictures)

    def save_arrays(self, name: str, arrays: dict[str, Tensor]) -> None:
        """Write `pictures/NAME.npz`, replacing it at once."""
        path = self.pictures(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **{key: value.numpy() for key, value in arrays.items()})
        partial.replace(path)

    def pictures(self, name: str) -> Path:
        """Where the pictures of an arm are, if any."""
        return self.folder / "pictures" / f"{name.replace(' ', '_')}.npz"

    def checkpoint(self, preset: str, arm: str, seeds: tuple[int, ...], *, bf16: bool = False) -> Path:
        """Where an arm's unfinished training is kept."""
        name = f"{preset}-{arm}-{'-'.join(map(str, seeds))}"
        return self.folder / "checkpoints" / f"{name}{'-bf16' * bf16}.pt"


def _lock(file: IO[str]) -> None:
    """Take an exclusive lock that ends with the process, where the system has one; BlockingIOError if it is taken."""
    with suppress(ImportError):
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def rounded(value: Any) -> Any:
    """Numbers with seven digits, which is what float32 has: a third of the length."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return value


@cache
def versions() -> dict[str, str]:
    """Of Python and the packages that matter."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def hardware() -> dict[str, str]:
    """The processor, its cores, and the GPU if there is one."""
    found = {"cpu": _processor(), "cores": str(os.cpu_count())}
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@cache
def commit() -> str:
    """The git commit of this package, with + when files differ from it; empty outside a repository."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "*.py")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return ""
