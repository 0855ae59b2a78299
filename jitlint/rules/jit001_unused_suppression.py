"""JIT001 unused-suppression."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate
from jitlint.rules.base import Rule
from jitlint.semantics.project import Project


class UnusedSuppression(Rule):
    """A comment suppresses a finding that is not there.

    What it finds:
        `# jitlint: ignore[...]`, `# jitlint: ignore-file[...]` and `# noqa: JIT...` comments with a code or
        name that no finding of the statement (or file) has. Only the codes that the run looks for count, so
        `--select JIT201` does not call the suppressions of other codes unused.

    Why it matters:
        The bug was mended, or the line moved away from its comment. The next real finding on that line
        would go unseen.

    Example:
        for images, _ in loader:
            noise = torch.randn_like(images)  # jitlint: ignore[JIT102]
            loss = model(images + noise).mean()

    Use instead:
        for images, _ in loader:
            noise = torch.randn_like(images)
            loss = model(images + noise).mean()

    Fix:
        Removes the codes that are not used, and the comment with its reason when none is left. Safe.

    Known limits:
        A suppression of a finding that the chosen confidence hides is not called unused.
    """

    code = "JIT001"
    name = "unused-suppression"
    VALID = (
        """
import torch

def train(model, loader, opt):
    for images, _ in loader:
        torch.manual_seed(0)  # jitlint: ignore[JIT301] the same mask for every batch, as in the paper
        loss = model(images + torch.randn_like(images)).mean()
        loss.backward()
        opt.step()
""",
        "x = 1  # noqa: E501\\n",
    )
    INVALID = (
        "x = 1  # jitlint: ignore[JIT101] moved\\n",
        "# jitlint: ignore-file[reseeded-in-step]\\nx = 1\\n",
        "x = 1  # noqa: JIT101\\n",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """Nothing: comments are no part of the model, and `jitlint.suppress` knows which were used."""
        yield from ()


rule = UnusedSuppression
