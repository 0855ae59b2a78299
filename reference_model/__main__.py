"""`python -m reference_model`."""

import sys

from reference_model.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
