"""What the reader sees while a command runs: one language, as wide as the terminal, plain text in a pipe."""

import locale
import os
import re
import sys
import time
from collections.abc import Sequence
from typing import Any

from chapter6.lab.claim import CHINESE, FAILS, HOLDS, OPEN, WHAT_OPEN_MEANS, is_open_by_chance, told
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.stand_in import can_write, writable
from chapter6.lab.text import Text

import rich.table
from rich.box import Box
from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import Console

PLAIN_WIDTH = 100
"""Columns where there is no terminal, unless COLUMNS names another number."""
MARKS = {HOLDS: ("✓", "green"), FAILS: ("✗", "red"), OPEN: ("?", "yellow")}
"""Of each verdict: a mark that is told apart without colour, and a colour."""
_GAP = 2
"""Between two columns of a table."""
_NUMBER = re.compile(r"[-+]?[0-9]")
_LINE_BELOW_HEADER = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


class _Console(Console):
    """Never hides the cursor: a program that is killed could not bring it back."""

    def show_cursor(self, show: bool = True) -> bool:
        return False


_language = ""
_console: Console | None = None
_said = 0.0


def begin(language: str = "auto") -> None:
    """Choose the language of all that follows, and look at where it goes: a terminal, or a pipe.

    Args:
        language: "zh", "en", or "auto": Chinese where the locale is Chinese and the output can write it.
    """
    global _language, _console
    if language == "auto":
        language = "zh" if _locale().lower().startswith("zh") and can_write("结论") else "en"
    is_terminal = sys.stdout.isatty()
    columns = os.environ.get("COLUMNS", "")
    plain_width = int(columns) if re.fullmatch("[1-9][0-9]{1,4}", columns) else PLAIN_WIDTH
    _language = language
    _console = _Console(
        width=None if is_terminal else plain_width,
        force_terminal=None if is_terminal else False,
        force_jupyter=False,
        markup=False,
        emoji=False,
        highlight=False,
    )


def console() -> Console:
    """Rich's, for the standard output."""
    if _console is None:
        begin()
    assert _console is not None
    return _console


def pick(text: Text | str) -> str:
    """The text in the reader's language, in characters that the standard output has."""
    if not _language:
        begin()
    if isinstance(text, Text):
        text = text.zh if _language == "zh" else text.en
    return writable(text)


def say(text: Text | str, style: str = "") -> None:
    """A line, left whole: a path in it can be copied."""
    global _said
    console().print(pick(text), style=style, soft_wrap=True)
    _said = time.monotonic()


def say_of(number: str, en: str, zh: str) -> None:
    """A line that begins with the section's number."""
    say(Text(f"[{number}] {en}", f"[{number}] {zh}"))


def last_said() -> float:
    """When :func:`say` was called last, by the clock that does not jump."""
    return _said


def show(record: Record, notes: Sequence[Text], tables: Sequence[Table]) -> None:
    """Tables, notes and verdicts of a run."""
    for table in tables:
        show_table(table)
    say("")
    say(Text("Verdicts", "结论"), style="bold")
    for note in notes:
        _paragraph([("", "")], [(pick(note), "dim")])
    width = max(cell_len(pick(Text(*names))) for names in CHINESE.items())
    for claim in record.claims:
        statement, measured, verdict = told(claim)
        mark, colour = MARKS[verdict.en]
        start = [(pick(mark), f"bold {colour}"), (f" {set_cell_size(pick(verdict), width)}  ", colour)]
        _paragraph(start, [(pick(statement), ""), (pick(measured), "dim")])
    if any(map(is_open_by_chance, record.claims)):
        _paragraph([("", "")], [(pick(WHAT_OPEN_MEANS), "dim")])


def _paragraph(start: Sequence[tuple[str, str]], texts: Sequence[tuple[str, str]]) -> None:
    """Texts with their styles below each other, to the right of the styled parts that the first line starts with."""
    indent = sum(cell_len(part) for part, _ in start)
    lines = [(line, style) for text, style in texts for line in wrap(text, console().width - indent)]
    for number, (line, style) in enumerate(lines):
        parts = start if number == 0 else [(" " * indent, "")]
        console().print(rich.text.Text.assemble(*parts, (line, style)), soft_wrap=True)


def show_table(table: Table) -> None:
    """A table, as wide as the terminal."""
    say("")
    say(table.title, style="bold")
    names, rows = [*map(pick, table.header)], [[*map(pick, row)] for row in table.rows]
    columns = [[row[number] for row in rows] for number in range(len(names))]
    widths = [max(map(cell_len, column), default=0) for column in columns]
    room = console().width - _GAP * (len(names) - 1)
    if sum(map(max, widths, map(cell_len, names))) > room:  # names are broken first, then words, and numbers last
        names = [
            "\n".join(wrap(name, max(width, *map(cell_len, _PIECE.findall(name)), 1)))
            for name, width in zip(names, widths, strict=True)
        ]
    are_numbers = [any(_NUMBER.match(cell) for cell in column) for column in columns]
    numbers_fit = sum(width for width, is_number in zip(widths, are_numbers, strict=True) if is_number) < room
    grid = rich.table.Table(box=_LINE_BELOW_HEADER, padding=(0, 0, 0, _GAP - 1), pad_edge=False, show_edge=False)
    for name, is_number in zip(names, are_numbers, strict=True):
        justify: Any = "right" if is_number else "left"
        grid.add_column(name, justify=justify, no_wrap=is_number and numbers_fit, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    console().print(grid)
    if table.note:
        _paragraph([("", "")], [(pick(table.note), "dim")])


_PIECE = re.compile(
    r"\s+|（[^（）\s]{1,8}）[，。；：、]*|[（“《]*(?:[\u4e00-\u9fff]|[^\s\u4e00-\u9fff（“《）”》，。；：、]+|[（“《])[）”》，。；：、]*|[^\s]"
)
"""A blank, a short remark in brackets, a word, or one Chinese character; a mark stays with what it belongs to."""


def wrap(text: str, width: int) -> list[str]:
    """The lines of a text; Chinese may be broken between any two characters, but no mark begins a line.

    >>> wrap("SRN 的准确率随长度增加而下降。", 12)
    ['SRN 的准确率', '随长度增加而', '下降。']
    """
    width = max(width, 8)
    lines, line = [], ""
    for piece in (part for word in _PIECE.findall(text) for part in chop_cells(word, width)):
        if cell_len(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line = line + piece if line else piece.lstrip()
    return [*lines, line.rstrip()]


def _locale() -> str:
    """Such as zh_CN.UTF-8; that of messages, and on Windows that of the user's interface."""
    if sys.platform == "win32":
        import ctypes

        return locale.windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    return next(filter(None, (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
