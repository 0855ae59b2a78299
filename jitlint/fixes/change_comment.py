"""Carries out `ChangeComment`: a comment says less, or goes, and then its line goes too if it had one of its own."""

from __future__ import annotations

from typing import Any

import libcst as cst

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.plans import ChangeComment
from jitlint.fixes.text import Declined

__all__ = ["change_comment"]


def change_comment(excerpt: Excerpt, plan: ChangeComment) -> cst.Module:
    """The tree with the comment changed."""
    line, column = excerpt.place(plan.line, plan.column)
    comments = (node for node in excerpt.positions if isinstance(node, cst.Comment))
    comment = next((node for node in comments if excerpt.start(node)[0] == line), None)
    if comment is None:
        raise Declined(f"line {plan.line} has no comment")
    text = comment.value[: column - excerpt.start(comment)[1]] + plan.text
    return excerpt.tree.visit(_Changer(comment, text.rstrip()))


class _Changer(cst.CSTTransformer):
    """Gives a comment another text, or none."""

    def __init__(self, comment: cst.Comment, text: str) -> None:
        super().__init__()
        self.comment = comment
        self.text = text

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        """The end of a line with its comment changed, or an empty line without the one that it was there for."""
        if not isinstance(original_node, cst.TrailingWhitespace | cst.EmptyLine):
            return super().on_leave(original_node, updated_node)
        if original_node.comment is not self.comment:
            return updated_node
        if self.text:
            return updated_node.with_changes(comment=cst.Comment(self.text))
        if isinstance(original_node, cst.EmptyLine):
            return cst.RemoveFromParent()
        return updated_node.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))
