"""Writes docs/layers.md from the layers' own docstrings: ``python -m tools.layer_docs``.

The page lists each registered type with what it does, its fields and shapes, and where it comes from.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "layers.md"
WIDTH = 120
INTRODUCTION = """\
# The layers

Each type that a definition may name in `type`, with what its own docstring says. Made by `python -m tools.layer_docs`
from the code; change it there. Shapes: N images, C channels, H rows, W columns. *From* is Caffe, or the fork of it or
other program where the type was first defined.
"""


def main() -> int:
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE}: written.")
    return 0


def page() -> str:
    """The whole page."""
    import netdef.layers  # noqa: F401  (registers the layer types)
    from netdef.layer import LAYERS

    names = sorted(LAYERS.names(), key=str.lower)
    sections = {name: read_docstring(LAYERS.get(name)) for name in names}
    rows = [
        f"| [{name}](#{name.lower()}) | {first_sentence(parts[''])} | {origin(parts['Source'])} |"
        for name, parts in sections.items()
    ]
    index = "\n".join(["| type | what it does | from |", "|---|---|---|", *rows])
    return "\n".join([INTRODUCTION, index, "", *(section(name, parts) for name, parts in sections.items())])


def read_docstring(cls: type) -> dict[str, str]:
    """The sections of a layer's docstring by title, as one line each; "" is the first line."""
    text = inspect.getdoc(cls) or ""
    parts: dict[str, list[str]] = {"": []}
    title = ""
    for line in text.splitlines():
        if line and not line.startswith(" ") and title != "" or re.fullmatch(r"(Formula|[A-Z][\w /]*)", line):
            title = line
            parts[title] = []
        else:
            parts[title].append(line.strip())
    joined = {name: " ".join(" ".join(lines).split()) for name, lines in parts.items()}
    joined.setdefault("Source", module_source(cls))
    return joined


def module_source(cls: type) -> str:
    """What the module's docstring says after "Source:"."""
    text = " ".join((sys.modules[cls.__module__].__doc__ or "").split())
    return text.partition("Source: ")[2].split(". ")[0]


def origin(source: str) -> str:
    """``Caffe``, or whose fork it was: ``SSD's Caffe fork, …`` → ``SSD``; or ``Darknet``."""
    if source.startswith("Darknet"):
        return "Darknet"
    owner = re.match(r"(.*?)\bCaffe\b", source)
    name = owner.group(1).strip(" ,") if owner else ""
    name = re.sub(r",? an?$", "", name).replace("'s and ", ", ").removesuffix("'s")
    return name or "Caffe"


def first_sentence(text: str) -> str:
    """For the table: one sentence, in which a bar does not end the cell."""
    return plain(text.partition(". ")[0].rstrip(".") + ".")


def plain(text: str) -> str:
    """A docstring's line as Markdown."""
    return text.replace("``", "`").replace("|", "\\|")


def section(name: str, parts: dict[str, str]) -> str:
    """One type."""
    lines = [f"## {name}", "", textwrap.fill(plain(parts[""]), WIDTH), ""]
    for title, text in parts.items():
        if title and text:
            item = f"- **{title}**: {text.replace('``', '`')}"
            lines.append(textwrap.fill(item, WIDTH, subsequent_indent="  ", break_on_hyphens=False))
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
