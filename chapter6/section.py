"""What all sections share: how one is described, set, run and recorded."""

import json
import math
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from types import ModuleType
from typing import Any

from chapter6.claim import CHINESE, Claim
from nndl import runtime
from nndl.error import SettingError
from nndl.file import replacing


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
        at_least("seeds", self.seeds, 1)
        at_least("jobs", self.jobs, 1)

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


def setting(default: Any, help: str, choices: tuple[str, ...] = ()) -> Any:
    """A field of a section's settings; the command line makes an option of it, with these choices if it is a text."""
    return field(default=default, metadata={"help": help, "choices": choices})


def at_least(name: str, value: int, least: int, most: int = 10**6) -> None:
    """Raise SettingError where a setting is too small, or absurdly large."""
    if not value >= least:
        raise SettingError(f"{name} {value}: expected at least {least}")
    if value > most:
        raise SettingError(f"{name} {value}: expected at most {most}")


def positive(name: str, value: float) -> None:
    """Raise SettingError where a setting is not a positive, finite number."""
    if not 0 < value < float("inf"):
        raise SettingError(f"{name} {value}: expected a positive number")


def execute(module: ModuleType, run: Run) -> Record:
    """Run a section, judge its claims, draw its figures, and write all of it to ``run.folder``.

    Raises:
        OutputError: the folder cannot be written (found before anything is trained).
    """
    _start(run)
    with replacing(run.folder / ".probe") as probe:
        probe.touch()
    (run.folder / ".probe").unlink()
    import matplotlib

    matplotlib.use("Agg")  # figures go to files; no display is needed
    start = time.perf_counter()
    metrics = _finite(module.run(run))
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
    _tell_what_is_replaced(run)
    write_figures(figures, run.folder / "figures")
    record.seconds = round(time.perf_counter() - start, 1)
    write_text(run.folder / "record.json", json.dumps(asdict(record), ensure_ascii=False, allow_nan=False))
    write_text(run.folder / "report.md", report(module, record, figures))
    return record


def take_part(module: ModuleType, run: Run) -> None:
    """What a process does that trains together with the first (:mod:`nndl.distributed`): all but write and report."""
    _start(run)
    module.run(run)


def _start(run: Run) -> None:
    runtime.load_paddle()
    runtime.set_device(run.device)


def _finite(value: Any) -> Any:
    """The same with None for NaN and infinity, which a training that diverged may leave and JSON does not have."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def load_record(path: Path) -> Record:
    """Read a ``record.json``."""
    return Record(**json.loads(path.read_text(encoding="utf-8")))


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all. Raises OutputError."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_figures(figures: dict[str, Any], folder: Path) -> None:
    """Write each matplotlib figure as ``name.png`` and ``name.pdf``. Raises OutputError."""
    import matplotlib.pyplot as plt

    for name, figure in figures.items():
        for suffix in ("png", "pdf"):
            with replacing(folder / f"{name}.{suffix}") as temporary:
                figure.savefig(temporary, dpi=130, bbox_inches="tight")
        plt.close(figure)


def _tell_what_is_replaced(run: Run) -> None:
    """Say so where the report of a run with other settings is about to be replaced."""
    try:
        old = load_record(run.folder / "record.json")
    except (OSError, ValueError, TypeError):
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
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def setting_fields(module: ModuleType) -> list[Any]:
    """The fields of a section's settings."""
    return list(fields(module.Settings))


__all__ = ["Claim", "Record", "Run", "Section", "execute", "load_record", "report", "setting", "take_part"]
