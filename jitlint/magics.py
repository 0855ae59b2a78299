"""IPython's own syntax in a notebook cell, blanked so that what is left is Python at the same place.

A line that IPython would not hand to Python (`%magic`, `!shell`, `?help`, `help?`, `pip install x`)
becomes spaces of the same length, or `pass` where a block needs a statement. `x = !ls` becomes `x = _`,
a name nobody bound: a value the linter knows nothing about.
"""

from __future__ import annotations

import ast
import re
import warnings

__all__ = ["blank", "blank_magics", "syntax_error"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Cell magics whose body is not part of the notebook's program even when it happens to parse as Python.
_FOREIGN = _words("""
    ! bash bigquery cmd cpp cu cython file HTML html javascript js julia latex markdown perl pypy python python2
    python3 R ruby script sh shell sql svg sx system writefile writetemplate
""")
# Cell magics that run their body as Python in the notebook; in any other, what does not parse is no Python.
_PYTHON = _words("capture debug memit prun snakeviz time timeit wandb")
# Line magics and aliases that people type without their `%`.
_AUTOMAGICS = _words("""
    alias bookmark cat cd clear conda config cp env history less lf ll load_ext load ls mamba man matplotlib mkdir
    more mv notebook pip pip3 popd precision prun pushd pwd pylab reload_ext rm rmdir run time timeit uv who whos
""")

_ESCAPE = re.compile(r"\s*[%!?,;/]")
_ASSIGNMENT = re.compile(r"([\s\w.,*()\[\]]+=\s*)[%!]")
_HELP = re.compile(r"""[^#'"]*\?\s*$""")
_TIMED = re.compile(r"(\s*)%(?:time|timeit|prun)\s+((?:-\w+\s*\d*\s+)*)(?=[^\s-])")
_FIRST_WORD = re.compile(r"\s*(\w+)(?:\s+(?![=,])|$)")  # `history = fit(` binds a name, as IPython sees it too
_CELL_MAGIC = re.compile(r"(?P<above>(?:[^\S\n]*(?:#[^\n]*)?\n)*)[^\S\n]*%%(?P<name>\S+)[^\n]*")
_LEXEME = re.compile(
    r"#.*|(?P<long>\"\"\"|''')|\"(?:\\.|[^\"\\])*\"?|'(?:\\.|[^'\\])*'?|(?P<open>[\[({])|(?P<close>[\])}])"
)


def syntax_error(text: str) -> SyntaxError | None:
    """Why `text` is not Python, or None when it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a user's string is not ours to print
            ast.parse(text)
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes, lone surrogates, deep nesting
        return SyntaxError(str(error) or type(error).__name__, (None, 1, 1, None))
    return None


def blank(text: str) -> str:
    """As many lines of spaces."""
    return re.sub(r"[^\n]", " ", text)


def blank_magics(cell: str) -> str:
    """The Python in a cell, everything at its line and column."""
    if syntax_error(cell) is None:
        return cell
    magic = _CELL_MAGIC.match(cell)
    if magic is None:
        return "\n".join(_blank_lines(cell.split("\n")))
    name = magic["name"]
    if name in _FOREIGN:
        return blank(cell)
    body = magic["above"] + blank(cell[magic.end("above") : magic.end()])
    body += "\n".join(_blank_lines(cell[magic.end() :].split("\n")))
    return body if name in _PYTHON or syntax_error(body) is None else blank(cell)


def _blank_lines(lines: list[str]) -> list[str]:
    """Blank the magics among `lines`: only where a statement may begin, never inside a string or brackets."""
    state = _State()
    in_magic = False
    for number, line in enumerate(lines):
        if in_magic or (state.at_statement and _is_magic(line)):
            lines[number] = blank(line) if in_magic else _without_magic(line)
            in_magic = line.endswith("\\")
        else:
            state.read(line)
    return lines


class _State:
    """Where the reader of a cell is after each line: in a long string, in brackets, or between statements."""

    def __init__(self) -> None:
        self.quote = ""
        self.depth = 0
        self.continued = False

    @property
    def at_statement(self) -> bool:
        return not (self.quote or self.depth or self.continued)

    def read(self, line: str) -> None:
        position = self._leave_string(line, 0)
        while match := _LEXEME.search(line, position):
            position = match.end()
            self.depth = max(0, self.depth + bool(match["open"]) - bool(match["close"]))
            if match["long"]:
                self.quote = match["long"]
                position = self._leave_string(line, position)
        self.continued = line.endswith("\\") and not self.quote

    def _leave_string(self, line: str, position: int) -> int:
        """The position after the end of the open string in this line; the line's length when it stays open."""
        if not self.quote:
            return position
        end = re.compile(rf"(?:\\.|(?!{self.quote}).)*?{self.quote}").match(line, position)
        if end is None:
            return len(line)
        self.quote = ""
        return end.end()


def _is_magic(line: str) -> bool:
    return bool(_ESCAPE.match(line) or _ASSIGNMENT.match(line) or _HELP.match(line)) or _is_automagic(line)


def _is_automagic(line: str) -> bool:
    word = _FIRST_WORD.match(line)
    return word is not None and word[1] in _AUTOMAGICS and syntax_error(line.strip()) is not None


def _without_magic(line: str) -> str:
    if assignment := _ASSIGNMENT.match(line):
        return f"{assignment[1]}_".ljust(len(line))
    if (timed := _TIMED.match(line)) and _is_simple(line[timed.end() :]):
        return f"{timed[1]}pass;".ljust(timed.end()) + line[timed.end() :]
    indent = line[: len(line) - len(line.lstrip())]
    statement = "pass" if len(line) - len(indent) >= len("pass") else "0"
    return f"{indent}{statement if indent else ''}".ljust(len(line))


def _is_simple(code: str) -> bool:
    """Whether `code` is one simple statement, which may follow a semicolon."""
    return syntax_error(f"pass; {code}") is None
