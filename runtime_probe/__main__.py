"""`python -m runtime_probe [options] script.py [args...]`."""

import sys

from runtime_probe.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
