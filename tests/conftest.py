"""What all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

from hypothesis import settings

from tests.torchvision_cpu import prepare_torchvision

# The suite runs in one process for each core (pytest-xdist), so torch must not start threads of its own.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, and no time limit for one example: a busy machine is no bug.
settings.register_profile("jitlint", deadline=None, derandomize=True)
settings.load_profile("jitlint")


class _PrepareTorchvision(MetaPathFinder):
    """Prepares torchvision at its first import, which may be one by lightning or transformers."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "torchvision":
            sys.meta_path.remove(self)
            prepare_torchvision()


sys.meta_path.insert(0, _PrepareTorchvision())
