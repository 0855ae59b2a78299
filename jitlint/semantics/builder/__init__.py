"""From source text to the module model: one pass over the tree of `ast`, which is then dropped.

Every scope is evaluated abstractly: for each name, the node of its present value is kept, and these maps are merged
after branches and at loop heads. Dotted names of plain attributes (`self.coord`, `args.noise`) are tracked like
variables as long as they are set in the same scope. A scope is evaluated by one object, whose class says in four
layers what it can do: hold the state (`scope.py`), bind targets (`targets.py`), evaluate expressions
(`expressions.py`) and definitions (`definitions.py`), and go through statements (`statements.py`).
"""

from jitlint.semantics.builder.module import build_fragment, build_module

__all__ = ["build_fragment", "build_module"]
