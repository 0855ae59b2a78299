"""The figures, one panel each, so that they can stand side by side or below each other on a narrow screen."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
import numpy.typing as npt
from matplotlib import pyplot
from matplotlib.axes import Axes

from reference_model.evaluate import LARGE, NYQUIST, SHIFTS, SIZE, Curve
from reference_model.report.results import METRIC_NAMES, Arm, Results

# Okabe and Ito's palette, which people with any kind of colour vision can tell apart; markers and lines differ too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D1F")
MARKERS = "osD^vP*X"
LINES = ("-", "--", "-.", ":", "-", "--", "-.", ":")
REFERENCE_COLOUR = "#666666"
REFERENCES = ("bicubic", "oracle 0.32 px")
WIDTH = 4.4  # inches; about the width of a telephone, so that text keeps its size there
Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Figure:
    """A drawn figure and what it shows, in one sentence. `wide` ones take the whole width of the page."""

    png: bytes
    caption: str
    wide: bool = False


def figures_of(results: Results, name: str) -> list[Figure]:
    """All figures of an experiment."""
    return DRAWN[results.experiments[name].figure](results, name)


def _axes(height: float = 3.2) -> Axes:
    figure, axes = pyplot.subplots(figsize=(WIDTH, height), layout="constrained")
    figure.patch.set_facecolor("white")
    axes.grid(alpha=0.25)
    axes.tick_params(labelsize=8)
    return axes


def _finish(axes: Axes, caption: str, *, legend: bool = True, wide: bool = False) -> Figure:
    if legend and axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7, framealpha=0.9)
    return Figure(_png(axes), caption, wide)


def _png(axes: Axes) -> bytes:
    contents = io.BytesIO()
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(contents, format="png", dpi=160, metadata={"Software": None})
    pyplot.close("all")
    return contents.getvalue()


def _bars(results: Results, name: str) -> list[Figure]:
    """Mean and interval of each arm for the first metrics of the table."""
    drawn = (_dots(results, name, metric) for metric in results.experiments[name].metrics[:3])
    return [figure for figure in drawn if figure is not None]


def _dots(results: Results, name: str, metric: str) -> Figure | None:
    arms = [arm for arm in results.arms(name) if arm.interval(metric)]
    if not arms:
        return None
    axes = _axes(1.1 + 0.3 * len(arms))
    for place, arm in enumerate(arms):
        measured = arm.interval(metric)
        assert measured is not None
        half = 0.0 if measured.count < 2 else measured.half
        axes.errorbar(
            measured.mean, place, xerr=half, fmt=MARKERS[place % 8], color=COLOURS[place % 8], capsize=3, ms=5
        )
    low, high = axes.get_xlim()
    for reference, line in zip(REFERENCES, ("--", ":"), strict=True):
        known = results.reference(name, reference)
        value = known.interval(metric) if known else None
        if value and low - (high - low) <= value.mean <= high + (high - low):  # far ones would squeeze the arms
            axes.axvline(value.mean, color=REFERENCE_COLOUR, ls=line, lw=1.2, label=reference)
    axes.set_yticks(range(len(arms)), [_wrapped(arm.label) for arm in arms], fontsize=7)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlabel(METRIC_NAMES[metric], fontsize=8)
    return _finish(axes, f"{METRIC_NAMES[metric]}: mean and 95 % interval over seeds.")


def _wrapped(label: str) -> str:
    """A long label on two lines."""
    if len(label) <= 24 or " " not in label:
        return label
    middle = min((i for i, letter in enumerate(label) if letter == " "), key=lambda i: abs(i - len(label) / 2))
    return label[:middle] + "\n" + label[middle + 1 :]


def _shifts(results: Results, name: str) -> list[Figure]:
    axes = _axes()
    places = [0.0, *SHIFTS.values()]
    metrics = ["psnr_clean", *(f"psnr_shift_{shift}" for shift in SHIFTS)]
    for index, arm in enumerate(results.arms(name)):
        found = [arm.interval(metric) for metric in metrics]
        if all(found):
            means = [value.mean for value in found if value]
            halves = [value.half if value.count > 1 else 0.0 for value in found if value]
            axes.errorbar(places, means, halves, label=arm.label, capsize=3, **_style(index))
    top = axes.get_ylim()[1]
    for reference in REFERENCES:
        known = results.reference(name, reference)
        if known:
            values = [known.values(metric)[None] for metric in metrics]
            axes.plot(places[1:], values[1:], color=REFERENCE_COLOUR, ls=_reference_line(reference), label=reference)
            top = max(top, max(values[1:]))
    axes.set_ylim(top=top + 0.5)
    axes.set_xlabel("shift, pixels of the training grid", fontsize=8)
    axes.set_ylabel("PSNR, dB", fontsize=8)
    return [_finish(axes, "PSNR at shifted coordinates, against the truth of the same aperture.")]


def _robustness(results: Results, name: str) -> list[Figure]:
    return [
        _curves(results, name, "robustness", "jitter at test time, px", "PSNR, dB",
                "PSNR against the clean pixels when the test coordinates are jittered (the notebook's Cell 15)."),
        _curves(results, name, "robustness_truth", "jitter at test time, px", "PSNR, dB",
                "The same against the truth at the jittered coordinates: right answers are not punished."),
    ]  # fmt: skip


def _spectrum(results: Results, name: str) -> list[Figure]:
    return [
        _curves(results, name, "radial_power", "cycles/image", "power",
                "Radial power of the 128 px enlargement; the vertical line is the Nyquist of 32 px.",
                log=True, references=("truth", *REFERENCES)),
        _curves(results, name, "ring_correlation", "cycles/image", "ring correlation with the truth",
                "Fourier ring correlation with the true 128 px image: energy that is not correlated is not detail.",
                references=REFERENCES),
    ]  # fmt: skip


def _curves(
    results: Results, name: str, curve: str, x_label: str, y_label: str, caption: str,
    *, log: bool = False, references: tuple[str, ...] = (),
) -> Figure:  # fmt: skip
    axes = _axes()
    for index, arm in enumerate(results.arms(name)):
        _line(axes, arm, arm.curve(curve), every=8 if references else 1, **_style(index))
    for reference in references:
        arm_of = results.reference(name, reference)
        if arm_of:
            _line(axes, arm_of, arm_of.curve(curve), color=REFERENCE_COLOUR, ls=_reference_line(reference), lw=1.2)
    if log:
        axes.set_yscale("log")
    if references:
        axes.axvline(NYQUIST, color="black", lw=0.8, alpha=0.6)
    axes.set_xlabel(x_label, fontsize=8)
    axes.set_ylabel(y_label, fontsize=8)
    return _finish(axes, caption)


def _line(axes: Axes, arm: Arm, curve: Curve | None, every: int = 1, **style: Any) -> None:
    if curve is not None:
        axes.plot(curve.x, curve.y, label=arm.label, markevery=every, **style)


def _style(index: int) -> dict[str, Any]:
    k = index % len(COLOURS)
    return {"color": COLOURS[k], "marker": MARKERS[k], "ls": LINES[k], "ms": 4, "lw": 1.4}


def _reference_line(reference: str) -> str:
    return {"bicubic": "--", "truth": "-"}.get(reference, ":")


DOSES = ("0", "1", "E/6", "E", "all")


def _dose(results: Results, name: str) -> list[Figure]:
    arms = {arm.label: arm for arm in results.arms(name)}
    metric = "psnr_shift_1_4"
    axes = _axes()
    for index, band in enumerate(("4× Nyquist", "≤ Nyquist")):
        found = [arms.get(f"{dose} draws, 0.32 px, {band}") for dose in DOSES]
        points = [(k, value) for k, arm in enumerate(found) if arm and (value := arm.interval(metric))]
        halves = [value.half if value.count > 1 else 0.0 for _, value in points]
        axes.errorbar(
            [k for k, _ in points],
            [v.mean for _, v in points],
            halves,
            label=f"bands {band}",
            capsize=3,
            **_style(index),
        )
    axes.set_xticks(range(len(DOSES)), DOSES)
    axes.set_xlabel("distinct draws (E: one an epoch; all: one a batch)", fontsize=8)
    axes.set_ylabel(METRIC_NAMES[metric], fontsize=8)
    first = _finish(axes, "Dose and response: distinct draws at σ = 0.32 px, PSNR at +1/4 px.")
    return [first, *(_strength(results, name, arms, m) for m in ("psnr_clean", "psnr_shift_1_4", "psnr_128_sharp"))]


def _strength(results: Results, name: str, arms: dict[str, Arm], metric: str) -> Figure:
    axes = _axes()
    sigmas = (0.16, 0.32, 0.5, 0.75)
    points = [
        (sigma, value)
        for sigma in sigmas
        if (arm := arms.get(f"all draws, {sigma} px, 4× Nyquist")) and (value := arm.interval(metric))
    ]
    halves = [value.half if value.count > 1 else 0.0 for _, value in points]
    axes.errorbar([s for s, _ in points], [v.mean for _, v in points], halves, label="inside", capsize=3, **_style(0))
    oracle = [(s, arm) for s in sigmas if (arm := results.reference(name, f"oracle {s:g} px"))]
    if metric != "psnr_clean":  # the oracle of little jitter has nearly no error there: it would squeeze the rest
        axes.plot([s for s, _ in oracle], [a.values(metric)[None] for _, a in oracle], color=REFERENCE_COLOUR, ls=":",
                  label="oracle")  # fmt: skip
    none = arms.get("0 draws, 0.32 px, 4× Nyquist")
    if none and (value := none.interval(metric)):
        axes.axhline(value.mean, color=COLOURS[1], ls="--", lw=1.2, label="no jitter")
    axes.set_xlabel("σ of the jitter, px", fontsize=8)
    axes.set_ylabel(METRIC_NAMES[metric], fontsize=8)
    return _finish(axes, f"Strength of the jitter: {METRIC_NAMES[metric]}.")


def _pictures(results: Results, name: str) -> list[Figure]:
    """The strips of the experiment's arms, and its dots."""
    strips = [strip for size in (SIZE, LARGE) if (strip := _strip(results, name, size))]
    return [*strips, *_bars(results, name)]


