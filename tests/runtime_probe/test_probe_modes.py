"""Checkpointing, DataParallel, autocast, explicit borders, and which part of a model is watched."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader

from runtime_probe import Flag, Verdict, probe_coords
from tests.runtime_probe.programs.small import Decoder, grid, jitter


def train(call, model, fresh=True, batches=4, epochs=2, **options):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with probe_coords(model, **options) as probe:
        coord = jitter(grid()).expand(2, 16, 16, 2)
        for _ in range(epochs):
            for _ in probe.batches(range(batches)):
                if fresh:
                    coord = jitter(grid()).expand(2, 16, 16, 2)
                loss = call(torch.rand(2, 3, 16, 16), coord).square().mean()
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
    return probe


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointing_counts_each_forward_once(reentrant, fresh):
    model = Decoder()

    def call(images, coord):
        return checkpoint(model, images.requires_grad_(), coord, use_reentrant=reentrant)

    probe = train(call, model, fresh)
    report = probe.report()
    assert report.verdict is (Verdict.FRESH if fresh else Verdict.FROZEN)
    assert report.conclusion.batches == 8
    assert Flag.EVAL_JITTER not in report.flags
    assert any("8 recomputed forwards" in note for note in report.notes)


@pytest.mark.parametrize("wrapped", [True, False])
def test_data_parallel_outside_and_inside(wrapped):
    model = Decoder()
    parallel = nn.DataParallel(model)
    probe = train(parallel, parallel if wrapped else model)
    assert probe.verdict is Verdict.FRESH
    assert probe.report().conclusion.batches == 8


def test_autocast_does_not_touch_the_coordinates_that_are_judged():
    model = Decoder()

    def call(images, coord):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return model(images, coord).float()

    report = train(call, model).report()
    assert report.verdict is Verdict.FRESH
    assert Flag.QUANTISED not in report.flags
    assert report.main.dtype == "float32"


def test_batches_of_any_iterable_are_exact_borders():
    model = Decoder()
    report = train(model, model, fresh=False, batches=3).report()
    assert report.main.borders == "probe.batches"
    assert (report.conclusion.batches, report.conclusion.epochs) == (6, 2)


def test_several_forwards_of_one_batch_are_no_finding():
    model = Decoder()

    def thrice(images, coord):
        return model(images, coord) + model(images, coord) + model(images, coord)

    report = train(thrice, model).report()
    assert report.verdict is Verdict.FRESH
    assert (report.conclusion.batches, report.main.forwards) == (8, 24)


def test_one_loader_batch_trained_on_for_long_has_borders_from_steps():
    model = Decoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with probe_coords(model) as probe:
        images = next(iter(DataLoader(torch.rand(4, 3, 16, 16), batch_size=4)))
        coord = jitter(grid()).expand(4, 16, 16, 2)
        for _ in range(6):
            model(images, coord).square().mean().backward()
            optimizer.step()
    assert probe.report().main.borders == "optimizer steps"
    assert probe.verdict is Verdict.FROZEN


def test_a_validation_loader_inside_the_batch_loop_does_not_move_the_borders():
    model = Decoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    train_loader, val_loader = (DataLoader(torch.rand(12, 3, 16, 16), batch_size=4) for _ in range(2))
    with probe_coords(model) as probe:
        for _ in range(2):
            coord = jitter(grid())
            for images in train_loader:
                model.train()
                model(images, coord.expand(4, 16, 16, 2)).square().mean().backward()
                optimizer.step()
                model.eval()
                with torch.no_grad():
                    for held_out in val_loader:
                        model(held_out, grid().expand(4, 16, 16, 2))
    assert probe.verdict is Verdict.ONCE_PER_EPOCH
    assert Flag.EVAL_JITTER not in probe.flags


class TwoStage(nn.Module):
    """Never called itself: the loop calls encode and decoder."""

    def __init__(self):
        super().__init__()
        self.decoder = Decoder()

    def forward(self, *args):
        raise AssertionError("not used")


def test_a_model_that_is_not_called_itself_is_watched_at_its_part():
    model = TwoStage()
    probe = train(lambda images, coord: model.decoder(images, coord), model, fresh=False)
    assert probe.verdict is Verdict.FROZEN
    assert any("its part Decoder is watched" in note for note in probe.report().notes)


def test_a_model_that_is_never_called_is_inconclusive():
    with probe_coords(Decoder()) as probe:
        pass
    assert probe.verdict is Verdict.INCONCLUSIVE


def test_max_steps_stops_observing():
    model = Decoder()
    probe = train(model, model, max_steps=3)
    assert probe.report().conclusion.batches == 3
    assert not model._forward_pre_hooks


def test_every_shape_once_is_judged_over_all_shapes():
    model = Decoder()
    with probe_coords(model) as probe:
        for queries in probe.batches(range(40, 90)):
            model(torch.rand(2, 3, 16, 16), torch.rand(2, queries, 2)).mean().backward()
    assert probe.verdict is Verdict.FRESH
    assert probe.report().conclusion.batches == 50


class Writer:
    def __init__(self):
        self.rows = []

    def add_scalar(self, tag, scalar_value, global_step):
        self.rows.append((tag, scalar_value, global_step))


def test_scalars_at_the_end_of_each_epoch():
    writer, model = Writer(), Decoder()
    train(model, model, writer=writer)
    tags = [row[0] for row in writer.rows]
    assert tags == ["runtime_probe/fresh_fraction", "runtime_probe/jitter_std_px"] * 2
    assert writer.rows[0][1] == 1.0
    assert writer.rows[1][1] == pytest.approx(0.32, rel=0.1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_no_host_synchronisation_in_the_loop():
    model = Decoder().cuda()
    clean = grid().cuda()
    images = torch.rand(2, 3, 16, 16, device="cuda")
    with probe_coords(model, provenance=0) as probe:
        epoch = probe.batches(range(600))
        try:
            for number in epoch:
                if number == 2:  # the first forwards choose the argument and measure its range
                    torch.cuda.set_sync_debug_mode("error")
                coord = (clean + torch.randn_like(clean) * 0.02).expand(2, 16, 16, 2)
                model(images, coord).square().mean().backward()
                if number == 599:
                    torch.cuda.set_sync_debug_mode("default")
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert probe.verdict is Verdict.FRESH
    assert probe.report().conclusion.batches == 600
