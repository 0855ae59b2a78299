"""The rules of a laboratory whose training runs must be resumable: every draw has a generator that is saved."""

from __future__ import annotations

from collections.abc import Iterator

import libcst

from jitlint.diagnostic import AddArgument, Applicability, Candidate, Confidence, FixPlan, Trace
from jitlint.fixes.concrete import node_at
from jitlint.rules import Rule
from jitlint.semantics.graph import Node, Scope
from jitlint.semantics.project import Project

DRAWS = {f"torch.{name}" for name in "bernoulli multinomial normal rand randint randn randperm".split()}


class GlobalStream(Rule):
    """A draw from PyTorch's global stream in a function that was given a generator.

    What it finds:
        A call of `torch.randn` and its like without `generator=`, in a function with a parameter `generator`.

    Why it matters:
        The state of the generator is saved with the model, that of the global stream is not. A run that goes on
        from a checkpoint draws other numbers here.

    Example:
        def jitter(coord, std, generator):
            return coord + std * torch.randn(coord.shape)

    Use instead:
        def jitter(coord, std, generator):
            return coord + std * torch.randn(coord.shape, generator=generator)

    Fix:
        `--fix` passes the generator on.

    Known limits:
        A generator of another name, or in an attribute, is not seen. A draw that is meant to come from the global
        stream says so in a comment: `# global stream`.
    """

    code = "LAB001"
    name = "global-stream"
    VALID = (
        "import torch\n\ndef jitter(x, generator):\n    return x + torch.randn(x.shape, generator=generator)\n",
        "import torch\n\ndef jitter(x):\n    return x + torch.randn(x.shape)\n",
        "import torch\n\ndef f(x, generator):\n    torch.randn(3)  # global stream, as before\n    return x\n",
        "def randn(n):\n    return n\n\ndef f(x, generator):\n    return randn(x)\n",
    )
    INVALID = (
        "import torch\n\ndef jitter(x, generator):\n    return x + torch.randn(x.shape)\n",
        "from torch import randperm\n\ndef order(n, *, generator=None):\n    return randperm(n)\n",
        "# file: a.py\nimport b\n# file: b.py\nimport torch as t\n\ndef f(n, generator):\n    return t.rand(n)\n",
    )

    def check(self, project: Project) -> Iterator[Candidate]:
        """One candidate for each draw that leaves the generator out."""
        for ref, scope in project.scopes():
            if any(parameter.name == "generator" for parameter in scope.parameters):
                for _, node in scope.calls():
                    is_bare = node.name in DRAWS and node.keyword("generator") is None
                    if is_bare and not is_meant(project, ref.path, scope, node):
                        yield self.candidate(ref.path, scope, node)

    def candidate(self, path: str, scope: Scope, node: Node) -> Candidate:
        """The finding, with the parameter as its evidence and a fix."""
        fix = FixPlan(Applicability.SAFE, "Pass the generator on", AddArgument(node.span, "generator", "generator"))
        message = f"`{node.text}` draws from the global stream, and `{scope.name}` was given a generator"
        evidence = (
            Trace("parameter", path, scope.name_span, "this function gets a generator"),
            Trace("draw", path, node.span, "its draw does not use it"),
        )
        return Candidate(self.code, path, node.span, message, Confidence.HIGH, evidence, fix)


def is_meant(project: Project, path: str, scope: Scope, node: Node) -> bool:
    """Whether the statement says so in a comment, which only the concrete tree has."""
    span = scope.statements[node.statement].span
    line = node_at(project, path, span, libcst.SimpleStatementLine)
    comment = line.trailing_whitespace.comment if line else None
    return comment is not None and "global stream" in comment.value
