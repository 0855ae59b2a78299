"""All that is tried before a release: `make release-check`.

The sdist and the wheel are built from what git knows, and looked at as a package index does. The wheel is installed in
clean environments: for every Python at hand, with each extra alone, and under a user's own strictly typed script.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from email.message import Message
from email.parser import Parser
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.checkout import copy_checkout  # noqa: E402

CPU_INDEX = ("--extra-index-url", "https://download.pytorch.org/whl/cpu")
PYTHONS = range(9, 16)  # 3.9 shows that it is refused
# What shows that an extra alone brings what it is for.
EXTRAS = {
    "": ("-m", "jitlint", "--version"),
    "lsp": ("-c", "from jitlint.server.features import build_server; build_server()"),
    "flake8": ("-m", "flake8", "--select", "JIT", "--exit-zero", "train.py"),
    "docs": ("-m", "mkdocs", "--version"),
    "probe": ("-m", "runtime_probe", "--help"),
    "reference": ("-m", "reference_model", "--help"),
}
USER_SCRIPT = """\
from jitlint import Confidence, Diagnostic, Report, Settings, UsageError, fix_text, lint_paths, lint_text


def worst(report: Report) -> list[Diagnostic]:
    return [item for item in report.diagnostics if item.confidence is Confidence.HIGH]


def places(path: str) -> dict[str, tuple[int, int]]:
    try:
        found = worst(lint_paths([path], Settings(confidence=Confidence.LOW)))
    except UsageError as error:
        raise SystemExit(str(error)) from error
    return {item.code: (item.location.line, item.location.column) for item in found}


text: str = fix_text(open("train.py").read(), "train.py")
assert places("train.py") == {"JIT101": (64, 13)}, places("train.py")
assert not lint_text(text, "train.py").diagnostics
"""
WRONG_SCRIPT = "from jitlint import lint_text\n\nlint_text(1).diagnostics[0].line\n"


class CheckError(Exception):
    """A check that did not hold, in one line."""


def run(*command: str | Path, cwd: Path, status: int = 0) -> str:
    """The output of a command that has to end with this status."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode != status:
        shown = " ".join(str(word) for word in command)
        raise CheckError(f"{shown}: status {done.returncode}, not {status}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def require(holds: object, message: object) -> None:
    if not holds:
        raise CheckError(str(message))


# ----------------------------------------------------------------------------------------------- packages


def built(folder: Path) -> tuple[Path, Path]:
    """The sdist, and the wheel that is made from it."""
    copy_checkout(folder / "source")
    run(sys.executable, "-m", "build", "--outdir", folder / "dist", folder / "source", cwd=folder)
    (sdist,), (wheel,) = ((folder / "dist").glob(f"*.{kind}") for kind in ("tar.gz", "whl"))
    return sdist, wheel


def check_contents(sdist: Path, wheel: Path) -> str:
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    missing = {"LICENSE", "README.md", "CHANGELOG.md", "constraints.txt", "pyproject.toml"} - inside
    require(not missing, f"the sdist lacks {sorted(missing)}")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    require(not any(name.startswith(("tests/", "benchmarks/", "docs/")) for name in names), "the wheel has tests")
    require("jitlint/py.typed" in names and "runtime_probe/py.typed" in names, "the wheel lacks py.typed")
    return f"{len(inside)} and {len(names)} entries, {wheel.stat().st_size // 1024} KiB"


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def check_metadata(sdist: Path, wheel: Path) -> str:
    """What the index and its page need: valid classifiers, absolute links, a licence."""
    from trove_classifiers import classifiers, deprecated_classifiers

    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel, cwd=wheel.parent)
    found = metadata_of(wheel)
    given = found.get_all("Classifier", [])
    unknown = set(given) - set(classifiers) | set(given) & set(deprecated_classifiers)
    require(not unknown, f"no classifiers of the index: {sorted(unknown)}")
    urls = [item.split(", ", 1)[1] for item in found.get_all("Project-URL", [])]
    require(len(urls) >= 4 and all(url.startswith("https://") for url in urls), f"not all are addresses: {urls}")
    page = str(found.get_payload())
    outside_code = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    relative = [link for link in re.findall(r"\]\(([^)]+)\)", outside_code) if not link.startswith(("https://", "#"))]
    require(not relative, f"links of the README that lead nowhere on the index: {relative}")
    return f"{len(given)} classifiers, {len(urls)} addresses"


