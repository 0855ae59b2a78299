"""What the bytes of a file tell before it is parsed: each reason to look closer, and its near miss."""

from __future__ import annotations

import pytest

from jitlint.screen import Level, screen

NETWORK = "class Net:\n    def __init__(self):\n        self.w = {}\n    def forward(self, x):\n        pass\n"
FAR = "    x = 1\n" * 400


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("x = 1\n", Level.NONE),
        ("def f(x):\n    return x + torch.randn_like(x)\n", Level.HELPER),
        ('def f(x):\n    """Add noise.\n\n    >>> f(torch.randn(3))\n    """\n', Level.NONE),
        ('def f(x):\n    """Add noise.\n\n    >>> f(x)\n    """\n    return x + torch.randn(3)\n', Level.HELPER),
        ("def f(operand(x)):\n    return strand\n", Level.NONE),
        ("for x in loader:\n    loss(x).backward()\n", Level.CONSUMER),
        ("for x in loader:\n    loss(x + torch.rand(3)).backward()\n", Level.DRAWS),
        ("def f(x):\n    for batch in x:\n        yield batch + torch.rand(3)\n", Level.DRAWS),
        (f"def f(batch):\n    return torch.rand(3)\ndef g(x):\n{FAR}    yield x\n", Level.HELPER),
        ("def f(x):\n    torch.manual_seed(0)\n    return torch.rand(3)\n", Level.DRAWS),
        (NETWORK.format("nn.Parameter(torch.randn(3))"), Level.HELPER),
        (NETWORK.format("torch.randn(3)"), Level.DRAWS),
    ],
)  # fmt: skip
def test_level(text: str, level: Level) -> None:
    assert screen(text.encode()).level is level


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import a.b as c, d\n", {"a.b", "d"}),
        ("from a import b as c, d  # e\n", {"a.b", "a.d"}),
        ("if x:\n    from .a import (\n        b,\n        c,\n    )\n", {".a.b", ".a.c"}),
        ("from a import *\n", {"a.*", "a."}),
        ("x = 'import y'  # important\nfrom . import z", {".z"}),
    ],
)
def test_imports(text: str, names: set[str]) -> None:
    found = screen(f"{text}\nloader = torch.rand(3)\n".encode()).imports
    assert found >= names - {"a."} and not any(name == "y" or "important" in name for name in found)
