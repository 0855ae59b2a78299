"""From source text to the module model: one pass over the tree of `ast`, which is then dropped.

The builder evaluates every scope abstractly: it keeps, for each name, the node of its present value,
and merges these maps after branches and at loop heads. Dotted names of plain attributes
(`self.coord`, `args.noise`) are tracked like variables as long as they are set in the same scope.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from jitlint.catalogue import OVERWRITES, REFILLS
from jitlint.diagnostic import Span
from jitlint.screen import draws, uses, without_docstrings
from jitlint.semantics.graph import (
    RELATIVE,
    ClassModel,
    Comment,
    Kind,
    Module,
    Node,
    Parameter,
    Region,
    RegionKind,
    Scope,
    Statement,
    Store,
)
from jitlint.semantics.large_files import is_large, names_defined, statements_in_pieces, without_tables
from jitlint.semantics.pieces import KeptPieces, KeptScope

if TYPE_CHECKING:
    from jitlint.source import Source

Environment = dict[str, int]

# Displays longer than this are data tables: only their non-constant elements are looked at.
LONG_DISPLAY = 64

# Methods that change their receiver; the receiver's name is bound anew to the call.
MUTATORS = frozenset({"append", "extend", "insert", "add", "update", "setdefault", "copy_", "shuffle"})
# Functions that change their first argument in place.
ARGUMENT_MUTATORS = frozenset(
    {
        "random.shuffle",
        "numpy.random.shuffle",
        "torch.nn.init.normal_",
        "torch.nn.init.uniform_",
        "torch.nn.init.trunc_normal_",
    }
)


class PendingFunction(NamedTuple):
    """A function whose body is evaluated after the scope that defines it."""

    tree: ast.FunctionDef | ast.AsyncFunctionDef
    qualname: str
    owner: str
    parent: str
    defaults: dict[str, int]
    decorators: tuple[str, ...]
    drawn_beside: bool = False  # a method that may use what its class' `__init__` draws
    home: object = None  # stands for the scope that defines it: a second one of its name has another


# Makes a named tuple without the call of its own `__new__`: hundreds of thousands are made for a large tree.
_tuple = tuple.__new__


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
    builder = Builder(module.path, code)
    tree = ast.parse(code)
    builder.imports = dict(module.imports)
    builder.definitions = frozenset(part for part in (*module.scopes, *module.classes) if part and "." not in part)
    qualname = f"{scope.qualname}.{name}".lstrip(".")
    inner = ScopeBuilder(builder, qualname, "", scope.qualname, span_of_text(code))
    names = dict.fromkeys(read for read in _read_names(tree) if read in scope.variables)
    instance = scope.parameters[0].name if scope.is_method and scope.parameters else ""
    place: dict[str, Any] = {"lineno": 1, "col_offset": 0, "end_lineno": 1, "end_col_offset": 0}
    parameters = [ast.arg(read, **place) for read in names if read != instance]
    inner.bind_parameters(ast.arguments([], parameters, None, [], [], None, []), {})
    inner.build(tree.body)
    return builder.scopes[qualname]


def span_of_text(text: str) -> Span:
    """The span of a whole text."""
    return Span(1, 0, text.count("\n") + 1, 0)


def _read_names(tree: ast.AST) -> list[str]:
    """The names that code reads as data: not what it calls by its bare name."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in called
    ]


class Builder:
    """What is shared by the scopes of one module."""

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
        self.imports: dict[str, str] = {}
        self.classes: dict[str, ClassModel] = {}
        self.scopes: dict[str, Scope] = {}
        self.pending: deque[PendingFunction] = deque()
        self.homes: dict[str, object] = {}
        self.long_strings: list[tuple[int, int]] = []
        self.exported: frozenset[str] = frozenset()
        self.definitions = defined or frozenset()
        self.relevant = _RelevantLines(text, context)

    def module(self) -> Module:
        lines = self.text.count("\n") + 1
        ScopeBuilder(self, "", "", None, Span(1, 0, lines, 0)).build(self._statements())
        self._build_pending()
        return Module(
            self.path,
            {"": self.scopes.pop(""), **self.scopes},
            self.classes,
            self.imports,
            () if self.context else _comments(self.text, self.long_strings),
            self.exported,
        )

    def _statements(self) -> Iterator[ast.stmt]:
        """The statements of the top level; those of a large file go as soon as they are built."""
        if not self.in_pieces:
            body = self.kept.statements(self.text) if self.kept else ast.parse(self.text).body
            self.definitions = _definitions(body)
            yield from body
            return
        for piece in statements_in_pieces(self.text):
            yield from piece
            self._build_pending()

    def _build_pending(self) -> None:
        """The functions that were met."""
        while self.pending:
            pending = self.pending.popleft()
            if self.homes.get(pending.parent) is not pending.home:
                continue  # its function was defined again: nobody can call this one
            if pending.drawn_beside or self.relevant.holds(pending.tree):
                if self.kept:
                    self._kept_function(pending, self.kept)
                else:
                    self._function(pending)

    def _kept_function(self, pending: PendingFunction, kept: KeptPieces) -> None:
        """Take the graph of the last version, if nothing has changed for it, or build one."""
        given = (*pending[1:-1], self.definitions)
        found = kept.scope(pending.tree, given, self.imports)
        if found is not None:
            self.homes[pending.qualname] = object()
            self.scopes[pending.qualname] = found.scope
            self.long_strings += found.long_strings
            return
        before = dict(self.imports), len(self.pending), dict(self.classes), self.exported
        strings = len(self.long_strings)
        self._function(pending)
        if before == (self.imports, len(self.pending), self.classes, self.exported):
            scope = self.scopes[pending.qualname]
            kept.keep(KeptScope(pending.tree, given, before[0], scope, tuple(self.long_strings[strings:])))

    def _function(self, pending: PendingFunction) -> None:
        tree = pending.tree
        scope = ScopeBuilder(self, pending.qualname, pending.owner, pending.parent, span_of(tree))
        scope.name_span = _name_span(tree)
        scope.decorators = pending.decorators
        scope.bind_parameters(tree.args, pending.defaults)
        scope.build(tree.body)


