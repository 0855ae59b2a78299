"""jitlint finds training randomness that silently does not happen, and fixes it.

`lint_paths` and `lint_text` are the whole library interface; the command line is :mod:`jitlint.cli`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jitlint.api import lint_paths, lint_text

__all__ = ["__version__", "lint_paths", "lint_text"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the interface when it is used: `import jitlint` alone stays free of cost."""
    if name in ("lint_paths", "lint_text"):
        from jitlint import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
