"""Suppressions: comments that say that a finding is known and meant.

`# jitlint: ignore[JIT101] reason` (or a rule's name) and `# noqa: JIT101` hold for the statement that they
stand in, or, on a line of their own, for the statement below. `# jitlint: ignore-file[JIT101]` holds for
the file. Of a compound statement, a comment behind its header covers the header and a comment above it
covers the whole, except that of a function or class it is never more than the header.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import StringIO

from jitlint.diagnostic import (
    Applicability,
    Candidate,
    ChangeComment,
    Confidence,
    FixPlan,
    Span,
)
from jitlint.errors import nearest
from jitlint.plugins import plugins
from jitlint.rules import all_rules, find_rule
from jitlint.source import Source
from jitlint.survey import has_directives

__all__ = [
    "UNUSED",
    "Statements",
    "Suppressed",
    "comments",
    "end_of_codes",
    "suppress",
    "suppresses",
]

UNUSED = "JIT001"
_OWN = re.compile(r"#\s*jitlint\s*:\s*(?P<kind>[\w-]+)\s*(?:\[(?P<codes>[^\]\[]*)\])?")
_NOQA = re.compile(r"#\s*noqa\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*)", re.IGNORECASE)
_WORDS = ("ignore", "ignore-file", "noqa")
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """What is left of a file's candidates, with the unused suppressions added, and warnings about bad codes."""

    kept: tuple[Candidate, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Directive:
    """One comment: the codes it names as written, and the lines it covers (None: the whole file)."""

    span: Span  # of the directive in its comment, up to the comment's end
    word: str  # "ignore", "ignore-file" or "noqa"
    written: tuple[str, ...]
    first_line: int
    last_line: int
    used: set[str] = field(default_factory=set, compare=False)

    @property
    def codes(self) -> frozenset[str]:
        rules = (find_rule(word) for word in self.written)
        return frozenset(rule.code for rule in rules if rule is not None)

    def covers(self, candidate: Candidate) -> bool:
        """Whether one of the finding's lines is covered."""
        if self.word not in _WORDS or candidate.code not in self.codes:
            return False
        return self.word == "ignore-file" or (
            self.first_line <= candidate.span.end_line and candidate.span.line <= self.last_line
        )


def suppress(source: Source, candidates: Sequence[Candidate], enabled: frozenset[str]) -> Suppressed:
    """Drop the candidates that a comment suppresses. Of codes that are not `enabled`, none counts as unused."""
    directives = list(_directives(source))
    kept = tuple(item for item in candidates if not _is_suppressed(item, directives))
    unused: Iterable[Candidate] = ()
    if UNUSED in enabled:
        unused = [found for item in directives for found in _unused(source, item, enabled)]
        unused = [item for item in unused if not _is_suppressed(item, directives)]
    return Suppressed((*kept, *unused), tuple(_warnings(source, directives)))


def suppresses(source: Source, line: int, codes: Iterable[str]) -> bool:
    """Whether a comment accepts findings of one of the codes on a line."""
    return any(
        item.word in _WORDS
        and item.codes & set(codes)
        and (item.word == "ignore-file" or item.first_line <= line <= item.last_line)
        for item in _directives(source)
    )


def _is_suppressed(candidate: Candidate, directives: Iterable[_Directive]) -> bool:
    covering = [item for item in directives if item.covers(candidate)]
    for item in covering:
        item.used.add(candidate.code)
    return bool(covering)


# --------------------------------------------------------------------------------------------- comments


def _directives(source: Source) -> Iterator[_Directive]:
    has_others = bool(plugins.loaded) and "noqa" in source.text  # with the code of a plugin's rule
    if not has_others and not has_directives(source.text.encode("utf-8", "surrogatepass")):
        return
    statements = Statements(source.text)
    for token in comments(source.text):
        for match in (*_OWN.finditer(token.string), *_NOQA.finditer(token.string)):
            found = _directive(token, match, statements)
            if found is not None:
                yield found


def comments(text: str) -> Iterator[tokenize.TokenInfo]:
    """The comments of a text; what looks like one inside a string is none."""
    try:
        for token in tokenize.generate_tokens(StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token
    except (tokenize.TokenError, SyntaxError):
        return  # what `ast` reads and `tokenize` does not ends here; the comments above still hold


def end_of_codes(comment: str) -> int | None:
    """Where a comment that suppresses findings of its statement takes another code, or None if it does not."""
    found = (match for match in _OWN.finditer(comment) if match["kind"] == "ignore" and match["codes"])
    return next((match.end("codes") for match in found), None)


def _directive(token: tokenize.TokenInfo, match: re.Match[str], statements: Statements) -> _Directive | None:
    word = match.groupdict().get("kind") or "noqa"
    written = tuple(filter(None, re.split(r"[,\s]+", match["codes"] or "")))
    if word == "noqa":
        written = tuple(code.upper() for code in written if code.upper().startswith("JIT") or find_rule(code.upper()))
        if not written:
            return None  # another linter's
    line, start = token.start
    alone = not token.line[:start].strip()
    first, last = statements.below(line) if alone else statements.around(line)
    prefix = len(token.line[: start + match.start()].encode())
    span = Span(line, prefix, line, len(token.line[: token.end[1]].encode()))
    return _Directive(span, word, written, first, last)


class Statements:
    """Which lines belong to the statement at a line."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        tree = ast.parse(text)
        self.spans = sorted(self._spans(tree))
        compound = (node for node in ast.walk(tree) if getattr(node, "body", None) or getattr(node, "cases", None))
        self.headers = {(_first_line(node), self._header_end(node)) for node in compound if isinstance(node, ast.stmt)}

    def _spans(self, tree: ast.Module) -> Iterator[tuple[int, int, int]]:
        """(first line, last line of the header, last line of what a comment above covers) of each statement."""
        for node in ast.walk(tree):
            if not isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
                continue
            first, last = _first_line(node), _last_line(node)
            header = max(first, self._header_end(node))
            yield first, header, header if isinstance(node, _SCOPES) else last

    def _header_end(self, node: ast.AST) -> int:
        """The last line of a compound statement's header; a simple statement's last line."""
        body = getattr(node, "body", None) or getattr(node, "cases", None)
        if not isinstance(body, list) or not body:
            return _last_line(node)
        line = _first_line(body[0]) - 1
        while line > 0 and self.lines[line - 1].lstrip()[:1] in ("", "#"):
            line -= 1  # comments above the first statement belong to it
        return line

    def around(self, line: int) -> tuple[int, int]:
        """The lines of the innermost statement (or header) that `line` lies in; else the line itself."""
        inside = [(first, header) for first, header, _ in self.spans if first <= line <= header]
        return max(inside, default=(line, line))

    def is_simple(self, line: int) -> bool:
        """Whether a comment behind the statement at `line` covers it: it has no body (or is itself a comment)."""
        inside = [(first, header, last) for first, header, last in self.spans if first <= line <= header]
        return not inside or (max(inside)[1] == max(inside)[2] and max(inside)[:2] not in self.headers)

    def below(self, line: int) -> tuple[int, int]:
        """From a comment of its own line to the end of the statement below it, or of the comment lines."""
        within = self.around(line)
        if within != (line, line):
            return within  # between the lines of a statement
        last = next((last for first, _, last in self._after(line)), line)
        return line, last

    def _after(self, line: int) -> list[tuple[int, int, int]]:
        """The outermost statement that begins on the next line of code, if blank lines do not part it."""
        at = line + 1
        while at <= len(self.lines) and self.lines[at - 1].lstrip().startswith("#"):
            at += 1
        begun = [span for span in self.spans if span[0] == at]
        return [max(begun, key=lambda span: span[2])] if begun else [(line, at - 1, at - 1)]


def _first_line(node: ast.AST) -> int:
    if isinstance(node, ast.match_case):
        return node.pattern.lineno
    decorators = [item.lineno for item in getattr(node, "decorator_list", ())]
    return int(min([getattr(node, "lineno"), *decorators]))  # noqa: B009


def _last_line(node: ast.AST) -> int:
    last = node.body[-1] if isinstance(node, ast.match_case) else node
    return int(getattr(last, "end_lineno", None) or 0)


# ------------------------------------------------------------------------------------ unused and unknown


def _unused(source: Source, directive: _Directive, enabled: frozenset[str]) -> Iterator[Candidate]:
    idle = [word for word in directive.written if _is_idle(word, directive, enabled)]
    if not idle or directive.word not in _WORDS:
        return
    names = " and ".join(f"`{word}`" for word in idle)
    what = "this file has" if directive.word == "ignore-file" else "this statement has"
    plan = FixPlan(Applicability.SAFE, f"Remove the suppression of {names}", _removal(source, directive, idle))
    message = f"the suppression of {names} has no effect: {what} no such finding"
    yield Candidate(UNUSED, source.path, directive.span, message, Confidence.HIGH, fix=plan)


def _is_idle(word: str, directive: _Directive, enabled: frozenset[str]) -> bool:
    rule = find_rule(word)
    return rule is not None and rule.code in enabled and rule.code != UNUSED and rule.code not in directive.used


def _removal(source: Source, directive: _Directive, idle: Sequence[str]) -> ChangeComment:
    """Take the idle codes out; the whole directive with its reason if none is left."""
    line = source.lines[directive.span.line - 1].encode()
    text = line[directive.span.column : directive.span.end_column].decode()
    keeps = len(idle) < len(directive.written) or _names_others(directive, text)
    return ChangeComment(directive.span.line, directive.span.column, _without(text, idle) if keeps else "")


def _names_others(directive: _Directive, text: str) -> bool:
    """Whether a `noqa` has codes of other linters too."""
    match = _NOQA.match(text) if directive.word == "noqa" else None
    return match is not None and len(re.split(r"[,\s]+", match["codes"])) > len(directive.written)


def _without(text: str, idle: Sequence[str]) -> str:
    for word in idle:
        text = re.sub(rf"\b{re.escape(word)}\b\s*,?\s*|,\s*{re.escape(word)}\b", "", text, count=1, flags=re.IGNORECASE)
    return re.sub(r",\s*(\]|$)", r"\1", text)


def _warnings(source: Source, directives: Iterable[_Directive]) -> Iterator[str]:
    for item in directives:
        at = source.locate(item.span)
        where = f"{source.path}:{f'cell {at.cell}:' if at.cell else ''}{at.line}"
        if item.word not in _WORDS:
            yield f"{where}: `jitlint: {item.word}` is not a suppression{nearest(item.word, ['ignore', 'ignore-file'])}"
        elif not item.written:
            yield f"{where}: this suppression names no rule; write `jitlint: {item.word}[JIT101]`"
        for word in item.written:
            if find_rule(word) is None:
                valid = [name for rule in all_rules() for name in (rule.code, rule.name)]
                yield f"{where}: unknown rule `{word}`{nearest(word, valid)}"
