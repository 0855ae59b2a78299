"""The mend of JIT401 for data sets: a copy of their pipeline without what is random in it."""

from __future__ import annotations

from jitlint.diagnostic import Applicability, CopyStatement, FixPlan, ReplaceArgument, Several, Span
from jitlint.libraries.transforms import KEEPS_SIZE, PADS
from jitlint.semantics.graph import Kind
from jitlint.semantics.held_out import HeldOut
from jitlint.semantics.loading import loading_of
from jitlint.semantics.objects import objects_of
from jitlint.semantics.pipelines import Augments, pipelines_of
from jitlint.semantics.project import Project, Value


def plain_pipeline(project: Project, item: HeldOut) -> FixPlan | None:
    """A copy of the pipeline without what is random, for the held-out data alone."""
    place = _argument_of(project, item)
    if item.is_shared or place is None:
        return None
    argument, pipeline = place
    scope, node = project.scope(pipeline.scope), project.node(pipeline)
    statement = scope.statements[node.statement]
    parts = _random_parts(project, pipeline)
    is_visible = pipeline.scope == item.used.scope or not pipeline.scope.qualname
    names = [name for name in statement.binds if name.isidentifier()]
    if not parts or len(names) != 1 or not is_visible or statement.span == _statement_of(project, item.used):
        return None
    name = _evaluation_name(names[0])
    plans = (
        CopyStatement(statement.span, name, parts),
        ReplaceArgument(project.node(item.used).span, argument, name),
    )
    leaves = "a pipeline for evaluation may need a resize or a crop in place of what was left out"
    return FixPlan(
        Applicability.UNSAFE, "Give the held-out data the pipeline without its draws", Several(plans), leaves
    )


def _statement_of(project: Project, value: Value) -> Span:
    return project.scope(value.scope).statements[project.node(value).statement].span


def _argument_of(project: Project, item: HeldOut) -> tuple[str | int, Value] | None:
    """The argument of a data set that is the random pipeline, and the call in the same file that makes that."""
    node = project.node(item.used)
    for position, (argument, key) in enumerate(zip(node.arguments, node.keywords, strict=False)):
        made = objects_of(project).origins(Value(item.used.scope, argument))
        if len(made) == 1 and _is_pipeline(project, item, min(made)):
            return key if key is not None else position, min(made)
    return None


def _is_pipeline(project: Project, item: HeldOut, value: Value) -> bool:
    is_here = value.scope.path == item.used.scope.path
    return is_here and project.node(value).method == "Compose" and item.draw in loading_of(project).held(value)


def _random_parts(project: Project, pipeline: Value) -> tuple[Span, ...]:
    """The parts of a pipeline that draw, if nothing needs another transform in their place."""
    node = project.node(pipeline)
    display = project.node(Value(pipeline.scope, node.arguments[0])) if node.arguments else node
    parts = [Value(pipeline.scope, part) for part in display.inputs if display.kind is Kind.COLLECTION]
    judged = [(part, pipelines_of(project).augments(part)) for part in parts]
    random = [project.node(part) for part, augments in judged if augments is Augments.YES]
    if any(augments is Augments.UNKNOWN for _, augments in judged) or len(random) == len(parts):
        return ()
    fits = all(part.method in KEEPS_SIZE or (part.method in PADS and "padding" in part.keywords) for part in random)
    return tuple(part.span for part in random) if fits else ()


def _evaluation_name(name: str) -> str:
    """`train_transform` as `eval_transform`, `augment` as `augment_eval`."""
    for word, other in (("train", "eval"), ("TRAIN", "EVAL")):
        if word in name and "training" not in name:
            return name.replace(word, other)
    return f"{name}_eval"
