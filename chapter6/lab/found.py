"""What the runs below a folder have left, read and checked."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chapter6.lab import cli, record, shown, terminal
from chapter6.lab.claim import CHINESE, OPEN
from chapter6.lab.lesson import Entry
from chapter6.lab.record import Record
from chapter6.lab.shown import Shown
from chapter6.lab.text import Text
from nndl import jsonfile
from nndl.error import CheckpointError, SettingError
from nndl.file import open_regular

from PIL import Image

MOST_BYTES = 4 * 2**20
"""Of a figure; ours have a hundredth."""


@dataclass(frozen=True)
class Figure:
    """A PNG, as it is, and its size."""

    name: str
    content: bytes
    width: int
    height: int
    caption: Text


@dataclass(frozen=True)
class Found:
    """A run: which lesson, its record, and what a reader is shown; None where an earlier version left nothing."""

    entry: Entry
    record: Record
    shown: Shown | None
    figures: list[Figure]


def runs_of(out: Path, contents: Mapping[str, Entry]) -> list[Found]:
    """All runs of these lessons below a folder; what is damaged is left out, and a line says so.

    Raises:
        SettingError: there are none.
    """
    runs, left_out = look(out, contents)
    for line in left_out:
        terminal.say(line)
    if not runs:
        first = cli.run_command(next(iter(contents.values())), cli.PRESET, out=out)
        raise SettingError(f"--out {out}: no run is there; first: {first}")
    return runs


def look(out: Path, contents: Mapping[str, Entry]) -> tuple[list[Found], list[Text]]:
    """All runs of these lessons below a folder, and a line for each thing that is damaged and left out."""
    runs, left_out = [], list[Text]()
    for path, entry, preset in _places(out, contents):
        try:
            kept = _read(path, entry.number, preset)
        except CheckpointError as error:
            left_out.append(_left_out(error))
            continue
        seen, figures = _read_shown(path, left_out)
        runs.append(Found(entry, kept, seen, figures))
    return runs, left_out


def _places(out: Path, contents: Mapping[str, Entry]) -> Iterator[tuple[Path, Entry, str]]:
    for entry in contents.values():
        for preset in entry.presets:
            path = out / entry.number / preset / "record.json"
            if path.exists():
                yield path, entry, preset


def _read(path: Path, number: str, preset: str) -> Record:
    kept = record.load(path)
    for claim in kept.claims:
        if isinstance(claim, dict):
            claim.setdefault("intervals", [])  # an earlier version kept none
    jsonfile.check(path, vars(kept), {"environment": _ENVIRONMENT, "claims": [_CLAIM]})
    if odd := [each["id"] for each in kept.claims if each["verdict"] == OPEN and isinstance(each["evidence"], bool)]:
        raise CheckpointError(f"{path}: damaged, nothing leaves claim {odd[0]!r} open")
    if (kept.section, kept.preset) != (number, preset):
        raise CheckpointError(f"{path}: is of {kept.section} {kept.preset}, expected one of {number} {preset}")
    return kept


def _read_shown(path: Path, left_out: list[Text]) -> tuple[Shown | None, list[Figure]]:
    """What stands beside a record. Of what an earlier version left nothing is said here: the page says it."""
    if not path.with_name(shown.NAME).exists():
        return None, []
    try:
        seen = shown.load(path)
    except CheckpointError as error:
        left_out.append(_left_out(error))
        return None, []
    figures = []
    for name, caption in seen.captions.items():
        try:
            figures.append(_read_figure(path.parent / "figures", name, caption))
        except CheckpointError as error:
            left_out.append(_left_out(error))
    return seen, figures


def _read_figure(folder: Path, name: str, caption: Text) -> Figure:
    path = folder / f"{name}.png"
    try:
        if path.parent != folder:
            raise ValueError("a name with a folder in it")
        with open_regular(path) as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES:,} bytes")
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            width, height = image.size
            image.verify()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        reason = getattr(error, "strerror", None) or ("no PNG, or a damaged one" if not str(error) else error)
        raise CheckpointError(f"{path}: cannot be shown ({reason})") from None
    return Figure(name, content, width, height, caption)


def _left_out(error: CheckpointError) -> Text:
    return Text(f"left out: {error}", f"略去：{error}")


def _is_evidence(value: Any) -> bool:
    return isinstance(value, bool) or not jsonfile.misfit(value, [[_number_or_none]])


def _number_or_none(value: Any) -> bool:
    """JSON has no NaN, which a training that diverged may leave."""
    return value is None or not jsonfile.misfit(value, float)


_CLAIM = {
    "id": str,
    "claim": str,
    "claim_zh": str,
    "measured": str,
    "measured_zh": str,
    "verdict": lambda value: value in [*CHINESE],
    "evidence": _is_evidence,
    "intervals": [[_number_or_none]],
}
_ENVIRONMENT = {
    "processor": str,
    "instruction_set": str,
    "usable_cores": int,
    "device": str,
    "python": str,
    "versions": lambda value: isinstance(value, dict) and all(isinstance(each, str) for each in value.values()),
}
