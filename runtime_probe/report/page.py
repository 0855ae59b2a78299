"""The report as one self-contained HTML page: no scripts, no requests."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from runtime_probe.findings import Finding, Judged, SeriesReport, describe_values
from runtime_probe.report.text import evidence, headline, shown
from runtime_probe.sites import Site
from runtime_probe.verdict import is_violation

CELL = 12  # pixels of the page for one batch in the strip
SCATTER = 260  # pixels of the page for the scatter's side
CONTEXT = 3  # source lines around a named line

_STYLE = """
:root { --bad: #b3261e; --good: #1a7f37; --dim: #667; --line: #d9dce3; --card: #fff }
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2130; background: #f5f6f9; margin: 0 }
main { max-width: 960px; margin: 0 auto; padding: 32px 20px 60px }
h1 { font-size: 26px; margin: 0 0 4px } h2 { font-size: 17px; margin: 0 0 8px }
.bad { color: var(--bad) } .good { color: var(--good) } .open { color: #8a6100 } .dim { color: var(--dim) }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px }
section { padding: 16px 18px; margin: 16px 0 }
section.violation { border-left: 5px solid var(--bad) }
dl { display: grid; grid-template-columns: 110px 1fr; gap: 2px 12px; margin: 0 } dt { color: var(--dim) }
dd { margin: 0; overflow-wrap: anywhere } code, pre { font: 13px/1.5 ui-monospace, monospace }
pre { background: #f5f6f9; border-radius: 6px; padding: 8px 0; overflow-x: auto; margin: 8px 0 0 }
pre span { display: block; padding: 0 12px; white-space: pre } pre .hit { background: #ffe9e7; font-weight: 600 }
svg { max-width: 100%; height: auto; display: block }
"""


def to_html(report: Judged) -> str:
    """The whole page as text."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Judged) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>runtime_probe: {escape(headline(report))}</title><style>{_STYLE}</style></head><body><main>"
    kind = "bad" if report.violations else ("open" if report.conclusion.batches < 2 else "good")
    yield f'<h1 class="{kind}">{escape(headline(report))}</h1>'
    yield f'<p>{escape(report.conclusion.sentence)} <span class="dim">({escape(evidence(report))})</span></p>'
    yield from (f'<p class="open">Not decided: {escape(line)}</p>' for line in report.conclusion.undecided)
    for series in (*report.series, *report.inputs):
        yield from _series(series)
    for finding in report.findings:
        yield from _finding(finding)
    yield from _frames(report)
    if report.notes or report.ranks:
        yield from _notes(report)
    yield "</main></body></html>"


def _series(series: SeriesReport) -> Iterator[str]:
    title = f": {series.conclusion}" if series.is_coordinates else ", an input"
    yield f"<section><h2>{escape(series.argument)}{escape(title)}</h2>"
    summary = f"{describe_values(series)}; {series.phase}, {series.forwards} forwards"
    yield f'<p class="dim">{escape(summary)}</p>'
    yield _strip(series)
    yield '<p class="dim">One cell a batch: green new, red seen before; gaps are epoch borders.</p>'
    if series.geometry is not None and series.geometry.scatter and series.geometry.std_pixels:
        yield _scatter(series.geometry.scatter, series.geometry.std_pixels)
    yield "</section>"


def _strip(series: SeriesReport) -> str:
    """An SVG with one cell a batch."""
    cells, x, epoch = [], 0, None
    for batch in shown(series.timeline):
        if batch is None:
            cells.append(f'<text x="{x + 2}" y="18" font-size="14">…</text>')
            x, epoch = x + 18, None
            continue
        x += 8 if epoch is not None and batch.epoch != epoch else 0
        epoch = batch.epoch
        colour, word = ("#d64541", "seen before") if batch.seen_before else ("#2e9e5b", "new")
        title = f"<title>epoch {batch.epoch}, batch {batch.index}: {word}</title>"
        cells.append(f'<rect x="{x}" y="2" width="{CELL - 2}" height="22" rx="2" fill="{colour}">{title}</rect>')
        x += CELL
    return f'<svg width="{x}" height="26" viewBox="0 0 {x} 26" role="img" aria-label="timeline">{"".join(cells)}</svg>'


def _scatter(points: tuple[tuple[float, float], ...], std: float) -> str:
    """An SVG of deviations from the lattice in pixel units, inside the pixel they belong to."""
    reach = max(0.6, *(abs(value) for point in points for value in point)) * 1.05
    scale, middle = SCATTER / 2 / reach, SCATTER / 2
    half = 0.5 * scale
    dots = "".join(
        f'<circle cx="{middle + x * scale:.1f}" cy="{middle + y * scale:.1f}" r="2" fill="#3056d3" fill-opacity=".55"/>'
        for x, y in points
    )
    pixel = f'<rect x="{middle - half:.1f}" y="{middle - half:.1f}" width="{2 * half:.1f}" height="{2 * half:.1f}"'
    ring = f'<circle cx="{middle}" cy="{middle}" r="{std * scale:.1f}" fill="none" stroke="#b3261e"/>'
    return (
        f'<svg width="{SCATTER}" height="{SCATTER}" viewBox="0 0 {SCATTER} {SCATTER}" role="img" '
        f'aria-label="jitter in pixels">{pixel} fill="#eef1f8" stroke="#99a"/>{dots}{ring}</svg>'
        f'<p class="dim">Jitter in pixel units: the square is one pixel, the red circle one standard deviation '
        f"({std:.2f} px).</p>"
    )


def _finding(finding: Finding) -> Iterator[str]:
    advice = finding.advice
    kind = ' class="violation"' if is_violation(finding.word) else ""
    yield f"<section{kind}><h2>{escape(finding.word.value)}: {escape(advice.meaning)}</h2><dl>"
    rows = [("argument", finding.argument), ("seen", finding.sentence), ("values", finding.values)]
    rows += [("where", place) for place in finding.where]
    rows += [
        ("to do", advice.remedy),
        ("find it with", f"jitlint --select {','.join(advice.codes)}" * bool(advice.codes)),
    ]
    yield from (f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in rows if value)
    yield "</dl></section>"


def _frames(report: Judged) -> Iterator[str]:
    """The source around the lines that drew, or would have."""
    sites = [hint.site for hint in report.hints]
    if report.provenance is not None:
        sites += [site for source in report.provenance.sources for site in (source.site, source.caller) if site]
        sites += [report.provenance.call] if report.provenance.call else []
    for site in dict.fromkeys(sites):
        lines = list(_source_lines(site))
        if lines:
            yield f"<section><h2>{escape(str(site))} in {escape(site.function)}</h2>"
            yield f"<pre>{''.join(lines)}</pre></section>"


def _source_lines(site: Site) -> Iterator[str]:
    try:
        lines = Path(site.file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for number in range(max(1, site.line - CONTEXT), min(len(lines), site.line + CONTEXT) + 1):
        hit = ' class="hit"' if number == site.line else ""
        yield f"<span{hit}>{number:4d}  {escape(lines[number - 1])}</span>"


def _notes(report: Judged) -> Iterator[str]:
    yield "<section><h2>Notes</h2><ul>"
    yield from (f"<li>{escape(note)}</li>" for note in (*([report.ranks] if report.ranks else []), *report.notes))
    yield "</ul></section>"
