"""What a report is made of, and how it becomes a page or Markdown."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Text:
    """Paragraphs."""

    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Points:
    """A list."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """A command."""

    text: str


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column is the name of the row."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A PNG, its file name without ending, what it shows."""

    name: str
    png: bytes
    caption: str


@dataclass(frozen=True)
class Strip:
    """Small pictures beside each other; they wrap where there is no room."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Section:
    """A heading with blocks below it; `folded` ones open on demand."""

    title: str
    blocks: tuple[Block, ...]
    folded: bool = True

    @property
    def anchor(self) -> str:
        """Its name in the address."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.title.lower()).split())


Block = Text | Points | Code | Table | Picture | Strip | Section


def pictures_of(content: Sequence[Block]) -> Iterator[Picture]:
    """All pictures, in order."""
    for block in content:
        if isinstance(block, Picture):
            yield block
        elif isinstance(block, Strip):
            yield from block.pictures
        elif isinstance(block, Section):
            yield from pictures_of(block.blocks)


STYLE = """
:root { color-scheme: light }
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 60rem; margin: 0 auto;
  padding: 0 1rem 4rem }
h1 { font-size: 1.6rem; line-height: 1.2 } h2 { font-size: 1.2rem; margin: 1.6rem 0 .4rem }
figure { margin: .6rem 0 } img { max-width: 100%; height: auto } figcaption { font-size: .85rem; color: #555 }
.strip { display: flex; flex-wrap: wrap; gap: .6rem } .strip figure { flex: 1 1 6rem; max-width: 13rem; margin: 0 }
.strip img { width: 100%; image-rendering: pixelated }
.wide { overflow-x: auto; margin: .5rem 0 } table { border-collapse: collapse; font-size: .85rem }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #ddd }
.supported { color: #006b4f; font-weight: 600 } .refuted { color: #a8320a; font-weight: 600 }
details { border-top: 1px solid #ccc; padding: .4rem 0 } summary { font-weight: 600; cursor: pointer }
details > div { scroll-margin-top: 3rem }
pre { overflow-x: auto; background: #f4f4f4; padding: .5rem } nav { font-size: .85rem }
nav a { margin-right: .8rem; white-space: nowrap }
.banner { background: #ffe9b0; padding: .5rem 1rem; font-weight: 600 }
@media (max-width: 600px) {
  table, tbody, tr, td { display: block } thead { display: none } tr { border-bottom: 1px solid #bbb; padding: .4rem 0 }
  td { border: 0; padding: .05rem 0 } td:first-child { font-weight: 600 }
  td[data-head]:not(:first-child)::before { content: attr(data-head) ": "; color: #666 }
}
"""


def to_html(title: str, content: Sequence[Block]) -> str:
    """One page with its pictures in it, no script, readable from 400 px on."""
    links = "".join(f"<a href='#{part.anchor}'>{escape(part.title)}</a> " for part in _sections(content))
    body = "\n".join(_html(block) for block in content)
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>"
        f"<h1>{escape(title)}</h1>\n<nav>{links}</nav>\n{body}\n</body></html>\n"
    )


def _sections(content: Sequence[Block]) -> list[Section]:
    return [block for block in content if isinstance(block, Section)]


def _html(block: Block) -> str:
    if isinstance(block, Text):
        return "".join(f"<p{' class=banner' * p.startswith('!')}>{_prose(p.lstrip('!'))}</p>" for p in block.paragraphs)
    if isinstance(block, Points):
        return "<ul>" + "".join(f"<li>{_prose(item)}</li>" for item in block.items) + "</ul>"
    if isinstance(block, Code):
        return f"<pre>{escape(block.text)}</pre>"
    if isinstance(block, Table):
        return _html_table(block)
    if isinstance(block, Picture):
        data = base64.b64encode(block.png).decode()
        return (
            f"<figure><img alt='{escape(block.caption, quote=True)}' src='data:image/png;base64,{data}'>"
            f"<figcaption>{escape(block.caption)}</figcaption></figure>"
        )
    if isinstance(block, Strip):
        return f"<div class=strip>{''.join(_html(picture) for picture in block.pictures)}</div>"
    inside = "\n".join(_html(part) for part in block.blocks)
    if block.folded:
        # A link opens what is folded only if its target lies inside.
        return f"<details><summary>{escape(block.title)}</summary>\n<div id='{block.anchor}'>{inside}</div></details>"
    return f"<section id='{block.anchor}'><h2>{escape(block.title)}</h2>\n{inside}</section>"


def _prose(text: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    rows = []
    for row in table.rows:
        cells = (
            f"<td data-head='{escape(name, quote=True)}'"
            f"{f' class={cell}' if cell in ('supported', 'refuted') else ''}>{escape(cell)}</td>"
            for name, cell in zip(table.head, row, strict=True)
        )
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def to_markdown(title: str, content: Sequence[Block]) -> str:
    """The same for the documentation; pictures are files in figures/."""
    return f"# {title}\n\n" + "\n\n".join(_markdown(block) for block in content) + "\n"


def _markdown(block: Block) -> str:
    if isinstance(block, Text):
        return "\n\n".join(f"**{p.lstrip('!')}**" if p.startswith("!") else p for p in block.paragraphs)
    if isinstance(block, Points):
        return "\n".join(f"* {item}" for item in block.items)
    if isinstance(block, Code):
        return "\n".join(f"    {line}" for line in block.text.splitlines())
    if isinstance(block, Table):
        lines = [block.head, ("---",) * len(block.head), *block.rows]
        return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
    if isinstance(block, Picture):
        return f"![{block.caption}](figures/{block.name}.png)"
    if isinstance(block, Strip):
        heads = tuple(picture.caption for picture in block.pictures)
        links = tuple(f"![{picture.caption}](figures/{picture.name}.png)" for picture in block.pictures)
        return _markdown(Table(heads, (links,)))
    return f"## {block.title}\n\n" + "\n\n".join(_markdown(part) for part in block.blocks)
