"""Writing a file so that whoever looks finds the old one or the new one, never half."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["write_atomically"]


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the content of the file at `path`; it keeps its mode and owner, a link stays a link.

    Raises `OSError` and leaves the file as it was when it may not or cannot be written.
    """
    target = path.resolve()
    before = target.stat() if target.exists() else None
    if before and not os.access(target, os.W_OK):
        raise PermissionError(f"{path} is read-only")
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            _copy_mode_and_owner(file.fileno(), before)
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:  # also KeyboardInterrupt: leave nothing behind
        temporary.unlink(missing_ok=True)
        raise


def _copy_mode_and_owner(handle: int, before: os.stat_result | None) -> None:
    if before is None:
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(handle, 0o666 & ~umask)
        return
    with suppress(PermissionError):  # only root may give a file away
        os.fchown(handle, before.st_uid, before.st_gid)
    os.fchmod(handle, before.st_mode & 0o7777)
