"""Record files in the user's cache directory, believed only where this user's secret vouches for them.

A linter is run over other people's trees, so nothing in such a tree may act as its cache, and no link in it may lead
a write elsewhere. The files therefore lie in one folder of the user's own cache directory, which is used only if it
belongs to this user, is no link, is not open to others, and was made here. Each record carries a keyed digest (BLAKE2
with a secret that lies beside the files, readable by the user alone) over its name and content. A record whose digest
does not check is never decoded.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

__all__ = ["Name", "RecordFile", "open_records"]

_SECRET, _SECRET_SIZE = "secret", 32
_TAG_NAME = "CACHEDIR.TAG"
_TAG = b"Signature: 8a477f597d28d172789f06886806bc55\n# This folder holds results of jitlint and may be deleted.\n"
_MAGIC = b"jitlint records 1\n"
_HEADER = struct.Struct(">16s16sI")  # the digest of the record, the key of its name, the size of its content
_LARGEST = 1 << 28  # bytes; a larger file is not ours
_KEPT_FOR = 30 * 24 * 3600  # seconds after which a file that nobody renewed is deleted
_ABANDONED = 3600  # seconds after which a temporary file is the rest of a run that was killed
_OURS = re.compile(r"\w+\.(?:records|[0-9a-f]{16}(\.tmp))\Z")
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

Name = bytes  # 16 bytes


class RecordFile(NamedTuple):
    """A file of records by name."""

    path: str
    secret: bytes

    def read(self) -> dict[Name, bytes]:
        """The content of every record that checks; those that do not, or a file that cannot be read, are left out."""
        with suppress(OSError):
            data = _read(self.path, _LARGEST)
            if data.startswith(_MAGIC):
                return dict(self._records(data))
        return {}

    def write(self, records: Mapping[Name, bytes]) -> None:
        """Replace the file as a whole; raises OSError."""
        pieces = [_MAGIC]
        for name, content in records.items():
            pieces += (_HEADER.pack(self._digest(name, content), name, len(content)), content)
        _replace(self.path, b"".join(pieces))

    def _records(self, data: bytes) -> Iterator[tuple[Name, bytes]]:
        from hmac import compare_digest

        at = len(_MAGIC)
        while at + _HEADER.size <= len(data):
            digest, name, size = _HEADER.unpack_from(data, at)
            at += _HEADER.size
            content = data[at : at + size]
            if compare_digest(digest, self._digest(name, content)):
                yield name, content
            at += size

    def tidy(self) -> None:
        """Delete, beside this file, what is too old and what killed runs left behind."""
        now = time.time()
        with suppress(OSError), os.scandir(os.path.dirname(self.path)) as entries:  # noqa: PTH120
            for entry in entries:
                if ours := _OURS.match(entry.name):
                    age = now - entry.stat(follow_symlinks=False).st_mtime
                    if age > (_ABANDONED if ours[1] else _KEPT_FOR):
                        os.unlink(entry.path)  # noqa: PTH108

    def _digest(self, name: Name, content: bytes) -> bytes:
        """Covers the file's own name too: a record means nothing in the file of another project or version."""
        digest = hashlib.blake2b(os.path.basename(self.path).encode(), key=self.secret, digest_size=16)  # noqa: PTH119
        digest.update(name)
        digest.update(content)
        return digest.digest()


def open_records(name: str) -> RecordFile | None:
    """The record file with this name (32 hexadecimal digits), or None if there is no safe place for it."""
    try:
        folder = _folder()
        if folder is None:
            return None
        _make(folder)
        return RecordFile(f"{folder}/{name}.records", _secret(folder))
    except OSError:
        return None


# ------------------------------------------------------------------------------------------------- the folder


def _folder() -> str | None:
    """`jitlint` in the user's cache directory, by the conventions of the platform."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):  # noqa: PTH117 - the convention: a relative path is ignored
        return os.path.join(given, "jitlint")  # noqa: PTH118
    if os.name == "nt":
        local = os.environ.get("LOCALAPPDATA", "")
        return f"{local}\\jitlint\\Cache" if local else None
    home = os.path.expanduser("~")  # noqa: PTH111
    if not os.path.isabs(home):  # noqa: PTH117
        return None
    return f"{home}/Library/Caches/jitlint" if sys.platform == "darwin" else f"{home}/.cache/jitlint"


def _make(folder: str) -> None:
    """Make the folder, or see to it that it is ours; raises OSError if it is not."""
    tag = f"{folder}/{_TAG_NAME}"
    try:
        os.makedirs(os.path.dirname(folder), 0o700, exist_ok=True)  # noqa: PTH103, PTH120
        os.mkdir(folder, 0o700)  # noqa: PTH102
    except FileExistsError:
        _check(os.lstat(folder), stat.S_ISDIR)
        if os.listdir(folder):  # noqa: PTH208
            if _read(tag, len(_TAG)) != _TAG:
                raise PermissionError(f"{folder} was not made by jitlint") from None
            return
    _replace(tag, _TAG)


def _check(status: os.stat_result, is_kind: Any) -> None:
    """Only what this user made and nobody else can write to is believed."""
    if not is_kind(status.st_mode):
        raise PermissionError("a link, or of another kind")
    if hasattr(os, "geteuid") and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        raise PermissionError("not this user's alone")


def _secret(folder: str) -> bytes:
    """The secret, made at the first run. Of two first runs at once the later one's holds."""
    path = f"{folder}/{_SECRET}"
    for _ in range(2):
        with suppress(FileNotFoundError):
            found = _read(path, _SECRET_SIZE + 1)
            if len(found) == _SECRET_SIZE:
                return found
        _replace(path, os.urandom(_SECRET_SIZE))
    raise PermissionError(f"{path} cannot be kept")


def _read(path: str, largest: int) -> bytes:
    """A regular file of this user's, never through a link; raises OSError."""
    handle = os.open(path, os.O_RDONLY | _NOFOLLOW)
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        _check(status, stat.S_ISREG)
        return file.read(largest) if status.st_size <= largest else b""


def _replace(path: str, data: bytes) -> None:
    """Write beside and rename, so that two runs at once leave one whole file, and no reader sees half."""
    temporary = f"{os.path.splitext(path)[0]}.{os.urandom(8).hex()}.tmp"  # noqa: PTH122
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, path)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise
