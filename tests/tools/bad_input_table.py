"""Reads the tables of bad input in ``bad_input/*.txt``.

    ## a name for the case
    $ netdef time -model net.prototxt
    --- net.prototxt
    the text of a file, which stands in the working folder
    --- net.caffemodel: cut_caffemodel
    >>> 1
    the whole message on stderr; behind >>> is the exit status

``--- NAME: MAKER`` has the file made by the function MAKER of `tests.tools.bad_input_files`. In a message
``{layer types}`` and ``{commands}`` stand for the lists of them all, and ``{here}`` for the working folder.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.tools import bad_input_files

FOLDER = Path(__file__).parent / "bad_input"


@dataclass
class Case:
    """One bad input: its files, the command line, and what must come of it."""

    name: str
    table: str
    words: list[str] = field(default_factory=list)
    files: dict[str, list[str]] = field(default_factory=dict)
    makers: dict[str, str] = field(default_factory=dict)
    status: int = 0
    message: list[str] = field(default_factory=list)

    def lay_out(self, folder: Path) -> None:
        """Put the case's files into ``folder``."""
        for name, lines in self.files.items():
            (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        for name, maker in self.makers.items():
            getattr(bad_input_files, maker)(folder / name)


def read_tables() -> list[Case]:
    """All cases, in the order of the files."""
    return [case for path in sorted(FOLDER.glob("*.txt")) for case in read_table(path)]


def read_table(path: Path) -> list[Case]:
    cases: list[Case] = []
    section: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        mark, _, rest = line.partition(" ")
        if mark == "##":
            cases.append(Case(rest, path.stem))
            section = []
        elif mark == "$":
            cases[-1].words = rest.split()[1:]
        elif mark == "---":
            name, _, maker = rest.partition(": ")
            section = []
            if maker:
                cases[-1].makers[name] = maker
            else:
                cases[-1].files[name] = section
        elif mark == ">>>":
            cases[-1].status = int(rest)
            section = cases[-1].message
        else:
            section.append(line)
    for case in cases:
        while case.message and not case.message[-1]:
            case.message.pop()
    return cases
