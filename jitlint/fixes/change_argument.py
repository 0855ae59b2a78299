"""Carries out `AddArgument` and `ReplaceArgument`."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from jitlint.fixes.excerpt import Excerpt
from jitlint.fixes.plans import AddArgument, ReplaceArgument
from jitlint.fixes.text import Declined
from jitlint.fixes.transformer import Transformer, parsed_expression

__all__ = ["add_argument", "replace_argument"]


def add_argument(excerpt: Excerpt, plan: AddArgument) -> cst.Module:
    """The tree with the keyword argument, last but before `**kwargs`."""
    call = excerpt.node(plan.call, cst.Call)
    if any(arg.keyword and arg.keyword.value == plan.keyword for arg in call.args):
        raise Declined(f"the call already has {plan.keyword}")
    if len(call.args) == 1 and m.matches(call.args[0], m.Arg(m.GeneratorExp(lpar=[]))):
        raise Declined("the only argument is a generator")
    unpacked = [number for number, arg in enumerate(call.args) if arg.star == "**"]
    at = unpacked[0] if unpacked else len(call.args)
    return excerpt.tree.visit(Transformer({call: _with_argument(call, at, _argument(excerpt, plan))}))


def replace_argument(excerpt: Excerpt, plan: ReplaceArgument) -> cst.Module:
    """The tree with another value of the argument."""
    call = excerpt.node(plan.call, cst.Call)
    old = _find(call, plan.argument)
    if m.findall(old.value, m.Comment()):
        raise Declined("the argument has comments that would be lost")
    new = old.with_changes(value=parsed_expression(plan.value, excerpt.tree))
    return excerpt.tree.visit(Transformer({old: new}))


def _find(call: cst.Call, argument: str | int) -> cst.Arg:
    if isinstance(argument, str):
        found = [arg for arg in call.args if arg.keyword and arg.keyword.value == argument]
    else:
        before = call.args[: argument + 1]
        found = [] if any(arg.star or arg.keyword for arg in before) else list(before[argument:])
    if not found:
        raise Declined(f"the call has no argument {argument!r}")
    return found[0]


def _argument(excerpt: Excerpt, plan: AddArgument) -> cst.Arg:
    bare = cst.SimpleWhitespace("")
    equal = cst.AssignEqual(whitespace_before=bare, whitespace_after=bare)
    return cst.Arg(parsed_expression(plan.value, excerpt.tree), keyword=cst.Name(plan.keyword), equal=equal)


def _with_argument(call: cst.Call, at: int, new: cst.Arg) -> cst.Call:
    """The call with one argument more, parted from the one before as that is from its neighbours."""
    args = list(call.args)
    if not args:
        return call.with_changes(args=[new])
    if at < len(args):
        before = args[at - 1].comma if at else cst.MaybeSentinel.DEFAULT
        comma = before if isinstance(before, cst.Comma) else cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
        return call.with_changes(args=[*args[:at], new.with_changes(comma=comma), *args[at:]])
    *others, last = args
    return call.with_changes(args=[*others, *_appended(call, last, new)])


def _appended(call: cst.Call, last: cst.Arg, new: cst.Arg) -> tuple[cst.Arg, cst.Arg]:
    """The last argument so far and the new one, on a line of its own where the last one has one."""
    opening = call.whitespace_before_args
    between: cst.BaseParenthesizableWhitespace = cst.SimpleWhitespace(" ")
    if isinstance(opening, cst.ParenthesizedWhitespace):
        between = opening.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=[])
    if not isinstance(last.comma, cst.Comma):
        closing = last.whitespace_after_arg
        if m.findall(closing, m.Comment()):
            raise Declined("a comment stands behind the last argument")
        before = last.with_changes(
            comma=cst.Comma(whitespace_after=between), whitespace_after_arg=cst.SimpleWhitespace("")
        )
        return before, new.with_changes(whitespace_after_arg=closing)
    after = last.comma.whitespace_after  # behind a trailing comma: the line of the closing bracket
    if isinstance(after, cst.ParenthesizedWhitespace) and isinstance(between, cst.ParenthesizedWhitespace):
        between = after.with_changes(indent=between.indent, last_line=between.last_line)
        after = after.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=[])
    elif m.findall(after, m.Comment()):
        raise Declined("a comment stands behind the last argument")
    comma = last.comma.with_changes(whitespace_after=after)
    return last.with_changes(comma=cst.Comma(whitespace_after=between)), new.with_changes(comma=comma)
