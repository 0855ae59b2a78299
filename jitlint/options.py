"""The command line: its options, and one clear line for what it cannot mean."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import NoReturn

from jitlint.config import Settings, own_plugins, parse_confidence, read_settings
from jitlint.errors import UsageError, nearest
from jitlint.files import Exclusions
from jitlint.hierarchy import Hierarchy, with_plugins
from jitlint.plugins import plugins
from jitlint.terminal import width

__all__ = ["COMMANDS", "FORMATS", "build_parser", "command_help", "exclusions_for", "hierarchy_for", "parse_options"]

FORMATS = ("full", "concise", "json", "sarif", "github", "gitlab", "junit", "html")

_USAGE = {
    "check": ("PATH", "the same as jitlint PATH"),
    "doctor": ("SCRIPT", "lint a script, run it, fix it, and run it again"),
    "rule": ("CODE|NAME", "explain a rule"),
    "rules": ("", "list all rules (--format json: for programs)"),
    "test": ("MODULE", "run the cases of a plugin's rules"),
    "schema": ("", "print the configuration's JSON schema"),
    "completion": ("SHELL", "print a completion script (bash, zsh, fish)"),
    "server": ("", "run the language server (stdin and stdout)"),
}
COMMANDS = tuple(_USAGE)

_LISTED = "\n".join(f"  {f'jitlint {name} {takes}':<26}{does}" for name, (takes, does) in _USAGE.items())
_EPILOG = f"""\
other commands (each has --help):
{_LISTED}
A path that has the name of a command is written as ./rules.

exit status: 0 nothing found, 1 findings, 2 something could not be done
"""


def command_help(name: str) -> str:
    """What `jitlint NAME --help` prints."""
    takes, does = _USAGE[name]
    return f"usage: jitlint {name} {takes}".rstrip() + f"\n\n{does[:1].upper()}{does[1:]}."


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of printing all options."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a run; raises :class:`UsageError`."""
    parser = build_parser()
    options, unknown = parser.parse_known_intermixed_args(list(arguments))
    if unknown:
        valid = [spelling for action in parser._actions for spelling in action.option_strings]
        raise UsageError(f"unknown option `{unknown[0]}`{nearest(unknown[0].partition('=')[0], valid)}")
    if options.stdin_filename and options.paths not in ([], ["-"]):
        raise UsageError("--stdin-filename names what comes from standard input; it cannot be mixed with other paths")
    options.paths = options.paths or ["-" if options.stdin_filename else "."]
    return options


def hierarchy_for(options: argparse.Namespace, paths: Sequence[str]) -> Hierarchy:
    """The settings for each directory, with the options on top."""
    paths = [path for path in paths if "\0" not in path]  # discovery says what is wrong with it
    plugins.begin(paths, options.allow_plugins, {} if options.isolated else own_plugins())
    fixed = read_settings(Path(os.path.abspath(options.config))) if options.config else None  # noqa: PTH100 - keeps links
    found = Hierarchy(paths, _override(options), read=not options.isolated, fixed=fixed)
    for path in paths:  # a broken configuration is said, and plugins are loaded, before anything is linted
        found.of_path(path)
    return found


def exclusions_for(options: argparse.Namespace) -> Exclusions:
    """What the command line leaves out."""
    patterns = [*_words(options.exclude or ()), *_words(options.extend_exclude)]
    return Exclusions(tuple(patterns), is_all=options.exclude is not None, force=options.force_exclude)


def _override(options: argparse.Namespace) -> Callable[[Settings], Settings]:
    """The change that the options make to any settings. Selectors are looked up then: they may name plugins' rules."""
    confidence = parse_confidence(options.confidence, "--confidence") if options.confidence else None

    @cache
    def selectors(name: str) -> tuple[str, ...]:
        return _selectors(getattr(options, name), f"--{name.replace('_', '-')}")

    def override(settings: Settings) -> Settings:
        return replace(
            with_plugins(settings),
            select=selectors("select") or settings.select,
            extend_select=(*settings.extend_select, *selectors("extend_select")),
            ignore=(*settings.ignore, *selectors("ignore")),
            confidence=confidence or settings.confidence,
        )

    return override


def _words(given: Iterable[str]) -> list[str]:
    return [word.strip() for item in given for word in item.split(",") if word.strip()]


def _selectors(given: Sequence[str], option: str) -> tuple[str, ...]:
    words = _words(given)
    if not words:
        return ()
    from jitlint.selection import check_selector

    return tuple(check_selector(word, option) for word in words)


