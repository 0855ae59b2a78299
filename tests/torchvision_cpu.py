"""Run a script with torchvision importable beside a CPU build of torch: `python torchvision_cpu.py SCRIPT`.

Some package indexes have only the CUDA build of torchvision. Its compiled operators cannot be loaded then,
and `import torchvision` fails because two operator schemas are missing. Declaring the two schemas is
enough for transforms and data sets, which use no compiled operator.
"""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path


def prepare_torchvision() -> None:
    """Make `import torchvision` work here; do nothing where it works anyway or is not installed."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None or "torchvision" in sys.modules or _kept_alive:
        return
    import torch

    try:
        for library in Path(spec.origin).parent.glob("_C.*"):
            torch.ops.load_library(library)
    except OSError:
        schemas = torch.library.Library("torchvision", "DEF")
        schemas.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        schemas.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept_alive.append(schemas)  # the schemas vanish with the object


_kept_alive: list[object] = []


if __name__ == "__main__":
    prepare_torchvision()
    runpy.run_path(sys.argv[1], run_name="__main__")
