"""The concrete nodes of a program, for users' rules that have to see how something is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import libcst as cst

from jitlint.diagnostic import Span
from jitlint.fixes.excerpt import excerpt_of
from jitlint.fixes.program import Program
from jitlint.fixes.text import Declined

if TYPE_CHECKING:
    from jitlint.semantics.project import Project

__all__ = ["node_at"]

Node = TypeVar("Node", bound=cst.CSTNode)


def node_at(project: Project, path: str, span: Span, kind: type[Node]) -> Node | None:
    """The libcst node of this kind (`libcst.Call`, ...) with exactly this span in a module of the project.

    None if there is no such node, or libcst cannot read the text. Only the function around it is read; ask for what
    the project's questions have left over, for this takes fifty times as long as they do.
    """
    if project.source is None:
        return None
    try:
        return excerpt_of(Program(project.source(path)), [span]).node(span, kind)
    except (Declined, OSError, KeyError):
        return None
