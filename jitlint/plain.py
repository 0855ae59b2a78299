"""Frozen dataclasses, named tuples and enumerations as plain tuples, and back.

What a cache keeps must be data and nothing else: numbers, strings, bytes and tuples of them. The way back follows
the annotations of the wanted type and checks every value against them, so a value of another shape is an error and
never an object that fails later, far from its cause.
"""

from __future__ import annotations

import enum
import functools
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

__all__ = ["MalformedValueError", "plain", "restored"]

Kind = TypeVar("Kind")
_Restore = Callable[[Any], Any]
_PLAIN = frozenset({type(None), bool, int, float, str, bytes})


class MalformedValueError(ValueError):
    """A plain value that does not have the shape of the wanted type."""


def plain(value: Any) -> Any:
    """`value` as tuples of numbers, strings and bytes; raises TypeError for what has no such form."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if is_dataclass(value):
        return tuple(plain(getattr(value, item.name)) for item in fields(value))
    raise TypeError(f"{type(value).__name__} has no plain form")


def restored(kind: Callable[..., Kind], value: Any) -> Kind:
    """The object of type `kind` that `plain` made `value` of; raises :class:`MalformedValueError`."""
    found: Kind = _restore(kind)(value)
    return found


@functools.cache
def _restore(kind: Any) -> _Restore:
    """What makes values of one annotated type."""
    if kind in _PLAIN:
        return functools.partial(_exactly, kind)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return functools.partial(_one_of, [_restore(item) for item in get_args(kind)])
    if origin is tuple:
        items = get_args(kind)
        if items[-1:] == (...,):
            return functools.partial(_many, _restore(items[0]))
        return functools.partial(_record, _as_tuple, [_restore(item) for item in items])
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return functools.partial(_member, kind)
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        hints = get_type_hints(kind)
        names = [item.name for item in fields(kind)] if is_dataclass(kind) else kind._fields
        return functools.partial(_record, kind, [_restore(hints[name]) for name in names])
    raise TypeError(f"{kind} has no plain form")


def _exactly(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise MalformedValueError(f"{type(value).__name__} instead of {kind.__name__}")
    return value


def _one_of(choices: list[_Restore], value: Any) -> Any:
    for choice in choices:
        try:
            return choice(value)
        except MalformedValueError:
            continue
    raise MalformedValueError(f"{type(value).__name__} is none of the possible types")


def _many(item: _Restore, value: Any) -> tuple[Any, ...]:
    if type(value) is not tuple:
        raise MalformedValueError(f"{type(value).__name__} instead of a tuple")
    return tuple(map(item, value))


def _record(make: Callable[..., Any], items: list[_Restore], value: Any) -> Any:
    if type(value) is not tuple or len(value) != len(items):
        raise MalformedValueError(f"not a record of {len(items)} values")
    return make(*(restore(item) for restore, item in zip(items, value, strict=True)))


def _as_tuple(*items: Any) -> tuple[Any, ...]:
    return items


def _member(kind: type[enum.Enum], value: Any) -> enum.Enum:
    try:
        return kind(value)
    except (ValueError, TypeError):
        raise MalformedValueError(f"not one of {kind.__name__}") from None
