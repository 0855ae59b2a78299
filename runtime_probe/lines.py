"""Which lines of the user's files ran, how often, and which of their functions were entered.

By `sys.settrace`, and only where evidence is asked for. It ends when something is compiled, for a compiler leaves
traced frames alone, and is never installed where a debugger or a coverage tool traces already.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import torch

from runtime_probe.sites import is_library

_Tracer = Callable[[FrameType, str, Any], Any]


@dataclass(frozen=True)
class FileLines:
    """Of one file: how often each line ran, and how often each function was entered, by name and first line."""

    lines: dict[int, int] = field(default_factory=dict)
    functions: dict[tuple[str, int], int] = field(default_factory=dict)


class LineLog:
    """Records between `install` and `remove`, in all threads of this process; loader workers are not seen."""

    def __init__(self) -> None:
        self.files: dict[str, FileLines] = {}
        self.complete = False  # everything that ran was seen
        self._tracers: dict[CodeType, tuple[FileLines, _Tracer] | None] = {}
        self._undo: list[Callable[[], None]] = []

    def install(self) -> None:
        """Begin, unless somebody else traces."""
        if sys.gettrace() is not None:
            return
        self.complete = True
        compile_ = torch.compile

        def compile(*args: Any, **kwargs: Any) -> Any:
            self.complete = False
            self.remove()
            return compile_(*args, **kwargs)

        torch.compile = compile
        self._undo = [lambda: setattr(torch, "compile", compile_), lambda: sys.settrace(None)]
        self._undo.append(lambda: threading.settrace(None))
        os.register_at_fork(after_in_child=self._forked)
        threading.settrace(self._entered)
        sys.settrace(self._entered)

    def remove(self) -> None:
        """Put everything back."""
        while self._undo:
            self._undo.pop()()

    def _forked(self) -> None:
        if self._undo:
            sys.settrace(None)

    def _entered(self, frame: FrameType, event: str, _argument: Any) -> _Tracer | None:
        code = frame.f_code
        if code not in self._tracers:
            self._tracers[code] = None if is_library(code.co_filename) else self._tracer(code.co_filename)
        known = self._tracers[code]
        if known is None:
            return None
        lines, tracer = known
        key = (code.co_name, code.co_firstlineno)
        lines.functions[key] = lines.functions.get(key, 0) + 1
        return tracer

    def _tracer(self, file: str) -> tuple[FileLines, _Tracer]:
        known = self.files.setdefault(file, FileLines())
        lines = known.lines

        def tracer(frame: FrameType, event: str, _argument: Any) -> _Tracer:
            if event == "line":
                lines[frame.f_lineno] = lines.get(frame.f_lineno, 0) + 1
            return tracer

        return known, tracer
