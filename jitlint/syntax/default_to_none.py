"""Carries out `DefaultToNone`: a default that was drawn once, at the definition, is drawn in every call."""

from __future__ import annotations

import ast

from jitlint.diagnostic import DefaultToNone
from jitlint.syntax.effects import effects
from jitlint.syntax.layout import above
from jitlint.syntax.module import Module, first_line, last_line, span_of
from jitlint.syntax.text import Declined, TextEdit

__all__ = ["default_to_none"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def default_to_none(module: Module, plan: DefaultToNone) -> list[TextEdit]:
    """The default becomes None, and the body begins with `if parameter is None: parameter = default`."""
    function = module.statement(plan.function)
    if not isinstance(function, _Function):
        raise Declined("the plan names no function")
    default = _default(function, plan.parameter)
    _require_same_meaning(module, function, default, plan.parameter)
    start, end = module.text.range(span_of(default))
    text = module.source.text[start:end]
    if "\n" in text:
        raise Declined("the default spans several lines")
    line, indent = _top_of_body(module, function)
    step = indent[len(module.indent(function)) :]
    name = plan.parameter
    content = f"{indent}if {name} is None:\n{indent}{step}{name} = {text}\n"
    return [TextEdit(start, end, "None"), _insertion(module, line, content)]


def _default(function: _Function, parameter: str) -> ast.expr:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = dict(zip(reversed([arg.arg for arg in positional]), reversed(arguments.defaults), strict=False))
    defaults |= {
        arg.arg: value for arg, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value
    }
    if parameter not in defaults:
        raise Declined(f"{parameter} has no default")
    return defaults[parameter]


def _require_same_meaning(module: Module, function: _Function, default: ast.expr, parameter: str) -> None:
    """Decline when the default would read other names in the body, or None already means something there."""
    parameters = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    local = effects(function.body).binds | parameters
    around = module.block(function).owner
    if isinstance(around, ast.ClassDef):
        local |= effects(around.body).binds
    if effects([default]).reads_any(local) or any(isinstance(n, ast.NamedExpr) for n in ast.walk(default)):
        raise Declined("the default reads a name that means something else in the body")
    tests = (node for statement in function.body for node in ast.walk(statement) if isinstance(node, ast.Compare))
    nones = (test for test in tests if any(isinstance(c, ast.Constant) and c.value is None for c in test.comparators))
    if any(parameter in effects([test.left]).reads for test in nones):
        raise Declined(f"the body already tells whether {parameter} is None")


def _top_of_body(module: Module, function: _Function) -> tuple[int, str]:
    """The line to insert at, below the docstring, and the indentation of the body."""
    head, *rest = function.body
    if first_line(head) == _last_line_of_header(function):
        raise Declined("the function's body is on the line of its header")
    is_docstring = (
        isinstance(head, ast.Expr) and isinstance(head.value, ast.Constant) and isinstance(head.value.value, str)
    )
    if not is_docstring:
        return above(module, head), module.indent(head)
    module.require_own_lines(head)
    return (above(module, rest[0]) if rest else last_line(head) + 1), module.indent(head)


def _last_line_of_header(function: _Function) -> int:
    """The last line that the parameters or the return annotation of a function reach."""
    parts = [node for node in ast.walk(function.args) if isinstance(node, ast.arg | ast.expr)]
    returns = [function.returns] if function.returns else []
    return max((node.end_lineno or 0 for node in (*parts, *returns)), default=function.lineno)


def _insertion(module: Module, line: int, content: str) -> TextEdit:
    """Insert above `line`; at the end of the file or cell, below its last line and without a last newline."""
    if line <= module.text.region(line - 1)[1]:
        return module.text.insertion(line, content)
    end = module.text.end_of(line - 1)
    return TextEdit(end, end, "\n" + content.removesuffix("\n"))
