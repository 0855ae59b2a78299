"""How often each rule was found, most often first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from jitlint.report.view import View

__all__ = ["render"]


def render(view: View) -> Iterator[str]:
    """The lines of the report."""
    counts = Counter((item.code, item.name) for item in view.diagnostics)
    fixable = Counter(item.code for item in view.diagnostics if item.fix)
    digits = max((len(f"{number:,}") for number in counts.values()), default=0)
    for (code, name), number in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        mends = f"  ({fixable[code]:,} with a fix)" if fixable[code] else ""
        yield f"{number:>{digits},}  {code}  {name}{mends}"
