"""What a reader is shown of a run beside its verdicts: made once, kept as ``shown.json``, read by report and page.

So the page of all runs is made without the lessons, and without Paddle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chapter6.lab import report
from chapter6.lab.lesson import Drawing, Entry, Exhibit, Lesson
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.text import Text
from nndl import jsonfile
from nndl.error import CheckpointError
from nndl.file import check_sum

NAME = "shown.json"


@dataclass(frozen=True)
class Shown:
    """What a reader is shown.

    Args:
        notes: which settings the verdicts are about, see :func:`chapter6.lab.report.notes`.
        tables: the numbers.
        captions: name of a figure to what shall be seen in it.
        exhibits: what the reader plays with on the page.
    """

    notes: Sequence[Text]
    tables: Sequence[Table]
    captions: Mapping[str, Text]
    exhibits: Sequence[Exhibit]


def collect(lesson: Lesson, entry: Entry, record: Record, drawings: Mapping[str, Drawing]) -> Shown:
    """All that a lesson makes of its record, but the verdicts, which the record keeps, and the figures themselves."""
    captions = {name: drawing.caption for name, drawing in drawings.items()}
    return Shown(report.notes(entry, record), lesson.tables(record), captions, lesson.exhibits(record))


def save(shown: Shown, record_path: Path) -> None:
    """Write it beside the record that it belongs to, whole or not at all. Raises OutputError."""
    captions = [{"name": name, "caption": caption} for name, caption in shown.captions.items()]
    kept = {"of": check_sum(record_path), **asdict(shown), "captions": captions}
    jsonfile.write(record_path.with_name(NAME), kept)


def load(record_path: Path) -> Shown:
    """Read what stands beside a record.

    Raises:
        CheckpointError: it is missing, damaged, or belongs to another run than the record.
    """
    path = record_path.with_name(NAME)
    values = jsonfile.read(path, _SHAPE)
    if values["of"] != check_sum(record_path):
        raise CheckpointError(f"{path}: belongs to another run than {record_path.name}")
    tables = [
        Table(
            title=Text(*table["title"]),
            header=[*map(_cell, table["header"])],
            rows=[[*map(_cell, row)] for row in table["rows"]],
            note=Text(*table["note"]) if table["note"] else None,
        )
        for table in values["tables"]
    ]
    return Shown(
        notes=[Text(*note) for note in values["notes"]],
        tables=tables,
        captions={figure["name"]: Text(*figure["caption"]) for figure in values["captions"]},
        exhibits=[
            Exhibit(each["kind"], Text(*each["title"]), Text(*each["caption"]), each["data"])
            for each in values["exhibits"]
        ],
    )


def _cell(cell: str | list[str]) -> str | Text:
    return cell if isinstance(cell, str) else Text(*cell)


def _is_cell(value: Any) -> bool:
    return isinstance(value, str) or not jsonfile.misfit(value, _TEXT)


def _is_note(value: Any) -> bool:
    return value is None or not jsonfile.misfit(value, _TEXT)


_TEXT = (str, str)
_SHAPE = {
    "of": str,
    "notes": [_TEXT],
    "tables": [{"title": _TEXT, "header": [_is_cell], "rows": [[_is_cell]], "note": _is_note}],
    "captions": [{"name": str, "caption": _TEXT}],
    "exhibits": [{"kind": str, "title": _TEXT, "caption": _TEXT, "data": dict}],
}
