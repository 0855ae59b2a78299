"""The report as one HTML page without scripts, fonts or files of its own."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from reference_model.report.figures import Figure
from reference_model.report.results import Results
from reference_model.report.text import (
    CLAIM_HEAD,
    CLAIM_PARTS,
    INTRODUCTION,
    claim_row,
    command,
    failures,
    methods,
    table,
)

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1b; --paper: #fff; --line: #d5d5d5; --soft: #f4f4f4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #161616; --line: #444; --soft: #222; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.5rem; }
p { max-width: 46rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 600; } td + td { white-space: nowrap; } .words td { white-space: normal; }
.reference td { font-style: italic; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; margin: 1rem 0; }
figure { margin: 0; flex: 0 1 28rem; min-width: 0; } figure.wide { flex: 1 1 100%; }
figure img { width: 100%; height: auto; border-radius: 4px; } figure.wide img { max-width: 60rem; }
figcaption { font-size: .85rem; }
code { background: var(--soft); padding: .15rem .35rem; border-radius: 3px; font-size: .85rem;
  overflow-wrap: anywhere; }
.words td.verdict { font-weight: 600; white-space: nowrap; }
.supported::before { content: "✓ "; } .refuted::before { content: "✗ "; } .undecided::before { content: "? "; }
.unmeasured::before { content: "– "; } .not-testable::before { content: "∅ "; }
@media (max-width: 40rem) {
  .claims thead { display: none; }
  .claims tr { display: block; padding: .6rem 0; border-bottom: 1px solid var(--line); }
  .claims td { display: block; border: 0; padding: .1rem 0; } .claims td:first-child { font-weight: 600; }
}
"""


def page(results: Results, figures: Mapping[str, Sequence[Figure]]) -> str:
    """The whole page."""
    body = [
        "<h1>What missing jitter costs, measured</h1>",
        f"<p>{escape(INTRODUCTION)}</p>",
        *(_claims(results, own, heading) for own, heading in CLAIM_PARTS),
        *(_experiment(results, name, figures[name]) for name in results.experiments),
        *_unfinished(results),
        "<h2 id=methods>Methods</h2>",
        _table(["", ""], [list(pair) for pair in methods(results)], "words"),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>What missing jitter costs</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _claims(results: Results, own: bool, heading: str) -> str:
    rows = []
    for name in results.experiments:
        for verdict in results.verdicts(name):
            if verdict.claim.own != own:
                continue
            *cells, word = claim_row(verdict)
            cells[1] = f"{cells[1]} · {name}"
            rows.append(
                "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
                + f'<td class="verdict {word.replace(" ", "-")}">{word}</td></tr>'
            )  # fmt: skip
    head = "".join(f"<th>{escape(cell)}</th>" for cell in CLAIM_HEAD)
    body = "\n".join(rows)
    if not rows:
        return ""
    title = f"<h2 id={'further' if own else 'claims'}>{escape(heading)}</h2>\n"
    return (
        title + f'<div class="scroll"><table class="words claims"><thead><tr>{head}</tr></thead>\n{body}</table></div>'
    )


def _experiment(results: Results, name: str, figures: Sequence[Figure]) -> str:
    drawn = "\n".join(_figure(figure) for figure in figures)
    return (
        f'<h2 id="{escape(name)}">{escape(name.replace("_", " "))}</h2>\n'
        f"<p>{escape(results.experiments[name].question)}</p>\n"
        f'<div class="figures">{drawn}</div>\n{_table(*table(results, name))}\n'
        f"<p>Again: <code>{escape(command(results, name))}</code></p>"
    )


def _figure(figure: Figure) -> str:
    data = base64.b64encode(figure.png).decode()
    wide = ' class="wide"' if figure.wide else ""
    return (
        f'<figure{wide}><img alt="{escape(figure.caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(figure.caption)}</figcaption></figure>"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "") -> str:
    def line(cells: Sequence[str]) -> str:
        reference = ' class="reference"' if len(cells) > 2 and not cells[1] else ""
        return f"<tr{reference}>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"

    heading = (
        "<thead><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr></thead>" if any(head) else ""
    )
    body = "\n".join(line(row) for row in rows)
    return f'<div class="scroll"><table class="{kind}">{heading}\n{body}</table></div>'


def _unfinished(results: Results) -> list[str]:
    said = failures(results)
    if not said:
        return []
    items = "".join(f"<li>{escape(line)}</li>" for line in said)
    return ["<h2 id=unfinished>Not finished</h2>", f"<ul>{items}</ul>"]
