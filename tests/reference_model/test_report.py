"""The page and the Markdown of the committed results: readable, complete, the same numbers in both."""

import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from reference_model.claims import claims
from reference_model.command_line import main
from reference_model.fitted.results import Results
from reference_model.fitted.rows import claims_hash, read
from reference_model.prices import table
from reference_model.report import write_report
from reference_model.report.blocks import Section, Strip, Table, Text, to_html, to_markdown
from reference_model.report.content import blocks, number, sentences
from reference_model.report.facts import gather

COMMITTED = Path(__file__).parents[2] / "reference_model" / "results"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The report of the committed rows, written anew, and its facts."""
    folder = tmp_path_factory.mktemp("report")
    return folder, write_report(COMMITTED, folder)


def test_every_row_carries_the_hash_of_the_claims_as_they_are():
    rows = read(COMMITTED / "fitted.jsonl")
    assert {row["claims"] for row in rows} == {claims_hash()}


def test_the_committed_report_is_the_one_of_the_committed_rows(written):
    folder, _ = written
    for name in ("report.md", "law.json", "prices.json"):
        words, numbers = parts((folder / name).read_text())
        expected_words, expected_numbers = parts((COMMITTED / name).read_text())
        assert words == expected_words, f"{name}: run the report again"
        assert numbers == pytest.approx(expected_numbers, rel=2e-3, abs=0.011), f"{name}: run the report again"


def test_the_readme_quotes_the_report():
    report, readme = (COMMITTED / "report.md").read_text(), (COMMITTED.parents[1] / "README.md").read_text()
    hoisted, absent = re.search(r"for 20 epochs, costs ([\d.]+) dB;.* commented-out call ([\d.]+)\.", report).groups()
    assert f"loses {hoisted} dB" in readme and f"and {absent} dB without jitter" in readme


def parts(text):
    """The words of a text, and its numbers: the last digit may differ on another machine."""
    pattern = r"\d+\.\d+(?:e-?\d+)?"
    return re.split(pattern, text), [float(found) for found in re.findall(pattern, text)]


def test_the_first_screen_is_a_picture_sentences_and_claims(written):
    folder, facts = written
    html = (folder / "report.html").read_text()
    visible = html[: html.index("<details")]
    assert visible.count("<figure>") == 7  # the plot; none, once, hoisted, right, oracle, truth
    assert len(sentences(facts)) == 5 and visible.count("<li>") == 5
    assert len(facts.verdicts) == len(claims()) and visible.count("<tr>") <= 16
    assert "http" not in html and "<script" not in html


def test_page_and_markdown_have_the_same_claims(written):
    folder, _ = written
    html, text = unescape((folder / "report.html").read_text()), (folder / "report.md").read_text()
    lines = [
        line for line in text.splitlines() if line.startswith("| ") and line.endswith(("supported |", "refuted |"))
    ]
    assert len(lines) > 5
    for line in lines:
        assert all(f">{cell}</td>" in html for cell in line.strip("| ").split(" | ")), line


def test_pictures_of_the_markdown_exist(written):
    folder, _ = written
    for figure in re.findall(r"\]\((figures/[^)]+)\)", (folder / "report.md").read_text()):
        assert (folder / figure).read_bytes().startswith(b"\x89PNG")


def test_numbers_of_the_sentences_are_those_of_the_rows(written):
    _, facts = written
    right, none = facts.at("all"), facts.at(0)
    assert f"{right.mean:.1f} dB a quarter pixel" in sentences(facts)[0]
    assert f"{right.mean - none.mean:.1f}" in sentences(facts)[1]


def test_blind_networks_make_every_verdict_not_testable(tmp_path):
    """The committed rows with the ring correlation of the right arm taken away."""
    rows = read(COMMITTED / "fitted.jsonl")
    for row in rows:
        if row["arm"].startswith("inside"):
            row["metrics"]["ring_sight"] = 0.2
    from reference_model.claims import verdicts

    words = {verdict.word for verdict in verdicts(Results(tuple(rows)))}
    assert words <= {"not testable", "not measured", "too few images"} and "not testable" in words


def test_rows_of_other_claims_are_not_judged(tmp_path):
    text = (COMMITTED / "fitted.jsonl").read_text()
    (tmp_path / "fitted.jsonl").write_text(text.replace(claims_hash(), "0123456789ab", 1))
    said = to_markdown("x", blocks(gather(tmp_path)))
    assert "changed after these rows were measured" in said and "supported" not in said and "refuted" not in said


@pytest.mark.parametrize(
    ("name", "contents", "message"),
    [
        ("fitted.jsonl", "hello\n", "fitted.jsonl:1 is not JSON"), ("fitted.jsonl", "{}\n", "is not a row of fits"),
        ("prices.json", "[]", "is not a table of prices"),
    ],
)  # fmt: skip
def test_broken_results_are_one_line(tmp_path, name, contents, message, capsys):
    (tmp_path / name).write_text(contents)
    assert main(["report", str(tmp_path)]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and len(error.splitlines()) == 1


def test_a_folder_without_anything_else_shows_what_is_there(tmp_path):
    kept = [line for line in (COMMITTED / "fitted.jsonl").read_text().splitlines(True) if '"chelsea"' in line]
    (tmp_path / "fitted.jsonl").write_text("".join(kept))
    facts = gather(tmp_path)
    assert facts.law is None and {verdict.word for verdict in facts.verdicts} <= {"too few images", "not measured"}
    assert to_markdown("x", blocks(facts))


def test_the_committed_table_prices_most_rules():
    codes = {path.name[:6].upper() for path in (COMMITTED.parents[1] / "jitlint" / "rules").glob("jit[0-9]*.py")}
    named = {rule for row in table.read(COMMITTED / "prices.json") for rule in row["rules"]}
    assert all(re.fullmatch(r"JIT[1-4]\d\d", rule) for rule in named)
    assert len(codes & named) >= 10


def test_blocks_are_escaped_and_nothing_is_lost():
    content = [Section("A & B", (Text(("<b>",)), Table(("a|b", "c"), (("1|2", "supported"),))))]
    html, text = to_html("<t>", content), to_markdown("t", content)
    assert "&lt;b&gt;" in html and "id='a-b'" in html and "class=supported" in html and "<title>&lt;t&gt;" in html
    assert "1\\|2" in text and "a\\|b" in text
    assert to_html("t", [Strip(())]).count("class=strip") == 1


def test_numbers_without_an_interval():
    assert number(None) == "–"


BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def dumped(page, folder):
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
    command += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=10000", "--dump-dom", page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.skipif(not BROWSER, reason="needs Chromium")
def test_a_link_of_the_contents_opens_what_is_folded(written, tmp_path):
    html = (written[0] / "report.html").read_text()
    (anchor,) = re.findall(r"<a href='#([^']*)'>Methods</a>", html)
    script = f"<script>location.hash = '{anchor}'; setTimeout(() => document.title = [...document.querySelectorAll("
    script += "'details[open] > summary')].map(s => s.textContent).join(), 100)</script></body>"
    page = tmp_path / "page.html"
    page.write_text(html.replace("</body>", script))
    assert "<title>Methods</title>" in dumped(page, tmp_path)


@pytest.mark.skipif(not BROWSER, reason="needs Chromium")
@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_does_not_overflow(written, tmp_path, width):
    folder, _ = written
    page, frame = tmp_path / "report.html", tmp_path / "frame.html"
    probe = '<script>document.title = document.documentElement.scrollWidth + " of " + innerWidth</script></body>'
    opened = (folder / "report.html").read_text().replace("<details>", "<details open>")
    page.write_text(opened.replace("</body>", probe))
    frame.write_text(
        f'<iframe id=f src="report.html" width={width} height=800></iframe><script>f.onload = () => '
        "document.title = f.contentDocument.title</script>"
    )
    dom = dumped(frame, tmp_path)
    found = re.search(r"<title>(\d+) of (\d+)</title>", dom)
    assert found, dom[:500]
    assert int(found[1]) <= int(found[2]) <= width