class _RelevantLines:
    """Tells which functions of a file that does not train are worth a graph: those that draw.

    A function left out is to its callers like one of a library. Networks and helpers make up most of such
    files, and building their graphs would cost more than all the rest.
    """

    def __init__(self, text: str, context: bool) -> None:
        data = text.encode("utf-8", "surrogatepass")
        self.every = not context and uses(without_docstrings(data))
        self.lines = [] if self.every else data.splitlines(keepends=True)

    def holds(self, tree: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether this function needs a graph."""
        if self.every or tree.name == "__init__":
            return True
        text = self._text(tree)
        return draws(text) or uses(text)

    def drawn_in_setup(self, tree: ast.ClassDef) -> bool:
        """Whether a class draws outside its methods or in its `__init__`."""
        if self.every:
            return False
        setup = [item for item in tree.body if not isinstance(item, _OPAQUE) or item.name == "__init__"]
        return any(draws(self._text(item)) for item in setup)

    def _text(self, tree: ast.stmt) -> bytes:
        return b"".join(self.lines[tree.lineno - 1 : tree.end_lineno])


def _by_kind(nodes: Sequence[Node]) -> dict[Kind, tuple[int, ...]]:
    found: defaultdict[Kind, list[int]] = defaultdict(list)
    for index, node in enumerate(nodes):
        found[node.kind].append(index)
    return {kind: tuple(indices) for kind, indices in found.items()}


def _definitions(body: Sequence[ast.stmt]) -> frozenset[str]:
    """The functions and classes that the top level defines, also under `if` and `try`."""
    found: set[str] = set()
    todo: list[ast.stmt] = list(body)
    while todo:
        statement = todo.pop()
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(statement.name)
        elif isinstance(statement, (ast.If, ast.Try)):
            todo += [*statement.body, *statement.orelse]
            todo += [inner for handler in getattr(statement, "handlers", ()) for inner in handler.body]
    return frozenset(found)


def span_of(tree: Any) -> Span:
    """The span of a syntax-tree node; of a decorated definition, from the `def`."""
    first, last = tree.lineno, tree.end_lineno  # most are on one line, and then share the number's object
    return _tuple(Span, (first, tree.col_offset, first if first == last else last, tree.end_col_offset))


def _name_span(tree: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Span:
    keyword = {ast.FunctionDef: "def ", ast.AsyncFunctionDef: "async def ", ast.ClassDef: "class "}[type(tree)]
    column = tree.col_offset + len(keyword)
    return Span(tree.lineno, column, tree.lineno, column + len(tree.name.encode()))


_COMMENT = re.compile(r"^([ \t]*)#(.*)$", re.MULTILINE)
_TO_THE_END = re.compile(r"#([^\n]*)")


def _comments(text: str, long_strings: Sequence[tuple[int, int]]) -> tuple[Comment, ...]:
    """The comments that could hold code, in order: with at least one call-shaped line."""
    inside = {line for first, last in long_strings for line in range(first, last + 1)}
    return tuple(sorted((*_standing_comments(text, inside), *_comments_behind(text, inside))))


def _comments_behind(text: str, inside: Container[int]) -> Iterable[Comment]:
    """The comments behind a bracket or a comma: `Compose([  # Flip(),`."""
    line, position = 1, 0
    for match in _TO_THE_END.finditer(text):
        if "(" not in match[1]:
            continue
        before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        line += text.count("\n", position, match.start())
        position = match.start()
        if before.rstrip()[-1:] in ("[", "(", ",") and line not in inside:
            yield Comment(line, len(before.encode()), (match[1],), behind=True)


def _standing_comments(text: str, inside: Container[int]) -> Iterable[Comment]:
    """Runs of lines that hold nothing but a comment."""
    run: list[str] = []
    first = column = previous = 0
    line, position = 1, 0
    for match in _COMMENT.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        if line in inside:
            continue
        indent = len(match[1])
        if run and (line != previous + 1 or indent != column):
            yield from _comment(first, column, run)
            run = []
        if not run:
            first, column = line, indent
        run.append(match[2])
        previous = line
    if run:
        yield from _comment(first, column, run)


def _comment(first: int, column: int, run: list[str]) -> Iterable[Comment]:
    if any("(" in line for line in run):
        yield Comment(first, column, tuple(run))


class ScopeBuilder:
    """Evaluates one scope."""

    def __init__(self, builder: Builder, qualname: str, owner: str, parent: str | None, span: Span) -> None:
        self.builder = builder
        self.qualname = qualname
        self.home = builder.homes[qualname] = object()
        self.owner = owner
        self.parent = parent
        self.span = self.name_span = span
        self.decorators: tuple[str, ...] = ()
        self.parameters: list[Parameter] = []
        self.nodes: list[Node] = []
        self.regions: list[Region] = [Region(RegionKind.BODY, -1, -1)]
        self.statements: list[Statement] = []
        self.stores: list[Store] = []
        self.returns: list[int] = []
        self.variables: dict[str, list[int]] = {}
        self.global_nodes: dict[str, int] = {}
        self.global_names: set[str] = set()
        self.is_generator = False
        self.environment: Environment = {}
        self.region = 0
        self.statement = -1
        self.class_prefix = ""
        self.drawn_in_setup = False
        self.binds: list[str] = []

    # ------------------------------------------------------------------------------------------ scope

    def bind_parameters(self, arguments: ast.arguments, defaults: dict[str, int]) -> None:
        self.statements.append(Statement(self.span, 0))
        self.statement = 0
        every = [(argument, 0) for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        every += [(extra, stars) for stars, extra in ((1, arguments.vararg), (2, arguments.kwarg)) if extra]
        for argument, stars in every:
            self.parameters.append(Parameter(argument.arg, defaults.get(argument.arg, -1), stars))
            node = self.add(Kind.PARAM, span_of(argument), name=argument.arg)
            self.environment[argument.arg] = node
            self.variables.setdefault(argument.arg, []).append(node)

    def build(self, body: Iterable[ast.stmt]) -> None:
        self.block(body)
        scope = Scope(
            self.qualname,
            self.owner,
            self.parent,
            self.span,
            self.name_span,
            tuple(self.parameters),
            self.decorators,
            tuple(self.nodes),
            tuple(self.regions),
            tuple(self.statements),
            tuple(self.stores),
            tuple(self.returns),
            self.is_generator,
            {name: tuple(nodes) for name, nodes in self.variables.items()},
            frozenset(self.global_names),
            _by_kind(self.nodes),
        )
        self.builder.scopes[self.qualname] = scope

    def add(
        self,
        kind: Kind,
        span: Span,
        inputs: tuple[int, ...] = (),
        name: str = "",
        keywords: tuple[str | None, ...] = (),
        value: object = None,
    ) -> int:
        self.nodes.append(_tuple(Node, (kind, self.region, self.statement, span, inputs, name, keywords, value)))
        return len(self.nodes) - 1

    def open_region(self, kind: RegionKind, header: int = -1, header_span: Span | None = None) -> int:
        self.regions.append(Region(kind, self.region, self.statement, header, header_span))
        return len(self.regions) - 1

    # ------------------------------------------------------------------------------------- statements

    def block(self, body: Iterable[ast.stmt]) -> bool:
        """Evaluate statements in order; True when control never reaches the end."""
        ended = False
        for tree in body:
            ended = self.visit(tree) or ended
        return ended

    def visit(self, tree: ast.stmt) -> bool:
        outer, outer_binds, region = self.statement, self.binds, self.region
        self.statement = len(self.statements)
        span = span_of(tree)
        self.statements.append(Statement(span, region))
        self.binds = []
        handler = _STATEMENTS.get(type(tree))
        ended = bool(handler(self, tree)) if handler else False
        if self.binds:
            self.statements[self.statement] = Statement(span, region, tuple(dict.fromkeys(self.binds)))
        self.binds = outer_binds + self.binds
        self.statement, self.region = outer, region
        return ended

    def visit_block(self, body: Sequence[ast.stmt], region: int) -> bool:
        outer, statement = self.region, self.statement
        self.region = region
        ended = self.block(body)
        self.region, self.statement = outer, statement
        return ended

    def expression_statement(self, tree: ast.Expr) -> None:
        node = self.value(tree.value)
        self.mutation(tree.value, node)

    def mutation(self, tree: ast.expr, node: int) -> None:
        """Bind a name anew when a call changes it in place."""
        made = self.nodes[node]
        if made.kind is not Kind.CALL or not isinstance(tree, ast.Call):
            return
        method = made.name.rpartition(".")[2]
        changes = method in MUTATORS or (method.endswith("_") and not method.endswith("__"))
        target: ast.expr | None = _out(tree)
        overwrites = target is not None or method in REFILLS or method in OVERWRITES
        if target is not None:
            pass
        elif made.name in ARGUMENT_MUTATORS or (method == "shuffle" and tree.args and made.name != "random.shuffle"):
            target = tree.args[0] if tree.args else None
        elif made.name.startswith(".") and changes and isinstance(tree.func, ast.Attribute):
            target = _storage(tree.func.value)
        else:
            return
        name = dotted(target) if target is not None else None
        if name and (name in self.environment or (overwrites and name.partition(".")[0] in self.environment)):
            self.environment[name] = node
            if "." in name:
                self.stores.append(Store(name, node, self.statement, self.region))

    def assign(self, tree: ast.Assign) -> None:
        node = self.value(tree.value)
        for target in tree.targets:
            self.bind(target, node, tree.value)

    def annotated_assign(self, tree: ast.AnnAssign) -> None:
        if tree.value is not None:
            self.bind(tree.target, self.value(tree.value), tree.value)

    def augmented_assign(self, tree: ast.AugAssign) -> None:
        left = self.value(_as_load(tree.target))
        right = self.value(tree.value)
        symbol = _SYMBOLS.get(type(tree.op), "?")
        node = self.add(Kind.OP, span_of(tree), (left, right), symbol + "=")
        self.bind(tree.target, node, None)

    def bind(self, target: ast.expr, node: int, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name):
            self.bind_name(target.id, node)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.bind_tuple(target, node, value)
        elif isinstance(target, ast.Attribute):
            self.bind_attribute(target, node)
        elif isinstance(target, ast.Subscript):
            self.bind_item(target, node)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, node, None)

    def bind_name(self, name: str, node: int) -> None:
        full = self.class_prefix + name
        self.environment[full] = node
        if not self.class_prefix:
            prefix = name + "."
            for key in [key for key in self.environment if key.startswith(prefix)]:
                del self.environment[key]
        self.binds.append(full)
        self.variables.setdefault(full, []).append(node)
        self.stores.append(Store(full, node, self.statement, self.region))
        if full == "__all__":
            self.builder.exported |= self._strings_of(node)

    def _strings_of(self, node: int) -> frozenset[str]:
        values = [self.nodes[inner].value for inner in self.nodes[node].inputs]
        return frozenset(value for value in values if isinstance(value, str))

    def bind_tuple(self, target: ast.Tuple | ast.List, node: int, value: ast.expr | None) -> None:
        elements: Sequence[ast.expr | None] = [None] * len(target.elts)
        parts: Sequence[int] = ()
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
            elements, parts = value.elts, self.nodes[node].inputs
        for position, element in enumerate(target.elts):
            if len(parts) == len(target.elts):
                part = parts[position]
            else:
                index = self.add(Kind.CONST, span_of(element), value=position)
                part = self.add(Kind.INDEX, span_of(element), (node, index))
            self.bind(element, part, elements[position])

    def bind_attribute(self, target: ast.Attribute, node: int) -> None:
        base = self.value(target.value)
        name = dotted(target) or "." + target.attr
        self.environment[name] = node
        self.binds.append(name)
        self.stores.append(Store(name, node, self.statement, self.region, base))

    def bind_item(self, target: ast.Subscript, node: int) -> None:
        base = self.value(target.value)
        changed = self.add(Kind.SETITEM, span_of(target), (base, node, self.value(target.slice)))
        name = dotted(target.value)
        if name:
            self.environment[name] = changed
            self.binds.append(name)
            self.stores.append(Store(name, changed, self.statement, self.region))

    def return_(self, tree: ast.Return) -> bool:
        if tree.value is not None:
            self.returns.append(self.value(tree.value))
        self.add(Kind.WORD, span_of(tree), (), "return")
        return True

    def leave(self, tree: ast.stmt) -> bool:
        self.say(tree)
        return True

    def say(self, tree: ast.stmt) -> None:
        """`break`, `raise error`, `assert x`: what it reads, and that it stands here."""
        inputs = tuple(self.value(child) for child in ast.iter_child_nodes(tree) if isinstance(child, ast.expr))
        self.add(Kind.WORD, span_of(tree), inputs, type(tree).__name__.lower())

    def if_(self, tree: ast.If) -> bool:
        test = self.value(tree.test)
        before = dict(self.environment)
        ended = self.visit_block(tree.body, self.open_region(RegionKind.THEN, test, span_of(tree.test)))
        ended = ended or (isinstance(tree.test, ast.Constant) and not tree.test.value)  # `if False:` never gets there
        after_body, self.environment = self.environment, before
        ended_else = False
        if tree.orelse:
            after_body, before = after_body, dict(before)
            region = self.open_region(RegionKind.ELSE, test, span_of(tree.test))
            ended_else = self.visit_block(tree.orelse, region)
        if ended and not ended_else:
            return False
        if ended_else and not ended:
            self.environment = after_body
            return False
        self.merge(after_body, span_of(tree.test))
        return ended and ended_else

    def merge(self, other: Environment, span: Span) -> None:
        """Join another branch's names into the present ones."""
        mine = self.environment
        for name, node in other.items():
            present = mine.get(name)
            if present is None:
                mine[name] = node
            elif present != node:
                mine[name] = self.add(Kind.PHI, span, (present, node), name)

    def for_(self, tree: ast.For | ast.AsyncFor) -> bool:
        iterable = self.value(tree.iter)
        header = Span(tree.lineno, tree.col_offset, tree.iter.end_lineno or 0, tree.iter.end_col_offset or 0)
        region = self.open_region(RegionKind.FOR, iterable, header)
        self.loop(tree.body, region, header, lambda: self._bind_loop_variable(tree.target, iterable, header))
        if tree.orelse:
            self.block(tree.orelse)
        return False

    def _bind_loop_variable(self, target: ast.expr, iterable: int, header: Span) -> None:
        element = self.add(Kind.LOOPVAR, header, (iterable,))
        self.bind(target, element, None)

    def while_(self, tree: ast.While) -> bool:
        header = Span(tree.lineno, tree.col_offset, tree.test.end_lineno or 0, tree.test.end_col_offset or 0)
        region = self.open_region(RegionKind.WHILE, -1, header)
        tests: list[int] = []
        self.loop(tree.body, region, header, lambda: tests.append(self.value(tree.test)))
        self.regions[region] = self.regions[region]._replace(header=tests[0])
        if tree.orelse:
            self.block(tree.orelse)
        return False

    def loop(self, body: Sequence[ast.stmt], region: int, header: Span, start: Callable[[], None]) -> None:
        """Evaluate a loop's body with a phi at its head for every name that the body binds again."""
        outer, self.region = self.region, region
        heads: dict[str, int] = {}
        for name in sorted(_assigned(body) & self.environment.keys()):
            heads[name] = self.add(Kind.PHI, header, (self.environment[name],), name)
            self.environment[name] = heads[name]
        start()
        statement = self.statement
        self.block(body)
        self.statement = statement
        for name, head in heads.items():
            last = self.environment.get(name, head)
            if last != head:
                self.nodes[head] = self.nodes[head]._replace(inputs=(*self.nodes[head].inputs, last))
            self.environment[name] = head
        self.region = outer

    def with_(self, tree: ast.With | ast.AsyncWith) -> bool:
        region = self.region
        for item in tree.items:
            context = self.value(item.context_expr)
            region = self.open_region(RegionKind.WITH, context, span_of(item.context_expr))
            self.region = region
            if item.optional_vars is not None:
                self.bind(item.optional_vars, self.add(Kind.ENTER, span_of(item.context_expr), (context,)), None)
        return self.visit_block(tree.body, region)

    def try_(self, tree: Any) -> bool:
        before = dict(self.environment)
        ended = self.visit_block(tree.body, self.open_region(RegionKind.TRY))
        for handler in tree.handlers:
            after, self.environment = self.environment, dict(before)
            if not self.visit_block(handler.body, self.open_region(RegionKind.TRY)):
                after, self.environment = self.environment, after
                self.merge(after, span_of(handler))
            else:
                self.environment = after
        self.block(tree.orelse)
        self.block(tree.finalbody)
        return ended and not tree.handlers

    def match_(self, tree: Any) -> bool:
        subject = self.value(tree.subject)
        before = dict(self.environment)
        merged = dict(before)
        for case in tree.cases:
            self.environment = dict(before)
            if not self.visit_block(case.body, self.open_region(RegionKind.THEN, subject, span_of(tree.subject))):
                after, self.environment = self.environment, merged
                self.merge(after, span_of(tree.subject))
                merged = self.environment
        self.environment = merged
        return False

    def delete(self, tree: ast.Delete) -> None:
        self.say(tree)
        for target in tree.targets:
            name = dotted(target)
            if name:
                self.environment.pop(name, None)

    def global_(self, tree: ast.Global | ast.Nonlocal) -> None:
        self.global_names.update(tree.names)

    def import_(self, tree: ast.Import) -> None:
        for alias in tree.names:
            if alias.asname:
                self.builder.imports[alias.asname] = alias.name
            else:
                head = alias.name.partition(".")[0]
                self.builder.imports.setdefault(head, head)
            self.binds.append(alias.asname or alias.name.partition(".")[0])

    def import_from(self, tree: ast.ImportFrom) -> None:
        origin = RELATIVE * tree.level + (tree.module or "")
        for alias in tree.names:
            separator = "" if not origin or origin.endswith(RELATIVE) else "."
            self.builder.imports[alias.asname or alias.name] = f"{origin}{separator}{alias.name}"
            self.binds.append(alias.asname or alias.name)

    # ------------------------------------------------------------------------------------ definitions

    def function(self, tree: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = tuple(filter(None, (self.decorator(item) for item in tree.decorator_list)))
        qualname = self._qualify(tree.name)
        owner = self._qualify("").rstrip(".") if self.class_prefix else ""
        defaults = self.defaults(tree.args)
        beside = bool(owner) and self.drawn_in_setup
        pending = PendingFunction(tree, qualname, owner, self.qualname, defaults, decorators, beside, self.home)
        self.builder.pending.append(pending)
        if not self.class_prefix:
            node = self.add(Kind.GLOBAL, _name_span(tree), name=qualname)
            self.environment[tree.name] = node
            self.binds.append(tree.name)

    def _qualify(self, name: str) -> str:
        prefix = f"{self.qualname}." if self.qualname else ""
        return f"{prefix}{self.class_prefix}{name}"

    def decorator(self, tree: ast.expr) -> str | None:
        if isinstance(tree, ast.Call):
            self.value(tree)
            made = tree.args[0] if tree.args and (dotted(tree.func) or "").endswith("partial") else None
            tree = made if made is not None else tree.func  # `@partial(jax.jit, static_argnums=0)` is `@jax.jit`
        name = dotted(tree)
        return self.qualified(name) if name else None

    def defaults(self, arguments: ast.arguments) -> dict[str, int]:
        positional = [*arguments.posonlyargs, *arguments.args]
        with_default = positional[len(positional) - len(arguments.defaults) :]
        pairs = [(arg.arg, self.value(tree)) for arg, tree in zip(with_default, arguments.defaults, strict=True)]
        for argument, tree in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=False):
            if tree is not None:
                pairs.append((argument.arg, self.value(tree)))
        return dict(pairs)

    def class_(self, tree: ast.ClassDef) -> None:
        bases = [self.qualified(name) for name in map(_base_name, tree.bases) if name]
        decorators = tuple(filter(None, (self.decorator(item) for item in tree.decorator_list)))
        qualname = self._qualify(tree.name)
        outer_drawn, self.drawn_in_setup = self.drawn_in_setup, self.builder.relevant.drawn_in_setup(tree)
        outer, self.class_prefix = self.class_prefix, f"{self.class_prefix}{tree.name}."
        prefix = self.class_prefix
        self.block(tree.body)
        self.class_prefix, self.drawn_in_setup = outer, outer_drawn
        attributes = {
            name[len(prefix) :]: nodes[-1] for name, nodes in self.variables.items() if name.startswith(prefix)
        }
        methods = tuple(item.name for item in tree.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)))
        self.builder.classes[qualname] = ClassModel(
            qualname, tuple(bases), span_of(tree), _name_span(tree), methods, decorators, attributes
        )

    # ------------------------------------------------------------------------------------ expressions

    def value(self, tree: ast.expr) -> int:
        """Evaluate an expression to its node."""
        handler = _EXPRESSIONS.get(type(tree))
        if handler is None:
            return self.collection(tree)
        return handler(self, tree)

    def qualified(self, name: str) -> str:
        """A dotted name with its import resolved, as far as the module's text tells."""
        head, dot, rest = name.partition(".")
        return self.builder.imports.get(head, head) + dot + rest

    def constant(self, tree: ast.Constant) -> int:
        if tree.end_lineno != tree.lineno:
            self.builder.long_strings.append((tree.lineno, tree.end_lineno or tree.lineno))
        value = tree.value
        keep = value if not isinstance(value, (str, bytes)) or len(value) < 100 else None
        return self.add(Kind.CONST, span_of(tree), value=keep)

    def name(self, tree: ast.Name) -> int:
        known = self.environment.get(tree.id)
        if known is None and self.class_prefix:
            known = self.environment.get(self.class_prefix + tree.id)
        return known if known is not None else self.global_node(tree.id, tree)

    def global_node(self, name: str, tree: ast.expr) -> int:
        full = self.qualified(name)
        node = self.global_nodes.get(full)
        if node is None:
            self.nodes.append(Node(Kind.GLOBAL, 0, self.statement, span_of(tree), name=full))
            node = self.global_nodes[full] = len(self.nodes) - 1
        return node

    def attribute(self, tree: ast.Attribute) -> int:
        name = dotted(tree)
        if name is not None:
            known = self.environment.get(name)
            if known is not None:
                return known
            head = name.partition(".")[0]
            if head not in self.environment and head in self.builder.imports:
                return self.global_node(name, tree)
        return self.add(Kind.ATTR, span_of(tree), (self.value(tree.value),), tree.attr)

    def subscript(self, tree: ast.Subscript) -> int:
        return self.add(Kind.INDEX, span_of(tree), (self.value(tree.value), self.value(tree.slice)))

    def slice(self, tree: ast.Slice) -> int:
        parts = tuple(self.value(part) for part in (tree.lower, tree.upper, tree.step) if part is not None)
        return self.add(Kind.COLLECTION, span_of(tree), parts, "slice")

    def binary(self, tree: ast.BinOp) -> int:
        inputs = (self.value(tree.left), self.value(tree.right))
        return self.add(Kind.OP, span_of(tree), inputs, _SYMBOLS.get(type(tree.op), "?"))

    def unary(self, tree: ast.UnaryOp) -> int:
        operand = self.value(tree.operand)
        inner = self.nodes[operand]
        if isinstance(tree.op, ast.USub) and inner.kind is Kind.CONST and isinstance(inner.value, (int, float)):
            return self.add(Kind.CONST, span_of(tree), value=-inner.value)
        symbol = "not" if isinstance(tree.op, ast.Not) else "unary"
        return self.add(Kind.OP, span_of(tree), (operand,), symbol)

    def boolean(self, tree: ast.BoolOp) -> int:
        symbol = "and" if isinstance(tree.op, ast.And) else "or"
        return self.add(Kind.OP, span_of(tree), tuple(map(self.value, tree.values)), symbol)

    def compare(self, tree: ast.Compare) -> int:
        symbol = _COMPARISONS.get(type(tree.ops[0]), "?")
        inputs = (self.value(tree.left), *map(self.value, tree.comparators))
        return self.add(Kind.OP, span_of(tree), inputs, symbol)

    def conditional(self, tree: ast.IfExp) -> int:
        test, outer = self.value(tree.test), self.region
        values = []
        for kind, branch in ((RegionKind.THEN, tree.body), (RegionKind.ELSE, tree.orelse)):
            self.region = self.open_region(kind, test, span_of(tree.test))
            values.append(self.value(branch))
            self.region = outer
        return self.add(Kind.PHI, span_of(tree), tuple(values), "")

    def named(self, tree: ast.NamedExpr) -> int:
        node = self.value(tree.value)
        self.bind_name(tree.target.id, node)
        return node

    def await_(self, tree: ast.Await | ast.Starred) -> int:
        return self.value(tree.value)

    def yield_(self, tree: ast.Yield | ast.YieldFrom) -> int:
        self.is_generator = True
        inputs = (self.value(tree.value),) if tree.value is not None else ()
        return self.add(Kind.YIELD, span_of(tree), inputs)

    def lambda_(self, tree: ast.Lambda) -> int:
        outer, saved = self.region, dict(self.environment)
        self.region = self.open_region(RegionKind.LAMBDA)
        for argument in [*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs]:
            self.environment[argument.arg] = self.add(Kind.PARAM, span_of(argument), name=argument.arg)
        body = self.value(tree.body)
        self.region, self.environment = outer, saved
        return self.add(Kind.LAMBDA, span_of(tree), (body,))

    def comprehension(self, tree: Any) -> int:
        outer, saved = self.region, dict(self.environment)
        conditions: list[int] = []
        for generator in tree.generators:
            iterable = self.value(generator.iter)
            self.region = self.open_region(RegionKind.COMPREHENSION, iterable, span_of(generator.iter))
            element = self.add(Kind.LOOPVAR, span_of(generator.iter), (iterable,))
            binds, stores = self.binds, len(self.stores)
            self.bind(generator.target, element, None)
            self.binds = binds
            del self.stores[stores:]
            conditions += [self.value(condition) for condition in generator.ifs]
        elements = [tree.key, tree.value] if isinstance(tree, ast.DictComp) else [tree.elt]
        inputs = (*map(self.value, elements), *conditions)
        self.region, self.environment = outer, saved
        kind = "dict" if isinstance(tree, ast.DictComp) else None
        return self.add(Kind.COMPREHENSION, span_of(tree), inputs, "filter" if conditions else "", value=kind)

    def collection(self, tree: ast.expr) -> int:
        """Any other expression: a display, an f-string, …: the collection of its parts."""
        children = [child for child in ast.iter_child_nodes(tree) if isinstance(child, ast.expr)]
        if isinstance(tree, ast.JoinedStr) and tree.end_lineno != tree.lineno:
            self.builder.long_strings.append((tree.lineno, tree.end_lineno or tree.lineno))
        if len(children) > LONG_DISPLAY:
            children = [child for child in children if not isinstance(child, ast.Constant)]
        return self.add(Kind.COLLECTION, span_of(tree), tuple(map(self.value, children)), type(tree).__name__.lower())

    def call(self, tree: ast.Call) -> int:
        name, receiver = self.callee(tree.func)
        arguments = [self.value(argument) for argument in tree.args]
        keywords: list[str | None] = ["*" if isinstance(a, ast.Starred) else None for a in tree.args]
        for keyword in tree.keywords:
            arguments.append(self.value(keyword.value))
            keywords.append(keyword.arg or "**")
        inputs = (receiver, *arguments) if receiver >= 0 else tuple(arguments)
        if name == ".register_buffer" and len(arguments) > 1:
            self._register(tree, receiver, arguments)
        return self.add(Kind.CALL, span_of(tree), inputs, name, tuple(keywords), dotted(tree.func))

    def _register(self, tree: ast.Call, receiver: int, arguments: list[int]) -> None:
        """`self.register_buffer("noise", value)` binds `self.noise`."""
        key = self.nodes[arguments[0]].value
        base = dotted(tree.func.value) if isinstance(tree.func, ast.Attribute) else None
        if isinstance(key, str) and base:
            self.environment[f"{base}.{key}"] = arguments[1]
            self.stores.append(Store(f"{base}.{key}", arguments[1], self.statement, self.region, receiver))

    def callee(self, tree: ast.expr) -> tuple[str, int]:
        """The name of what is called and the node of its receiver (or -1)."""
        name = dotted(tree)
        if name is None:
            if isinstance(tree, ast.Attribute):
                return "." + tree.attr, self.value(tree.value)
            return "()", self.value(tree)
        known = self.environment.get(name)
        if known is not None:
            return self._called_value(known)
        head, dot, rest = name.partition(".")
        if head not in self.environment and (not dot or head in self.builder.imports):
            return self.qualified(name), -1
        if head not in self.environment and head in self.builder.definitions and "." not in rest:
            return name, -1
        assert isinstance(tree, ast.Attribute)
        return "." + tree.attr, self.value(tree.value)

    def _called_value(self, node: int) -> tuple[str, int]:
        made = self.nodes[node]
        return (made.name, -1) if made.kind is Kind.GLOBAL else ("()", node)


