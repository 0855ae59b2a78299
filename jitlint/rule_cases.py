"""`jitlint test MODULE` or `jitlint test CODE`: run the cases of a plugin's rules, or of one rule."""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from jitlint.cache import Cache
from jitlint.config import Settings
from jitlint.diagnostic import Confidence
from jitlint.engine import Report, Run, lint
from jitlint.errors import UsageError
from jitlint.files import discover
from jitlint.plugins import plugins, rules_of
from jitlint.rules import Rule, find_rule
from jitlint.terminal import write
from jitlint.workers import Workers

__all__ = ["test_rules"]

_FILE = re.compile(r"^# file: (\S+)\n", re.MULTILINE)


class _Case(NamedTuple):
    """A program of a rule, and whether the rule has to find something in it."""

    rule: type[Rule]
    kind: str  # "VALID" or "INVALID"
    number: int
    text: str


def test_rules(modules: Sequence[str]) -> int:
    """Run every case of every rule in the modules, tell, and return 1 if one went wrong."""
    if not modules:
        raise UsageError("`jitlint test` takes the modules of a plugin, such as mypkg.rules, or the code of a rule")
    cases = [case for module in modules for rule in _rules(module) for case in _cases(rule)]
    if not cases:
        raise UsageError(f"{', '.join(modules)}: no rule with VALID or INVALID cases")
    failed = [case for case in cases if (reason := _run(case)) and _tell(case, reason)]
    number = len({case.rule for case in cases})
    result = f"{len(failed)} failed" if failed else "all passed"
    write([f"{number} rule{'s' * (number != 1)}, {len(cases)} cases: {result}."])
    return int(bool(failed))


def _rules(name: str) -> list[type[Rule]]:
    """One of the rules here, by its code; or those of a module, which may lie in the current directory."""
    rule = find_rule(name)
    if rule is not None:
        return [rule]
    sys.path.insert(0, str(Path.cwd()))
    plugins.begin([], True, {})
    plugins.name([name], Path.cwd() / "-")
    if plugins.problems:
        raise UsageError("; ".join(plugins.problems))
    rules = rules_of(importlib.import_module(name))
    if not rules:
        raise UsageError(f"{name} defines no rule: a subclass of jitlint.rules.Rule")
    return [rule for rule in rules if find_rule(rule.code) is rule]


def _cases(rule: type[Rule]) -> Iterator[_Case]:
    for kind in ("VALID", "INVALID"):
        for number, text in enumerate(getattr(rule, kind, ()), start=1):
            yield _Case(rule, kind, number, text)


def _run(case: _Case) -> str:
    """What is wrong with a case; an empty text if nothing is."""
    with tempfile.TemporaryDirectory(prefix="jitlint-") as folder:
        _write(case.text, Path(folder))
        report = _lint(Path(folder), case.rule)
    if report.problems:
        return "; ".join(report.problems)
    unreadable = next((item for item in report.diagnostics if item.code == "JIT000"), None)
    if unreadable is not None:
        return f"not Python: line {unreadable.location.line}: {unreadable.message}"
    found = [item for item in report.diagnostics if item.code == case.rule.code]
    if case.kind == "INVALID":
        return "" if found else "nothing was found"
    return f"found at line {found[0].location.line}: {found[0].message}" if found else ""


def _lint(folder: Path, rule: type[Rule]) -> Report:
    loaded = tuple(plugins.loaded.values())
    settings = Settings(select=(rule.code,), confidence=Confidence.LOW, plugins=loaded, root=folder)
    found = discover([str(folder)], settings)
    return lint(found.files, Run(settings, Cache(), Workers(1), str(folder)))


def _write(text: str, folder: Path) -> None:
    """The files of a case: a line `# file: NAME` begins another one; the first is called train.py."""
    first, *others = _FILE.split(text)
    files = {"train.py": first} if first.strip() or not others else {}
    for name, content in (files | dict(zip(others[::2], others[1::2], strict=True))).items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"a case names the file {name}, which lies outside of it")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def _tell(case: _Case, reason: str) -> bool:
    lines = [f"    {line}" for line in case.text.strip("\n").split("\n")]
    write([f"{case.rule.code} {case.rule.name}: {case.kind} {case.number}: {reason}", *lines])
    return True
