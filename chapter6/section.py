"""What all sections share: how one is described, set, run and recorded."""

import json
import os
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import ModuleType
from typing import Any

from chapter6 import interruption
from chapter6.claim import CHINESE, Claim
from chapter6.settings import check_whole
from nndl import jsonfile, runtime
from nndl.error import CheckpointError, OutputError
from nndl.file import leaving_no_empty, replacing
from nndl.lock import holding


@dataclass(frozen=True)
class Section:
    """How a section is announced: its number in the videos and in print, its titles, what it shows."""

    number: str
    printed: str
    title: str
    title_zh: str
    shows: str
    shows_zh: str


@dataclass(frozen=True)
class Run:
    """One section with its settings, about to be run.

    Args:
        number: the section's number.
        preset: the preset the settings started from.
        settings: the section's ``Settings``.
        seeds: 0..seeds-1 are used.
        jobs: processes at a time.
        device: see :func:`nndl.runtime.set_device`.
        out: where results of all sections go.
        data_dir: the folder of the data; DigitSum is in digit_sum/, IMDB in imdb/.
    """

    number: str
    preset: str
    settings: Any
    seeds: int
    jobs: int
    device: str
    out: Path
    data_dir: Path

    def __post_init__(self) -> None:
        check_whole("seeds", self.seeds, 1, 100)
        check_whole("jobs", self.jobs, 1, 1024)

    @property
    def folder(self) -> Path:
        return self.out / self.number / self.preset


@dataclass
class Record:
    """The record of a run: plain JSON, enough to judge and to draw everything again without training."""

    section: str
    preset: str
    settings: dict[str, Any]
    seeds: list[int]
    seconds: float
    environment: dict[str, Any]
    metrics: dict[str, Any]
    claims: list[dict[str, str]] = field(default_factory=list)


def execute(module: ModuleType, run: Run) -> Record:
    """Run a section, judge its claims, draw its figures, and write all of it to ``run.folder``.

    Raises:
        OutputError: the folder cannot be written (found before anything is trained).
    """
    _start(run)
    with leaving_no_empty(run.folder):  # a run that is refused leaves nothing
        with replacing(run.folder / ".probe") as probe:
            probe.touch()
        (run.folder / ".probe").unlink(missing_ok=True)  # of two runs at a time one finds it gone
        _check_places(run.folder)
        start = time.perf_counter()
        metrics = jsonfile.finite(module.run(run))
    record = Record(
        section=run.number,
        preset=run.preset,
        settings=asdict(run.settings),
        seeds=list(range(run.seeds)),
        seconds=0.0,
        environment=runtime.describe(),
        metrics=metrics,
    )
    record.claims = [asdict(claim) for claim in module.claims(record)]
    figures = module.figures(record)
    with holding(run.folder):  # figures and numbers of two runs must not mix
        _tell_what_is_replaced(run)
        write_figures(figures, run.folder / "figures")
        record.seconds = round(time.perf_counter() - start, 1)
        jsonfile.write(run.folder / "record.json", asdict(record))
        write_text(run.folder / "report.md", report(module, record, figures))
    return record


def _check_places(folder: Path) -> None:
    """Raise OutputError where something stands in the way of what is written after all trainings."""
    for name in ("record.json", "report.md"):
        if os.path.exists(folder / name) and not os.path.isfile(folder / name):
            raise OutputError(f"cannot write {folder / name}: it is no file; move it away")
    for name in ("figures", "checkpoints"):
        if os.path.exists(folder / name) and not (
            os.path.isdir(folder / name) and os.access(folder / name, os.W_OK | os.X_OK)
        ):
            raise OutputError(f"cannot write {folder / name}: no folder of yours; move it away")


def take_part(module: ModuleType, run: Run) -> None:
    """What a process does that trains together with the first (:mod:`nndl.distributed`): all but write and report."""
    _start(run)
    module.run(run)


def _start(run: Run) -> None:
    with interruption.leaving():
        runtime.start(run.device)
        import matplotlib

        matplotlib.use("Agg")  # figures go to files; no display is needed


_SHAPE = {
    "section": str,
    "preset": str,
    "settings": dict,
    "seeds": [int],
    "seconds": float,
    "environment": dict,
    "metrics": dict,
    "claims": list,
}


