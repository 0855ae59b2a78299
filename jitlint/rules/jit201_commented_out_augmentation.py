"""JIT201 commented-out-augmentation."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Applicability, Candidate, FixPlan, Uncomment
from jitlint.rules.absent import comment_confidence, listed
from jitlint.rules.base import Rule
from jitlint.semantics.commented import (
    CommentedOut,
    comment_trace,
    comments_of,
    consumer_trace,
    definition_traces,
    only_call,
)
from jitlint.semantics.project import Project


class CommentedOutAugmentation(Rule):
    """An augmentation stands in a comment of code that trains.

    What it finds:
        A comment line that is code and would perturb the training data: a call of an augmentation of the
        project or of a library, an element of the training `Compose([...])`, `x = x + noise`; in a training
        loop, a step function, a data set, or anything that these call. The function must still be there,
        and the live code around must not call it.

    Why it matters:
        The augmentation is written, configured and believed in, and training runs without it. It is often
        commented out for one experiment and stays so.

    Example:
        def training_step(self, batch):
            coord = make_coord_grid(32, 32)
            #coord = self.add_gaussian_noise_to_grid(coord)
            return loss(self.model(coord), batch)

    Use instead:
        def training_step(self, batch):
            coord = make_coord_grid(32, 32)
            coord = self.add_gaussian_noise_to_grid(coord)
            return loss(self.model(coord), batch)

    Fix:
        Uncomments the lines. Unsafe: only its author knows whether the line was taken out on purpose; delete
        the comment if it was.

    Known limits:
        Low confidence where another augmentation is live beside it, where the remark gives a reason, where
        the code would not run any more, where the evaluation code has the like commented out too, and where
        nothing says that the code trains. A comment at the end of a line of code is not read.
    """

    code = "JIT201"
    name = "commented-out-augmentation"

    VALID = ()
    INVALID = ()

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a run of comment lines."""
        for item in comments_of(project).found:
            yield self._candidate(project, item)

    def _candidate(self, project: Project, item: CommentedOut) -> Candidate:
        only = only_call(project, item)
        calls = "their only calls are" if len(item.names) > 1 else "its only call is"
        if not only:
            calls = "the calls are" if len(item.names) > 1 else "the call is"
        message = f"training runs without {listed(item.names)}: {calls} commented out"
        consumer = consumer_trace(project, item)
        evidence = (
            comment_trace(item),
            *definition_traces(project, item),
            *((consumer,) if consumer else ()),
        )
        plan = Uncomment(item.piece.first_line, item.piece.last_line, item.piece.code)
        fix = FixPlan(Applicability.UNSAFE, "Uncomment it", plan)
        return Candidate(
            self.code, item.scope.path, item.span, message, comment_confidence(project, item), evidence, fix
        )


rule = CommentedOutAugmentation
