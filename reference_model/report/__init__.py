"""The report: one HTML page that needs nothing else, and Markdown with PNG figures for the documentation."""

from __future__ import annotations

from pathlib import Path

from reference_model.report.figures import figures_of
from reference_model.report.markdown import markdown
from reference_model.report.page import page
from reference_model.report.results import read


def write_report(runs: Path, out: Path) -> None:
    """Write `report.html`, `report.md` and `figures/*.png` to `out` from the results in `runs`.

    StoreError when the results cannot be read. Arms that are missing or failed are said to be.
    """
    results = read(runs)
    out.mkdir(parents=True, exist_ok=True)
    folder = out / "figures"
    folder.mkdir(exist_ok=True)
    figures = {name: figures_of(results, name) for name in results.experiments}
    for name, drawn in figures.items():
        for number, figure in enumerate(drawn, 1):
            (folder / f"{name}-{number}.png").write_bytes(figure.png)
    (out / "report.html").write_text(page(results, figures), encoding="utf-8")
    (out / "report.md").write_text(markdown(results, figures), encoding="utf-8")
