"""The documentation builds without a warning, and its links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mkdocs")

from jitlint.rules import all_rules

ROOT = Path(__file__).resolve().parent.parent
REPOSITORY = re.compile(r"https://github\.com/jitlint/jitlint/(?:blob|tree)/main/([^)#\s\"]+)")


def test_it_builds_and_every_rule_has_a_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    assert "WARNING" not in run.stderr
    for rule in all_rules():
        assert rule.name in (tmp_path / "site" / "rules" / rule.code / "index.html").read_text(encoding="utf-8")
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")]
    assert not [page for page in pages if "fonts.googleapis" in page]


def test_links_into_the_repository_lead_to_files() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "editors").glob("*/README.md")]
    linked = {(page.name, path) for page in pages for path in REPOSITORY.findall(page.read_text(encoding="utf-8"))}
    assert len(linked) > 10
    assert [item for item in linked if not (ROOT / item[1]).exists()] == []


def test_the_readme_has_no_link_that_only_a_clone_can_follow() -> None:
    """PyPI shows it too."""
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links and all(link.startswith("https://") for link in links)
