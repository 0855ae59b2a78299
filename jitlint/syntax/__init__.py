"""The text of a source: where a finding is, and how it is mended.

Every edit works on the characters of whole lines, at positions that `ast` gives and with the comments that
`tokenize` gives; no code is ever printed from a tree. So what an edit does not name cannot change, the lines
that move keep their comments, quotes and continuations, and no second parser has to agree with the first.
(A concrete syntax tree would do the same at 50 times the cost of `ast`, and its import alone takes longer
than linting a file.) A plan (:mod:`jitlint.diagnostic`) is carried out by one module of this package each,
which raises `Declined` whenever the result might not be what the author of the program meant.
"""

from __future__ import annotations

from jitlint.syntax.apply import FixResult, apply_fixes
from jitlint.syntax.atomic import leads_out, remove_litter, write_atomically
from jitlint.syntax.diagnose import diagnose

__all__ = ["FixResult", "apply_fixes", "diagnose", "leads_out", "remove_litter", "write_atomically"]
