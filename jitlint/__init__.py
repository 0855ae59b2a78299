"""jitlint finds randomness in training code that silently does not happen, and fixes it.

The library interface is `lint_paths`, `lint_text` and `fix_text`, and what they take and return: `Settings`, `Report`,
`Diagnostic`. The command line is :mod:`jitlint.cli`. `%load_ext jitlint` lints the cells of a notebook as they run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jitlint.api import fix_text, lint_paths, lint_text
    from jitlint.config import Settings
    from jitlint.diagnostic import Confidence, Diagnostic
    from jitlint.engine import Report
    from jitlint.errors import UsageError

__all__ = [
    "Confidence",
    "Diagnostic",
    "Report",
    "Settings",
    "UsageError",
    "__version__",
    "fix_text",
    "lint_paths",
    "lint_text",
]
__version__ = "0.1.0"

_HOMES = {
    "Confidence": "diagnostic",
    "Diagnostic": "diagnostic",
    "Report": "engine",
    "Settings": "config",
    "UsageError": "errors",
    "fix_text": "api",
    "lint_paths": "api",
    "lint_text": "api",
    "load_ipython_extension": "ipython",
    "unload_ipython_extension": "ipython",
}


def __getattr__(name: str) -> object:
    """Import the interface when it is used: `import jitlint` alone stays free of cost."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"jitlint.{_HOMES[name]}"), name)
