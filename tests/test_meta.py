"""What holds for the project as a whole: its rules, its documentation, its imports and its files."""

from __future__ import annotations

import ast
import inspect
import json
import re
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from jitlint.cli import main
from jitlint.rules import Rule, add_rules, all_rules

ROOT = Path(__file__).resolve().parent.parent
RULES = all_rules()
SECTIONS = ["What it finds", "Why it matters", "Example", "Use instead", "Fix", "Known limits"]
TOP_LEVEL = set(
    "jitlint runtime_probe pytest_runtime_probe.py reference_model tests examples docs benchmarks editors "
    "pyproject.toml mkdocs.yml action.yml README.md CHANGELOG.md CONTRIBUTING.md SECURITY.md MANIFEST.in "
    "LICENSE Makefile constraints.txt .pre-commit-hooks.yaml .ci .gitignore".split()
)
# What parts of the linter import that an ordinary run does not load: fixes, the language server, notebooks.
EXTRAS = {"fixes/": {"libcst"}, "server/": {"pygls", "lsprotocol"}, "ipython.py": {"IPython"}}
RESULTS = "reference_model/results/"  # measurements, and a report that is one page with its pictures in it
LARGEST_FILE = 400_000  # bytes; the SARIF schema in tests/ is the largest file there is


def tracked_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


# ------------------------------------------------------------------------------------------------ rules


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rule_is_documented(rule: type[Rule]) -> None:
    documentation = inspect.getdoc(rule) or ""
    assert re.match(r"[A-Z].*\.$", documentation.partition("\n\n")[0], re.DOTALL), "begins with one sentence"
    assert re.findall(r"^(\w[\w ]+):$", documentation, re.MULTILINE) == SECTIONS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rule_is_named_well(rule: type[Rule]) -> None:
    assert re.fullmatch(r"JIT\d{3}", rule.code)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
    file = Path(inspect.getfile(rule)).name
    assert file == f"{rule.code.lower()}_{rule.name.replace('-', '_')}.py"


def test_codes_and_names_are_unique() -> None:
    for values in ([rule.code for rule in RULES], [rule.name for rule in RULES]):
        assert not [value for value, times in Counter(values).items() if times > 1]


def test_every_rule_is_in_the_changelog() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\bJIT\d{3}\b", changelog)) == {rule.code for rule in RULES}


def test_the_rule_that_the_architecture_page_shows_works(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    example = re.search(r"## Adding a rule\n.*?```python\n(.*?)```", page, re.DOTALL)
    assert example
    names: dict[str, Any] = {"__name__": "jit499_drawn_in_loop"}
    exec(example[1], names)
    rule = names["rule"]
    add_rules("the page", [rule])
    try:
        assert [rule.code in codes_found(rule, case, tmp_path) for case in rule.INVALID + rule.VALID] == [True, False]
    finally:
        add_rules("the page", [])


def test_generated_documentation_is_current() -> None:
    generate = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    assert generate["outdated"]() == [], "run `make docs`"


def cases(kind: str) -> list[object]:
    return [
        pytest.param(rule, case, id=f"{rule.code}-{number}")
        for rule in RULES
        for number, case in enumerate(getattr(rule, kind))
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rule_has_cases(rule: type[Rule]) -> None:
    assert rule.INVALID
    assert rule.VALID


@pytest.mark.parametrize(("rule", "case"), cases("INVALID"))
def test_invalid_case_is_found(rule: type[Rule], case: str, tmp_path: Path) -> None:
    assert rule.code in codes_found(rule, case, tmp_path)


@pytest.mark.parametrize(("rule", "case"), cases("VALID"))
def test_valid_case_is_left_alone(rule: type[Rule], case: str, tmp_path: Path) -> None:
    assert rule.code not in codes_found(rule, case, tmp_path)


def codes_found(rule: type[Rule], case: str, folder: Path) -> list[str]:
    """Codes that jitlint reports in the files of a case, with the rule on."""
    project, output = folder / "project", folder / "found.json"
    for name, text in split_files(case).items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    options = ["--isolated", "--no-cache", "--jobs", "1", "--format", "json", "--output-file", str(output)]
    assert main([*options, "--extend-select", rule.code, str(project)]) in (0, 1)
    return [finding["code"] for finding in json.loads(output.read_text(encoding="utf-8"))]


def split_files(case: str) -> dict[str, str]:
    """The files of a case: a line `# file: NAME` begins another one; the first is called train.py."""
    first, *others = re.split(r"^# file: (\S+)\n", case, flags=re.MULTILINE)
    files = {"train.py": first} if first.strip() or not others else {}
    return files | dict(zip(others[::2], others[1::2], strict=True))


# ---------------------------------------------------------------------------------------------- imports


def test_the_linter_imports_no_training_library() -> None:
    always = set(sys.stdlib_module_names) | {"jitlint", "rich", "tomli"}
    for path in (ROOT / "jitlint").rglob("*.py"):
        place = path.relative_to(ROOT / "jitlint").as_posix()
        allowed = always | next((extra for start, extra in EXTRAS.items() if place.startswith(start)), set())
        for node in ast.walk(ast.parse(path.read_bytes())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert {name.partition(".")[0] for name in names} <= allowed, f"{path}:{getattr(node, 'lineno', 0)}"


def modules_imported_for(program: Path, *options: str) -> set[str]:
    """Top-level modules that a run of jitlint over one program leaves in `sys.modules`."""
    code = (
        "import sys; from jitlint.cli import main; "
        f"main(['--no-cache', '--quiet', *{options!r}, {str(program)!r}]); "
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(run.stderr.split())


@pytest.mark.parametrize("form", ["correct", "buggy"])
def test_a_run_never_imports_a_training_library(form: str) -> None:
    modules = modules_imported_for(ROOT / "examples" / "coordinates" / f"{form}.py")
    assert not modules & {"torch", "numpy", "runtime_probe", "reference_model"}
    assert "jitlint" in modules
    assert ("libcst" in modules) == (form == "buggy")


@pytest.mark.parametrize("format_name", ["github", "gitlab", "junit"])
def test_a_report_without_fixes_makes_none(format_name: str) -> None:
    modules = modules_imported_for(ROOT / "examples" / "coordinates" / "buggy.py", "--format", format_name)
    assert "jitlint" in modules
    assert "libcst" not in modules


# ------------------------------------------------------------------------------------------------ files


def test_the_top_level_has_only_what_belongs_there() -> None:
    assert {name.partition("/")[0] for name in tracked_files()} <= TOP_LEVEL


def test_no_file_is_large() -> None:
    sizes = {name: (ROOT / name).stat().st_size for name in tracked_files()}
    measured = [size for name, size in sizes.items() if name.startswith(RESULTS)]
    assert [name for name, size in sizes.items() if size > LARGEST_FILE and not name.startswith(RESULTS)] == []
    assert max(measured) < 3_000_000 and sum(measured) < 8_000_000


def test_the_project_is_clean_by_its_own_linter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert main(["--no-cache", "."]) == 0


def test_the_probe_points_to_rules_that_exist() -> None:
    verdict = pytest.importorskip("runtime_probe.verdict", reason="torch is not installed")
    known = {rule.code for rule in all_rules()}
    assert {code for advice in verdict.ADVICE.values() for code in advice.codes} <= known
