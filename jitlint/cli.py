"""The command `jitlint`: from arguments to an exit status."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from jitlint.errors import UsageError
from jitlint.terminal import say, write

__all__ = ["main"]

CLEAN, FAILED, INTERRUPTED = 0, 2, 130
_SUBCOMMANDS = ("rule", "rules", "test")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; it never raises and never prints a traceback."""
    gc.disable()  # trees and models have no cycles; looking for them costs a third of a run
    try:
        return _dispatch(sys.argv[1:] if arguments is None else list(arguments))
    except UsageError as error:
        say(f"jitlint: {error}")
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as done:  # argparse, after --help
        return int(done.code or CLEAN)
    except OSError as error:
        say(f"jitlint: {error.strerror or error}{f': {error.filename}' if error.filename else ''}")
    except Exception as error:  # the last place that can say it in one line
        from jitlint.parts import internal_error

        say(f"jitlint: {internal_error('in the run', error)}")
    finally:
        gc.enable()
    return FAILED


def _dispatch(arguments: list[str]) -> int:
    if arguments[:1] and arguments[0] in _SUBCOMMANDS and _means_subcommand(arguments):
        if arguments[0] == "test":
            from jitlint.rule_cases import test_rules

            return test_rules(arguments[1:])
        from jitlint.explain import explain

        return explain(arguments)
    from jitlint.options import parse_options

    options = parse_options(arguments)
    if options.version:
        from jitlint import __version__

        write([f"jitlint {__version__}"])
        return CLEAN
    from jitlint.command import Command

    return Command(options).run()


def _means_subcommand(arguments: list[str]) -> bool:
    """Whether `rule`, `rules` or `test` is the subcommand; where a path has that name, the path is meant.

    `rule` with something behind it that is a rule's code or name is the subcommand in any case.
    """
    if not os.path.lexists(arguments[0]):
        return True
    if arguments[0] != "rules" and len(arguments) == 2 and not os.path.lexists(arguments[1]):
        return True
    say(f"jitlint: linting the path ./{arguments[0]}; the list of rules is `jitlint rule ALL`")
    return False
