"""The page of `--format html`: what is in it, and what it does in a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.jitlint.command_line import CORRECT, HOISTED, Shell
from tests.jitlint.test_notebook_places import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
RESEEDED = CORRECT.replace("        noise", "        torch.manual_seed(0)\n        noise")


class Outline(HTMLParser):
    """Counts tags, and sees whether each that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.count: dict[str, int] = {}
        self.open: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        self.links += [value or "" for name, value in attributes if name in ("href", "src")]
        if tag not in ("meta", "link", "input", "html"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag != "html":
            assert self.open.pop() == tag


@pytest.fixture
def page(shell: Shell) -> Path:
    shell.write("train.py", HOISTED)
    shell.write("seeds.py", RESEEDED)
    result = shell.run("--format", "html", "-o", "report.html")
    assert (result.code, result.err) == (1, "Wrote 2 findings to report.html.\n")
    return shell.folder / "report.html"


def test_findings_by_family_with_frames_and_fixes(page: Path) -> None:
    outline = Outline(page.read_text())
    assert outline.open == []
    assert {tag: outline.count[tag] for tag in ("section", "article", "figure", "details")} == {
        "section": 2, "article": 2, "figure": 2, "details": 2,
    }  # fmt: skip
    text = page.read_text()
    assert '<mark class="draw primary" data-step="1">torch.randn(3, 32, 32)</mark> * 0.1' in text
    assert re.findall(r'class="note (\w+)"><i>(\d)', text)[:3] == [("draw", "1"), ("loop", "2"), ("consumer", "3")]
    assert "<code>+         noise = torch.randn(3, 32, 32) * 0.1</code>" in text


def test_nothing_comes_from_elsewhere(page: Path) -> None:
    """One file: its only addresses are those of the rules' pages, for a reader to follow."""
    links = Outline(page.read_text()).links
    assert {link for link in links if "/docs/rules/JIT" not in link} == {"data:,"}
    assert "import" not in (ROOT / "jitlint/report/page.css").read_text()


def test_what_stands_in_the_program_is_text(shell: Shell) -> None:
    shell.write("<b>&.py", HOISTED.replace("0.1", "0.1  # </code></div><script>alert('\x1b')</script>"))
    text = shell.run("--format", "html").out
    assert Outline(text).count["script"] == 1
    assert "&lt;b&gt;&amp;.py" in text and "\x1b" not in text and "\\x1b" in text


def test_nothing_found_is_a_page_too(shell: Shell) -> None:
    text = shell.run("--format", "html").out
    assert Outline(text).open == [] and "No findings." in text


def in_browser(page: str, *options: str) -> tuple[str, str]:
    """The document as the browser has it after the scripts ran, and what it said on its console."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command += ["--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom", *options, page]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    return run.stdout, "\n".join(line for line in run.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.skipif(CHROMIUM is None, reason="no browser is installed")
@pytest.mark.parametrize("width", [400, 1400])
def test_the_filter_and_the_paths_in_a_browser(page: Path, tmp_path: Path, width: int) -> None:
    options = (f"--window-size={width},900", f"--user-data-dir={tmp_path / 'browser'}")
    everything, said = in_browser(page.as_uri(), *options)
    assert said == ""
    assert len(re.findall(r"<article>", everything)) == 2
    assert len(re.findall(r'<svg class="story"', everything)) == 2
    filtered, said = in_browser(f"{page.as_uri()}#JIT301 seeds", *options)
    assert said == ""
    assert (len(re.findall("<article>", filtered)), len(re.findall('<article hidden=""', filtered))) == (1, 1)
    nothing, _ = in_browser(f"{page.as_uri()}#elsewhere", *options)
    assert len(re.findall('<article hidden=""', nothing)) == 2 and 'id="none">' in nothing
