"""Is a training program bit for bit the same under `python -m runtime_probe`, and what does the probe cost it?

    OMP_NUM_THREADS=1 python benchmarks/probe_identity.py [--cpu] SCRIPT [ARGUMENTS ...]

The script runs plainly and under the probe, in turns, each in a process of its own. After every step of an optimizer
the bits of its parameters and the states of torch's, NumPy's and Python's generators are added to one digest, which
must come out alike. The times are CPU time after the imports, without that of the digests; plain runs beside each
other are the control. `--cpu` makes `.cuda()` do nothing, for programs that ask no questions. The script must seed
itself, or else the seed 0 is set before it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training_bits import Bits

ROUNDS = ("plain", "probe", "plain", "probe")


def child(how: str, cpu: bool, script: str, arguments: Sequence[str]) -> None:
    """Run the script once, and print the digest and the time as the last line."""
    import numpy as np
    import torch

    from runtime_probe.run import Options, Program, run
    from tests.torchvision_cpu import prepare_torchvision

    prepare_torchvision()
    kinds: tuple[Any, ...] = (torch.Tensor, torch.nn.Module) if cpu else ()
    for kind in kinds:
        kind.cuda = lambda self, *args, **kwargs: self
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    bits = Bits()
    bits.watch()
    verdict = ""
    if how == "probe":
        outcome = run(Program(script, tuple(arguments)), Options())
        code, verdict = outcome.exit_code, str(outcome.report).splitlines()[0]
    else:
        sys.argv = [script, *arguments]
        sys.path.insert(0, str(Path(script).resolve().parent))
        runpy.run_path(script, run_name="__main__")
        code = 0
    print(json.dumps(bits.result() | {"code": code, "says": verdict}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", choices=sorted(set(ROUNDS)), help=argparse.SUPPRESS)
    parser.add_argument("--cpu", action="store_true")
    parser.add_argument("script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.cpu, options.script, options.arguments)
        return
    results: dict[str, list[dict[str, Any]]] = {"plain": [], "probe": []}
    root = str(Path(__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    for how in ROUNDS:
        command = [sys.executable, __file__, "--child", how, *(["--cpu"] if options.cpu else []), options.script]
        done = subprocess.run([*command, *options.arguments], env=environment, stdout=subprocess.PIPE, text=True)
        results[how].append(json.loads(done.stdout.splitlines()[-1]))
    every = [*results["plain"], *results["probe"]]
    best = {how: min(run["seconds"] for run in runs) for how, runs in results.items()}
    plain = [run["seconds"] for run in results["plain"]]
    same = "the same bits" if len({run["bits"] for run in every}) == 1 else "DIFFERENT BITS"
    if len({run["bits"] for run in results["plain"]}) > 1:
        same = "different bits in two plain runs: the program does not repeat itself"
    print(results["probe"][0]["says"])
    print(
        f"{every[0]['steps']} steps, {same}; CPU time x {best['probe'] / best['plain']:.3f}, "
        f"control x {max(plain) / min(plain):.3f}, {best['plain']:.2f} s plain"
    )


if __name__ == "__main__":
    main()
