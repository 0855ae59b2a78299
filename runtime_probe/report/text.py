"""The report as plain text, and as rich renderables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runtime_probe.findings import Finding, Judged, SeriesReport, describe_values
from runtime_probe.timeline import Batch, Timeline
from runtime_probe.verdict import ADVICE, is_violation

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

CELLS = 72  # batches drawn in the strip


def to_text(report: Judged) -> str:
    """Plain text: the verdict first, then why, where, what to do, and the timeline."""
    return "\n".join(_lines(report))


def _lines(report: Judged) -> Iterator[str]:
    yield f"runtime_probe: {headline(report)}"
    yield f"  {report.conclusion.sentence} ({evidence(report)})"
    for line in report.conclusion.undecided:
        yield f"  not decided: {line}"
    for finding in report.findings:
        if finding.family is None and finding.word is not report.verdict:
            yield property_line(finding)
            continue
        yield ""
        yield from finding.message.splitlines()
    if report.main is not None:
        yield ""
        yield from _series_lines(report)
    if report.ranks:
        yield f"ranks: {report.ranks}"
    yield from (f"note: {note}" for note in report.notes)


def property_line(finding: Finding) -> str:
    """One line for a flag that is no violation."""
    advice = finding.advice
    codes = f" (jitlint {', '.join(advice.codes)})" if advice.codes else ""
    return f"{finding.word.value}: {advice.meaning}; {advice.remedy}{codes}"


def headline(report: Judged) -> str:
    """Verdict and flags, such as `CYCLING(3) + DRIFT`; then in words, with the stream that it is about."""
    words = " + ".join([str(report.conclusion), *sorted(flag.value for flag in report.flags)])
    worst = report.headline
    return words if worst is None else f"{words}: {worst.argument}: {worst.advice.meaning}"


def so_far(report: Judged) -> str:
    """One line on a run that goes on."""
    return f"{evidence(report)} so far: {headline(report)}"


def evidence(report: Judged) -> str:
    """How much was seen."""
    conclusion = report.conclusion
    text = _plural(conclusion.batches, "batch", "batches")
    if report.main is None or report.main.timeline.epochs_known:
        text += f", {_plural(conclusion.epochs, 'epoch', 'epochs')}"
    return text + (f"; borders from {report.main.borders}" if report.main is not None else "")


def _plural(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _series_lines(report: Judged) -> Iterator[str]:
    for series in (*report.series, *report.inputs):
        kind = "" if series.is_coordinates else " (input)"
        verdict = f": {series.conclusion}" if series.is_coordinates else ""
        yield f"{series.argument}{kind} {describe_values(series)}{verdict}, {series.forwards} forwards"
        yield f"  {strip(series.timeline)}"
    yield "  # new values, = seen before, | epoch border"


def strip(timeline: Timeline) -> str:
    """One cell a batch: `#` new, `=` seen before, `|` where an epoch begins, `...` where batches are left out."""
    return "".join(_cells(timeline))


def _cells(timeline: Timeline) -> Iterator[str]:
    epoch = None
    for batch in shown(timeline):
        if batch is None:
            yield " ... "
            continue
        if epoch is not None and batch.epoch != epoch:
            yield "|"
        epoch = batch.epoch
        yield "=" if batch.seen_before else "#"


def shown(timeline: Timeline) -> list[Batch | None]:
    """The batches to draw: all, or the first and last ones with None between."""
    if timeline.counters.batches <= CELLS:
        return [*timeline.head, *timeline.tail]
    half = CELLS // 2
    return [*timeline.head[:half], None, *(*timeline.head, *timeline.tail)[-half:]]


def to_rich(report: Judged) -> Group:
    """The same for a terminal: coloured headline, findings in panels, a table and coloured strips."""
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    colour = "red" if report.violations else ("yellow" if report.conclusion.batches < 2 else "green")
    head = Text.assemble(("runtime_probe: ", "bold"), (headline(report), f"bold {colour}"))
    parts: list[object] = [head, Text(f"{report.conclusion.sentence} ({evidence(report)})")]
    parts += [Text(f"not decided: {line}", style="yellow") for line in report.conclusion.undecided]
    for finding in report.findings:
        if finding.family is None and finding.word is not report.verdict:
            parts.append(Text(property_line(finding), style="dim"))
            continue
        style = "red" if is_violation(finding.word) else "dim"
        title, _, body = finding.message.partition("\n")
        parts.append(Panel(Text(body), title=Text(title), title_align="left", border_style=style))
    parts += [_table(report), *(_coloured(series) for series in (*report.series, *report.inputs))]
    parts += [Text(f"note: {note}", style="dim") for note in report.notes]
    return Group(*parts)  # type: ignore[arg-type]


def _table(report: Judged) -> object:
    from rich.table import Table

    table = Table("argument", "phase", "values", "verdict", "batches", "epochs", "forwards")
    for series in (*report.series, *report.inputs):
        conclusion = series.conclusion
        table.add_row(
            series.argument, series.phase, describe_values(series), str(conclusion),
            str(conclusion.batches), str(conclusion.epochs), str(series.forwards),
        )  # fmt: skip
    return table


def _coloured(series: SeriesReport) -> Text:
    from rich.text import Text

    colours = {"#": "on green", "=": "on red"}
    text = Text()
    for cell in _cells(series.timeline):
        text.append(" " if cell in colours else cell, style=colours.get(cell, "bold"))
    meaning = f"{ADVICE[series.conclusion.verdict].meaning}; " if series.is_coordinates else ""
    return text.append(f"  {series.argument}: {meaning}green new, red seen before")
