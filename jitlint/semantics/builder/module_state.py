"""What the scopes of one module share while it is built."""

from __future__ import annotations

import ast
from collections import deque
from typing import NamedTuple

from jitlint.semantics.builder.relevant import RelevantLines
from jitlint.semantics.graph import ClassModel, Scope


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


class ModuleState:
    """What is known of a module so far, for the scopes that add to it."""

    def __init__(self, relevant: RelevantLines, definitions: frozenset[str] = frozenset()) -> None:
        self.relevant = relevant
        self.definitions = definitions
        self.imports: dict[str, str] = {}
        self.classes: dict[str, ClassModel] = {}
        self.scopes: dict[str, Scope] = {}
        self.pending: deque[PendingFunction] = deque()
        self.homes: dict[str, object] = {}
        self.long_strings: list[tuple[int, int]] = []
        self.exported: frozenset[str] = frozenset()
