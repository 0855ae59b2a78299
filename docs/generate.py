"""Write what the documentation takes from the rules: `python docs/generate.py`.

Every rule gets a page in docs/rules/, made from its docstring and from what its bug was measured to cost
(reference_model/results/prices.json), and the tables of rules in README.md and
docs/rules/README.md are filled. With `--check` nothing is written; the exit code is 1 when a page is out
of date.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

from jitlint.rules import Rule, all_rules

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "rules"
PRICES = ROOT / "reference_model" / "results" / "prices.json"
SECTIONS = ("What it finds", "Why it matters", "Example", "Use instead", "Fix", "Known limits")
CODE_SECTIONS = ("Example", "Use instead")
FAMILIES = {
    "JIT0": "About the run itself",
    "JIT1": "Stale: drawn once, used many times",
    "JIT2": "Absent: never applied",
    "JIT3": "Repeated: drawn again, but the same numbers",
    "JIT4": "Misplaced: applied where or how it should not be",
}
_HEADING = re.compile(rf"^({'|'.join(SECTIONS)}):$", re.MULTILINE)
_TABLE = re.compile(r"(?<=<!-- rules: written by docs/generate.py -->\n).*?(?=<!-- end of rules -->)", re.DOTALL)


def summary(rule: type[Rule]) -> str:
    """The first paragraph of the rule's docstring."""
    return " ".join(_HEADING.split(inspect.getdoc(rule) or "")[0].split())


def sections(rule: type[Rule]) -> dict[str, str]:
    """The sections of the rule's docstring by heading, in order."""
    parts = _HEADING.split(inspect.getdoc(rule) or "")[1:]
    bodies = (textwrap.dedent(body).strip("\n") for body in parts[1::2])
    return dict(zip(parts[::2], bodies, strict=True))


def page(rule: type[Rule]) -> str:
    """The rule's page as Markdown."""
    text = f"# {rule.code} {rule.name}\n\n{summary(rule)}\n"
    if not rule.default:
        text += f"\nThis rule is off unless it is selected: `jitlint --extend-select {rule.code}`.\n"
    for heading, body in sections(rule).items():
        text += f"\n## {heading}\n\n"
        text += f"```python\n{body}\n```\n" if heading in CODE_SECTIONS else f"{body}\n"
    return text + costs(rule.code)


def costs(code: str) -> str:
    """What the rule's bug cost in small real tasks, as a section; empty for a rule without a measurement."""
    rows = [row for row in json.loads(PRICES.read_text(encoding="utf-8"))["rows"] if code in row["rules"]]
    if not rows:
        return ""
    lines = [
        f"| {row['task']}: {row['metric']} | {row['dose']} | {price(row)} | {row['interval_over']} |\n" for row in rows
    ]
    return (
        "\n## What it costs\n\n"
        "How much worse than the right way the bug was in small tasks, with a 95 % interval. Another task has another\n"
        "price; [the report](../../reference_model/results/report.md) says what each was measured on.\n\n"
        f"| task | bug | price | interval over |\n|---|---|---|---|\n{''.join(lines)}"
    )


def price(row: dict[str, Any]) -> str:
    """The price of a dose and its interval, and what that means where it is not a cost."""
    said = f"{row['price']:.2f} [{row['low']:.2f}, {row['high']:.2f}] {row['unit']}"
    return said if row["reading"] == "cost" else f"{row['reading']}: {said}"


def table(folder: str) -> str:
    """All rules by family, as Markdown; `folder` leads from the page with the table to the pages of the rules."""
    text = ""
    for prefix, family in FAMILIES.items():
        rules = [rule for rule in all_rules() if rule.code.startswith(prefix)]
        if rules:
            text += f"\n**{family}**\n\n| code | name | finds |\n|---|---|---|\n"
            text += "".join(
                f"| [{rule.code}]({folder}{rule.code}.md) | {rule.name} | {summary(rule)} |\n" for rule in rules
            )
    return f"{text}\n"


def documents() -> dict[Path, str]:
    """Every generated file and its text."""
    readme, index = ROOT / "README.md", PAGES / "README.md"
    found = {PAGES / f"{rule.code}.md": page(rule) for rule in all_rules()}
    found[readme] = _TABLE.sub(lambda _: table("docs/rules/"), readme.read_text(encoding="utf-8"))
    found[index] = f"# Rules\n{table('')}".rstrip("\n") + "\n"
    return found


def outdated() -> list[Path]:
    """Generated files that differ from what the rules say now, and pages of rules that are gone."""
    current = documents()
    changed = [path for path, text in current.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    return changed + [path for path in PAGES.glob("*.md") if path not in current]


def main() -> None:
    old = outdated()
    if "--check" in sys.argv[1:]:
        sys.exit("\n".join(f"out of date: {path.relative_to(ROOT)}" for path in old) or 0)
    current = documents()
    PAGES.mkdir(exist_ok=True)
    for path in old:
        if path in current:
            path.write_text(current[path], encoding="utf-8")
        else:
            path.unlink()
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
