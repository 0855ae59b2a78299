"""The command `jitlint`: from arguments to an exit status."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from jitlint.errors import UsageError, internal_error
from jitlint.terminal import say, write

__all__ = ["main"]

CLEAN, FAILED, INTERRUPTED = 0, 2, 130


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
        say(f"jitlint: {internal_error('in the run', error)}")
    finally:
        gc.enable()
    return FAILED


def _dispatch(arguments: list[str]) -> int:
    from jitlint.options import COMMANDS, parse_options

    if arguments[:1] and arguments[0] in COMMANDS and _means_command(arguments):
        if arguments[0] != "check":
            return _command(arguments[0], arguments[1:])
        arguments = arguments[1:]
    options = parse_options(arguments)
    if options.version:
        from jitlint import __version__

        write([f"jitlint {__version__}"])
        return CLEAN
    if options.explain:
        return _command("rule", [options.explain, *["--allow-plugins"] * options.allow_plugins])
    from jitlint.command import Command

    return Command(options).run()


def _command(name: str, arguments: list[str]) -> int:
    if {"--help", "-h"} & set(arguments) and name != "doctor":
        from jitlint.options import command_help

        write([command_help(name)])
        return CLEAN
    if name == "test":
        from jitlint.rule_cases import test_rules

        return test_rules(arguments)
    if name == "doctor":
        from jitlint.doctor import doctor

        return doctor(arguments)
    if name == "server":
        from jitlint.server import serve

        return serve(arguments)
    if name in ("schema", "completion"):
        from jitlint import shell

        return shell.schema(arguments) if name == "schema" else shell.completion(arguments)
    from jitlint.explain import explain

    return explain([name, *arguments])


def _means_command(arguments: list[str]) -> bool:
    """Whether the first word is a command; where a path has that name, the path is meant.

    A command with something behind it that is no path, such as a rule's code, is the command in any case.
    """
    if not os.path.lexists(arguments[0]):
        return True
    if len(arguments) > 1 and (arguments[0] == "check" or not os.path.lexists(arguments[1])):
        return True
    say(f"jitlint: linting the path ./{arguments[0]}, not running the command of that name")
    return False
