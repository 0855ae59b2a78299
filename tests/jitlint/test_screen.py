"""What the bytes of a file tell before it is parsed: each reason to look closer, and its near miss."""

from __future__ import annotations

import pytest

from jitlint.screen import Level, is_idle, screen

NETWORK = "class Net:\n    def __init__(self):\n        self.w = {}\n    def forward(self, x):\n        pass\n"
FAR = "    x = 1\n" * 400


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("x = 1\n", Level.NONE),
        ("lam = torch.distributions.Beta(0.4, 0.4).sample()\nloss.backward()\n", Level.DRAWS),
        ("from torch.distributions import Beta\nlam = Beta(0.4, 0.4).sample((8,))\nloss.backward()\n", Level.DRAWS),
        ("x = self.upsample(x)\nn = self.samples\nloss.backward()\n", Level.CONSUMER),
        ("def f(x):\n    return x + torch.randn_like(x)\n", Level.HELPER),
        ('def f(x):\n    """Add noise.\n\n    >>> f(torch.randn(3))\n    """\n', Level.NONE),
        ('def f(x):\n    """Add noise.\n\n    >>> f(x)\n    """\n    return x + torch.randn(3)\n', Level.HELPER),
        ('"""Use torch.randn(3)."""\nfor x in loader:\n    loss(x).backward()\n', Level.CONSUMER),
        ("'''Use loss.backward().'''\ndef f(x):\n    return x + torch.randn(3)\n", Level.HELPER),
        ('# a """ in a comment\ndef f(x):\n    return x + torch.randn(3)\n"""doc"""\n', Level.HELPER),
        ("s = '\"\"\"'\ndef f(x):\n    return x + torch.randn(3)\nt = '\"\"\"'\n", Level.HELPER),
        ('s = """a\n"""\ndef f(x):\n    return x + torch.randn(3)\nt = """b\n"""\n', Level.HELPER),
        ('{"cells": [{"source": ["x = torch.randn(3) # \'\'\'"]}, {"source": ["\'\'\' loader"]}]}', Level.DRAWS),
        ("def f(operand(x)):\n    return strand\n", Level.NONE),
        ("for x in loader:\n    loss(x).backward()\n", Level.CONSUMER),
        ("for x in loader:\n    loss(x + torch.rand(3)).backward()\n", Level.DRAWS),
        ("def f(x):\n    for batch in x:\n        yield batch + torch.rand(3)\n", Level.DRAWS),
        (f"def f(batch):\n    return torch.rand(3)\ndef g(x):\n{FAR}    yield x\n", Level.HELPER),
        ("def f(x):\n    torch.manual_seed(0)\n    return torch.rand(3)\n", Level.DRAWS),
        ("rng = np.random.RandomState(0)\nx = rng.rand(3)\n", Level.DRAWS),
        ("def f(rng: np.random.RandomState):\n    return rng.rand(3)\n", Level.HELPER),
        ("x = torch.rand(3)\ndata = tf.data.Dataset.list_files(x).map(f)\n", Level.DRAWS),
        ("x = torch.rand(3)\ndata = tf_data.list_files(x).map(f)\n", Level.HELPER),
        ("from torch.utils.data import DistributedSampler\nloader = f(DistributedSampler)\n", Level.DRAWS),
        ("from torch.utils.data import BatchSampler\nloader = f(BatchSampler)\n", Level.CONSUMER),
        ("for x in zip(a_loader, cycle(b_loader)):\n    loss(x).backward()\n", Level.DRAWS),
        ("lr = one_cycle(1)\nfor x in loader:\n    loss(x).backward()\n", Level.CONSUMER),
        ("batches = list(train_loader)\n", Level.DRAWS),
        ("names = list(train_names)\nfor x in loader:\n    loss(x).backward()\n", Level.CONSUMER),
        ("def f(x):\n    return F.dropout(x, 0.5)\nf(x).backward()\n", Level.DRAWS),
        ("def f(x):\n    return F.dropout(x, training=t)\nf(x).backward()\n", Level.CONSUMER),
        (NETWORK.format("nn.Parameter(torch.randn(3))"), Level.HELPER),
        (NETWORK.format("torch.randn(3)"), Level.DRAWS),
        (NETWORK.replace("pass", "return jax.random.normal(key=self.key)"), Level.DRAWS),
        (NETWORK.replace("pass", "return jax.random.normal(key=key)"), Level.HELPER),
    ],
)  # fmt: skip
def test_level(text: str, level: Level) -> None:
    assert screen(text.encode()).level is level


@pytest.mark.parametrize(
    ("text", "idle"),
    [
        ("\ndef f(x):\n    return x\n", True),
        ("\ndef f(x):\n    return x\n\ndef g(x):\n    return torch.rand(3)\n", True),
        ("\ndef f(x):\n    return torch.rand(3)\n", False),
        ("\ndef f(x):\n    x.backward()\n", False),
        ("\ndef f(x):\n    return x\n\nf = jit(f)\n", False),
        ("\ndef ff(x):\n    return x\n", False),
        ("\nf = 1\n", False),
        ("\nclass f:\n    pass\n", False),
    ],
)
def test_an_idle_function_needs_no_model(text: str, idle: bool) -> None:
    assert is_idle(text.encode(), "f") is idle


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
