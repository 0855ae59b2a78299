"""Expressions: each is evaluated to the node of its value."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from jitlint.semantics.builder.syntax import dotted, span_of
from jitlint.semantics.builder.targets import Targets
from jitlint.semantics.graph import Kind, RegionKind, Store

# Displays longer than this are data tables: only their non-constant elements are looked at.
LONG_DISPLAY = 64
SYMBOLS: dict[type, str] = {
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


class Expressions(Targets):
    """Evaluates expressions."""

    def value(self, tree: ast.expr) -> int:
        """Evaluate an expression to its node."""
        handler = _EXPRESSIONS.get(type(tree))
        if handler is None:
            return self.collection(tree)
        return handler(self, tree)

    def constant(self, tree: ast.Constant) -> int:
        if tree.end_lineno != tree.lineno:
            self.module.long_strings.append((tree.lineno, tree.end_lineno or tree.lineno))
        value = tree.value
        keep = value if not isinstance(value, (str, bytes)) or len(value) < 100 else None
        return self.add(Kind.CONST, span_of(tree), value=keep)

    def name(self, tree: ast.Name) -> int:
        known = self.environment.get(tree.id)
        if known is None and self.class_prefix:
            known = self.environment.get(self.class_prefix + tree.id)
        return known if known is not None else self.global_node(tree.id, tree)

    def attribute(self, tree: ast.Attribute) -> int:
        name = dotted(tree)
        if name is not None:
            known = self.environment.get(name)
            if known is not None:
                return known
            head = name.partition(".")[0]
            if head not in self.environment and head in self.module.imports:
                return self.global_node(name, tree)
        return self.add(Kind.ATTR, span_of(tree), (self.value(tree.value),), tree.attr)

    def subscript(self, tree: ast.Subscript) -> int:
        return self.add(Kind.INDEX, span_of(tree), (self.value(tree.value), self.value(tree.slice)))

    def slice(self, tree: ast.Slice) -> int:
        parts = tuple(self.value(part) for part in (tree.lower, tree.upper, tree.step) if part is not None)
        return self.add(Kind.COLLECTION, span_of(tree), parts, "slice")

    def binary(self, tree: ast.BinOp) -> int:
        inputs = (self.value(tree.left), self.value(tree.right))
        return self.add(Kind.OP, span_of(tree), inputs, SYMBOLS.get(type(tree.op), "?"))

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
            self.module.long_strings.append((tree.lineno, tree.end_lineno or tree.lineno))
        if len(children) > LONG_DISPLAY:
            children = [child for child in children if not isinstance(child, ast.Constant)]
        return self.add(Kind.COLLECTION, span_of(tree), tuple(map(self.value, children)), type(tree).__name__.lower())

    def call(self, tree: ast.Call) -> int:
        name, receiver = self.callee(tree.func)
        if name == "dict" and tree.keywords and not tree.args and all(item.arg for item in tree.keywords):
            return self._named_items(tree)
        arguments = [self.value(argument) for argument in tree.args]
        keywords: list[str | None] = ["*" if isinstance(a, ast.Starred) else None for a in tree.args]
        for keyword in tree.keywords:
            arguments.append(self.value(keyword.value))
            keywords.append(keyword.arg or "**")
        inputs = (receiver, *arguments) if receiver >= 0 else tuple(arguments)
        if name == ".register_buffer" and len(arguments) > 1:
            self._register(tree, receiver, arguments)
        return self.add(Kind.CALL, span_of(tree), inputs, name, tuple(keywords), dotted(tree.func))

    def _named_items(self, tree: ast.Call) -> int:
        """`dict(a=x)` is the display `{"a": x}`."""
        keys = [self.add(Kind.CONST, span_of(item), value=item.arg) for item in tree.keywords]
        items = [self.value(item.value) for item in tree.keywords]
        return self.add(Kind.COLLECTION, span_of(tree), (*keys, *items), "dict")

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
        if head not in self.environment and (not dot or head in self.module.imports):
            return self.qualified(name), -1
        if head not in self.environment and head in self.module.definitions and "." not in rest:
            return name, -1
        assert isinstance(tree, ast.Attribute)
        return "." + tree.attr, self.value(tree.value)

    def _called_value(self, node: int) -> tuple[str, int]:
        made = self.nodes[node]
        return (made.name, -1) if made.kind is Kind.GLOBAL else ("()", node)


_EXPRESSIONS: dict[type, Callable[[Expressions, Any], int]] = {
    ast.Constant: Expressions.constant,
    ast.Name: Expressions.name,
    ast.Attribute: Expressions.attribute,
    ast.Subscript: Expressions.subscript,
    ast.Slice: Expressions.slice,
    ast.BinOp: Expressions.binary,
    ast.UnaryOp: Expressions.unary,
    ast.BoolOp: Expressions.boolean,
    ast.Compare: Expressions.compare,
    ast.IfExp: Expressions.conditional,
    ast.NamedExpr: Expressions.named,
    ast.Await: Expressions.await_,
    ast.Starred: Expressions.await_,
    ast.Yield: Expressions.yield_,
    ast.YieldFrom: Expressions.yield_,
    ast.Lambda: Expressions.lambda_,
    ast.ListComp: Expressions.comprehension,
    ast.SetComp: Expressions.comprehension,
    ast.GeneratorExp: Expressions.comprehension,
    ast.DictComp: Expressions.comprehension,
    ast.Call: Expressions.call,
}
