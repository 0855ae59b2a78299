"""A setting that promises an augmentation: what kind it is, and what its values promise to training."""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from jitlint.diagnostic import Span
from jitlint.semantics.graph import Kind, Node
from jitlint.semantics.project import Value

SAID_UNUSED = re.compile(
    r"unused|ignored|not used|no effect|deprecat|compat|placeholder|not (?:yet )?(?:supported|implemented)|reserved|"
    r"dummy|noqa",
    re.IGNORECASE,
)
# Classes whose fields are the settings of a program.
SETTINGS_CLASS = re.compile(r"(?:Config|Args|Arguments|Options|Settings|HParams|Params|Hyperparameters|Cfg|Opts)$")


class What(enum.Enum):
    """What kind of setting it is."""

    PARAMETER = "parameter"
    ATTRIBUTE = "attribute"
    OPTION = "option"
    KEY = "key"


class Given(enum.IntEnum):
    """What training is promised by the setting's values."""

    NOTHING = 1  # it is off wherever one can see it set
    DEFAULT = 2  # it is on by default
    PASSED = 3  # a caller passes something that may be on
    ON = 4  # a caller passes an augmentation, or turns it on


class Switch(NamedTuple):
    """A setting that nothing reads: where it stands, what it is of, and the call that passes something for it."""

    path: str
    span: Span
    name: str
    what: What
    owner: str  # the function, class or program that has it
    given: Given
    site: Value | None = None


def is_on(node: Node) -> bool:
    """Whether a setting's value turns something on."""
    return node.kind is Kind.CONST and node.value not in (None, False, 0, "", "none", "None")
