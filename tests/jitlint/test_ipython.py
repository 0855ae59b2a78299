"""`%load_ext jitlint` in a real kernel, and in a shell in this process."""

from __future__ import annotations

from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

# No training happens: the loader is empty, and the linter, which only reads, does not see that.
SETUP = "exec('loader, model, optimizer = [], abs, None')"
LOOP = "for images, _ in loader:\n    loss = model(images + noise).mean()\n    loss.backward()\n    optimizer.step()"


def executed(*cells: str) -> list[list[Any]]:
    """The outputs of each cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [cell.outputs for cell in notebook.cells]


def test_findings_appear_below_the_cell_that_completes_them() -> None:
    pytest.importorskip("torch")
    cells = ("%load_ext jitlint", SETUP, "import torch\n\nnoise = torch.randn(3)", LOOP, LOOP, "1 + 1", "%jitlint off")
    outputs = executed(*cells)
    assert [len(output) for output in outputs[:3]] == [0, 0, 0]
    (shown,) = outputs[3]
    assert "The same draw is used in every batch" in shown.data["text/html"]
    assert "In [3] line 3" in shown.data["text/html"] and "JIT102" in shown.data["text/plain"]
    assert outputs[4] == [], "what was shown is not shown again"
    assert outputs[6] == []


def test_a_syntax_error_and_magics_do_not_disturb() -> None:
    outputs = executed("%load_ext jitlint", "%time 1 + 1", "%jitlint", "%jitlint sometimes", "%unload_ext jitlint")
    assert "all clear" in str(outputs[2])
    assert "takes nothing, on or off" in str(outputs[3])
