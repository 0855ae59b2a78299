"""What the probe has to say, as frozen data: findings, streams, and the result that reports are printed from."""

from __future__ import annotations

import html
from dataclasses import dataclass

from runtime_probe.geometry import Geometry
from runtime_probe.source_hints import Hint
from runtime_probe.timeline import Timeline
from runtime_probe.traces import Draw, ProvenanceReport
from runtime_probe.verdict import ADVICE, Advice, Conclusion, Family, Flag, Verdict


@dataclass(frozen=True)
class Finding:
    """One verdict or flag about one stream. `family` is None when it is no violation.

    `closer` is what to do in this very case, where more is known than the word says.
    """

    word: Verdict | Flag
    argument: str
    sentence: str
    values: str
    where: tuple[str, ...] = ()
    closer: Advice | None = None

    @property
    def advice(self) -> Advice:
        """What it means and what to do."""
        return self.closer or ADVICE[self.word]

    @property
    def family(self) -> Family | None:
        """stale, absent, repeated, misplaced, or None."""
        return self.advice.family

    @property
    def message(self) -> str:
        """What, which argument, the values seen, what to do, and the linter's codes, in this order."""
        advice = self.advice
        lines = [f"{self.word.value}: {advice.meaning}", f"  argument: {self.argument}", f"  seen: {self.sentence}"]
        lines += [f"  values: {self.values}"] if self.values else []
        lines += [f"  where: {place}" for place in self.where]
        lines += [f"  to do: {advice.remedy}"] if advice.remedy else []
        lines += [f"  find it in the source: jitlint --select {','.join(advice.codes)}"] if advice.codes else []
        return "\n".join(lines)


@dataclass(frozen=True)
class SeriesReport:
    """One stream in one shape, type and phase. `is_coordinates`: else another input of a network."""

    argument: str
    shape: tuple[int, ...]
    dtype: str
    phase: str
    conclusion: Conclusion
    geometry: Geometry | None
    timeline: Timeline
    forwards: int
    borders: str
    flags: frozenset[Flag] = frozenset()
    noise_inside: Draw | None = None  # what the model itself draws and adds to the argument
    provenance: ProvenanceReport | None = None
    is_coordinates: bool = True
    loaded: bool = False


def describe_values(report: SeriesReport) -> str:
    """Shape, range, lattice and jitter of a series in one line."""
    geometry = report.geometry
    text = f"{report.dtype} {report.shape}" if report.shape else f"{report.dtype}, varying shapes"
    if geometry is None:
        return text
    text += f" in [{geometry.low:.4g}, {geometry.high:.4g}]"
    if geometry.grid is not None:
        text += f"; {geometry.grid}"
    if geometry.clean:
        return text + "; std 0"
    if geometry.std is not None and geometry.std_pixels is not None:
        return text + f"; std {geometry.std:.4g} = {geometry.std_pixels:.2f} px"
    return text + "; the lattice under the jitter was not recognised, so its std is unknown"


@dataclass(frozen=True)
class Judged:
    """The fields of a `Report`: everything that its printed forms are made from.

    `verdict` and `conclusion` are those of the worst certain thing; `headline` is the finding that says it, None if
    nothing was seen. `main` is the stream that the verdict is about, or the most telling one. `inputs` are the other
    inputs of the networks.
    """

    verdict: Verdict
    conclusion: Conclusion
    flags: frozenset[Flag]
    findings: tuple[Finding, ...]
    series: tuple[SeriesReport, ...]
    inputs: tuple[SeriesReport, ...] = ()
    headline: Finding | None = None
    provenance: ProvenanceReport | None = None
    hints: tuple[Hint, ...] = ()
    notes: tuple[str, ...] = ()
    ranks: str = ""
    loaders: tuple[LoaderReport, ...] = ()

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings that are stale, absent, repeated or misplaced randomness."""
        return tuple(finding for finding in self.findings if finding.family is not None)

    @property
    def main(self) -> SeriesReport | None:
        """The most telling stream of coordinates, or else of other inputs."""
        return next(iter((*self.series, *self.inputs)), None)


@dataclass(frozen=True, repr=False)
class LoaderReport:
    """The verdict on a loader. FRESH: the same sample differs from epoch to epoch. CYCLING: randomness is drawn,
    but epochs repeat it. FROZEN: no randomness at all. INCONCLUSIVE: less than two epochs of one sample.

    `same_across_workers` and `same_every_epoch` are the two columns of the truth table; None when unknown. `draws`
    are the generators that samples were drawn from and the seeds set on the way; `seeded_by_index` says that each
    sample has a seed of its own, as synthetic data sets do.
    """

    verdict: Verdict
    flags: frozenset[Flag]
    findings: tuple[Finding, ...]
    same_across_workers: bool | None
    same_every_epoch: bool | None
    epochs: int
    samples: int
    name: str = "the loader"
    draws: tuple[str, ...] = ()
    seeded_by_index: bool = False
    evaluation: bool = False

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings that are stale, absent, repeated or misplaced randomness."""
        return tuple(finding for finding in self.findings if finding.family is not None)

    @property
    def headline(self) -> str:
        """The verdict and the flags, and how much was seen."""
        words = " + ".join([self.verdict.value, *sorted(flag.value for flag in self.flags)])
        return f"{words} ({self.samples} samples compared, {self.epochs} epochs)"

    def __repr__(self) -> str:
        return f"<LoaderReport {self.headline}>"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return f"<pre>{html.escape(str(self))}</pre>"

    def __str__(self) -> str:
        lines = [f"runtime_probe: loader {self.headline}"]
        answer = {True: "yes", False: "no", None: "unknown"}
        lines.append(f"  same across workers: {answer[self.same_across_workers]}")
        lines.append(f"  same every epoch: {answer[self.same_every_epoch]}")
        return "\n".join([*lines, *(finding.message for finding in self.findings)])
