"""JIT307 rank-identical-seed."""

from __future__ import annotations

from collections.abc import Iterator

from jitlint.diagnostic import Candidate, Confidence, Trace
from jitlint.rules.base import Rule
from jitlint.semantics.project import Project
from jitlint.semantics.ranks import ranks_of


class RankIdenticalSeed(Rule):
    """All ranks of a distributed program draw the same numbers, or their sampler draws different ones.

    What it finds:
        In a program that starts a process group, one seed on all ranks before a training loop that draws noise,
        latents or mixup coefficients itself. And the opposite mistake: a `DistributedSampler` whose `seed`
        contains the rank.

    Why it matters:
        Eight ranks that add the same noise to their batches see an eighth of the noise. A sampler has to shuffle
        alike on all ranks, as each takes its share of one permutation: with different seeds the shares overlap,
        some samples come several times in an epoch and others never.

    Example:
        dist.init_process_group("nccl")
        torch.manual_seed(0)
        sampler = DistributedSampler(dataset, seed=dist.get_rank())

    Use instead:
        dist.init_process_group("nccl")
        torch.manual_seed(dist.get_rank())
        sampler = DistributedSampler(dataset, seed=0)

    Fix:
        None: the weights of a network have to be the same on all ranks, so it matters where the seed stands.

    Known limits:
        A seed that is set only on request (`if args.seed is not None:`) is left alone, and a program with any
        seed that depends on the rank. Draws of the loaders' workers are not looked at.
    """

    code = "JIT307"
    name = "rank-identical-seed"

    VALID = (
        """
import torch
import torch.distributed as dist
def main(model, loader, opt):
    dist.init_process_group("nccl")
    torch.manual_seed(1234 + dist.get_rank())
    for images in loader:
        model(images + 0.1 * torch.randn_like(images)).mean().backward()
        opt.step()
""",
        """
import torch
import torch.distributed as dist
from torch.utils.data import DataLoader, DistributedSampler
def main(model, dataset, opt, seed):
    dist.init_process_group("nccl")
    torch.manual_seed(seed)
    sampler = DistributedSampler(dataset, seed=seed)
    for epoch in range(9):
        sampler.set_epoch(epoch)
        for images in DataLoader(dataset, sampler=sampler):
            model(images).mean().backward()
            opt.step()
""",
    )
    INVALID = (
        """
import torch
import torch.distributed as dist
def main(model, loader, opt):
    dist.init_process_group("nccl")
    torch.manual_seed(1234)
    for images in loader:
        model(images + 0.1 * torch.randn_like(images)).mean().backward()
        opt.step()
""",
        """
import torch.distributed as dist
from torch.utils.data import DataLoader, DistributedSampler
def loader(dataset, seed):
    return DataLoader(dataset, sampler=DistributedSampler(dataset, seed=seed + dist.get_rank()))
""",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate a sampler, and one a library that is seeded."""
        ranks = ranks_of(project)
        for sampler in ranks.samplers:
            message = "the ranks' shares of the data overlap: the seed of this sampler differs between ranks"
            yield Candidate(self.code, sampler.scope.path, project.node(sampler).span, message, Confidence.HIGH)
        for item in ranks.identical:
            message = "all ranks draw the same numbers: this seed does not depend on the rank"
            draw, start = project.node(item.draw).span, project.node(item.start).span
            traces = (
                Trace("draw", item.draw.scope.path, draw, "each rank draws this for its own batch"),
                Trace("definition", item.start.scope.path, start, "the program runs once for each rank"),
            )
            span = project.node(item.seed).span
            yield Candidate(self.code, item.seed.scope.path, span, message, Confidence.MEDIUM, traces)


rule = RankIdenticalSeed
