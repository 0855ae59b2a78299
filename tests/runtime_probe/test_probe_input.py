"""Which argument is watched, and what happens with every kind of tensor that may be handed in."""

from collections import namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from runtime_probe import CoordinateArgumentError, Flag, Verdict, probe_coords
from tests.runtime_probe.programs.small import grid, jitter


class Any(nn.Module):
    """Takes anything."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, images=None, coord=None, **rest):
        return self.weight * 1


@dataclass
class Batch:
    images: torch.Tensor
    xy: torch.Tensor


class Output(dict):
    """ModelOutput-like: a mapping with attributes."""


Pair = namedtuple("Pair", "images query")
IMAGES = torch.rand(2, 3, 16, 16)


def watch(calls, **options):
    model = Any()
    with probe_coords(model, **options) as probe:
        for args, kwargs in probe.batches(calls):
            model(*args, **kwargs).backward()
    return probe.report()


def coords():
    return jitter(grid()).expand(2, 16, 16, 2)


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: ((IMAGES, coords()), {}), "coord"),
        (lambda: ((IMAGES,), {"coord": coords()}), "coord"),
        (lambda: ((IMAGES,), {"anything": coords()}), "anything"),
        (lambda: (([IMAGES, (coords(),)],), {}), "images[1][0]"),
        (lambda: (({"rgb": IMAGES, "where": coords()},), {}), "images['where']"),
        (lambda: ((Output(pixels=IMAGES, places=coords()),), {}), "images['places']"),
        (lambda: ((Batch(IMAGES, coords()),), {}), "images.xy"),
        (lambda: ((Pair(IMAGES, coords()),), {}), "images.query"),
        (lambda: ((IMAGES, coords().flatten(1, 2)), {}), "coord"),
        (lambda: ((IMAGES, coords().movedim(-1, 1)), {}), "coord"),
    ],
    ids=["positional", "keyword", "other name", "nested", "dict", "mapping", "dataclass", "named", "flat", "channels"],
)
def test_the_argument_is_found(make, path):
    report = watch([make() for _ in range(3)])
    assert report.verdict is Verdict.FRESH
    assert report.main.argument == f"Any({path})"
    assert report.main.geometry.std_pixels == pytest.approx(0.32, rel=0.1)


@pytest.mark.parametrize(
    "argument", ["second", 1, lambda args, kwargs: kwargs["second"]], ids=["name", "position", "callable"]
)
def test_the_caller_may_say_which(argument):
    calls = [((IMAGES, coords()), {"second": torch.zeros(2, 4, 2)}) for _ in range(3)]
    verdict = watch(calls, argument=argument).verdict
    assert verdict is (Verdict.FRESH if argument == 1 else Verdict.FROZEN)


def test_several_candidates_are_chosen_by_lattice_and_said():
    calls = [((torch.rand(2, 50, 2), coords()), {}) for _ in range(3)]
    report = watch(calls)
    assert report.main.argument == "Any(coord)"
    assert "argument Any(coord): it fits a regular lattice; images looked like coordinates too" in report.notes


def test_no_candidate_lists_the_arguments_with_shapes_and_ranges():
    with pytest.raises(CoordinateArgumentError) as caught:
        watch([((torch.full((2, 3, 16, 16), 0.5),), {"labels": torch.arange(2)})])
    message = str(caught.value)
    assert "no argument of Any.forward looks like coordinates" in message
    assert "  images: float32 (2, 3, 16, 16) in [0.5, 0.5]" in message
    assert "  labels: int64 (2,) in [0, 1]" in message
    assert 'probe_coords(model, argument="name")' in message


@pytest.mark.parametrize(("argument", "wish"), [("mesh", "is called 'mesh'"), (5, "is at position 5")])
def test_a_wrong_name_is_an_error(argument, wish):
    with pytest.raises(CoordinateArgumentError, match=wish):
        watch([((IMAGES, coords()), {})], argument=argument)


def test_a_callable_must_give_a_tensor():
    with pytest.raises(CoordinateArgumentError, match="gave a int, not a tensor"):
        watch([((IMAGES, coords()), {})], argument=lambda args, kwargs: 3)


def test_calls_without_the_argument_are_counted():
    report = watch([((IMAGES, coords()), {}), ((IMAGES,), {}), ((IMAGES, coords()), {})])
    assert report.conclusion.batches == 2
    assert "1 calls of Any had no such argument" in report.notes


def kinds():
    """(name, a call's coordinates afresh, verdict, flag)"""
    index = torch.stack(torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij"), -1)
    yield "integer", lambda: index, Verdict.CLEAN_GRID, None
    yield "integer shifts", lambda: index + torch.randint(0, 9, (2,)), Verdict.FRESH_SUBSET, None
    yield "complex", lambda: torch.view_as_complex(jitter(grid())), Verdict.FRESH, None
    yield "frozen complex", lambda: torch.view_as_complex(grid()), Verdict.CLEAN_GRID, None
    yield "jagged", lambda: nested(jitter(grid())), Verdict.FRESH, None
    yield "empty", lambda: torch.zeros(2, 0, 2), Verdict.FROZEN, None
    yield "nan", lambda: jitter(grid()).index_fill(0, torch.tensor([3]), torch.nan), Verdict.FRESH, Flag.NON_FINITE
    yield "frozen nan", lambda: grid().index_fill(0, torch.tensor([3]), torch.inf), Verdict.FROZEN, Flag.NON_FINITE
    yield "requires grad", lambda: jitter(grid()).requires_grad_(), Verdict.FRESH, None
    yield "one dimension", lambda: torch.linspace(0, 1, 50)[:, None], Verdict.CLEAN_GRID, None
    yield "float64", lambda: jitter(grid().double()), Verdict.FRESH, None


def nested(points):
    return torch.nested.nested_tensor([points[:8].reshape(-1, 2), points[8:12].reshape(-1, 2)], layout=torch.jagged)


@pytest.mark.parametrize(("make", "verdict", "flag"), [row[1:] for row in kinds()], ids=[row[0] for row in kinds()])
def test_every_kind_of_tensor_is_defined(make, verdict, flag):
    torch.manual_seed(0)  # of nine shifts two may be equal by chance
    report = watch([((IMAGES, make()), {}) for _ in range(3)], argument="coord")
    assert report.verdict is verdict
    assert flag is None or flag in report.flags
    str(report), report.to_html(), report.to_dict()


@pytest.mark.parametrize(
    ("coords", "reason"),
    [(torch.zeros(4, 2, device="meta"), "meta tensor"), (torch.eye(4)[:, :2].to_sparse(), "torch.sparse_coo")],
    ids=["meta", "sparse"],
)
def test_tensors_without_dense_values_are_refused(coords, reason):
    with pytest.raises(CoordinateArgumentError, match=reason):
        watch([((IMAGES, coords), {})], argument="coord")


def test_inference_mode_is_evaluation():
    model = Any()
    with probe_coords(model) as probe:
        with torch.inference_mode():
            model(IMAGES, coords())
        for _ in probe.batches(range(3)):
            model(IMAGES, coords()).backward()
    assert probe.verdict is Verdict.FRESH