def load_record(path: Path) -> Record:
    """Read a ``record.json``. Raises CheckpointError where it is missing or damaged."""
    values = jsonfile.read(path, _SHAPE)
    return Record(**{name: values[name] for name in _SHAPE})


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all. Raises OutputError."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_figures(figures: dict[str, Any], folder: Path) -> None:
    """Write each matplotlib figure as ``name.png`` and ``name.pdf``. Raises OutputError."""
    import warnings

    import matplotlib.pyplot as plt

    for name, figure in figures.items():
        for suffix in ("png", "pdf"):
            with replacing(folder / f"{name}.{suffix}") as temporary, warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Glyph")  # of a reader's review: a box is drawn instead
                figure.savefig(temporary, dpi=130, bbox_inches="tight")
        plt.close(figure)


def _tell_what_is_replaced(run: Run) -> None:
    """Say so where the report of a run with other settings is about to be replaced."""
    if not (run.folder / "record.json").exists():
        return
    try:
        old = load_record(run.folder / "record.json")
    except CheckpointError as error:
        print(f"[{run.number}] replaces a report that cannot be read: {error}")
        return
    new = json.loads(json.dumps({**asdict(run.settings), "seeds": list(range(run.seeds))}))
    before = {**old.settings, "seeds": old.seeds}
    changed = [name for name in new if before.get(name) != new[name]]
    if changed:
        print(
            f"[{run.number}] replaces the report of an earlier run with other settings ({', '.join(changed)}); "
            "the models it trained stay in checkpoints/"
        )


def notes(module: ModuleType, record: Record) -> list[str]:
    """What a reader must know before the verdicts: which settings they are about, and that one seed decides nothing."""
    lines = []
    own, book = module.PRESETS[record.preset], module.PRESETS["book"]
    if changed := _differences(record.settings, own):
        lines.append(f"Changed from preset `{record.preset}` 与该预设不同的设置: {changed}")
    if record.preset != "book" and (from_book := _differences(record.settings, book)):
        lines.append(
            f"The verdicts are about these settings, not the book's 结论针对这里的设置，与书中不同: {from_book}"
        )
    if len(record.seeds) == 1:
        lines.append("One seed decides nothing about chance; use --seeds 3 单个种子不能作出统计结论，请用 --seeds 3")
    return lines


def _differences(settings: dict[str, Any], preset: Any) -> str:
    """The settings that differ from a preset's, each with the preset's value in brackets."""
    theirs = json.loads(json.dumps(asdict(preset)))
    ours = json.loads(json.dumps(settings))
    return ", ".join(f"{n} = {_plain(v)} ({_plain(theirs[n])})" for n, v in ours.items() if v != theirs[n])


def report(module: ModuleType, record: Record, figures: dict[str, Any]) -> str:
    """The short report of a run, in Markdown: figures, numbers, verdicts; English and Chinese."""
    section: Section = module.SECTION
    environment = record.environment
    verdicts = [[c["claim"] + "<br>" + c["claim_zh"], c["measured"], _bilingual(c["verdict"])] for c in record.claims]
    settings = ", ".join(f"{name} = {_plain(value)}" for name, value in record.settings.items())
    parts = [
        f"# {section.number} {section.title} {section.title_zh}",
        f"Printed section 书中 {section.printed} · preset `{record.preset}` · "
        f"seeds {_plain(record.seeds)} · {record.seconds:.0f} s, reused trainings not counted 不含已完成的训练",
        f"Settings 设置: {settings}",
        *notes(module, record),
        "## Verdicts 结论",
        table(["claim 论断", "measured 实测", "verdict 结论"], verdicts),
        *module.numbers(record),
        "## Figures 图",
        *[f"![{name}](figures/{name}.png)" for name in figures],
        "## Machine 环境",
        f"{environment['processor']}, {environment['usable_cores']} cores, device {environment['device']}, "
        f"Python {environment['python']}, "
        + ", ".join(f"{name} {version}" for name, version in environment["versions"].items()),
    ]
    return "\n\n".join(parts) + "\n"


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _bilingual(verdict: str) -> str:
    return f"**{verdict}** {CHINESE[verdict]}"


def _plain(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return " ".join(text.split())  # a review may hold line ends


def setting_fields(module: ModuleType) -> list[Any]:
    """The fields of a section's settings."""
    return list(fields(module.Settings))


__all__ = ["Claim", "Record", "Run", "Section", "execute", "load_record", "report", "take_part"]
