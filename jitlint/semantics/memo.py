"""Recursive questions with a memory and without Python's recursion limit.

A question such as "what is this value made of?" asks itself of the inputs, and a program that someone generated can
be thousands of steps deep. A method decorated with `remembered` answers each key once. Up to a fixed depth it
recurses as usual; below that, the asking stops, the deep question is answered first, from the top of the stack, and
then the first one is asked again, which now finds its answers. So a chain of n steps costs n steps.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar, cast

S = TypeVar("S")
P = ParamSpec("P")
R = TypeVar("R")

# Questions that may wait for each other before the deepest is answered on its own: each takes about five frames.
DEPTH = 60


class _Memory:
    """The answers of one method for one object, and the questions that are open."""

    __slots__ = ("answers", "open")

    def __init__(self) -> None:
        self.answers: dict[tuple[object, ...], Any] = {}
        self.open: set[tuple[object, ...]] = set()


class _Question(NamedTuple):
    method: Callable[..., object]
    asked: object
    memory: _Memory
    key: tuple[object, ...]

    def answer(self) -> object:
        """Ask the method, unless that was done meanwhile."""
        if self.key in self.memory.answers:
            return self.memory.answers[self.key]
        return _answer(*self)


def _answer(method: Callable[..., object], asked: object, memory: _Memory, key: tuple[object, ...]) -> object:
    """Ask the method, once."""
    memory.open.add(key)
    _State.depth += 1
    try:
        answer = memory.answers[key] = method(asked, *key)
        return answer
    finally:
        _State.depth -= 1
        memory.open.discard(key)


class _TooDeepError(Exception):
    """Unwinds to the first question, which has the deep one answered."""

    def __init__(self, question: _Question) -> None:
        self.question = question


class _State:
    """How many questions wait for each other now; one count for all memories, since they ask each other."""

    depth = 0


def remembered(bottom: R) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Decorate a method of hashable arguments: each answer is kept with the object.

    `bottom` answers a question that is asked again while it is open: a recursive function, a value made from
    itself. It has to add nothing to what the caller makes of it.
    """

    def decorate(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        place = f"_memory_of_{method.__name__}"

        @functools.wraps(method)
        def ask(self: Any, *key: Any) -> R:
            memory = self.__dict__.get(place)
            if memory is None:
                memory = self.__dict__[place] = _Memory()
            if key in memory.answers:
                return memory.answers[key]  # type: ignore[no-any-return]  # no `cast`: this line runs most often
            if key in memory.open:
                return bottom
            if _State.depth == 0:
                try:
                    return _answer(method, self, memory, key)  # type: ignore[return-value]
                except _TooDeepError as deep:
                    memory.open.add(key)  # what it waits for does not wait for it
                    return cast(R, _from_the_top(_Question(method, self, memory, key), deep.question))
            if _State.depth >= DEPTH:
                raise _TooDeepError(_Question(method, self, memory, key))
            return _answer(method, self, memory, key)  # type: ignore[return-value]

        return cast("Callable[Concatenate[S, P], R]", ask)

    return decorate


def _from_the_top(first: _Question, deep: _Question) -> object:
    """Answer a question, and before it those that lie too deep below it."""
    waiting = [first, deep]
    answer: object = None
    try:
        while waiting:
            question = waiting[-1]
            question.memory.open.discard(question.key)
            try:
                answer = question.answer()
            except _TooDeepError as deeper:
                question.memory.open.add(question.key)
                waiting.append(deeper.question)
                continue
            waiting.pop()
        return answer
    finally:
        for question in waiting:
            question.memory.open.discard(question.key)
