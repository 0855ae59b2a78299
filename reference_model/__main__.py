"""`python -m reference_model`."""

import sys

if __name__ == "__main__":
    try:
        from reference_model.command_line import main
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("reference_model", "runtime_probe"):
            raise  # a fault of this package, not a missing extra
        advice = 'install it with: pip install "jitlint[reference]" (from a clone: ".[reference]")'
        print(f"reference_model: needs {error.name}; {advice}", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(sys.argv[1:]))
