"""What people do inside the block: copy, save, export, batch and interrupt models. Each with what it must not hide."""

import copy
import io
import pickle
import subprocess
import sys
import threading
import time

import pytest
import torch
import torch.distributed as dist
import torch.distributed.fsdp
from torch import nn
from torch._dynamo.testing import CompileCounterWithBackend
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils.data import DataLoader

from runtime_probe import Flag, ProbeWarning, Verdict, fingerprint, probe_coords
from runtime_probe.fingerprint import TILE
from tests.runtime_probe.programs.small import Decoder, grid, jitter

FRESH_OR_FROZEN = pytest.mark.parametrize("fresh", [True, False])


def images(samples=2):
    return torch.rand(samples, 3, 16, 16)


def batch(coord, samples=2):
    return coord.expand(samples, *coord.shape)


def train(call, model, fresh, batches=4, **options):
    """Train on new coordinates in every batch, or always on the same; `call(images, coord)` runs the model."""
    coord = jitter(grid())
    with probe_coords(model, **options) as probe:
        for _ in probe.batches(range(batches)):
            coord = jitter(grid()) if fresh else coord
            call(images(), batch(coord)).mean().backward()
    report = probe.report()
    assert report.verdict is (Verdict.FRESH if fresh else Verdict.FROZEN)
    assert report.conclusion.batches == batches
    assert not any("failed" in note for note in report.notes)
    return probe


# ------------------------------------------------------------------------------------- copies of the model


