"""Writing a file so that whoever looks finds the old one or the new one, never half, and nothing beside it."""

from __future__ import annotations

import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["leads_out", "remove_litter", "write_atomically"]

_SUFFIX = ".jitlint-tmp"
_LITTER = re.compile(rf"\..+\.\w{{8}}{re.escape(_SUFFIX)}\Z")


def write_atomically(path: Path, data: bytes, *, tree: Path | None = None) -> None:
    """Replace the content of the file at `path`; it keeps its mode and owner, a link stays a link.

    Raises `OSError` and leaves the file as it was when it may not or cannot be written, or when it lies in `tree` and
    a link leads from it to somewhere else.
    """
    if tree is not None and leads_out(path, tree):
        raise PermissionError(f"a link leads out of {tree}; run jitlint where the file is")
    target = path.resolve()
    before = target.stat() if target.exists() else None
    if before and not os.access(target, os.W_OK):
        raise PermissionError(f"{path} is read-only")
    with _temporary(target) as (handle, temporary):
        with os.fdopen(handle, "wb", closefd=False) as file:
            file.write(data)
        _copy_mode_and_owner(handle, before)
        os.fsync(handle)
        temporary.replace(target)


def leads_out(path: Path, tree: Path) -> bool:
    """Whether a path names something in a tree, but a link on its way leads out of the tree."""
    if not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(tree)):  # noqa: PTH100 - links are kept
        return False
    try:
        return not path.resolve().is_relative_to(tree.resolve())
    except (OSError, RuntimeError):  # a loop of links
        return True


def remove_litter(directories: Iterable[str]) -> None:
    """Delete the temporary files that runs which were killed left in some directories.

    A run that is still writing holds a lock on its file, which the system takes away when the run dies.
    """
    for directory in directories:
        with suppress(OSError), os.scandir(directory) as entries:
            for entry in entries:
                if _LITTER.match(entry.name):
                    with suppress(OSError):
                        _remove_abandoned(entry.path)


@contextmanager
def _temporary(target: Path) -> Iterator[tuple[int, Path]]:
    """A locked file beside the target, open for writing; it is gone afterwards, whatever happens."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=_SUFFIX, dir=target.parent)
        temporary = Path(name)
        try:
            # Between the creation and the lock, another run may have taken it for abandoned.
            if _lock(handle) and temporary.exists():
                yield handle, temporary
                return
        except BaseException:  # also KeyboardInterrupt: leave nothing behind
            temporary.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)


def _lock(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: there, an open file cannot be deleted
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _remove_abandoned(path: str) -> None:
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        status = os.fstat(handle)
        is_own = not hasattr(os, "geteuid") or status.st_uid in (os.geteuid(), 0)
        if stat.S_ISREG(status.st_mode) and is_own and _lock(handle):
            os.unlink(path)  # noqa: PTH108 - beside its fellows
    finally:
        os.close(handle)


def _copy_mode_and_owner(handle: int, before: os.stat_result | None) -> None:
    if before is None:
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(handle, 0o666 & ~umask)
        return
    with suppress(PermissionError):  # only root may give a file away
        os.fchown(handle, before.st_uid, before.st_gid)
    os.fchmod(handle, before.st_mode & 0o7777)
