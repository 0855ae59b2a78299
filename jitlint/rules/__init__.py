"""The rules, one file each. A rule is found by its file: `jitNNN_name.py` holds one class `Rule`."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Sequence

from jitlint.rules.base import Rule

__all__ = ["Rule", "add_rules", "all_rules", "find_rule", "is_own"]

_added: dict[str, Sequence[type[Rule]]] = {}  # by the plugin that they come from


@functools.cache
def all_rules() -> tuple[type[Rule], ...]:
    """Every rule, sorted by code."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name.startswith("jit"))
    own = [importlib.import_module(f"{__name__}.{name}").rule for name in names]
    return (*own, *sorted((rule for rules in _added.values() for rule in rules), key=lambda rule: rule.code))


def add_rules(plugin: str, rules: Sequence[type[Rule]]) -> None:
    """Let the rules of a plugin be rules of this process."""
    _added[plugin] = rules
    all_rules.cache_clear()


def is_own(rule: type[Rule]) -> bool:
    """Whether a rule is one of these, and no plugin's."""
    return rule.__module__.startswith(f"{__name__}.")


def find_rule(code_or_name: str) -> type[Rule] | None:
    """The rule with this code (`JIT101`) or name (`hoisted-augmentation`), or None."""
    return next((rule for rule in all_rules() if code_or_name in (rule.code, rule.name)), None)
