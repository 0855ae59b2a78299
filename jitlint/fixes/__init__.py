"""Mending: a rule says what to change, this package changes it, and proves it before anyone hears of it.

* `plans.py` has what a rule may ask for: a plan names places by their spans and says what becomes of them.
* One file for each transformer (`move_into_loop.py`, `uncomment.py`, ...) carries one kind of plan out, on the
  concrete tree of libcst: `excerpt.py` reads the one function a plan touches as such a tree, and compares it with
  what the transformer made of it.
* `values.py` follows which statement each name gets its value from, before and after; a move that would give a
  statement anything else is declined.
* `prove.py` lints the result again, `apply.py` and `render.py` make bytes of it, `write.py` writes them.

Meaning comes from `ast`, whatever touches the text from libcst. It is imported for a file with a finding that has a
fix, and for no other: importing it takes as long as linting a file.
"""
