"""The probe changes nothing, leaves nothing behind, and never stops a training run by a fault of its own."""

import copy
import random
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.optimizer import _global_optimizer_post_hooks
from torch.overrides import _get_current_function_mode_stack
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.dataloader import _BaseDataLoaderIter

from runtime_probe import CoordinateArgumentError, ProbeWarning, Verdict, probe_coords
from runtime_probe.observer import Observer


class Noisy(nn.Module):
    """With dropout and batch statistics, so that an extra draw or forward would show."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 8)
        self.norm = nn.BatchNorm1d(64)
        self.drop = nn.Dropout(0.2)
        self.last = nn.Linear(8, 3)

    def forward(self, images, coord):
        return self.last(self.drop(self.norm(torch.relu(self.first(coord.flatten(1, 2))))))


def grid(n=8):
    centres = (torch.arange(n) + 0.5) / n
    return torch.stack(torch.meshgrid(centres, centres, indexing="ij"), -1)


def train(model, wrap, epochs=2):
    """Everything that a run computes: losses, gradients, weights, buffers, random states."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    loader = DataLoader(TensorDataset(torch.rand(8, 3, 8, 8)), batch_size=4, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    trail = []
    with wrap(model):
        for _ in range(epochs):
            for (images,) in loader:
                coord = (grid() + torch.randn(8, 8, 2) * 0.02).expand(len(images), 8, 8, 2).clone().requires_grad_()
                output = model(images, coord)
                loss = output.square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                trail += [output.detach(), coord.grad, *(p.grad.clone() for p in model.parameters())]
    trail += [t.clone() for t in model.state_dict().values()]
    return [*trail, torch.get_rng_state(), torch.tensor(random.getstate()[1]), torch.tensor(np.random.get_state()[1])]


def same(one, other):
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


class Nothing:
    def __init__(self, model):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


def fresh_model():
    torch.manual_seed(1)
    return Noisy()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"provenance": 0},
        {"check_used": True},
        {"on_violation": "warn"},
        {"max_steps": 2},
    ],
    ids=str,
)
def test_bit_identical_with_and_without_the_probe(options):
    plain = train(fresh_model(), Nothing)
    probed = train(fresh_model(), lambda model: probe_coords(model, **options))
    assert same(plain, probed)


def test_bit_identical_also_when_the_probe_fails(monkeypatch):
    plain = train(fresh_model(), Nothing)

    def broken(*args):
        raise RuntimeError("a fault of the probe")

    monkeypatch.setattr(Observer, "_record", broken)
    probe = None

    def wrap(model):
        nonlocal probe
        probe = probe_coords(model)
        return probe

    with pytest.warns(ProbeWarning, match="a fault of the probe"):
        probed = train(fresh_model(), wrap)
    assert same(plain, probed)
    assert probe.verdict is Verdict.INCONCLUSIVE
    assert any("a fault of the probe" in note for note in probe.report().notes)


class Footprint:
    """Everything of the process and the model that the probe touches while it runs."""

    def __init__(self, model):
        self.model = model
        self.before = self.now()

    def now(self):
        hooks = [len(m._forward_pre_hooks) + len(m._forward_hooks) for m in self.model.modules()]
        return (
            hooks,
            len(_get_current_function_mode_stack()),
            DataLoader.__iter__,
            _BaseDataLoaderIter.__next__,
            len(_global_optimizer_post_hooks),
            len(nn.modules.module._global_forward_pre_hooks),
        )

    def untouched(self):
        return self.now() == self.before


def test_everything_is_removed_on_exit():
    model = fresh_model()
    footprint = Footprint(model)
    with probe_coords(model) as probe:
        assert not footprint.untouched()
        model(torch.rand(4, 3, 8, 8), grid().expand(4, 8, 8, 2))
    assert footprint.untouched()
    assert probe.report().verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("place", ["loop", "forward"])
def test_everything_is_removed_after_an_error(error, place, monkeypatch):
    model = fresh_model()
    footprint = Footprint(model)
    if place == "forward":

        def fail(*args):
            raise error

        model.drop.forward = fail
    with pytest.raises(error), probe_coords(model):
        model(torch.rand(4, 3, 8, 8), grid().expand(4, 8, 8, 2))
        raise error
    assert footprint.untouched()


def test_everything_is_removed_after_a_usage_error():
    model = nn.Linear(5, 1)
    footprint = Footprint(model)
    with pytest.raises(CoordinateArgumentError), probe_coords(model):
        model(torch.rand(2, 5))
    assert footprint.untouched()


def test_two_probes_may_be_nested_and_leave_in_any_order():
    model = fresh_model()
    footprint = Footprint(model)
    outer, inner = probe_coords(model, provenance=0).start(), probe_coords(model, provenance=0).start()
    outer.stop()
    model(torch.rand(4, 3, 8, 8), grid().expand(4, 8, 8, 2))
    inner.stop()
    assert footprint.now()[0] == footprint.before[0]
    assert len(list(DataLoader([1, 2]))) == 2


def test_a_model_can_be_pickled_and_copied_inside_the_block():
    model = fresh_model()
    with probe_coords(model):
        model(torch.rand(4, 3, 8, 8), grid().expand(4, 8, 8, 2))
        torch.save(model.state_dict(), "/dev/null")
        copy.deepcopy(model.state_dict())


def test_another_function_mode_around_the_forward_is_respected():
    model = fresh_model()
    with probe_coords(model) as probe, torch.device("cpu"):
        for _ in range(3):
            model(torch.rand(4, 3, 8, 8), (grid() + torch.randn(8, 8, 2) * 0.01).expand(4, 8, 8, 2))
    assert not _get_current_function_mode_stack()
    assert probe.verdict is not None


def test_off_by_environment(monkeypatch):
    monkeypatch.setenv("RUNTIME_PROBE", "off")
    model = fresh_model()
    footprint = Footprint(model)
    with probe_coords(model, on_violation="raise") as probe:
        assert footprint.untouched()
        assert list(probe.batches([1, 2])) == [1, 2]
        model(torch.rand(4, 3, 8, 8), grid().expand(4, 8, 8, 2))
    assert probe.verdict is Verdict.INCONCLUSIVE
    assert "RUNTIME_PROBE=off" in str(probe.report())


def test_no_warning_on_a_healthy_run():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(fresh_model(), probe_coords)