def dotted(tree: ast.expr | None) -> str | None:
    """`a.b.c` for a chain of plain attributes on a name, else None."""
    if type(tree) is ast.Name:
        return tree.id
    parts: list[str] = []
    while type(tree) is ast.Attribute:
        parts.append(tree.attr)
        tree = tree.value
    if type(tree) is not ast.Name:
        return None
    parts.append(tree.id)
    return sys.intern(".".join(reversed(parts)))  # the same few names again and again


def _base_name(tree: ast.expr) -> str | None:
    return dotted(tree.value if isinstance(tree, ast.Subscript) else tree)


def _as_load(tree: ast.expr) -> ast.expr:
    return tree


def _assigned(body: Sequence[ast.stmt]) -> set[str]:
    """The dotted names that a block may bind or change in place, not those of nested definitions."""
    found: set[str] = set()
    todo: list[ast.AST] = list(body)
    while todo:
        tree = todo.pop()
        kind = type(tree)
        if kind in _OPAQUE:
            continue
        if kind is ast.Expr:
            _changed_in_place(tree.value, found)  # type: ignore[attr-defined]
        elif kind is ast.Assign:
            for target in tree.targets:  # type: ignore[attr-defined]
                _targets(target, found)
        elif kind is ast.NamedExpr or kind in _WITH_TARGET:
            _targets(tree.target, found)  # type: ignore[attr-defined]
        elif kind is ast.withitem and tree.optional_vars is not None:  # type: ignore[attr-defined]
            _targets(tree.optional_vars, found)  # type: ignore[attr-defined]
        if isinstance(tree, (ast.stmt, ast.excepthandler)) or kind in _HAS_STATEMENTS:
            todo += ast.iter_child_nodes(tree)
    return found


