"""Standard streams that never fail on a character, and never complain about a reader that went away."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from jitlint.visible import visible

__all__ = ["is_colourful", "is_terminal", "say", "width", "write", "writes_frames"]


def write(pieces: Iterable[str], stream: TextIO | None = None) -> None:
    """Write pieces of whole lines; a closed pipe ends the writing, not the run."""
    out = stream or _lenient(sys.stdout)
    try:
        for piece in pieces:
            out.write(piece + "\n")
        out.flush()
    except BrokenPipeError:
        _silence(out)


def say(line: str) -> None:
    """A line for the person, apart from the report; it may quote foreign text."""
    with suppress(OSError, ValueError):  # nobody listens
        write([visible(line)], _lenient(sys.stderr))


def is_colourful(when: str) -> bool:
    """Whether the report may have colours, by `--color`, then NO_COLOR and FORCE_COLOR, then the terminal."""
    if when != "auto":
        return when == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal(sys.stdout) and os.environ.get("TERM") != "dumb"


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person reads the stream."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def writes_frames(stream: TextIO | None) -> bool:
    """Whether the stream's encoding has the characters that frames are drawn with."""
    try:
        "│━─⋮…".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def width() -> int:
    """The columns of the page: the terminal's, or 100, or what COLUMNS says."""
    return max(60, min(_columns() or 100, 200))


def _columns() -> int:
    """What COLUMNS or the terminal says, or 0: `shutil` asks the same, but loads three compression libraries."""
    with suppress(KeyError, ValueError):
        return max(int(os.environ["COLUMNS"]), 0)
    with suppress(AttributeError, ValueError, OSError):
        return os.get_terminal_size(sys.__stdout__.fileno()).columns  # type: ignore[union-attr] # None: caught
    return 0


def _lenient(stream: TextIO | None) -> TextIO:
    """The stream, with characters that it cannot write as escapes; a stream that is closed takes all."""
    if stream is None:
        return io.StringIO()
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="backslashreplace")
    return stream


def _silence(stream: TextIO) -> None:
    """Let the interpreter flush at exit without a message."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
