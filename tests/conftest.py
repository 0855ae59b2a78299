"""What all tests share."""

from __future__ import annotations

import os
from types import ModuleType

import pytest
from hypothesis import settings

from tests.torchvision_cpu import prepare_torchvision

# The suite runs in one process for each core (pytest-xdist), so torch must not start threads of its own.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The same examples in every run, and no time limit for one example: a busy machine is no bug.
settings.register_profile("jitlint", deadline=None, derandomize=True)
settings.load_profile("jitlint")


@pytest.fixture(scope="session")
def torchvision() -> ModuleType:
    """The torchvision package; skips where it is not installed."""
    prepare_torchvision()
    return pytest.importorskip("torchvision", reason="torchvision is not installed")
