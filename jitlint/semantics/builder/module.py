"""From source text to the module model: one pass over the tree of `ast`, which is then dropped."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jitlint.diagnostic import Span
from jitlint.semantics.builder.comments import comments
from jitlint.semantics.builder.module_state import ModuleState, PendingFunction
from jitlint.semantics.builder.relevant import RelevantLines
from jitlint.semantics.builder.statements import ScopeBuilder
from jitlint.semantics.builder.syntax import DEFINITIONS, name_span, span_of, span_of_text
from jitlint.semantics.graph import Module, Scope
from jitlint.semantics.large_files import is_large, names_defined, statements_in_pieces, without_tables
from jitlint.semantics.pieces import KeptPieces, KeptScope

if TYPE_CHECKING:
    from jitlint.source import Source


def build_module(source: Source, *, context: bool = False, kept: KeptPieces | None = None) -> Module:
    """The model of one source. Raises SyntaxError (or RecursionError) as `ast.parse` does.

    With `context`, the file is only there to understand others: functions that neither draw nor train are
    left out, and comments. `kept` is what the last version of the text left, and this one leaves.
    """
    module = _large_module(source, context) if is_large(source.text) else None
    module = module or Builder(source.path, source.text, context, kept=kept).module()
    return replace(module, cell_ends=tuple(cell.last_line for cell in source.cells)) if source.cells else module


def _large_module(source: Source, context: bool) -> Module | None:
    """The model of a large source, built in pieces; None if it cannot be cut."""
    text = without_tables(source.text)
    builder = Builder(source.path, text, context, names_defined(text))
    try:
        return builder.module()
    except SyntaxError:
        return None


def build_fragment(code: str, name: str, module: Module, scope: Scope) -> Scope:
    """The model of code that does not run (of a comment), as a function nested in `scope`.

    What it reads of the scope's variables become its parameters, so that "what would it do to them?" is the
    question "what does this function do?". Raises SyntaxError as `ast.parse` does.
    """
    tree = ast.parse(code)
    definitions = frozenset(part for part in (*module.scopes, *module.classes) if part and "." not in part)
    state = ModuleState(RelevantLines(code, context=False), definitions)
    state.imports = dict(module.imports)
    qualname = f"{scope.qualname}.{name}".lstrip(".")
    inner = ScopeBuilder(state, qualname, "", scope.qualname, span_of_text(code))
    names = dict.fromkeys(read for read in _read_names(tree) if read in scope.variables)
    instance = scope.parameters[0].name if scope.is_method and scope.parameters else ""
    place: dict[str, Any] = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}
    parameters = [ast.arg(read, **place) for read in names if read != instance]
    inner.bind_parameters(ast.arguments([], parameters, None, [], [], None, []), {})
    inner.build(tree.body)
    return state.scopes[qualname]


def _read_names(tree: ast.AST) -> list[str]:
    """The names that code reads as data: not what it calls by its bare name."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in called
    ]


class Builder:
    """Builds the model of one module, scope by scope."""

    def __init__(
        self,
        path: str,
        text: str,
        context: bool = False,
        defined: frozenset[str] | None = None,
        kept: KeptPieces | None = None,
    ) -> None:
        self.path = path
        self.text = text
        self.kept = kept
        self.in_pieces = defined is not None
        self.context = context
        self.state = ModuleState(RelevantLines(text, context), defined or frozenset())

    def module(self) -> Module:
        """The model."""
        state, lines = self.state, self.text.count("\n") + 1
        ScopeBuilder(state, "", "", None, Span(1, 0, lines, 0)).build(self._statements())
        self._build_pending()
        return Module(
            self.path,
            {"": state.scopes.pop(""), **state.scopes},
            state.classes,
            state.imports,
            () if self.context else comments(self.text, state.long_strings),
            state.exported,
        )

    def _statements(self) -> Iterator[ast.stmt]:
        """The statements of the top level; those of a large file go as soon as they are built."""
        if not self.in_pieces:
            body = self.kept.statements(self.text) if self.kept else ast.parse(self.text).body
            self.state.definitions = _definitions(body)
            yield from body
            return
        for piece in statements_in_pieces(self.text):
            yield from piece
            self._build_pending()

    def _build_pending(self) -> None:
        """The functions that were met."""
        state = self.state
        while state.pending:
            pending = state.pending.popleft()
            if state.homes.get(pending.parent) is not pending.home:
                continue  # its function was defined again: nobody can call this one
            if pending.drawn_beside or state.relevant.holds(pending.tree):
                if self.kept:
                    self._kept_function(pending, self.kept)
                else:
                    self._function(pending)

    def _kept_function(self, pending: PendingFunction, kept: KeptPieces) -> None:
        """Take the graph of the last version, if nothing has changed for it, or build one."""
        state = self.state
        given = (*pending[1:-1], state.definitions)
        found = kept.scope(pending.tree, given, state.imports)
        if found is not None:
            state.homes[pending.qualname] = object()
            state.scopes[pending.qualname] = found.scope
            state.long_strings += found.long_strings
            return
        before = dict(state.imports), len(state.pending), dict(state.classes), state.exported
        strings = len(state.long_strings)
        self._function(pending)
        if before == (state.imports, len(state.pending), state.classes, state.exported):
            scope = state.scopes[pending.qualname]
            found_strings = tuple(state.long_strings[strings:])
            kept.keep(KeptScope(pending.tree, pending.tree.lineno, given, before[0], scope, found_strings))

    def _function(self, pending: PendingFunction) -> None:
        tree = pending.tree
        scope = ScopeBuilder(self.state, pending.qualname, pending.owner, pending.parent, span_of(tree))
        scope.name_span = name_span(tree)
        scope.decorators = pending.decorators
        scope.bind_parameters(tree.args, pending.defaults)
        scope.build(tree.body)


def _definitions(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The functions and classes that the top level defines, also under `if` and `try`."""
    found: set[str] = set()
    todo: list[ast.stmt] = list(body)
    while todo:
        statement = todo.pop()
        if isinstance(statement, DEFINITIONS):
            found.add(statement.name)
        elif isinstance(statement, (ast.If, ast.Try)):
            todo += [*statement.body, *statement.orelse]
            todo += [inner for handler in getattr(statement, "handlers", ()) for inner in handler.body]
    return frozenset(found)
