"""What a reader gets of a record: tables, notes, and the report in Markdown."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from chapter6.lab.claim import WHAT_OPEN_MEANS, is_open_by_chance, told
from chapter6.lab.lesson import Entry
from chapter6.lab.record import Record
from chapter6.lab.text import Text

if TYPE_CHECKING:
    from chapter6.lab.shown import Shown

_TAG = re.compile(r"<(?!br>)([/!?a-zA-Z])")
"""How HTML begins, but for the break that :func:`_lines` writes."""


@dataclass(frozen=True)
class Table:
    """Numbers under a title.

    Args:
        title: what they are.
        header: the names of the columns.
        rows: the cells, as the reader sees them.
        note: stands below.
    """

    title: Text
    header: Sequence[Text | str]
    rows: Sequence[Sequence[Text | str]]
    note: Text | None = None


def notes(entry: Entry, record: Record) -> list[Text]:
    """What a reader must know before the verdicts: which settings they are about, and that one seed decides nothing."""
    lines = []
    if changed := _differences(record.settings, entry.presets[record.preset]):
        lines.append(
            Text(f"Changed from preset `{record.preset}`: {changed}", f"与预设 `{record.preset}` 不同的设置：{changed}")
        )
    whole = "book" if "book" in entry.presets else "full"
    whose, whose_zh = ("the book's", "书中设置") if whole == "book" else ("those of preset `full`", "预设 `full`")
    if record.preset != whole and (changed := _differences(record.settings, entry.presets[whole])):
        lines.append(
            Text(
                f"The verdicts are about these settings, not {whose}, in brackets: {changed}",
                f"结论针对这里的设置，与{whose_zh}（括号内）不同：{changed}",
            )
        )
    if len(record.seeds) == 1:
        lines.append(
            Text("One seed decides nothing about chance; use --seeds 3", "单个种子不能作出统计结论，请用 --seeds 3")
        )
    return lines


def _differences(settings: dict[str, Any], preset: Any) -> str:
    """The settings that differ from a preset's, each with the preset's value in brackets."""
    theirs = json.loads(json.dumps(asdict(preset)))
    ours = json.loads(json.dumps(settings))
    return ", ".join(f"{n} = {plain(v)} ({plain(theirs[n])})" for n, v in ours.items() if v != theirs[n])


def markdown(entry: Entry, record: Record, shown: "Shown") -> str:
    """The short report of a run, in English and Chinese: verdicts, numbers, figures, machine."""
    environment = record.environment
    verdicts = [
        [statement, measured, f"**{verdict.en}** {verdict.zh}"]
        for statement, measured, verdict in map(told, record.claims)
    ]
    settings = ", ".join(f"{name} = {plain(value)}" for name, value in record.settings.items())
    printed = f"Printed section 书中 {entry.printed} · " if entry.printed else ""
    parts = [
        f"# {entry.number} {entry.title}",
        f"{printed}preset `{record.preset}` · seeds {plain(record.seeds)} · {record.seconds:.0f} s, "
        "reused trainings not counted 不含已完成的训练",
        f"Settings 设置: {settings}",
        *map(_lines, shown.notes),
        "## Verdicts 结论",
        markdown_table(["claim 论断", "measured 实测", "verdict 结论"], verdicts),
        *([_lines(WHAT_OPEN_MEANS)] if any(map(is_open_by_chance, record.claims)) else []),
        *[_markdown(table) for table in shown.tables],
        "## Figures 图",
        *[_figure(name, caption) for name, caption in shown.captions.items()],
        "## Machine 环境",
        f"{record.machine}, {environment['usable_cores']} cores, device {environment['device']}, "
        f"Python {environment['python']}, "
        + ", ".join(f"{name} {version}" for name, version in environment["versions"].items()),
    ]
    return "\n\n".join(parts) + "\n"


def _figure(name: str, caption: Text) -> str:
    shown = name if name[0].isdigit() else f"`{name}`"
    return f"![{name}](figures/{name}.png)\n\nFigure 图 {shown}: {_lines(caption)}"


def _markdown(table: Table) -> str:
    parts = [f"## {table.title}", markdown_table(table.header, table.rows)]
    return "\n\n".join([*parts, _lines(table.note)] if table.note else parts)


def _lines(text: Text | str) -> str:
    """One language a line: in one line they would run into each other."""
    return text.joined("<br>") if isinstance(text, Text) else text


def markdown_table(header: Sequence[Text | str], rows: Sequence[Sequence[Text | str]]) -> str:
    """Rows under a header; a bar within a cell is no border, and what the data hold between < and > no HTML."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(cell: Text | str) -> str:
    return _TAG.sub(r"&lt;\1", _lines(cell)).replace("|", "\\|")


def plain(value: Any) -> str:
    """A setting's value as the reader writes it."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return " ".join(text.split())  # a review may hold line ends