def in_another_process(data):
    """Call a pickled model where neither the probe nor these tests can be imported."""
    program = (
        "import pickle, sys, torch\n"
        "model = pickle.loads(sys.stdin.buffer.read())\n"
        "assert model(torch.rand(4, 9, 2)).shape == (4, 9, 1)\n"
        "assert 'runtime_probe' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], input=data, check=True, timeout=120)


def test_a_model_saved_whole_inside_the_block_loads_without_the_probe():
    model = nn.Linear(2, 1)
    with probe_coords(model, argument=0) as probe:
        for _ in probe.batches(range(2)):
            model(torch.rand(4, 9, 2)).mean().backward()
        saved = io.BytesIO()
        torch.save(model, saved)
        in_another_process(pickle.dumps(model))
    saved.seek(0)
    assert torch.equal(torch.load(saved, weights_only=False).weight, model.weight)


def test_a_copy_made_inside_the_block_is_not_watched_and_the_model_still_is():
    model = Decoder()
    copies = []

    def call(image, coord):
        copies.append(copy.deepcopy(model))
        with torch.no_grad():
            copies[-1](image, batch(grid()))
        return model(image, coord)

    train(call, model, fresh=True)
    assert all(type(hook).__module__ != "runtime_probe.hooks" for hook in copies[-1]._forward_pre_hooks.values())
    counter = CompileCounterWithBackend("eager")
    torch.compile(copies[-1], backend=counter, fullgraph=True)(images(), batch(grid()))
    assert counter.frame_count == 1


def test_an_average_of_the_weights_made_inside_the_block_is_no_second_model():
    model = Decoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    averages = []

    def call(image, coord):
        optimizer.step()  # for the batch before this one
        averages[:] = averages or [torch.optim.swa_utils.AveragedModel(model)]
        output = model(image, coord)
        averages[0].update_parameters(model)
        with torch.no_grad():
            averages[0](image, coord)
        return output

    assert len(train(call, model, fresh=True).report().series) == 1


@pytest.mark.skipif(not hasattr(torch.compiler, "is_exporting"), reason="before PyTorch 2.7 a hook cannot tell")
def test_an_exported_or_traced_model_does_not_contain_the_probe():
    model = Decoder()
    made = {}

    def call(image, coord):
        if not made:
            made["exported"] = torch.export.export(model, (image, coord))
            made["traced"] = torch.jit.trace(model, (image, coord))
        return model(image, coord)

    train(call, model, fresh=True)
    assert not any("record" in str(node.target) for node in made["exported"].graph.nodes)
    assert "record" not in str(made["traced"].graph)


# ----------------------------------------------------------------------------------------- ways to call it


@FRESH_OR_FROZEN
def test_a_network_called_under_vmap_and_grad(fresh):
    """`torch.func.stack_module_state`: the hook sees batched tensors, on which nothing can be measured."""
    networks = [Decoder() for _ in range(3)]
    parameters, _ = torch.func.stack_module_state(networks)
    base = networks[0]

    def one(parameters, image, coord):
        return torch.func.functional_call(base, parameters, (image, coord)).mean()

    def call(image, coord):
        stacked = image.expand(3, *image.shape), coord.expand(3, *coord.shape)
        torch.func.vmap(torch.func.grad(one))(parameters, *stacked)
        return torch.func.vmap(one)(parameters, *stacked)

    report = train(call, base, fresh).report()
    assert report.main.geometry.std_pixels == pytest.approx(0.32, rel=0.1)


@FRESH_OR_FROZEN
def test_calls_with_fake_tensors_are_passed_over(fresh):
    model = Decoder()

    def call(image, coord):
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            model(mode.from_tensor(image), mode.from_tensor(coord.clone()))
        return model(image, coord)

    train(call, model, fresh)


@FRESH_OR_FROZEN
@pytest.mark.parametrize("turn", [lambda c: c.conj(), lambda c: c.conj().imag], ids=["conj", "neg"])
def test_lazily_conjugated_and_negated_coordinates(turn, fresh):
    class Real(nn.Linear):
        def forward(self, coord):
            return super().forward(coord.real.contiguous())

    model = Real(16, 1)
    coord = torch.view_as_complex(jitter(grid()))
    with probe_coords(model, argument="coord") as probe:
        for _ in probe.batches(range(3)):
            coord = torch.view_as_complex(jitter(grid())) if fresh else coord
            model(turn(coord)).mean().backward()
    assert probe.verdict is (Verdict.FRESH if fresh else Verdict.FROZEN)


class KeywordOnly(Decoder):
    def forward(self, images, *, where):
        return super().forward(images, where)


@FRESH_OR_FROZEN
def test_keyword_only_coordinates(fresh):
    model = KeywordOnly()
    report = train(lambda image, coord: model(image, where=coord), model, fresh).report()
    assert report.main.argument == "KeywordOnly(where)"


class InChunks(Decoder):
    """Calls itself for parts of many coordinates."""

    def forward(self, images, coord):
        if coord.ndim == 3 and coord.shape[1] > 64:
            return torch.cat([self(images, part) for part in coord.split(64, 1)], 1)
        return super().forward(images, coord)


@FRESH_OR_FROZEN
def test_a_model_that_calls_itself_for_parts_is_one_forward(fresh):
    model = InChunks()
    report = train(lambda image, coord: model(image, coord.flatten(1, 2)), model, fresh).report()
    assert (report.main.forwards, report.main.shape) == (4, (256, 2))


@FRESH_OR_FROZEN
def test_exceptions_in_forward_that_the_loop_survives(fresh):
    class Failing(Decoder):
        calls = 0

        def forward(self, images, coord):
            self.calls += 1
            if self.calls in (2, 3):
                raise KeyboardInterrupt if self.calls == 2 else ValueError
            return super().forward(images, coord)

    model = Failing()

    def call(image, coord):
        try:
            return model(image, coord)
        except (KeyboardInterrupt, ValueError):
            return torch.zeros(1, requires_grad=True)

    train(call, model, fresh, batches=6)


@FRESH_OR_FROZEN
def test_models_that_run_in_two_threads_at_once(fresh):
    meet = threading.Barrier(2, timeout=30)

    class Slow(Decoder):
        def forward(self, images, coord):
            meet.wait()
            output = super().forward(images, coord)
            meet.wait()
            return output

    models = [Slow(), Slow()]
    coord = jitter(grid())

    def loop(model):
        for _ in range(5):
            model(images(), batch(jitter(grid()) if fresh else coord)).mean().backward()

    with probe_coords(*models) as probe:
        threads = [threading.Thread(target=loop, args=(model,)) for model in models]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [observer.forwards for observer in probe.observers] == [5, 5]
    assert probe.verdict is (Verdict.FRESH if fresh else Verdict.FROZEN)


@pytest.fixture(scope="module")
def process_group(tmp_path_factory):
    store = dist.FileStore(str(tmp_path_factory.mktemp("group") / "store"), 1)
    dist.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def distributed(model):
    return nn.parallel.DistributedDataParallel(model)


def sharded(model):
    return dist.fsdp.FullyShardedDataParallel(model, device_id=torch.device("cpu"))


def fully_sharded(model):
    dist.fsdp.fully_shard(model, mesh=dist.device_mesh.init_device_mesh("cpu", (1,)))
    return model


@FRESH_OR_FROZEN
@pytest.mark.parametrize("watch", ["wrapper", "model"])
@pytest.mark.parametrize("wrap", [distributed, sharded, fully_sharded])
def test_distributed_wrappers(process_group, wrap, watch, fresh):
    if wrap is fully_sharded and not hasattr(torch.compiler, "is_exporting"):
        pytest.skip("before PyTorch 2.7 fully_shard needs an accelerator")
    model = Decoder()
    wrapped = wrap(model)
    train(wrapped, wrapped if watch == "wrapper" else model, fresh)


# --------------------------------------------------------------------------------- the state of the process


@FRESH_OR_FROZEN
def test_a_default_device_does_not_move_the_probes_own_tensors(fresh):
    """As `torch.set_default_device("cuda")`, which needs no GPU to go wrong: "meta" has no values at all."""
    model = Decoder()
    pictures, coords = images(), [batch(jitter(grid())) for _ in range(4)]
    torch.set_default_device("meta")
    try:
        with probe_coords(model, check_used=True) as probe:
            for number in probe.batches(range(4)):
                model(pictures, coords[number * fresh]).mean().backward()
        report = probe.report()
        str(report), report.to_html(), report.to_dict()
    finally:
        torch.set_default_device(None)
    assert report.verdict is (Verdict.FRESH if fresh else Verdict.FROZEN)
    assert report.main.geometry.std_pixels == pytest.approx(0.32, rel=0.1)


@FRESH_OR_FROZEN
def test_a_default_type_of_double(fresh):
    torch.set_default_dtype(torch.float64)
    try:
        model = nn.Linear(2, 1)
        train(lambda image, coord: model(coord), model, fresh)
    finally:
        torch.set_default_dtype(torch.float32)


class Passing(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def test_nested_probes_leave_no_function_mode_behind():
    model = Decoder()
    with probe_coords(model) as outer, probe_coords(model) as inner, Passing() as own:
        for _ in range(3):
            model(images(), batch(jitter(grid()))).mean().backward()
            assert _get_current_function_mode_stack()[-1] is own
    assert not _get_current_function_mode_stack()
    assert [probe.report().provenance.sources[0].draws for probe in (outer, inner)] == [3, 3]


def test_probes_left_in_the_wrong_order_leave_no_function_mode_behind():
    model = Decoder()
    outer, inner = probe_coords(model).start(), probe_coords(model).start()
    outer.stop()
    model(images(), batch(grid()))
    inner.stop()
    assert not _get_current_function_mode_stack()


@FRESH_OR_FROZEN
def test_a_notebook_cell_run_twice_goes_on(fresh):
    model = Decoder()
    probe = probe_coords(model)
    coord = jitter(grid())
    for _ in range(2):  # the cell
        with probe:
            assert probe.start() is probe
            for _ in probe.batches(range(3)):
                coord = jitter(grid()) if fresh else coord
                model(images(), batch(coord)).mean().backward()
    report = probe.report()
    assert report.verdict is (Verdict.FRESH if fresh else Verdict.FROZEN)
    assert (report.conclusion.batches, report.conclusion.epochs, len(probe.observers)) == (6, 2, 1)
    assert not model._forward_pre_hooks and not model._forward_hooks


def test_a_failing_chooser_is_a_warning():
    model = Decoder()
    with pytest.warns(ProbeWarning, match="KeyError"), probe_coords(model, argument=lambda args, kwargs: kwargs["x"]):
        model(images(), batch(grid())).mean().backward()


# ------------------------------------------------------------------------------------- borders and optimizers


@pytest.mark.parametrize("hoisted", [True, False])
def test_optimizers_that_take_turns_within_a_batch(hoisted):
    """Without a loader; each batch is used for a step of both, as in alternating minimisation."""
    model = Decoder()
    optimizers = [torch.optim.SGD(part.parameters(), lr=0.01) for part in (model.first, model.last)]
    with probe_coords(model) as probe:
        for number in range(12):
            if number % 4 == 0 or not hoisted:
                coord = jitter(grid())
            picture = images()
            for optimizer in optimizers:
                model(picture, batch(coord)).mean().backward()
                optimizer.step()
    assert probe.verdict is (Verdict.ONCE_PER_EPOCH if hoisted else Verdict.FRESH)
    assert "probe.batches" in probe.report().conclusion.undecided[0]


@pytest.mark.parametrize("hoisted", [True, False])
def test_generators_as_loaders(hoisted):
    model = Decoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def loader(length):
        yield from (images() for _ in range(length))

    with probe_coords(model) as probe:
        for length in (3, 5, 5):  # the first epoch was resumed in its middle
            coord = jitter(grid())
            for picture in loader(length):
                model(picture, batch(coord if hoisted else jitter(grid()))).mean().backward()
                optimizer.step()
    assert probe.report().main.borders == "optimizer steps"
    assert probe.verdict is (Verdict.ONCE_PER_EPOCH if hoisted else Verdict.FRESH)


@pytest.mark.parametrize("jittered", [True, False])
def test_validation_without_gradients_in_training_mode_between_epochs(jittered):
    model = Decoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loader = DataLoader(torch.rand(12, 3, 16, 16), batch_size=4)
    with probe_coords(model) as probe:
        for _ in range(2):
            for picture in loader:
                model(picture, batch(jitter(grid()), 4)).mean().backward()
                optimizer.step()
            with torch.no_grad():
                for picture in loader:
                    model(picture, batch(jitter(grid()) if jittered else grid(), 4))
    assert (probe.verdict, probe.report().conclusion.batches) == (Verdict.FRESH, 6)
    assert (Flag.EVAL_JITTER in probe.flags) is jittered


# ------------------------------------------------------------------------------------------------- size


@FRESH_OR_FROZEN
def test_four_million_points_are_judged_in_seconds(fresh):
    side = 2048
    clean = grid(side).reshape(-1, 2)
    model = nn.Linear(2, 1)
    coord = jitter(clean, 0.3 / side)
    probe = probe_coords(model, argument="input")
    spent = 0.0
    with torch.no_grad(), probe:
        for _ in probe.batches(range(3)):
            coord = jitter(clean, 0.3 / side) if fresh else coord
            started = time.process_time()
            probe.watch.before(model, (coord,), {})
            probe.watch.after(model, (coord,), {}, None)
            spent += time.process_time() - started
    started = time.process_time()
    with torch.enable_grad():
        report = probe.report()
    spent += time.process_time() - started
    assert spent < 10  # it took 30 s when the whole tensor was fitted
    weights = [weights for observer in probe.observers for weights in observer._weights.values()]
    assert sum(weight.numel() for weight in weights) == TILE
    assert report.series == ()  # without gradients: evaluation
    series = next(iter(probe.observers[0].series.values()))
    assert len({value for _, value, _ in series.units}) == (3 if fresh else 1)


def test_the_fingerprint_of_a_long_tensor_sees_order_within_and_between_tiles():
    values = torch.arange(3 * TILE, dtype=torch.int64)
    original = int(fingerprint(values))
    assert int(fingerprint(values.clone())) == original
    for one, other in ((0, 1), (1, TILE), (TILE - 1, 2 * TILE), (5 * TILE // 2, 0)):
        swapped = values.clone()
        swapped[[one, other]] = swapped[[other, one]]
        assert int(fingerprint(swapped)) != original
    assert int(fingerprint(torch.cat([values[TILE:], values[:TILE]]))) != original
