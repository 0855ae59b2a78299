"""`jitlint rule`, `jitlint rules` and `--show-settings`: the linter about itself."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from jitlint.config import Settings, find_settings, own_plugins
from jitlint.diagnostic import Confidence
from jitlint.errors import UsageError, nearest
from jitlint.plugins import plugins
from jitlint.report.records import json_text, rule_url
from jitlint.rules import Rule, all_rules, find_rule, is_own
from jitlint.terminal import is_colourful, is_terminal, say, width, write

__all__ = ["explain", "rule_page", "rules_table", "settings_lines"]

_SECTION = re.compile(r"^(\S[^:\n]*):$", re.MULTILINE)
_CODE_SECTIONS = ("Example", "Use instead")
FAMILIES = {"0": "the file", "1": "stale", "2": "absent", "3": "repeated", "4": "misplaced"}


def explain(arguments: Sequence[str]) -> int:
    """`rule CODE|NAME`, `rule ALL` or `rules`, each also with `--format json`; the exit status."""
    _load_plugins("--allow-plugins" in arguments)
    command, *rest = [word for word in arguments if word != "--allow-plugins"]
    words, as_json = _split(command, rest)
    if command == "rules" and words:
        raise UsageError(f"`jitlint rules` takes no arguments; did you mean `jitlint rule {words[0]}`?")
    if command == "rules" or [word.upper() for word in words] == ["ALL"]:
        write([json_text([_record(rule) for rule in all_rules()])]) if as_json else _show(rules_table())
        return 0
    if len(words) != 1:
        raise UsageError("`jitlint rule` takes one code or name; `jitlint rules` lists them")
    rule = _rule(words[0])
    write([json_text(_record(rule))]) if as_json else _show(rule_page(rule))
    return 0


def _load_plugins(is_allowed: bool) -> None:
    """Those of the user and, if that is allowed, of the project here; a broken configuration hides no rule."""
    try:
        plugins.begin(["."], is_allowed, own_plugins())
        if is_allowed:
            find_settings([Path.cwd()])  # names them
    except UsageError as error:
        say(f"jitlint: {error}")
    for line in plugins.problems:
        say(f"jitlint: {line}")


def _split(command: str, arguments: Sequence[str]) -> tuple[list[str], bool]:
    """The words, and whether `--format json` (or `--output-format json`) is among them."""
    words: list[str] = []
    chosen = "text"
    todo = list(arguments)
    while todo:
        word, _, value = todo.pop(0).partition("=")
        if word in ("--format", "--output-format"):
            chosen = value or (todo.pop(0) if todo else "")
            if chosen not in ("text", "json"):
                raise UsageError(f'`jitlint {command}`: unknown format "{chosen}"; choose text or json')
        elif word.startswith("-"):
            raise UsageError(f"`jitlint {command}`: unknown option `{word}`{nearest(word, ['--format'])}")
        else:
            words.append(word)
    return words, chosen == "json"


def _record(rule: type[Rule]) -> dict[str, object]:
    """A rule for programs: what its page says, by section."""
    summary, *sections = _SECTION.split(inspect.cleandoc(rule.__doc__ or ""))
    bodies = (inspect.cleandoc(body) for body in sections[1::2])
    return {
        "code": rule.code,
        "name": rule.name,
        "family": FAMILIES.get(rule.code[3], ""),
        "default": rule.default,
        "summary": " ".join(summary.split()),
        "sections": dict(zip(sections[::2], bodies, strict=True)),
        "url": rule_url(rule.code),
    }


def rule_page(rule: type[Rule]) -> str:
    """Everything about a rule, as Markdown: made from its docstring."""
    summary, *sections = _SECTION.split(inspect.cleandoc(rule.__doc__ or ""))
    parts = [f"# {rule.code} {rule.name}", summary.strip()]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        parts += [f"## {title}", _body(title, inspect.cleandoc(body))]
    off = "" if rule.default else f"\nOff by default: `--extend-select {rule.code}`."
    end = rule_url(rule.code) or f"A rule of the plugin {rule.__module__}."
    return "\n\n".join(parts) + f"\n\n{end}\n{off}"


def rules_table() -> str:
    """All rules as a Markdown table."""
    rows = ["| code | name | asks about | on | finds |", "|---|---|---|---|---|"]
    for rule in all_rules():
        first = inspect.cleandoc(rule.__doc__ or "").partition("\n")[0]
        family = FAMILIES.get(rule.code[3], "") if is_own(rule) else f"plugin {rule.__module__}"
        rows.append(f"| {rule.code} | {rule.name} | {family} | {'yes' if rule.default else 'no'} | {first} |")
    return "\n".join(rows)


def settings_lines(settings: Settings) -> Iterator[str]:
    """The settings as they hold, in the words of the configuration file."""
    yield f"# from {settings.origin or 'the defaults'}"
    for item in fields(settings):
        if item.name != "origin":
            yield f"{item.name.replace('_', '-')} = {_toml(getattr(settings, item.name))}"


def _rule(word: str) -> type[Rule]:
    """The rule of a code, with or without its letters, or of a name."""
    rule = find_rule(f"JIT{word}" if word.isdigit() else word.upper()) or find_rule(word.lower())
    if rule is None:
        valid = [name for item in all_rules() for name in (item.code, item.name)]
        raise UsageError(f"unknown rule `{word}`{nearest(word, valid)}")
    return rule


def _body(title: str, text: str) -> str:
    return f"```python\n{text}\n```" if title in _CODE_SECTIONS else text


def _toml(value: object) -> str:
    if isinstance(value, Confidence):
        return f'"{value.label}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    return '"default"' if value is None else f'"{value}"'


def _show(markdown: str) -> None:
    """Markdown as it is for pipes, and set for a terminal."""
    if not is_terminal(sys.stdout):
        write([markdown])
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(width=min(width(), 110), no_color=not is_colourful("auto"), highlight=False)
    console.print(Markdown(markdown, code_theme="ansi_dark"))
