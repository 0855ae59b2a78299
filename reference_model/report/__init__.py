"""The report: one page and its Markdown, every number made from rows."""

from __future__ import annotations

from pathlib import Path

from reference_model.fitted import law
from reference_model.prices import table
from reference_model.report.blocks import pictures_of, to_html, to_markdown
from reference_model.report.content import TITLE, blocks
from reference_model.report.facts import Facts, gather


def write_report(folder: Path, out: Path) -> Facts:
    """Write report.html, report.md, figures/, law.json and prices.json of the rows in `folder` to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    facts = gather(folder)
    if facts.law is not None:
        law.write(facts.law, out / "law.json")
    if facts.prices:
        table.write(facts.prices, out / "prices.json")
    content = blocks(facts)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    for picture in pictures_of(content):
        (out / "figures" / f"{picture.name}.png").write_bytes(picture.png)
    (out / "report.html").write_text(to_html(TITLE, content), encoding="utf-8")
    (out / "report.md").write_text(to_markdown(TITLE, content), encoding="utf-8")
    return facts
