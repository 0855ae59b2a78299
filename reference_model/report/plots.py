"""The report's pictures. One colour an arm throughout; oracle and bicubic are grey lines."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import image as png
from matplotlib import pyplot
from matplotlib.axes import Axes

from reference_model.fitted.arms import BANDS, dose
from reference_model.fitted.images import picture
from reference_model.fitted.measure import SHIFTS
from reference_model.grids import pixel_grid
from reference_model.oracle import nadaraya_watson
from reference_model.report.blocks import Picture
from reference_model.report.facts import METRIC, POINTS, Facts, bands_measured

ARMS: dict[int | str, tuple[str, str]] = {  # draws -> name, colour (Okabe and Ito)
    0: ("none", "#D55E00"),
    1: ("once", "#E69F00"),
    20: ("hoisted", "#CC79A7"),
    "all": ("right", "#0072B2"),
}
BANDS_COLOURS = {"4x": "#222222", "2x": "#009E73", "1x": "#56B4E9"}
BAND_NAMES = {"4x": "4 times Nyquist", "2x": "2 times Nyquist", "1x": "below Nyquist"}
CODES: dict[int | str, str] = {
    0: "JIT201\ncommented out",
    1: "JIT103, 104\nonce",
    20: "JIT101\nhoisted",
    "all": "right",
}
PLACES: dict[int | str, tuple[int, int]] = {0: (12, -10), 1: (0, 17)}  # of codes, in points; others stand below
LINES = {"oracle 0.32 px": ("oracle", "--"), "bicubic": ("bicubic", ":")}
SHOWN = "chelsea"
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}
NO_DATE = {"Software": ""}  # the same bytes from every version of matplotlib
WINDOW = slice(32, 96)  # of the 128 px enlargement


def _axes(height: float = 3.6) -> Axes:
    _figure, axes = pyplot.subplots(figsize=(5.4, height), layout="constrained")
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _picture(axes: Axes, name: str, caption: str) -> Picture:
    contents = io.BytesIO()
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.savefig(contents, format="png", dpi=180, metadata=NO_DATE)
    pyplot.close("all")
    return Picture(name, contents.getvalue(), caption)


def headline(facts: Facts) -> Picture:
    """Distinct draws against PSNR at +1/4 px, a thin line an image."""
    axes, images = _axes(), sorted({row["image"] for row in facts.results.rows})
    values = {draws: facts.results.by_image(dose("", 0, draws).arm, METRIC) for draws in POINTS}
    there = [draws for draws in POINTS if values[draws]]
    for image in images:
        line = [(k, values[draws][image]) for k, draws in enumerate(there) if image in values[draws]]
        axes.plot(*zip(*line, strict=True), color="#bbbbbb", lw=0.8, zorder=1) if line else None
    means = [facts.at(draws) for draws in there]
    axes.errorbar(
        range(len(there)), [m.mean for m in means if m], [m.half if m.count > 1 else 0 for m in means if m],
        color="#222222", lw=2, capsize=3, zorder=3,
    )  # fmt: skip
    for k, draws in enumerate(there):
        mean = means[k]
        assert mean is not None
        axes.plot(k, mean.mean, "o", ms=9, color=ARMS.get(draws, ("", "#222222"))[1], zorder=4)
        if draws in CODES:
            place = PLACES.get(draws, (0, -14))
            axes.annotate(
                CODES[draws], (k, mean.mean), xytext=place, textcoords="offset points", fontsize=8.5, bbox=PAPER,
                ha="center" if draws != 0 else "left", va="bottom" if draws == 1 else "top",
            )  # fmt: skip
    for reference, (name, style) in LINES.items():
        known = facts.over_images(reference)
        if known:
            axes.axhline(known.mean, color="#666666", ls=style, lw=1.3)
            axes.annotate(name, (0, known.mean), xytext=(0, 3), textcoords="offset points", fontsize=9, color="#444444")
    axes.set_xticks(range(len(there)), ["one a step" if draws == "all" else str(draws) for draws in there])
    axes.set_xlabel("distinct draws of jitter in the whole training")
    axes.set_ylabel("PSNR a quarter pixel off the grid, dB")
    caption = f"Each thin line is an image ({len(images)}), the thick one their mean with its 95 % interval."
    return _picture(axes, "headline", caption)


def crops(facts: Facts) -> list[Picture]:
    """The middle of a photograph's enlargement: none, hoisted, right, oracle."""
    found = []
    for draws, (name, _) in ARMS.items():
        path = facts.folder / "pictures" / f"{dose(SHOWN, 0, draws).key()}.png"
        if path.exists():
            found.append(_crop(name, png.imread(path)[WINDOW, WINDOW, :3]))
    if not found:
        return []
    grid = pixel_grid(128)
    oracle = nadaraya_watson(picture(SHOWN).pixels, grid, 0.32)[0].reshape(128, 128, 3)
    truth = picture(SHOWN).truth(grid, 1 / 128)[0].reshape(128, 128, 3)
    return [*found, *(_crop(name, image.numpy()[WINDOW, WINDOW].clip(0, 1)) for name, image in
                      (("oracle", oracle), ("truth", truth)))]  # fmt: skip


