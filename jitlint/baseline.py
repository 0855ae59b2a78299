"""Baselines: the findings a project lives with for now, in a file that is meant to be committed.

A finding is recognised by its code, its file and the text of its line, so it stays known when lines move. Entries that
match nothing any more, in files that were read or are gone, are taken out of the file.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jitlint.diagnostic import Diagnostic
from jitlint.engine import Outcome
from jitlint.errors import UsageError
from jitlint.report.summary import count
from jitlint.report.view import Texts

__all__ = ["apply_baseline", "new_ones"]

_Key = tuple[str, str, str]


def apply_baseline(file: Path, outcome: Outcome, texts: Texts, read: Iterable[str]) -> Outcome:
    """Take out what the baseline has; write the baseline if there is none yet, so that nothing is new.

    `read` are the absolute paths of the files in which everything was looked for; what is known of other files stays.
    """
    keys = [_key(item, file, texts) for item in outcome.report.diagnostics]
    if not file.exists():
        _write(file, keys)
        report = replace(outcome.report, diagnostics=())
        return replace(outcome, report=report, known=len(keys), note=f"Wrote {count(len(keys), 'finding')} to {file}.")
    known = _read(file)
    new = _new(outcome.report.diagnostics, keys, known)
    report = replace(outcome.report, diagnostics=new)
    dead = _dead(known, keys, file, read) if not outcome.report.problems else Counter()
    if dead:
        _write(file, [*(known - dead).elements()])
    return replace(
        outcome,
        report=report,
        known=len(keys) - len(new),
        dead=tuple(f"{code} in {path}" for code, path, _ in sorted(dead.elements())),
    )


def new_ones(file: Path, diagnostics: Sequence[Diagnostic], texts: Texts) -> tuple[Diagnostic, ...]:
    """The findings that the baseline does not have; all of them if there is none yet."""
    if not file.exists():
        return tuple(diagnostics)
    return _new(diagnostics, [_key(item, file, texts) for item in diagnostics], _read(file))


def _new(diagnostics: Sequence[Diagnostic], keys: Sequence[_Key], known: Counter[_Key]) -> tuple[Diagnostic, ...]:
    """Two findings of one key are two: of three where two are known, one is new."""
    left = Counter(known)
    new = []
    for item, key in zip(diagnostics, keys, strict=True):
        if left[key]:
            left[key] -= 1
        else:
            new.append(item)
    return tuple(new)


def _dead(known: Counter[_Key], keys: Sequence[_Key], file: Path, read: Iterable[str]) -> Counter[_Key]:
    """The entries of the baseline that match nothing."""
    directory = os.path.dirname(os.path.abspath(file))  # noqa: PTH100, PTH120
    looked_at = set(read)

    def is_certain(path: str) -> bool:
        absolute = os.path.normpath(os.path.join(directory, path))  # noqa: PTH118
        return absolute in looked_at or not os.path.lexists(absolute)

    return Counter({key: number for key, number in (known - Counter(keys)).items() if is_certain(key[1])})


def _key(item: Diagnostic, file: Path, texts: Texts) -> _Key:
    directory = os.path.dirname(os.path.abspath(file))  # noqa: PTH100, PTH120 - links are kept
    path = os.path.relpath(os.path.join(texts.cwd, item.path), directory).replace(os.sep, "/")  # noqa: PTH118
    return item.code, path, texts.line(item.path, item.location).strip()


def _write(file: Path, keys: Sequence[_Key]) -> None:
    from jitlint.fixes.write import write_atomically

    findings = [{"code": code, "path": path, "line": line} for code, path, line in sorted(keys)]
    text = json.dumps({"version": 1, "findings": findings}, indent=2, ensure_ascii=False)
    write_atomically(file, f"{text}\n".encode("utf-8", "backslashreplace"), tree=file.parent)


def _read(file: Path) -> Counter[_Key]:
    try:
        content: Any = json.loads(file.read_bytes())
        return Counter((str(item["code"]), str(item["path"]), str(item["line"])) for item in content["findings"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{file} is not a baseline; delete it and run again to create one") from None
