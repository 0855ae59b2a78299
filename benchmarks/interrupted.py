"""Kill runs that mend files, fill the disk under them, and count what is left half done.

    python benchmarks/interrupted.py [--kills 100] [--seed 1]

A tree of files with findings is mended by `jitlint --fix`, which is killed (SIGKILL) at a random time, mostly within
0.1 s of its first write. Then every file must be as it was or as it should become, have its mode, and be a link if it
was one; the run after must finish the work and leave nothing beside the files. The same with a file system that is
full, with a tree that cannot be written, and with two runs at once. A promise that is broken is printed, and the exit
status is 1.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

FILES = 12
BUGGY = """\
import torch


def train{n}(model, loader, opt):
    noise = torch.randn(3, 32, 32) * 0.1
    for images, _ in loader:
        loss = model(images + noise).mean()
        loss.backward()
        opt.step()
"""
COMMAND = (sys.executable, "-m", "jitlint", "--fix", "--jobs", "1", "--quiet", "--isolated")


class Tree:
    """A tree to mend: plain files, one that is executable, one that is read through a link."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder.parent / "cache"
        self.before: dict[str, bytes] = {}
        for n in range(FILES):
            self.before[f"pkg{n % 3}/train{n}.py"] = BUGGY.format(n=n).encode()
        self.after = self._mended()

    def lay(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        for name, data in self.before.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o755 if name.endswith("0.py") else 0o640)
        (self.folder / "pkg0/link.py").symlink_to("train0.py")

    def start(self, **options: object) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "XDG_CACHE_HOME": str(self.home)}
        null = subprocess.DEVNULL
        return subprocess.Popen(COMMAND, cwd=self.folder, env=environment, stdout=null, stderr=null, **options)  # type: ignore[call-overload,no-any-return]

    def faults(self, *, finished: bool) -> list[str]:
        """What is not as it should be."""
        found = []
        for name, old in self.before.items():
            path = self.folder / name
            data = path.read_bytes() if path.exists() else b""
            if data != self.after[name] and (finished or data != old):
                found.append(f"{name} is {'half' if data != old else 'not'} mended")
            if path.stat().st_mode & 0o777 != (0o755 if name.endswith("0.py") else 0o640):
                found.append(f"{name} has another mode")
        if not (self.folder / "pkg0/link.py").is_symlink():
            found.append("a link became a file")
        return found

    def litter(self) -> list[str]:
        expected = {*self.before, "pkg0/link.py"}
        files = (path for path in self.folder.rglob("*") if not path.is_dir())
        return sorted(name for path in files if (name := str(path.relative_to(self.folder))) not in expected)

    def _mended(self) -> dict[str, bytes]:
        self.lay()
        self.start().wait()
        return {name: (self.folder / name).read_bytes() for name in self.before}


class Trials:
    """Everything that is tried, and what went wrong."""

    def __init__(self, tree: Tree, rng: random.Random) -> None:
        self.tree = tree
        self.rng = rng
        self.tried: Counter[str] = Counter()
        self.faults: list[str] = []

    def kill(self, longest: float) -> None:
        self.tree.lay()
        run = self.tree.start()
        if self.rng.random() < 0.2:
            time.sleep(self.rng.uniform(0.0, 1.0) * longest)
        else:
            self._wait_for_the_first_write(run)
            time.sleep(self.rng.uniform(0.0, 0.1))
        run.kill()
        run.wait()
        mended = sum((self.tree.folder / name).read_bytes() == new for name, new in self.tree.after.items())
        kind = "killed before the first file" if not mended else "killed after the last"
        self.tried[kind if mended in (0, FILES) else "killed between two files"] += 1
        self.tried["left a temporary file"] += bool(self.tree.litter())
        self._note("killed", self.tree.faults(finished=False))
        self.tree.start().wait()
        self._note("after a kill", [*self.tree.faults(finished=True), *self.tree.litter()])

    def _wait_for_the_first_write(self, run: subprocess.Popen[bytes]) -> None:
        folders = [self.tree.folder / f"pkg{n}" for n in range(3)]
        before = [folder.stat().st_mtime_ns for folder in folders]
        while run.poll() is None and [folder.stat().st_mtime_ns for folder in folders] == before:
            time.sleep(0.0005)

    def two_at_once(self) -> None:
        self.tree.lay()
        runs = [self.tree.start(), self.tree.start()]
        for run in runs:
            run.wait()
        self.tried["two runs at once"] += 1
        self._note("two at once", self.tree.faults(finished=False))
        self.tree.start().wait()
        self._note("after two at once", [*self.tree.faults(finished=True), *self.tree.litter()])

    def full(self, room: int) -> None:
        """No file may grow beyond `room` bytes: what a full disk looks like to a program."""
        self.tree.lay()
        shutil.rmtree(self.tree.home, ignore_errors=True)

        def limit() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

        self.tree.start(preexec_fn=limit).wait()
        self.tried["full disk"] += 1
        self._note(f"{room} bytes of room", [*self.tree.faults(finished=False), *self.tree.litter()])
        leftover = [path.name for path in self.tree.home.rglob("*.tmp")]
        self._note(f"{room} bytes of room", leftover)

    def read_only(self, what: str) -> None:
        """Without the right to write, to files or to all; the superuser gives up the right to write all the same."""
        self.tree.lay()
        paths = [self.tree.folder, *(path for path in self.tree.folder.rglob("*") if not path.is_symlink())]
        paths = [path for path in paths if what == "read-only tree" or path.is_file()]
        modes = {path: path.stat().st_mode for path in paths}
        for path, mode in modes.items():
            path.chmod(mode & ~0o222)
        status = self.tree.start(preexec_fn=_give_up_override).wait()
        for path, mode in modes.items():
            path.chmod(mode)
        self.tried[what] += 1
        changed = [name for name, old in self.tree.before.items() if (self.tree.folder / name).read_bytes() != old]
        self._note(what, [*changed, *self.tree.litter(), *(["not said"] * (status != 2))])

    def _note(self, when: str, faults: list[str]) -> None:
        for fault in faults:
            self.faults.append(f"{when}: {fault}")
            print(self.faults[-1], file=sys.stderr, flush=True)


def _give_up_override() -> None:
    """Drop CAP_DAC_OVERRIDE from what a program started from here can get (`PR_CAPBSET_DROP`)."""
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        tree = Tree(Path(folder) / "tree")
        trials = Trials(tree, random.Random(options.seed))
        tree.lay()
        start = time.monotonic()
        tree.start().wait()
        longest = time.monotonic() - start
        for _ in range(options.kills):
            trials.kill(longest)
        for room in (0, 64, 300, 700):
            trials.full(room)
        for what in ("read-only tree", "read-only files"):
            trials.read_only(what)
        for _ in range(max(1, options.kills // 20)):
            trials.two_at_once()
    print("| | times |\n|---|--:|")
    print("".join(f"| {what} | {number} |\n" for what, number in sorted(trials.tried.items())), end="")
    print(f"| **broken promises** | {len(trials.faults)} |")
    sys.exit(bool(trials.faults))


if __name__ == "__main__":
    main()
