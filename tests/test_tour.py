"""`examples/tour.ipynb` runs from top to bottom, and says what its committed outputs say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

TOUR = Path(__file__).resolve().parent.parent / "examples" / "tour.ipynb"
SAYS = (
    "JIT201 commented-out-augmentation",
    "JIT101 hoisted-augmentation",
    "  3 epochs: new coordinates at each epoch, the same for all batches of an epoch",
    "[confirmed by the run: FieldDecoder(coord)",
    "FRESH: every batch got new coordinates",
    "before: CLEAN_GRID: all 24 batches got the same regular lattice",
    "after:  FRESH: 24 batches, every one with new coordinates",
    "dB lost  [13.0, 16.3]  no jitter, or its call commented out",
)


def printed(notebook: object) -> str:
    cells = notebook.cells  # type: ignore[attr-defined]
    return "".join(output.get("text", "") for cell in cells for output in cell.get("outputs", ()))


def test_the_tour_runs_and_says_what_is_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torch", "einops", "nbclient", "ipykernel"):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    committed = nbformat.read(TOUR, 4)
    again = nbformat.read(TOUR, 4)
    NotebookClient(again, timeout=300, kernel_name="python3").execute()
    for text in (printed(committed), printed(again)):
        assert [sentence for sentence in SAYS if sentence not in text] == []


def test_the_committed_outputs_name_no_folder_and_no_error() -> None:
    import nbformat

    notebook = nbformat.read(TOUR, 4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert {output.output_type for output in outputs} == {"stream"}
    assert not re.search(r"/tmp/|/home/|/root/|\x1b", printed(notebook))
