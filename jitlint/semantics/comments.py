"""Which comment lines are code: the pieces of a comment that would run if their `#` were taken away.

A piece ends where prose begins: `#coord = add_noise(coord)  <- off` is the code `coord = add_noise(coord)`
and the remark `<- off`. Prose that only holds a call ("call add_noise(x) to …") is no code.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from jitlint.semantics.graph import Comment

MAX_LINES = 24  # of one commented-out statement

_LIKE_CODE = re.compile(
    r"\s*(?:(?:if|elif|for|with|while)\b.*:|return\b.*\(|[A-Za-z_][\w.,\[\]:\"' ]*[-+*/|&@]?=(?!=)|[A-Za-z_][\w.]*\()"
)
_ARROW = re.compile(r"\s(?:<-+|←|--+>|=+>)\s")
_DASH = re.compile(r"\s(?:<=+|--+|//|\|\|)\s")  # can be an operator
_REMARK = re.compile(
    r"\s*(?:[#!(\[;,.<?-]|(?:TODO|FIXME|XXX|commented|disabled|off|removed|unused|not|no|was|turned|skip|skipped|never|"
    r"deprecated|old|optional|if|when|for|because|since)\b)",
    re.IGNORECASE,
)
_DEFINITION = re.compile(r"\s*(?:async\s+def|def|class)\s+\w+\s*[(:]")
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


class Piece(NamedTuple):
    """Adjacent comment lines that are code.

    `code` is their text without `#`, not indented, remarks cut off. An `element` ends with a comma or is
    one call, so that it could stand in a list. `remark` is the prose around: of the comment line above
    and at the lines' ends. `behind` as of the comment.
    """

    first_line: int
    last_line: int
    column: int
    end_column: int
    code: str
    remark: str
    element: bool
    behind: bool = False

    @property
    def place(self) -> int:
        """The first line on which it would stand alone."""
        return self.first_line + self.behind


def without_definitions(comments: Sequence[Comment]) -> Iterator[Comment]:
    """Comments without the bodies of functions and classes that they hold: an old version, no missing call.

    A body goes on over empty lines, so in the next run of comment lines.
    """
    column = indent = -1  # of the definition that is open, -1 for none
    end = 0
    for comment in comments:
        if comment.column != column or comment.first_line > end + 3:
            indent = -1
        lines: list[str] = []
        for line in comment.lines:
            if indent >= 0 and line.strip() and _indent(line) <= indent:
                indent = -1
            lines.append("" if indent >= 0 else line)
            if indent < 0 and _DEFINITION.match(line):
                indent = _indent(line)
        yield comment._replace(lines=tuple(lines)) if lines != list(comment.lines) else comment
        column, end = comment.column, comment.first_line + len(comment.lines) - 1


def pieces(comment: Comment) -> Iterator[Piece]:
    """The pieces of one run of comment lines, in order."""
    at, prose = 0, ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while at < len(comment.lines):
            found = _code_at(comment.lines, at) if _LIKE_CODE.match(comment.lines[at]) else None
            if found is None:
                prose = comment.lines[at].strip()
                at += 1
                continue
            end, code, tail = found
            yield Piece(
                comment.first_line + at,
                comment.first_line + end,
                comment.column,
                comment.column + 1 + len(comment.lines[end].encode()),
                code,
                f"{prose} {tail}".strip(),
                _is_element(code),
                comment.behind,
            )
            at = end + 1


def _code_at(lines: Sequence[str], at: int) -> tuple[int, str, str] | None:
    """(last line, code, remark) of the statement that begins at a comment line."""
    if lines[at].split("#")[0].rstrip().endswith(":"):
        return _block_at(lines, at)
    code, tail = _cut(lines[at])
    if _parses(code):
        return at, code.strip(), tail
    if _depth(code) > 0:
        return _bracketed_at(lines, at)
    cut = _cut_prose(code)
    return (at, cut, f"{code.strip()[len(cut) :].strip()} {tail}".strip()) if cut else None


def _block_at(lines: Sequence[str], at: int) -> tuple[int, str, str] | None:
    """A compound statement with the deeper indented lines under it."""
    indent = _indent(lines[at])
    end = at
    while end + 1 < len(lines) and end - at < MAX_LINES and lines[end + 1].strip() and _indent(lines[end + 1]) > indent:
        end += 1
    return _joined(lines, at, end)


def _bracketed_at(lines: Sequence[str], at: int) -> tuple[int, str, str] | None:
    """A statement whose brackets stay open over several lines."""
    depth = 0
    for end in range(at, min(at + MAX_LINES, len(lines))):
        depth += _depth(_cut(lines[end])[0])
        if depth <= 0:
            return _joined(lines, at, end)
    return None


def _joined(lines: Sequence[str], at: int, end: int) -> tuple[int, str, str] | None:
    cut = [_cut(line) for line in lines[at : end + 1]]
    code = textwrap.dedent("\n".join(part[0] for part in cut)).rstrip()
    tail = " ".join(part[1] for part in cut).strip()
    return (end, code, tail) if end > at and _parses(code) else None


def _cut(line: str) -> tuple[str, str]:
    """A line's code and what stands after a second `#` or an arrow."""
    quote = ""
    for position, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#":
            return line[:position].rstrip(), line[position + 1 :].strip()
    dash = _ARROW.search(line) or (None if _parses(line) else _DASH.search(line))
    if dash:
        return line[: dash.start()], line[dash.start() :].strip()
    return line.rstrip(), ""


def _cut_prose(code: str) -> str:
    """The longest beginning of a line that is code and is followed by a remark, or ""."""
    closing = [position + 1 for position, character in enumerate(code) if character == ")"]
    for end in reversed(closing):
        if _REMARK.match(code[end:]) and _parses(code[:end]):
            return code[:end].strip()
    return ""


def _parses(code: str) -> bool:
    try:
        body = ast.parse(textwrap.dedent(code)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return bool(body) and not all(isinstance(item, ast.Expr) and _is_literal(item.value) for item in body)


def _is_literal(tree: ast.expr) -> bool:
    return isinstance(tree, (ast.Constant, ast.Name, ast.Attribute))


def _is_element(code: str) -> bool:
    tree = ast.parse(code).body
    if len(tree) != 1 or not isinstance(tree[0], ast.Expr):
        return False
    value = tree[0].value
    return isinstance(value, ast.Call) or (isinstance(value, ast.Tuple) and code.rstrip().endswith(","))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _depth(code: str) -> int:
    """How many brackets a line leaves open."""
    return sum((character in _OPENING) - (character in _CLOSING) for character in code)
