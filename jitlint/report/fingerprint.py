"""A name for a finding that stays the same when lines move."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from jitlint.diagnostic import Diagnostic
from jitlint.report.view import Texts

__all__ = ["fingerprints"]


def fingerprints(diagnostics: Iterable[Diagnostic], texts: Texts) -> list[str]:
    """One hexadecimal name a finding, from its code, file and line's text; equal ones are numbered."""
    seen: Counter[tuple[str, str, str]] = Counter()
    names = []
    for item in diagnostics:
        key = (item.code, item.path, texts.line(item.path, item.location).strip())
        names.append(hashlib.sha256(repr((*key, seen[key])).encode("utf-8", "backslashreplace")).hexdigest()[:32])
        seen[key] += 1
    return names
