"""JIT405 clamped-jitter."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate, Confidence, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.clocks import Role
from jitlint.semantics.graph import Kind
from jitlint.semantics.project import Project, Value
from jitlint.semantics.when import variance_of

_CLAMPS = frozenset("clamp clip clamp_ clip_ clip_by_value".split())


class ClampedJitter(Rule):
    """Jittered coordinates are clamped to the domain, so that points pile up on its border.

    What it finds:
        `clamp` or `clip` with constant bounds on coordinates that were perturbed. Off by default: select `JIT405`.

    Why it matters:
        Of a row of points on the border of a grid, jitter moves half outwards, and the clamp puts them all back on the
        border: with a standard deviation of 0.01 on a grid from corner to corner, 49 % of the border rows stand exactly
        on it. The network sees those coordinates far more often than any others.

    Example:
        coords = (grid + 0.01 * torch.randn_like(grid)).clamp(0, 1)

    Use instead:
        coords = grid + 0.01 * torch.randn_like(grid)
        coords = 1 - (1 - coords.abs()).abs()

    Fix:
        None is offered: leave the coordinates as they are, or reflect them at the border as above.

    Known limits:
        Only coordinates that are recognised: `linspace`, `arange`, `meshgrid` and what is built from them.
    """

    code = "JIT405"
    name = "clamped-jitter"
    default = False

    VALID = (
        """
import torch
axis = torch.linspace(0, 1, 32)
coords = axis + 0.01 * torch.randn_like(axis)
net(coords).mean().backward()
""",
        """
import torch
def noisy(images):
    return (images + 0.1 * torch.randn_like(images)).clamp(0, 1)
""",
    )
    INVALID = (
        """
import torch
axis = torch.linspace(0, 1, 32)
coords = (axis + 0.01 * torch.randn_like(axis)).clamp(0, 1)
net(coords).mean().backward()
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a clamp."""
        variance = variance_of(project)
        for ref, scope in project.scopes():
            for _, node in scope.calls():
                if node.method not in _CLAMPS or not node.inputs:
                    continue
                bounds = [scope.nodes[item] for item in node.inputs[1:]]
                made = variance.seen(Value(ref, node.inputs[0]))
                drawn = next((item for item in made.draws if item.role is Role.MIXED), None)
                if drawn is None or "grid" not in made.data or not all(b.kind is Kind.CONST for b in bounds):
                    continue
                evidence = (
                    Trace(
                        "draw",
                        drawn.site.scope.path,
                        project.node(drawn.site).span,
                        "the coordinates are jittered here",
                    ),
                    Trace("consumer", ref.path, node.span, "and put back on the border here"),
                )
                message = f"`{node.method}` piles jittered coordinates up on the border of the domain"
                yield Candidate(self.code, ref.path, node.span, message, Confidence.MEDIUM, evidence)


rule = ClampedJitter