def _crop(name: str, pixels: np.ndarray) -> Picture:
    contents = io.BytesIO()
    png.imsave(contents, pixels.repeat(3, 0).repeat(3, 1), format="png", metadata=NO_DATE)
    return Picture(f"crop-{name}", contents.getvalue(), name)


def bandwidths(facts: Facts) -> Picture | None:
    """Draws against PSNR for each bandwidth."""
    if len(bands_measured(facts)) < 2:
        return None
    axes = _axes()
    for band in bands_measured(facts):
        found = [(k, value) for k, draws in enumerate(POINTS) if (value := facts.at(draws, bands=band))]
        axes.errorbar(
            [k for k, _ in found], [v.mean for _, v in found], [v.half for _, v in found], marker="o", capsize=3,
            color=BANDS_COLOURS[band], label=f"{BAND_NAMES[band]} (σ_l {BANDS[band]})",
        )  # fmt: skip
    axes.set_xticks(range(len(POINTS)), [str(draws) for draws in POINTS])
    axes.set_xlabel("distinct draws")
    axes.set_ylabel("PSNR at +1/4 px, dB")
    axes.legend(fontsize=9)
    return _picture(axes, "bandwidth", "Bandwidth of the network: mean over images and 95 % interval.")


def law(facts: Facts) -> Picture | None:
    """Predicted against measured PSNR on the images that the law was not fitted on."""
    if facts.plain is None:
        return None
    axes = _axes(4.6)
    for band, colour in BANDS_COLOURS.items():
        pairs = [(p, m) for row, p, m in facts.plain.pairs if row["bands"] == band]
        if pairs:
            axes.plot(*zip(*pairs, strict=True), "o", ms=5, alpha=0.7, color=colour, label=BAND_NAMES[band])
    if facts.second:
        axes.plot([p for _, p, _ in facts.second.pairs], [m for _, _, m in facts.second.pairs], "x", ms=5,
                  color="#999999", label="other steps or σ")  # fmt: skip
    low, high = axes.get_xlim()
    axes.plot([low, high], [low, high], color="#666666", lw=1)
    axes.set_xlabel("predicted PSNR at +1/4 px, dB")
    axes.set_ylabel("measured, dB")
    axes.legend(fontsize=9)
    return _picture(axes, "law", "The law on images it was not fitted on; the line is exact agreement.")


def shifts(facts: Facts) -> Picture | None:
    """PSNR against the shift."""
    metrics = [f"psnr_shift_{key}" for key in SHIFTS]
    caption = "PSNR of shifted grids against the truth there."
    return _lines(facts, list(SHIFTS.values()), metrics, "shift down and right, pixels", "shifts", caption)


def robustness(facts: Facts) -> Picture | None:
    """PSNR against the jitter at test time."""
    places = (0.1, 0.2, 0.32, 0.5, 0.75)
    metrics = [f"psnr_jitter_{std:g}" for std in places]
    caption = "PSNR at jittered coordinates against the truth at those coordinates."
    return _lines(facts, places, metrics, "jitter at test time, pixels", "robustness", caption)


def _lines(
    facts: Facts, places: Sequence[float], metrics: Sequence[str], label: str, name: str, caption: str
) -> Picture | None:
    """One line an arm over `places`, where the metrics are; grey ones for the references."""
    found = {draws: [facts.at(draws, metric) for metric in metrics] for draws in ARMS}
    if not any(all(values) for values in found.values()):
        return None
    axes = _axes()
    for draws, values in found.items():
        arm, colour = ARMS[draws]
        known = [value for value in values if value]
        if len(known) == len(places):
            halves = [value.half if value.count > 1 else 0 for value in known]
            axes.errorbar(places, [v.mean for v in known], halves, marker="o", capsize=3, color=colour, label=arm)
    for reference, (arm, style) in LINES.items():
        known = [value for metric in metrics if (value := facts.over_images(reference, metric))]
        axes.plot(places, [value.mean for value in known], color="#666666", ls=style, label=arm)
    axes.set_xlabel(label)
    axes.set_ylabel("PSNR, dB")
    axes.legend(fontsize=9)
    return _picture(axes, name, caption)
