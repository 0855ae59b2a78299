"""`jitlint schema` and `jitlint completion`: what editors and shells ask for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from jitlint.config import KEYS
from jitlint.errors import UsageError, nearest
from jitlint.options import COMMANDS, FORMATS, build_parser
from jitlint.rules import all_rules
from jitlint.terminal import write

__all__ = ["completion", "configuration_schema", "schema"]

SHELLS = ("bash", "zsh", "fish")
_VALUES = {
    "--format": FORMATS,
    "--output-format": FORMATS,
    "--confidence": ("low", "medium", "high"),
    "--color": ("auto", "always", "never"),
}
_LISTS = {
    "exclude": "Files to leave out: gitignore patterns relative to this file.",
    "extend-exclude": "Files to leave out besides those of `exclude` and of the configuration that this one extends.",
    "augmentations": "Your own random augmentations, by qualified name.",
    "not-augmentations": "Functions that look like augmentations and are none, by qualified name.",
    "batch-loops": "Functions whose result is looped over batch by batch.",
    "step-functions": "Functions that run once for every batch.",
    "plugins": "Modules with rules of your own; loaded from this project only with --allow-plugins.",
}
_RULES = {
    "select": "Report only these rules: codes, prefixes of codes, names of rules, or ALL.",
    "extend-select": "Report these rules as well.",
    "ignore": "Do not report these rules.",
}


def schema(arguments: Sequence[str]) -> int:
    """Print the JSON schema of the configuration; the exit status."""
    if arguments:
        raise UsageError("`jitlint schema` takes no arguments")
    write([json.dumps(configuration_schema(), indent=2)])
    return 0


def configuration_schema() -> dict[str, Any]:
    """What `[tool.jitlint]` or `jitlint.toml` may have, as a JSON schema (draft 7)."""
    strings = {"type": "array", "items": {"type": "string"}}
    rules = {
        "type": "array",
        "items": {"anyOf": [{"enum": _selectors()}, {"type": "string", "pattern": "^[Jj][Ii][Tt]\\d*$"}]},
    }
    properties: dict[str, Any] = {
        "extend": {"type": "string", "description": "Another configuration file to start from."},
        "per-file-ignores": {
            "type": "object",
            "additionalProperties": rules,
            "description": "Rules not to report in the files that a pattern matches.",
        },
        "respect-gitignore": {"type": "boolean", "default": True, "description": "Leave out what git ignores."},
        "confidence": {
            "enum": ["low", "medium", "high"],
            "default": "medium",
            "description": "The least confidence to report.",
        },
        "torch-version": {
            "type": "string",
            "pattern": "^\\d+(\\.\\d+)*$",
            "description": "The oldest version of PyTorch that the project runs with.",
        },
        **{key: {**rules, "description": text} for key, text in _RULES.items()},
        **{key: {**strings, "description": text} for key, text in _LISTS.items()},
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Configuration of jitlint",
        "type": "object",
        "additionalProperties": False,
        "properties": {key: properties[key] for key in KEYS if key in properties},
    }


def _selectors() -> list[str]:
    return ["ALL", *(word for rule in all_rules() for word in (rule.code, rule.name))]


# -------------------------------------------------------------------------------------------- completion


def completion(arguments: Sequence[str]) -> int:
    """Print the completion script for a shell; the exit status."""
    if len(arguments) != 1 or arguments[0] not in SHELLS:
        word = arguments[0] if arguments else ""
        near = nearest(word, SHELLS) or f"; choose {', '.join(SHELLS[:-1])} or {SHELLS[-1]}"
        raise UsageError(f'`jitlint completion`: unknown shell "{word}"{near}' if word else
                         f"`jitlint completion` takes the name of a shell{near}")  # fmt: skip
    write([{"bash": _bash, "zsh": _zsh, "fish": _fish}[arguments[0]]()])
    return 0


def _options() -> list[tuple[tuple[str, ...], str, bool]]:
    """The spellings of each option, its help, and whether it takes a value."""
    actions = [action for action in build_parser()._actions if action.option_strings]
    return [(tuple(action.option_strings), action.help or "", action.nargs != 0) for action in actions]


def _rule_words() -> list[str]:
    return [word for rule in all_rules() for word in (rule.code, rule.name)]


def _bash() -> str:
    spellings = " ".join(word for words, _, _ in _options() for word in words)
    cases = [f'    {option}) COMPREPLY=($(compgen -W "{" ".join(words)}" -- "$word")); return ;;'
             for option, words in _VALUES.items()]  # fmt: skip
    rules = " ".join(_rule_words())
    return "\n".join(
        [
            '# jitlint completion for bash: put this in ~/.bashrc:  eval "$(jitlint completion bash)"',
            "_jitlint() {",
            '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"',
            '  case "$before" in',
            *cases,
            "    rule|--explain|--select|--extend-select|--ignore)",
            f'      COMPREPLY=($(compgen -W "{rules}" -- "$word")); return ;;',
            f'    completion) COMPREPLY=($(compgen -W "{" ".join(SHELLS)}" -- "$word")); return ;;',
            "  esac",
            '  if [[ "$word" == -* ]]; then',
            f'    COMPREPLY=($(compgen -W "{spellings}" -- "$word"))',
            '  elif [[ "$COMP_CWORD" == 1 ]]; then',
            f'    COMPREPLY=($(compgen -W "{" ".join(COMMANDS)}" -- "$word") $(compgen -f -- "$word"))',
            "  else",
            '    COMPREPLY=($(compgen -f -- "$word"))',
            "  fi",
            "}",
            "complete -o filenames -F _jitlint jitlint",
        ]
    )


def _zsh() -> str:
    lines = ["#compdef jitlint", '# put this in ~/.zshrc:  eval "$(jitlint completion zsh)"', "_jitlint() {",
             "  _arguments \\"]  # fmt: skip
    for words, text, takes in _options():
        shown = text.replace("'", "").replace("[", "(").replace("]", ")").replace(":", "")
        for word in words:
            values = _VALUES.get(word)
            value = f":value:({' '.join(values)})" if values else ":value:_files" if takes else ""
            lines.append(f"    '{word}[{shown}]{value}' \\")
    commands = " ".join(COMMANDS)
    lines += [
        f'    \'1:command or path:_alternative "commands:command:({commands})" "files:path:_files"\' \\',
        "    '*:path:_files'",
        "}",
        "compdef _jitlint jitlint",
    ]
    return "\n".join(lines)


def _fish() -> str:
    lines = ["# jitlint completion for fish: jitlint completion fish > ~/.config/fish/completions/jitlint.fish"]
    for name in COMMANDS:
        lines.append(f"complete -c jitlint -n __fish_use_subcommand -a {name}")
    for words, text, takes in _options():
        shown = text.replace("'", "")
        spelled = " ".join(f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}" for word in words)
        values = next((_VALUES[word] for word in words if word in _VALUES), ())
        value = f" -x -a '{' '.join(values)}'" if values else " -r" if takes else ""
        lines.append(f"complete -c jitlint {spelled}{value} -d '{shown}'")
    lines.append(f"complete -c jitlint -n '__fish_seen_subcommand_from rule' -x -a '{' '.join(_rule_words())}'")
    return "\n".join(lines)
