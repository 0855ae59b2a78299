"""Every kind of bug of `kinds.py` is a violation without any option, and no twin is; no program is harmed."""

import linecache
import runpy

import pytest
import torch

from runtime_probe import ProbeWarning, Verdict, probe_coords
from runtime_probe.run import Options, Program, exit_code, run
from tests.runtime_probe import kinds, kinds_values
from tests.runtime_probe.kinds import PRELUDE

KINDS = [*kinds.KINDS, *kinds_values.KINDS]
SILENT = [*kinds.SILENT, *kinds_values.SILENT]


@pytest.fixture
def outcome(tmp_path):
    def outcome(kind, bug):
        script = tmp_path / "train.py"
        script.write_text(kind.source(bug))
        linecache.clearcache()
        outcome = run(Program(str(script)), Options(strict=True))
        assert outcome.exit_code == 0
        assert not any("failed" in note for note in outcome.report.notes)
        return outcome

    return outcome


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_bug_is_a_violation_that_names_its_cause(outcome, kind):
    found = outcome(kind, bug=True)
    assert exit_code(found, Options(strict=True)) == 3
    report = found.report
    assert kind.word in [finding.word.value for finding in report.violations], str(report)
    assert kind.says in str(report)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_twin_is_not(outcome, kind):
    report = outcome(kind, bug=False).report
    assert not report.violations, str(report)
    assert kind.twin in ("", report.verdict.value), str(report)


@pytest.mark.parametrize(("program", "verdict"), [row[1:] for row in SILENT], ids=[row[0] for row in SILENT])
def test_what_is_right_is_no_violation(tmp_path, program, verdict):
    script = tmp_path / "train.py"
    script.write_text(f"{PRELUDE}\n{program}")
    linecache.clearcache()
    outcome = run(Program(str(script)), Options(strict=True))
    assert outcome.exit_code == 0
    assert not any("failed" in note for note in outcome.report.notes)
    assert not outcome.report.violations, str(outcome.report)
    assert verdict in ("", outcome.report.verdict.value), str(outcome.report)


HARMLESS = {
    "jit.trace": "traced = torch.jit.trace(model, torch.rand(6, 8))\nassert 'runtime_probe' not in str(traced.graph)",
    "jit.trace of an unseen one": "torch.jit.trace(Net(), torch.rand(6, 8))",
    "jit.trace of a draw": "import warnings\n"
    "class Noisy(Net):\n    def forward(self, x):\n        return self.body(x + torch.rand_like(x))\n"
    "with warnings.catch_warnings(record=True) as told:\n"
    "    torch.jit.trace(Noisy(), torch.rand(6, 8), check_trace=False)\n"
    "assert not [each for each in told if 'TracerWarning' in str(each)], told",
    "jit.script": "torch.jit.script(model)(torch.rand(6, 8))",
    "export": "torch.export.export(model, (torch.rand(6, 8),))",
    "fx": "torch.fx.symbolic_trace(model)",
    "deepcopy": "import copy\ncopy.deepcopy(model)(torch.rand(6, 8))",
    "make_fx": "from torch.fx.experimental.proxy_tensor import make_fx\nmake_fx(lambda x: model(x))(torch.rand(6, 8))",
    "dtype": "model.double()(torch.rand(6, 8).double())\nmodel.float()",
    "strange inputs": "try:\n    model(object())\nexcept TypeError:\n    pass",
}


@pytest.mark.parametrize("when", ["before", "between"])
@pytest.mark.parametrize("what", HARMLESS.values(), ids=HARMLESS)
def test_tools_that_record_a_model_work_as_without_the_probe(tmp_path, what, when):
    """`add_graph` of a SummaryWriter is `torch.jit.trace`."""
    script = tmp_path / "train.py"
    first, later = (what, "") if when == "before" else ("", what)
    program = f"model = Net()\n{first}\ntrain(model=model)\n{later}\ntrain(model=model)"
    script.write_text(f"{PRELUDE}\n{program}\nprint(float(sum(p.sum() for p in model.parameters())))")
    outcome = run(Program(str(script)), Options())
    assert outcome.exit_code == 0
    assert not any("failed" in note for note in outcome.report.notes)
    assert outcome.report.verdict is Verdict.NOTHING_DRAWN


def test_a_scripted_network_is_trained_as_without_the_probe(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(f"{PRELUDE}\nmodel = torch.jit.script(Net())\ntrain(model=model)\n")
    outcome = run(Program(str(script)), Options())
    assert outcome.exit_code == 0
    assert not any("failed" in note for note in outcome.report.notes)
    model = torch.jit.script(torch.nn.Linear(2, 1))
    with probe_coords(model) as probe:
        model(torch.rand(4, 2))
    assert "is scripted: its calls cannot be watched" in str(probe.report())


def test_a_fault_of_the_probe_is_one_line_of_the_report(tmp_path, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("on purpose\nwith details")

    monkeypatch.setattr("runtime_probe.network.NetworkWatch._training_forward", broken)
    script = tmp_path / "train.py"
    script.write_text(f"{PRELUDE}\ntrain()\nprint('trained')")
    with pytest.warns(ProbeWarning):
        outcome = run(Program(str(script)), Options(strict=True))
    assert outcome.exit_code == 0
    assert "the probe failed and stopped: RuntimeError: on purpose" in outcome.report.notes


AFTERWARDS = """
print(torch.rand(3), np.random.rand(3), random.random())
print([float(p.double().sum()) for v in list(globals().values()) if isinstance(v, nn.Module) for p in v.parameters()])
"""


@pytest.mark.parametrize("program", [*(kind.source(True) for kind in KINDS), *(PRELUDE + row[1] for row in SILENT)],
                         ids=[*map(str, KINDS), *(row[0] for row in SILENT)])  # fmt: skip
def test_weights_and_random_numbers_are_bit_for_bit_those_without_the_probe(tmp_path, capsys, program):
    script = tmp_path / "train.py"
    script.write_text(program + AFTERWARDS)
    linecache.clearcache()
    runpy.run_path(str(script), run_name="__main__")
    expected = capsys.readouterr().out
    assert run(Program(str(script)), Options()).exit_code == 0
    assert capsys.readouterr().out == expected
