"""In an executed notebook: places are named by cell, probe and reports show themselves, in one line or as a page."""

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
pytest.importorskip("ipykernel", reason="ipykernel is not installed")
NotebookClient = pytest.importorskip("nbclient", reason="nbclient is not installed").NotebookClient

CELLS = (
    """import torch
from torch.utils.data import DataLoader, TensorDataset
from runtime_probe import probe_coords, probe_loader
class Field(torch.nn.Linear):
    def forward(self, coord):
        return super().forward(coord)
axis = (torch.arange(16) + 0.5) / 16
grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
model = Field(2, 1)""",
    """def jitter(points):
    return points + 0.02 * torch.randn_like(points)""",
    """loader = probe_loader(DataLoader(TensorDataset(torch.rand(8, 3)), batch_size=2))
with probe_coords(model) as probe:
    for epoch in range(2):
        coord = jitter(grid)
        for _ in probe.batches(loader):
            model(coord).mean().backward()
print(probe.report())""",
    "probe",
    "probe.report()",
    "loader",
    "loader.report()",
)


@pytest.fixture(scope="module")
def outputs():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [cell["outputs"] for cell in notebook.cells]


def test_places_are_named_by_cell(outputs):
    said = outputs[2][0]["text"]
    assert "`randn_like` at cell 2, line 2 in jitter, called from cell 3, line 4" in said
    assert "model called at cell 3, line 6" in said
    assert "ipykernel" not in said


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (3, "<Probe stopped: ONCE_PER_EPOCH: Field(coord): the coordinates change only from epoch to epoch"),
        (4, "<Report ONCE_PER_EPOCH: Field(coord): the coordinates change only from epoch to epoch"),
        (5, "<LoaderProbe FROZEN (8 samples compared, 2 epochs)>"),
        (6, "<LoaderReport FROZEN (8 samples compared, 2 epochs)>"),
    ],
)
def test_each_shows_one_line_and_a_page(outputs, number, line):
    (shown,) = (output["data"] for output in outputs[number])
    assert shown["text/plain"].startswith(line)
    assert "\n" not in shown["text/plain"]
    assert shown["text/html"].startswith("<iframe srcdoc=" if number < 5 else "<pre>runtime_probe: loader FROZEN")
