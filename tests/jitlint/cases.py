"""Projects made of text, for the tests of the rules."""

from __future__ import annotations

import re
from pathlib import Path

from jitlint.semantics.builder import build_module
from jitlint.semantics.project import Project
from jitlint.source import load_source


def project_of(text: str, root: Path) -> Project:
    """The project that a case describes: `# file: NAME` begins another file; they stand on the disk too."""
    parts = re.split(r"^# file: (\S+)\n", text, flags=re.MULTILINE)
    files = {"case.py": parts[0]} if parts[0].strip() else {}
    files.update(zip(parts[1::2], parts[2::2], strict=True))
    modules = {}
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        if name.endswith(".py"):
            modules[str(path)] = build_module(load_source(str(path), content.encode()))
    return Project(modules, root)
