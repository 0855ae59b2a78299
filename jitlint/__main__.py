"""`python -m jitlint`."""

import sys
from pathlib import Path

# `python -m` puts the current directory first on the path. Were it the project to lint, its `random.py` or
# `queue.py` would be imported, that is run, in place of the standard library's.
sys.path[:] = [entry for entry in sys.path if entry and Path(entry) != Path.cwd()]

from jitlint.cli import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main())