_OPAQUE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_WITH_TARGET = (ast.AugAssign, ast.AnnAssign, ast.For, ast.AsyncFor)
_HAS_STATEMENTS = (ast.withitem, ast.NamedExpr, getattr(ast, "match_case", ast.withitem))


def _targets(tree: ast.expr, found: set[str]) -> None:
    if isinstance(tree, (ast.Tuple, ast.List)):
        for element in tree.elts:
            _targets(element, found)
    elif isinstance(tree, (ast.Subscript, ast.Starred)):
        _targets(tree.value, found)
    else:
        name = dotted(tree)
        if name:
            found.add(name)


def _changed_in_place(tree: ast.expr, found: set[str]) -> None:
    if not isinstance(tree, ast.Call):
        return
    method = tree.func.attr if isinstance(tree.func, ast.Attribute) else getattr(tree.func, "id", "")
    if isinstance(tree.func, ast.Attribute) and (method in MUTATORS or method.endswith("_")):
        _targets(_storage(tree.func.value), found)
    out = _out(tree)
    if out is not None:
        _targets(out, found)
    if tree.args and (method == "shuffle" or method.endswith("_")):
        name = dotted(tree.args[0])
        if name:
            found.add(name)


def _storage(tree: ast.expr) -> ast.expr:
    """What an in-place method really changes: `x` of `x.data` and of `x.copy_(y)`."""
    while True:
        if isinstance(tree, ast.Attribute) and tree.attr == "data":
            tree = tree.value
        elif (
            isinstance(tree, ast.Call)
            and isinstance(tree.func, ast.Attribute)
            and (tree.func.attr.endswith("_") or tree.func.attr == "detach")
        ):
            tree = tree.func.value
        else:
            return tree


