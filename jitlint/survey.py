"""The first look at every file: can it be read, what does the screen say, what does it import."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from typing import NamedTuple

from jitlint.diagnostic import Location
from jitlint.errors import internal_error
from jitlint.screen import Level, imports_of, screen
from jitlint.source import Source, UnreadableSource, load_source

__all__ = [
    "LARGEST",
    "Stamp",
    "Survey",
    "Trouble",
    "has_directives",
    "read",
    "stamp_of",
    "survey",
    "syntax_trouble",
    "trouble_of",
]

LARGEST = 64 * 1024 * 1024  # bytes of code; no program is as long
_LARGEST_NOTEBOOK = 1024 * 1024 * 1024  # bytes of a notebook with its outputs, which are cut out

Stamp = tuple[int, int, int]  # times of the last change of content and of anything, in nanoseconds; size in bytes
Place = tuple[int, int, int, int, int | None]  # the fields of a Location
# What a suppression looks like; one that suppresses nothing is a finding in a file without others.
_DIRECTIVE = re.compile(rb"#\s*(?:(jitlint\s*:)|noqa\s*:[^\n]*)", re.IGNORECASE)
_CODE = re.compile(rb"JIT\d", re.IGNORECASE)


class Trouble(NamedTuple):
    """Why a file has no text to lint, and where."""

    message: str
    place: Place


class Survey(NamedTuple):
    """What the first look at a file found. `size` is that of its code, in bytes: outputs of notebooks do not count.

    `is_checked`: the syntax was looked at too (or will be, where the file is modelled). `problem` says why
    the file could not be opened, else it is empty.
    """

    stamp: Stamp
    digest: bytes = b""
    lines: int = 0
    level: int = Level.NONE
    imports: tuple[str, ...] = ()
    has_directives: bool = False
    is_checked: bool = False
    troubles: tuple[Trouble, ...] = ()
    problem: str = ""
    size: int = 0


def survey(key: str, path: str, changed: Mapping[str, bytes], *, check: bool) -> Survey:
    """Look at one file; `changed` holds the text of files that differ from what is on disk.

    With `check`, a file that no rule will see is parsed as well, for the sake of its syntax errors.
    """
    try:
        stamp = (0, 0, 0) if path in changed else stamp_of(path)
        if stamp[2] > (_LARGEST_NOTEBOOK if key.endswith(".ipynb") else LARGEST):
            return _too_large(stamp)
        return _look(key, stamp, read(path, changed), check)
    except OSError as error:
        return Survey((0, 0, 0), problem=f"cannot read {key}: {error.strerror or error}")
    except Exception as error:  # the other files are still linted
        return Survey((0, 0, 0), problem=internal_error(f"at the first look at {key}", error))


def stamp_of(path: str) -> Stamp:
    """What tells cheaply that a file is still the same; raises OSError, also for a pipe, which would block."""
    status = os.stat(path)  # noqa: PTH116 - for every file of a run
    if not stat.S_ISREG(status.st_mode):
        raise OSError("not a regular file")
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size


def read(path: str, changed: Mapping[str, bytes]) -> bytes:
    """The bytes of a file; raises OSError."""
    if path in changed:
        return changed[path]
    with open(path, "rb", opener=_open) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("not a regular file")
        return file.read()


def _open(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def has_directives(data: bytes) -> bool:
    """Whether a file may hold suppressions of this linter."""
    lower = data.lower()
    if b"jitlint" not in lower and b"noqa" not in lower:
        return False
    return any(found[1] or _CODE.search(found[0]) for found in _DIRECTIVE.finditer(data))


def _look(key: str, stamp: Stamp, data: bytes, check: bool) -> Survey:
    digest = hashlib.blake2b(data, digest_size=16).digest()
    try:
        code = _code(key, data)
    except UnreadableSource as error:
        return Survey(stamp, digest, is_checked=True, troubles=(_at(error.message, error.location),))
    if len(code) > LARGEST:
        return _too_large(stamp)
    seen = screen(code)
    directives = has_directives(code)
    is_modelled = seen.level >= Level.DRAWS or directives
    troubles = _check(key, data, parse=not is_modelled) if check or is_modelled else ()
    return Survey(
        stamp,
        digest,
        _line_count(code),
        int(seen.level),
        # A package that only passes names on leads to what it passes on.
        tuple(sorted(seen.imports or (imports_of(code) if _is_package(key) else ()))),
        directives,
        check or is_modelled,
        troubles,
        size=len(code),
    )


def _is_package(key: str) -> bool:
    """Whether a file stands for its package."""
    return key.rpartition("/")[2] == "__init__.py"


def _code(key: str, data: bytes) -> bytes:
    """What is screened: of a notebook the code, never the outputs."""
    if not key.endswith(".ipynb"):
        return data
    from jitlint.notebook import code_text

    return code_text(data)


def _too_large(stamp: Stamp) -> Survey:
    """A file over the limit is said to be unread."""
    trouble = _at_start(f"larger than {LARGEST >> 20} MiB, not read")
    return Survey(stamp, b"large", is_checked=True, troubles=(trouble,))


def _check(key: str, data: bytes, *, parse: bool) -> tuple[Trouble, ...]:
    """What keeps the file from being linted (`parse`: also its syntax)."""
    try:
        source = load_source(key, data)
    except UnreadableSource as error:
        return (_at(error.message, error.location),)
    found = syntax_trouble(source) if parse and source.kind != "notebook" else None
    return (*_broken_cells(source), *((found,) if found else ()))


def _line_count(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


def _broken_cells(source: Source) -> tuple[Trouble, ...]:
    """One trouble for all cells of a notebook that do not parse, at the first: unfinished exercises have many."""
    if not source.broken:
        return ()
    places = [source.locate(span) for _, span in source.broken]
    others = [str(place.cell) for place in places[1:]]
    more = f" (cell{'s' * (len(others) > 1)} {', '.join(others)} too)" if others else ""
    return (_at(f"syntax error: {source.broken[0][0]}{more}; the other cells are linted", places[0]),)


def trouble_of(error: Exception) -> Trouble | None:
    """What an error while reading or parsing says of the file, or None if it may be the linter's own."""
    if isinstance(error, UnreadableSource):
        return _at(error.message, error.location)
    if isinstance(error, SyntaxError):
        return _from_syntax_error(error)
    if isinstance(error, RecursionError | MemoryError):
        return _at_start("nested too deeply to be parsed")
    return None


