"""What a rule may ask for: plans of changes, in spans of the source that the finding is in.

A plan says *what* to change; the transformer of the same name in this package knows how. Each example shows the text
before and after. A plan that cannot be carried out for certain is declined: the finding is then reported without a
fix. Named tuples, since every start with a finding defines all of them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from jitlint.diagnostic import Span

__all__ = [
    "AddArgument",
    "BindResult",
    "ChangeComment",
    "CopyStatement",
    "DefaultToNone",
    "ExtractAboveLoop",
    "InsertFunction",
    "InsertStatement",
    "InsertStatements",
    "IterateAgain",
    "MoveAboveLoop",
    "MoveIntoLoop",
    "Plan",
    "RemoveStatement",
    "Rename",
    "RenameInLoop",
    "ReplaceArgument",
    "ReplaceExpression",
    "Several",
    "SwapCalls",
    "Uncomment",
]

# ------------------------------------------------------------------------------------ moves around loops


class Rename(NamedTuple):
    """Give the moved value its own name, so that the clean one outside the loop stays clean."""

    old: str
    new: str


class MoveIntoLoop(NamedTuple):
    """Move whole statements from above `loop` into its body, right before the statement `before`.

    `statements` are spans of statements (simple or compound), in source order; `before` is the span of a
    statement in the loop's body (directly in it, or nested: then the enclosing direct child counts).
    With `rename`, the moved statements bind `rename.new` instead of `rename.old` and every read of
    `rename.old` in the loop's body after them becomes `rename.new`; reads of `rename.old` inside the moved
    statements keep the old name up to the first binding. ::

        coord = jitter(grid)              for images in loader:
        for images in loader:      ->         coord = jitter(grid)
            model(images, coord)              model(images, coord)
    """

    loop: Span
    statements: tuple[Span, ...]
    before: Span
    rename: Rename | None = None


class MoveAboveLoop(NamedTuple):
    """Move whole statements out of `loop` to right above it (a seed that must run once). ::

    for images in loader:           manual_seed(0)
        manual_seed(0)        ->    for images in loader:
        step(images)                    step(images)
    """

    loop: Span
    statements: tuple[Span, ...]


class ExtractAboveLoop(NamedTuple):
    """Bind `expression` to `name` right above `loop` and use the name in its place. ::

    for x in parts:                         rng = RandomState(0)
        split(x, RandomState(0))      ->    for x in parts:
                                                split(x, rng)
    """

    loop: Span
    expression: Span
    name: str


class RenameInLoop(NamedTuple):
    """From the statement `statement` (which binds `rename.old`) to the end of the loop body, use `rename.new`.

    The right-hand side of `statement` itself keeps reading `rename.old`. An augmented assignment or an
    in-place call `old.add_(x)` becomes `new = old + x`. ::

        for images in loader:              for images in loader:
            coord += noise()         ->        jittered = coord + noise()
            model(images, coord)               model(images, jittered)
    """

    loop: Span
    statement: Span
    rename: Rename


# -------------------------------------------------------------------------------------------- statements


class Uncomment(NamedTuple):
    """Turn comment lines back into code. `code` is their text without `#`, prose cut off, not indented.

    `first_line` to `last_line` (inclusive) are comment lines; the code gets the indentation of the block
    they stand in, and a remark behind it stays as a comment. ::

        coord = grid()                    coord = grid()
        #coord = jitter(coord) off  ->    coord = jitter(coord)  # off
    """

    first_line: int
    last_line: int
    code: str


class ChangeComment(NamedTuple):
    """Write `text` in place of a comment, from `column` of `line` to its end; a comment with nothing left goes. ::

    x = jitter(x)  # noqa: JIT101    ->    x = jitter(x)
    """

    line: int
    column: int
    text: str


class InsertStatement(NamedTuple):
    """Insert one statement (its text, not indented) `"before"` or `"after"` the statement `of`.

    `"first"`: first in the body of the loop, function or other block statement `of`. `imports` as in
    :class:`InsertStatements`. ::

        for epoch in range(9):            for epoch in range(9):
            train(loader)           ->        sampler.set_epoch(epoch)
                                              train(loader)

        InsertStatement("first", loop, "sampler.set_epoch(epoch)")
    """

    where: Literal["before", "after", "first"]
    of: Span
    text: str
    imports: tuple[str, ...] = ()


class InsertStatements(NamedTuple):
    """Insert whole statements (one line each, not indented) right above the statement `before`.

    `imports` are import statements the new code needs; each is added once, in its place among the imports,
    unless the module already has it.
    """

    before: Span
    statements: tuple[str, ...]
    imports: tuple[str, ...] = ()


class InsertFunction(NamedTuple):
    """Insert a function (its whole text) at the top level: below the imports, or above what uses it first.

    `before` is a span in the first use, or None. Declined when the module already uses the function's name.
    `imports` as in :class:`InsertStatements`. ::

        InsertFunction("def cycle(loader):\\n    while True:\\n        yield from loader\\n")
    """

    text: str
    imports: tuple[str, ...] = ()
    before: Span | None = None


class BindResult(NamedTuple):
    """Bind the result of a call that is a statement of its own to `name`. ::

    jitter(x)    ->    x = jitter(x)
    """

    call: Span
    name: str


class CopyStatement(NamedTuple):
    """Bind `name` to the same value below an assignment, without the elements `without` of a list in it. ::

    train = Compose([Flip(), ToTensor()])    ->    train = Compose([Flip(), ToTensor()])
                                                   val = Compose([ToTensor()])
    """

    statement: Span
    name: str
    without: tuple[Span, ...]


class RemoveStatement(NamedTuple):
    """Remove a statement; comments above it stay. Declined when there are comments in it or behind it. ::

    random.seed(0)
    x = crop(x)      ->    x = crop(x)
    """

    span: Span


class DefaultToNone(NamedTuple):
    """Make a parameter's default None and compute the old default in the body, once per call. ::

    def f(x, noise=randn(3)):     ->    def f(x, noise=None):
        return x + noise                    if noise is None:
                                                noise = randn(3)
                                            return x + noise
    """

    function: Span
    parameter: str


# ------------------------------------------------------------------------------------------- expressions


class SwapCalls(NamedTuple):
    """Move a link of a method chain in front of the `over` links before it; `call` is the span of its call. ::

    ds.map(augment).cache()    ->    ds.cache().map(augment)
    """

    call: Span
    over: int = 1


class AddArgument(NamedTuple):
    """Add a keyword argument, last but before `**kwargs`; declined if the call already has it. ::

    F.dropout(x, 0.5)    ->    F.dropout(x, 0.5, training=self.training)
    """

    call: Span
    keyword: str
    value: str


class ReplaceArgument(NamedTuple):
    """Give an argument of a call another value: by keyword, or by position from 0. ::

    RandomCrop(32, p=0.0)    ->    RandomCrop(32, p=0.5)
    """

    call: Span
    argument: str | int
    value: str


class ReplaceExpression(NamedTuple):
    """Write another expression in place of the one with exactly this span; parentheses are added if needed.

    `imports` as in :class:`InsertStatements`. ::

        np.random.seed(0)    ->    np.random.seed(torch.initial_seed() % 2**32)
    """

    span: Span
    text: str
    imports: tuple[str, ...] = ()


class IterateAgain(NamedTuple):
    """In place of a call of `itertools.cycle`, iterate its argument again in every round. ::

    cycle(loader)    ->    (batch for _ in cycle([None]) for batch in loader)
    """

    call: Span


# ---------------------------------------------------------------------------------------------- together

_One = (
    MoveIntoLoop
    | MoveAboveLoop
    | ExtractAboveLoop
    | RenameInLoop
    | Uncomment
    | ChangeComment
    | InsertStatement
    | InsertStatements
    | InsertFunction
    | BindResult
    | CopyStatement
    | RemoveStatement
    | DefaultToNone
    | SwapCalls
    | AddArgument
    | ReplaceArgument
    | ReplaceExpression
    | IterateAgain
)


class Several(NamedTuple):
    """One fix that is several plans, all or none. Every span counts in the text before any of them. ::

    Several((InsertFunction(SEED_WORKER, ("import random",)), AddArgument(call, "worker_init_fn", "seed_worker")))
    """

    plans: tuple[_One, ...]


Plan = _One | Several
