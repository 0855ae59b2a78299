"""What mkdocs needs beyond its configuration: each rule in the menu, and links out of `docs/` to the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent
SOURCE = "https://github.com/jitlint/jitlint/blob/main/"


def on_config(config: Any) -> Any:
    """Put every rule's page under *Rules*: they come from the rules themselves."""
    for entry in config["nav"]:
        if isinstance(entry, dict) and "Rules" in entry:
            pages = sorted((ROOT / "rules").glob("JIT*.md"))
            entry["Rules"] = ["rules/README.md", *(f"rules/{page.name}" for page in pages)]
    return config


def on_page_markdown(markdown: str, page: Any, **named: Any) -> str:
    """Links to files of the repository that are no pages lead to the repository."""
    above = "../" * (page.file.src_uri.count("/") + 1)
    return markdown.replace(f"]({above}", f"]({SOURCE}")
