"""The command line: its options, and one clear line for what it cannot mean."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from jitlint.config import Settings, find_settings, own_plugins, parse_confidence, read_settings
from jitlint.errors import UsageError, nearest
from jitlint.plugins import plugins
from jitlint.terminal import width

__all__ = ["FORMATS", "parse_options", "settings_for"]

FORMATS = ("full", "concise", "json", "sarif", "github", "gitlab", "junit")

_EPILOG = """\
subcommands:
  jitlint rule CODE|NAME  explain a rule
  jitlint rules           list all rules
  jitlint test MODULE     run the cases of a plugin's rules
  (a file or directory of that name is linted as ./rule or ./rules)

exit status: 0 nothing found, 1 findings, 2 something could not be done
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line instead of printing all options."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a run; raises :class:`UsageError`."""
    parser = _parser()
    options, unknown = parser.parse_known_intermixed_args(list(arguments))
    if unknown:
        valid = [spelling for action in parser._actions for spelling in action.option_strings]
        raise UsageError(f"unknown option `{unknown[0]}`{nearest(unknown[0].partition('=')[0], valid)}")
    options.paths = options.paths or ["."]
    return options


def settings_for(options: argparse.Namespace, paths: Sequence[str]) -> Settings:
    """The settings of the configuration that holds for `paths`, with the options on top."""
    plugins.begin(paths, options.allow_plugins, {} if options.isolated else own_plugins())
    settings = replace(_configured(options, paths), plugins=tuple(plugins.loaded.values()))
    if options.select:
        settings = replace(settings, select=_selectors(options.select, "--select"))
    return replace(
        settings,
        extend_select=(*settings.extend_select, *_selectors(options.extend_select, "--extend-select")),
        ignore=(*settings.ignore, *_selectors(options.ignore, "--ignore")),
        confidence=parse_confidence(options.confidence, "--confidence") if options.confidence else settings.confidence,
    )


def _configured(options: argparse.Namespace, paths: Sequence[str]) -> Settings:
    if options.config:
        return read_settings(Path(os.path.abspath(options.config)))  # noqa: PTH100 - keeps links
    absolute = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - keeps links
    settings = find_settings(absolute, read=not options.isolated)
    return settings


def _selectors(given: Sequence[str], option: str) -> tuple[str, ...]:
    words = [word.strip() for item in given for word in item.split(",") if word.strip()]
    if not words:
        return ()
    from jitlint.selection import check_selector

    return tuple(check_selector(word, option) for word in words)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="jitlint",
        description="Finds training randomness that silently does not happen, and fixes it.",
        epilog=_EPILOG,
        formatter_class=partial(argparse.RawDescriptionHelpFormatter, width=width() - 2),
        allow_abbrev=False,
    )
    parser.add_argument("paths", metavar="PATH", nargs="*", help="files and directories (default: .), or - for stdin")
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    _add_selection(parser.add_argument_group("what is looked for"))
    _add_files(parser.add_argument_group("where"))
    _add_fixes(parser.add_argument_group("fixes and acceptance"))
    _add_output(parser.add_argument_group("how it is told"))
    return parser


def _add_selection(group: argparse._ArgumentGroup) -> None:
    helps = {
        "--select": "only these codes, prefixes or names, with commas; ALL: every rule in every confidence",
        "--extend-select": "these as well",
        "--ignore": "not these",
    }
    for option, text in helps.items():
        group.add_argument(option, metavar="RULES", action="append", default=[], help=text)
    group.add_argument("--confidence", metavar="LEVEL", help="the least that is reported: low, medium (default), high")


def _add_files(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--stdin-filename", metavar="FILE", help="the name of what comes from stdin")
    group.add_argument("--config", metavar="FILE", help="this configuration instead of the nearest")
    group.add_argument("--isolated", action="store_true", help="no configuration file at all")
    group.add_argument("--allow-plugins", action="store_true", help="run the plugins that the linted project names")
    group.add_argument("--force-exclude", action="store_true", help="exclude also what is named on the command line")
    group.add_argument("--show-files", action="store_true", help="print what would be linted and stop")
    group.add_argument("--show-settings", action="store_true", help="print the settings and stop")
    group.add_argument("--jobs", metavar="N", type=_count, help="processes (default: as many as are worth it)")
    group.add_argument("--no-cache", action="store_true", help="neither read nor write the cache")


def _add_fixes(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--fix", action="store_true", help="apply the fixes that keep the program's intent for certain")
    group.add_argument("--unsafe-fixes", action="store_true", help="with --fix or --diff: also those to be read again")
    group.add_argument("--diff", action="store_true", help="print what --fix would change, change nothing")
    group.add_argument("--add-ignore", metavar="REASON", help="suppress every finding by a comment with this reason")
    group.add_argument("--baseline", metavar="FILE", help="report only what is not in FILE; write it if there is none")


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--format", type=_format, metavar="FORMAT", help=", ".join(FORMATS))
    group.add_argument("--output-file", metavar="FILE", help="write the report there")
    group.add_argument("--statistics", action="store_true", help="count the findings by rule instead")
    group.add_argument("--exit-zero", action="store_true", help="findings do not make the exit status 1")
    group.add_argument("--quiet", "-q", action="store_true", help="print findings only")
    colors = ("auto", "always", "never")
    group.add_argument("--color", choices=colors, default="auto", metavar="WHEN", help=", ".join(colors))
    group.add_argument("--watch", action="store_true", help="lint again whenever a file changes")


def _format(word: str) -> str:
    if word not in FORMATS:
        near = nearest(word, FORMATS) or f"; there are {', '.join(FORMATS)}"
        raise UsageError(f"--format: there is no format `{word}`{near}")
    return word


def _count(word: str) -> int:
    if not word.isdigit() or not int(word):
        raise argparse.ArgumentTypeError(f"`{word}` is no number of processes")
    return int(word)