def _at(message: str, where: Location) -> Trouble:
    return Trouble(message, (where.line, where.column, where.end_line, where.end_column, where.cell))


def syntax_trouble(source: Source) -> Trouble | None:
    """Why the text of a module does not parse, or None.

    The symbol table is asked first: it is made from the same parse without the tree's Python objects, in
    half the time. What it refuses beyond the grammar (a `nonlocal` at the top level) is no trouble here.
    """
    import symtable
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the program's literals
        try:
            symtable.symtable(source.text, source.path, "exec")
        except (SyntaxError, RecursionError, MemoryError, ValueError):
            return _parse_trouble(source)
    return None


def _parse_trouble(source: Source) -> Trouble | None:
    import ast
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(source.text, source.path, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
        except (SyntaxError, RecursionError, MemoryError) as error:
            return trouble_of(error)
        except ValueError as error:
            return _at_start(str(error))
    return None


def _from_syntax_error(error: SyntaxError) -> Trouble:
    from jitlint.dialects import hint

    line, column = max(error.lineno or 1, 1), max(error.offset or 1, 1)
    end_line, end_column = error.end_lineno or line, error.end_offset or 0
    if (end_line, end_column) <= (line, column):
        end_line, end_column = line, column + 1
    return Trouble(f"syntax error: {error.msg}{hint(error)}", (line, column, end_line, end_column, None))


def _at_start(message: str) -> Trouble:
    return Trouble(message, (1, 1, 1, 1, None))