def _out(tree: ast.Call) -> ast.expr | None:
    """The `out=` of a call, which gets its result."""
    return next((keyword.value for keyword in tree.keywords if keyword.arg == "out"), None)


_SYMBOLS: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.MatMult: "@",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
}
_COMPARISONS: dict[type, str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
_STATEMENTS: dict[type, Callable[[ScopeBuilder, Any], bool | None]] = {
    ast.Expr: ScopeBuilder.expression_statement,
    ast.Assign: ScopeBuilder.assign,
    ast.AnnAssign: ScopeBuilder.annotated_assign,
    ast.AugAssign: ScopeBuilder.augmented_assign,
    ast.Return: ScopeBuilder.return_,
    ast.Raise: ScopeBuilder.leave,
    ast.Continue: ScopeBuilder.leave,
    ast.Break: ScopeBuilder.leave,
    ast.Assert: ScopeBuilder.say,
    ast.If: ScopeBuilder.if_,
    ast.For: ScopeBuilder.for_,
    ast.AsyncFor: ScopeBuilder.for_,
    ast.While: ScopeBuilder.while_,
    ast.With: ScopeBuilder.with_,
    ast.AsyncWith: ScopeBuilder.with_,
    ast.Try: ScopeBuilder.try_,
    ast.Delete: ScopeBuilder.delete,
    ast.Global: ScopeBuilder.global_,
    ast.Nonlocal: ScopeBuilder.global_,
    ast.Import: ScopeBuilder.import_,
    ast.ImportFrom: ScopeBuilder.import_from,
    ast.FunctionDef: ScopeBuilder.function,
    ast.AsyncFunctionDef: ScopeBuilder.function,
    ast.ClassDef: ScopeBuilder.class_,
    ast.Match: ScopeBuilder.match_,
}
if hasattr(ast, "TryStar"):
    _STATEMENTS[ast.TryStar] = ScopeBuilder.try_
_EXPRESSIONS: dict[type, Callable[[ScopeBuilder, Any], int]] = {
    ast.Constant: ScopeBuilder.constant,
    ast.Name: ScopeBuilder.name,
    ast.Attribute: ScopeBuilder.attribute,
    ast.Subscript: ScopeBuilder.subscript,
    ast.Slice: ScopeBuilder.slice,
    ast.BinOp: ScopeBuilder.binary,
    ast.UnaryOp: ScopeBuilder.unary,
    ast.BoolOp: ScopeBuilder.boolean,
    ast.Compare: ScopeBuilder.compare,
    ast.IfExp: ScopeBuilder.conditional,
    ast.NamedExpr: ScopeBuilder.named,
    ast.Await: ScopeBuilder.await_,
    ast.Starred: ScopeBuilder.await_,
    ast.Yield: ScopeBuilder.yield_,
    ast.YieldFrom: ScopeBuilder.yield_,
    ast.Lambda: ScopeBuilder.lambda_,
    ast.ListComp: ScopeBuilder.comprehension,
    ast.SetComp: ScopeBuilder.comprehension,
    ast.GeneratorExp: ScopeBuilder.comprehension,
    ast.DictComp: ScopeBuilder.comprehension,
    ast.Call: ScopeBuilder.call,
}
