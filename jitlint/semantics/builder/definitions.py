"""Definitions and imports: functions, classes, and what names of other modules mean."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Iterable

from jitlint.semantics.builder.expressions import Expressions
from jitlint.semantics.builder.module_state import PendingFunction
from jitlint.semantics.builder.syntax import base_name, dotted, name_span, span_of
from jitlint.semantics.graph import RELATIVE, ClassModel, Kind


class Definitions(Expressions):
    """Evaluates definitions: a class' body at once, a function's after the scope that defines it."""

    @abstractmethod
    def block(self, body: Iterable[ast.stmt]) -> bool:
        """Evaluate statements in order; True when control never reaches the end."""

    def function(self, tree: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = tuple(filter(None, (self.decorator(item) for item in tree.decorator_list)))
        qualname = self._qualify(tree.name)
        owner = self._qualify("").rstrip(".") if self.class_prefix else ""
        defaults = self.defaults(tree.args)
        beside = bool(owner) and self.drawn_in_setup
        pending = PendingFunction(tree, qualname, owner, self.qualname, defaults, decorators, beside, self.home)
        self.module.pending.append(pending)
        if not self.class_prefix:
            node = self.add(Kind.GLOBAL, name_span(tree), name=qualname)
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
        bases = [self.qualified(name) for name in map(base_name, tree.bases) if name]
        decorators = tuple(filter(None, (self.decorator(item) for item in tree.decorator_list)))
        qualname = self._qualify(tree.name)
        outer_drawn, self.drawn_in_setup = self.drawn_in_setup, self.module.relevant.drawn_in_setup(tree)
        outer, self.class_prefix = self.class_prefix, f"{self.class_prefix}{tree.name}."
        prefix = self.class_prefix
        self.block(tree.body)
        self.class_prefix, self.drawn_in_setup = outer, outer_drawn
        attributes = {
            name[len(prefix) :]: nodes[-1] for name, nodes in self.variables.items() if name.startswith(prefix)
        }
        methods = tuple(item.name for item in tree.body if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)))
        self.module.classes[qualname] = ClassModel(
            qualname, tuple(bases), span_of(tree), name_span(tree), methods, decorators, attributes
        )

    def import_(self, tree: ast.Import) -> None:
        for alias in tree.names:
            if alias.asname:
                self.module.imports[alias.asname] = alias.name
            else:
                head = alias.name.partition(".")[0]
                self.module.imports.setdefault(head, head)
            self.binds.append(alias.asname or alias.name.partition(".")[0])

    def import_from(self, tree: ast.ImportFrom) -> None:
        origin = RELATIVE * tree.level + (tree.module or "")
        for alias in tree.names:
            separator = "" if not origin or origin.endswith(RELATIVE) else "."
            self.module.imports[alias.asname or alias.name] = f"{origin}{separator}{alias.name}"
            self.binds.append(alias.asname or alias.name)

    def global_(self, tree: ast.Global | ast.Nonlocal) -> None:
        self.global_names.update(tree.names)