# ------------------------------------------------------------------------------------------- environments


def pythons() -> Iterator[tuple[str, bool]]:
    """Every Python at hand, and whether the package claims to run on it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for minor in PYTHONS:
        names = [shutil.which(f"python3.{minor}"), *map(str, versions.glob(f"3.{minor}.*/bin/python3.{minor}"))]
        for name in filter(None, names):
            works = subprocess.run([name, "-c", "import venv"], capture_output=True, check=False).returncode == 0
            if works:
                yield name, f"Python :: 3.{minor}" in text
                break


def environment(folder: Path, python: str, *wanted: str) -> Path:
    """A clean environment with these packages; its Python."""
    run(python, "-m", "venv", folder, cwd=ROOT)
    here = folder / "bin" / "python"
    install = (here, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "-c", ROOT / "constraints.txt")
    try:
        run(*install, *wanted, cwd=folder)
    except CheckError as failure:  # a CUDA build, which the constraints refuse
        require("triton" in str(failure), failure)
        run(*install, *wanted, *CPU_INDEX, cwd=folder)
    (folder / "train.py").write_bytes((ROOT / "examples" / "coordinates" / "buggy.py").read_bytes())
    return here


def check_python(python: str, wheel: Path, folder: Path) -> str:
    """The command finds the bug, fixes it and finds nothing more."""
    here = environment(folder, python, str(wheel))
    found = json.loads(run(here, "-m", "jitlint", "--format", "json", "train.py", cwd=folder, status=1))
    require([item["code"] for item in found] == ["JIT101"], f"found {found}")
    run(here, "-m", "jitlint", "--fix", "train.py", cwd=folder)
    run(folder / "bin" / "jitlint", "train.py", cwd=folder)
    return "found, fixed, clean"


def check_old_python(python: str, wheel: Path, folder: Path) -> str:
    """A Python that the package does not claim to run on is refused by pip."""
    run(python, "-m", "venv", folder, cwd=ROOT)
    said = run(folder / "bin" / "python", "-m", "pip", "install", "--no-deps", wheel, cwd=folder, status=1)
    require("requires a different Python" in said, said)
    return "refused"


def check_extra(extra: str, wheel: Path, folder: Path) -> str:
    here = environment(folder, sys.executable, f"jitlint{f'[{extra}]' if extra else ''} @ {wheel.as_uri()}")
    run(here, *EXTRAS[extra], cwd=folder)
    run(here, "-m", "pip", "check", cwd=folder)
    return f"{len(json.loads(run(here, '-m', 'pip', 'list', '--format', 'json', cwd=folder)))} packages"


def check_types(wheel: Path, folder: Path) -> str:
    """A user's script is right under `mypy --strict`, runs, and a wrong one is told."""
    here = environment(folder, sys.executable, str(wheel), "mypy")
    (folder / "user.py").write_text(USER_SCRIPT)
    (folder / "wrong.py").write_text(WRONG_SCRIPT)
    run(here, "-m", "mypy", "--strict", "user.py", cwd=folder)
    run(here, "user.py", cwd=folder)
    said = run(here, "-m", "mypy", "--strict", "wrong.py", cwd=folder, status=1)
    require(said.count("error:") == 2, said)
    return "right and wrong are told apart"


def checks(folder: Path, extras: Sequence[str]) -> Iterator[tuple[str, Callable[[], str]]]:
    """All checks by name."""
    sdist, wheel = built(folder)
    yield "contents", partial(check_contents, sdist, wheel)
    yield "metadata", partial(check_metadata, sdist, wheel)
    yield "mypy --strict", partial(check_types, wheel, folder / "types")
    for name, is_claimed in pythons():
        where = Path(name).name
        yield where, partial(check_python if is_claimed else check_old_python, name, wheel, folder / where)
    for extra in extras:
        yield f"extra {extra or 'none'}", partial(check_extra, extra, wheel, folder / f"extra-{extra}")


def main() -> int:
    """Print one line a check; the exit status is 1 if one does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extras", nargs="*", choices=EXTRAS, default=list(EXTRAS), help="only these (default: all)")
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as name:
        for what, check in checks(Path(name), options.extras):
            try:
                print(f"{what}: {check()}", flush=True)
            except CheckError as failure:
                failed = True
                print(f"{what}: FAILED: {failure}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
