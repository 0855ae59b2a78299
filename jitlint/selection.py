"""Which rules a run reports, from `select`, `extend-select` and `ignore`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from jitlint.errors import UsageError, nearest
from jitlint.plugins import plugins
from jitlint.rules import Rule, all_rules

if TYPE_CHECKING:
    from jitlint.config import Settings

__all__ = ["ALL", "check_selector", "codes_of", "enabled_codes"]

ALL = "ALL"
UNREADABLE = "JIT000"


def check_selector(selector: str, where: str) -> str:
    """`selector` as it is compared: a code, a prefix of one, a rule's name, or `ALL`."""
    for spelled in (selector.upper(), selector.lower()):
        if codes_of(spelled):
            return spelled
    if plugins.refused or plugins.problems:
        return selector  # of a rule that was not loaded, which is said
    valid = [word for rule in all_rules() for word in (rule.code, rule.name)]
    raise UsageError(f"{where}: unknown rule `{selector}`{nearest(selector, [*valid, ALL])}")


def codes_of(selector: str) -> frozenset[str]:
    """The codes that a selector means."""
    return frozenset(rule.code for rule in all_rules() if _weight(selector, rule))


def enabled_codes(settings: Settings) -> frozenset[str]:
    """The codes that a run reports. The most specific selector decides; of two alike, `ignore` does.

    An unreadable file is reported whatever is selected, unless `ignore` names its code: silence about a
    file that was not read would read as "clean".
    """
    return frozenset(rule.code for rule in all_rules() if _is_enabled(rule, settings))


def _is_enabled(rule: type[Rule], settings: Settings) -> bool:
    ignored = _best(settings.ignore, rule)
    selected = _best(settings.extend_select, rule)
    if settings.select is not None:
        selected = max(selected, _best(settings.select, rule))
    elif rule.default:
        selected = max(selected, 1)
    if rule.code == UNREADABLE:
        return ignored < len(UNREADABLE)
    return selected > ignored


def _best(selectors: Iterable[str], rule: type[Rule]) -> int:
    return max((_weight(selector, rule) for selector in selectors), default=0)


def _weight(selector: str, rule: type[Rule]) -> int:
    """How specific a selector is for a rule; 0 if it does not mean it."""
    if selector == ALL:
        return 1
    if selector == rule.name:
        return len(rule.code)
    return len(selector) if rule.code.startswith(selector) else 0
