"""Without PyTorch, says in one line what to install."""

from __future__ import annotations

import sys
from importlib.util import find_spec

_ADVICE = 'runtime_probe needs PyTorch; install it with: pip install "jitlint[probe]" (from a clone: ".[probe]")'

if find_spec("torch") is None:
    if sys.argv[:1] == ["-m"]:  # Python is still looking for the module to run: `python -m runtime_probe`
        print(f"runtime_probe: {_ADVICE.partition(' ')[2]}", file=sys.stderr)
        raise SystemExit(2)
    raise ModuleNotFoundError(_ADVICE, name="torch")
