"""Commented-out jitter near the model's call: what a person would look for first."""

from __future__ import annotations

import ast
import io
import linecache
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from runtime_probe.sites import Site

_JITTER = re.compile(r"jitter|noise|perturb|augment|rand|normal|uniform", re.I)


@dataclass(frozen=True)
class Hint:
    """A comment that reads as a call which would have drawn: its place and its text."""

    site: Site
    text: str


def commented_draws(sites: tuple[Site, ...]) -> tuple[Hint, ...]:
    """Comments in the functions at `sites` that parse as a call or assignment and speak of jitter."""
    found: dict[tuple[str, int], Hint] = {}
    for site in sites:  # innermost function first: it names the hint
        for hint in _in_function(site):
            found.setdefault((hint.site.file, hint.site.line), hint)
    return tuple(found.values())


def _in_function(site: Site) -> Iterator[Hint]:
    source = "".join(linecache.getlines(site.file))
    try:
        first, last = _extent(ast.parse(source), site)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, tokenize.TokenError, ValueError):
        return
    for token in tokens:
        text = token.string.lstrip("#").strip()
        if token.type == tokenize.COMMENT and first <= token.start[0] <= last and _is_draw(text):
            yield Hint(Site(site.file, token.start[0], site.function), text)


def _extent(tree: ast.Module, site: Site) -> tuple[int, int]:
    """The lines of the innermost function around a site, or of the whole module."""
    best = (1, 10**9)
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first, last = node.lineno, node.end_lineno or node.lineno
            if node.name == site.function and first <= site.line <= last and last - first < best[1] - best[0]:
                best = (first, last)
    return best


def _is_draw(text: str) -> bool:
    text = re.split(r"\s(←|<-|#)", text)[0]
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError):
        return False
    return any(
        isinstance(node, ast.Call) and _JITTER.search(ast.unparse(node))
        for statement in statements
        if isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr))
        for node in ast.walk(statement)
    )
