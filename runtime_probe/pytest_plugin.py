"""The pytest plugin under its documented name; the code is in `pytest_runtime_probe.py`.

pytest imports an installed plugin at every start. Were it this module, it would import `runtime_probe`, and with it
PyTorch, for people who only installed the linter.
"""

from pytest_runtime_probe import *  # noqa: F403
from pytest_runtime_probe import assert_fresh

__all__ = ["assert_fresh"]
