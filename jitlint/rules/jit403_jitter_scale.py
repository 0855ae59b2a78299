"""JIT403 jitter-scale."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate, Confidence, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.pitch import Jitter, pitch_of
from jitlint.semantics.project import Project

WIDEST, NARROWEST = 0.5, 0.01  # in pixels
SPREAD = 2  # between the coarsest and the finest grid that one width serves


class JitterScale(Rule):
    """The jitter on a coordinate grid is far wider, or far narrower, than its pixels.

    What it finds:
        Gaussian jitter of a constant standard deviation that is added to a grid of a known size, where that is more
        than 0.5 or less than 0.01 of the distance between neighbouring points; and one such deviation for grids of
        several sizes.

    Why it matters:
        Jitter is to move a point within its own pixel. Wider than half a pixel, it pairs coordinates with the colours
        of other pixels, and the network learns a blurred image (the amplitude of a frequency f falls by
        exp(-2 pi^2 sigma^2 f^2)). Narrower than a hundredth, it changes nothing that the network could notice.

    Example:
        axis = torch.linspace(-1, 1, 256)
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
        coords = grid + 0.05 * torch.randn_like(grid)

    Use instead:
        axis = torch.linspace(-1, 1, 256)
        pitch = 2 / 255
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
        coords = grid + 0.3 * pitch * torch.randn_like(grid)

    Fix:
        None is offered: how strong the jitter should be is for you to say; write it in units of the pitch.

    Known limits:
        Only grids of `linspace` and `arange` and noise whose width constants tell. Uniform noise is not judged.
    """

    code = "JIT403"
    name = "jitter-scale"

    VALID = (
        """
import torch
axis = torch.linspace(-1, 1, 256)
grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
for step in range(100):
    loss = net(grid + 0.002 * torch.randn_like(grid)).mean()
    loss.backward()
""",
        """
import torch
def fit(net, size, std):
    axis = torch.linspace(-1, 1, size)
    for step in range(100):
        net(axis + std * torch.randn_like(axis)).mean().backward()
""",
        """
import torch
x = torch.linspace(-1, 1, 100)
y = torch.sin(x) + 0.2 * torch.randn(100)
""",
    )
    INVALID = (
        """
import torch
SIDE = 256
axis = torch.linspace(-1, 1, SIDE)
grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1)
for step in range(100):
    loss = net(grid + 0.05 * torch.randn_like(grid)).mean()
    loss.backward()
""",
        """
import torch
def grid_of(side=512):
    return (torch.arange(side) + 0.5) / side
def fit(net, std=1e-6):
    for step in range(100):
        net(grid_of() + std * torch.randn(512)).mean().backward()
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a sum of grid and noise."""
        for jitter in pitch_of(project).jitters():
            widths = [jitter.std / pitch for pitch in jitter.pitches if pitch]
            if widths and (max(widths) >= SPREAD * min(widths) or not NARROWEST <= widths[0] <= WIDEST):
                yield self._candidate(project, jitter, sorted(widths))

    def _candidate(self, project: Project, jitter: Jitter, widths: list[float]) -> Candidate:
        node, path = project.node(jitter.sum), jitter.sum.scope.path
        word = "wide" if widths[0] > WIDEST else "narrow"
        message = (
            f"the jitter is too {word}: its standard deviation is {widths[0]:.3g} pixels of the grid that it moves"
        )
        if widths[-1] >= SPREAD * widths[0]:
            message = (
                f"one width of jitter serves grids of several sizes: its standard deviation is {widths[0]:.3g} pixels "
                f"of the coarsest and {widths[-1]:.3g} of the finest"
            )
        evidence = (
            Trace("draw", path, project.node(jitter.noise).span, f"a standard deviation of {jitter.std:.3g}"),
            Trace("consumer", path, node.span, f"on points that are {jitter.pitches[0]:.3g} apart"),
        )
        return Candidate(self.code, path, node.span, message, Confidence.MEDIUM, evidence)


rule = JitterScale