def _strip(results: Results, name: str, size: int) -> Figure | None:
    """Truth, arms, oracle and bicubic beside each other, their errors below; two test images."""
    data = results.data(name)
    truth = results.pictures(f"{data} truth")
    if truth is None:
        return None
    shown: dict[str, Image] = {"truth": truth[str(size)]}
    arms = {arm.label: arm.recipe.digest() for arm in results.arms(name) if arm.recipe}
    arms = {label: digest for label, digest in arms.items() if label != "commented_out"}  # equal to none
    for label, key in {**arms, "oracle": f"{data} oracle 0.32 px", "bicubic": f"{data} bicubic"}.items():
        pictures = results.pictures(key)
        if pictures is not None:
            shown[label] = pictures[str(size)]
    count = len(shown["truth"])
    figure, grid = pyplot.subplots(
        2 * count, len(shown), figsize=(1.25 * len(shown), 2.45 * count + 0.3), layout="constrained", squeeze=False
    )
    figure.patch.set_facecolor("white")
    for column, (label, images) in enumerate(shown.items()):
        grid[0, column].set_title(label, fontsize=10)
        for index in range(count):
            error = np.abs(images[index].astype(float) - shown["truth"][index].astype(float)).mean(-1)
            grid[2 * index, column].imshow(images[index], interpolation="nearest")
            grid[2 * index + 1, column].imshow(error, cmap="magma", vmin=0, vmax=64, interpolation="nearest")
    for axes in grid.flat:
        axes.set_axis_off()
    caption = f"At {size} px, seed 0: the image, and below it the error (black 0, white a quarter of the range)."
    return Figure(_png(grid[0, 0]), caption, wide=True)


DRAWN: dict[str, Callable[[Results, str], list[Figure]]] = {
    "bars": _bars,
    "pictures": _pictures,
    "spectrum": _spectrum,
    "shifts": _shifts,
    "robustness": _robustness,
    "dose": _dose,
}
