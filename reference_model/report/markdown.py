"""The report as Markdown, for the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def markdown(results: Results, figures: Mapping[str, Sequence[Figure]]) -> str:
    """The whole report; figures are links to `figures/NAME-NUMBER.png`."""
    parts = ["# What missing jitter costs", INTRODUCTION]
    for own, heading in CLAIM_PARTS:
        verdicts = [verdict for name in results.experiments for verdict in results.verdicts(name)]
        rows = [claim_row(verdict) for verdict in verdicts if verdict.claim.own == own]
        parts += [f"## {heading}", _table(CLAIM_HEAD, rows)] if rows else []
    for name, experiment in results.experiments.items():
        parts += [f"## {name}", experiment.question, f"    {command(results, name)}"]
        parts += [f"![{figure.caption}](figures/{name}-{k}.png)" for k, figure in enumerate(figures[name], 1)]
        parts.append(_table(*table(results, name)))
    said = failures(results)
    if said:
        parts += ["## Not finished", "\n".join(f"* {line}" for line in said)]
    parts += ["## Methods", _table(["", ""], [list(pair) for pair in methods(results)])]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
