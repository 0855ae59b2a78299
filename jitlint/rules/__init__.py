"""The rules, one file each. A rule is found by its file: `jitNNN_name.py` holds one class `Rule`."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from jitlint.rules.base import Rule

__all__ = ["Rule", "all_rules", "find_rule"]


@functools.cache
def all_rules() -> tuple[type[Rule], ...]:
    """Every rule, sorted by code."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("jit"))
    return tuple(importlib.import_module(f"{__name__}.{name}").rule for name in names)


def find_rule(code_or_name: str) -> type[Rule] | None:
    """The rule with this code (`JIT101`) or name (`hoisted-augmentation`), or None."""
    return next((rule for rule in all_rules() if code_or_name in (rule.code, rule.name)), None)
