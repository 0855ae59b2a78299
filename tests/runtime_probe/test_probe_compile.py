"""torch.compile with aot_eager: 0 graph breaks and 1 graph, whichever object the probe was given."""

import pytest
import torch
import torch._dynamo as dynamo
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend

from runtime_probe import Verdict, probe_coords


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 8)
        self.last = nn.Linear(8, 3)

    def forward(self, images, coord):
        return self.last(torch.relu(self.first(coord))) + images.mean()


class Whole(nn.Module):
    """The coordinates are made inside: only the inner decoder is given any."""

    def __init__(self):
        super().__init__()
        self.decoder = Decoder()

    def forward(self, images, offsets):
        return self.decoder(images, offsets * 0.5 + 0.5) * 2


def grid(n=8):
    centres = (torch.arange(n) + 0.5) / n
    return torch.stack(torch.meshgrid(centres, centres, indexing="ij"), -1)


@pytest.fixture(autouse=True)
def clean_dynamo():
    dynamo.reset()
    dynamo.utils.counters.clear()
    yield
    dynamo.reset()


def train(call, model, probed, stale, batches=4):
    """Train through `call` with `probed` watched; the draw is above the loop when `stale`."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    coord = torch.randn(2, 8, 8, 2) * 0.02
    with probe_coords(probed) as probe:
        for _ in probe.batches(range(batches)):
            if not stale:
                coord = torch.randn(2, 8, 8, 2) * 0.02
            loss = call(torch.rand(2, 3, 8, 8), grid() + coord).square().mean()
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return probe


def assert_one_graph(counter, more=0):
    assert counter.frame_count == 1 + more
    assert not dynamo.utils.counters["graph_break"]
    assert dynamo.utils.counters["stats"]["unique_graphs"] == 1 + more


@pytest.mark.parametrize("stale", [True, False])
@pytest.mark.parametrize("probed", ["outer", "inner", "in place", "part"])
def test_one_graph_with_fullgraph(probed, stale):
    counter = CompileCounterWithBackend("aot_eager")
    model = Whole() if probed == "part" else Decoder()
    watched = model.decoder if probed == "part" else model
    if probed == "in place":
        model.compile(backend=counter, fullgraph=True)
        call = model
    else:
        call = torch.compile(model, backend=counter, fullgraph=True)
    probe = train(call, model, call if probed == "outer" else watched, stale)
    assert probe.report().conclusion.batches == 4
    assert probe.verdict is (Verdict.FROZEN if stale else Verdict.FRESH)
    # Before PyTorch 2.7 a hook outside the graph cannot be kept from being compiled as a small one of its own.
    old = not hasattr(torch._C._dynamo.eval_frame, "set_code_exec_strategy")
    assert_one_graph(counter, more=int(old and probed in ("inner", "in place")))


def test_compiled_code_runs_on_after_the_probe_is_gone():
    counter = CompileCounterWithBackend("aot_eager")
    model = Whole()
    call = torch.compile(model, backend=counter, fullgraph=True)
    probe = train(call, model, model.decoder, stale=False)
    before = probe.report().conclusion.batches
    call(torch.rand(2, 3, 8, 8), grid().expand(2, 8, 8, 2))
    assert probe.report().conclusion.batches == before


def test_a_hook_added_after_the_first_compiled_call_fires():
    counter = CompileCounterWithBackend("aot_eager")
    model = Whole()
    call = torch.compile(model, backend=counter, fullgraph=True)
    call(torch.rand(2, 3, 8, 8), grid().expand(2, 8, 8, 2))
    probe = train(call, model, model.decoder, stale=True)
    assert probe.verdict is Verdict.FROZEN