def build_parser() -> argparse.ArgumentParser:
    """All options of a run."""
    parser = _Parser(
        prog="jitlint",
        description="Finds randomness in training code that silently does not happen, and fixes it.",
        epilog=_EPILOG,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=width() - 2),
        allow_abbrev=False,
    )
    parser.add_argument(
        "paths", metavar="PATH", nargs="*", help="files and directories (default: .), or - for standard input"
    )
    parser.add_argument("--version", "-V", action="store_true", help="print the version and exit")
    _add_selection(parser.add_argument_group("what to look for"))
    _add_files(parser.add_argument_group("where to look"))
    _add_fixes(parser.add_argument_group("fixes and known findings"))
    _add_output(parser.add_argument_group("output"))
    return parser


def _add_selection(group: argparse._ArgumentGroup) -> None:
    helps = {
        "--select": "report only these rules: codes, prefixes or names, separated by commas; ALL also turns on every "
        "confidence",
        "--extend-select": "report these rules as well",
        "--ignore": "do not report these rules",
    }
    for option, text in helps.items():
        group.add_argument(option, metavar="RULES", action="append", default=[], help=text)
    group.add_argument(
        "--confidence", metavar="LEVEL", help="least confidence to report: low, medium (default) or high"
    )


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--exclude", metavar="PATTERNS", action="append", help="leave out what matches, instead of what is configured"
    )
    group.add_argument(
        "--extend-exclude", metavar="PATTERNS", action="append", default=[], help="leave out what matches as well"
    )
    group.add_argument("--force-exclude", action="store_true", help="apply exclusions to paths given here, too")
    group.add_argument("--stdin-filename", metavar="FILE", help="read standard input, and call it FILE")
    group.add_argument("--config", metavar="FILE", help="use this configuration for all files")
    group.add_argument("--isolated", action="store_true", help="ignore all configuration files")
    group.add_argument("--allow-plugins", action="store_true", help="load the plugins that the linted project asks for")
    group.add_argument("--show-files", action="store_true", help="list the files that would be linted and exit")
    group.add_argument("--show-settings", action="store_true", help="print the settings and exit")
    group.add_argument("--jobs", metavar="N", type=_count, help="number of processes (default: by the amount of work)")
    group.add_argument(
        "--shard", metavar="I/N", type=_shard, default=(1, 1), help="report the I-th of N shares of the findings"
    )
    group.add_argument("--no-cache", action="store_true", help="neither read nor write the cache")


def _add_fixes(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--fix", action="store_true", help="apply the safe fixes, which keep the program's intent")
    group.add_argument("--unsafe-fixes", action="store_true", help="with --fix or --diff: include fixes to be reviewed")
    group.add_argument("--diff", action="store_true", help="show what --fix would change without changing it")
    group.add_argument("--add-ignore", metavar="REASON", help="suppress every finding with a comment that gives REASON")
    group.add_argument(
        "--evidence",
        metavar="FILE",
        help="mark findings as a run confirms or refutes them (see python -m runtime_probe)",
    )
    group.add_argument(
        "--baseline", metavar="FILE", help="report only findings that are not in FILE; the first run writes it"
    )


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--format", "--output-format", type=_format, metavar="FORMAT", help=f"one of {', '.join(FORMATS)}"
    )
    group.add_argument("--output-file", "-o", metavar="FILE", help="write the report to FILE")
    group.add_argument("--statistics", action="store_true", help="count findings by rule instead of listing them")
    group.add_argument("--exit-zero", action="store_true", help="exit with status 0 even if there are findings")
    group.add_argument("--quiet", "-q", action="store_true", help="print findings only")
    group.add_argument(
        "--verbose",
        "-v",
        action="store_true",
        help="also print the settings' origin, the use of the cache, and the time",
    )
    colors = ("auto", "always", "never")
    group.add_argument("--color", choices=colors, default="auto", metavar="WHEN", help="auto, always or never")
    group.add_argument("--watch", action="store_true", help="lint again whenever a file changes")
    group.add_argument("--explain", metavar="RULE", help="explain a rule and exit, like `jitlint rule RULE`")


def _format(word: str) -> str:
    if word not in FORMATS:
        near = nearest(word, FORMATS) or f"; choose one of {', '.join(FORMATS)}"
        raise UsageError(f'--format: unknown format "{word}"{near}')
    return word


def _count(word: str) -> int:
    if not word.isdigit() or not int(word):
        raise argparse.ArgumentTypeError(f'invalid number of processes "{word}"; give 1 or more')
    return int(word)


def _shard(word: str) -> tuple[int, int]:
    number, _, count = word.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count) <= 1000):
        raise UsageError(f"--shard: `{word}` is not a share; write for example 1/4, the first of four")
    return int(number), int(count)
