"""What the notebooks import: it starts them, runs a lesson's trainings in this process, and shows what was found."""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from chapter6.contents import SECTIONS
from chapter6.lab.claim import CHINESE, Claim
from chapter6.lab.lesson import Drawing, Run
from chapter6.lab.record import Results, of_run
from chapter6.lab.report import Table, markdown_table
from chapter6.lab.text import Text
from nndl import runtime
from nndl.dataset import DATA
from nndl.error import SettingError

_open = ExitStack()
_scratch = tempfile.TemporaryDirectory(prefix="chapter6-")
SCRATCH = Path(_scratch.name)
"""Where models of this notebook are kept; gone when its kernel ends."""

record = of_run
"""``tools.record(run, metrics)`` is what the lesson's claims, tables and figures read."""


def begin() -> None:
    """Figures in the project's style, and one line on versions and machine."""
    runtime.start("auto")
    from nndl import plot

    import matplotlib

    _open.enter_context(plot.style())
    matplotlib.rcParams["figure.dpi"] = 80
    on = runtime.describe()
    versions = " · ".join(f"{name} {on['versions'][name]}" for name in ("paddlepaddle", "numpy"))
    print(f"Python {on['python']} · {versions} · {on['processor']} · {on['device']}")


def prepare(number: str, preset: str = "quick", seeds: int = 1, **settings: Any) -> Run:
    """A lesson with the settings of a preset, but for those named: ``prepare("6.2", lengths=(10,), epochs=50)``.

    Raises:
        SettingError: no such lesson, preset or setting, or a value that is not what it must be.
    """
    _check_name("小节 section", number, SECTIONS)
    entry = SECTIONS[number]
    _check_name("预设 preset", preset, entry.presets)
    for name in settings:
        _check_name("设置 setting", name, vars(entry.presets[preset]))
    return Run(
        entry=entry,
        preset=preset,
        settings=replace(entry.presets[preset], **settings),
        seeds=seeds,
        jobs=1,
        device="auto",
        out=SCRATCH,
        data_dir=DATA,
    )


def _check_name(kind: str, name: str, names: Mapping[str, Any]) -> None:
    if name not in names:
        raise SettingError(f"没有此{kind} {name!r}；可选 expected {', '.join(names)}")


def train_here(wanted: Iterable[Any]) -> Results:
    """Do the trainings one after another in this process, with the functions as the cells above define them."""
    from chapter6.lab.training import train_one

    results = Results()
    for training in wanted:
        folder = Path(tempfile.mkdtemp(dir=SCRATCH, prefix=f"{training.name}-"))
        results.append(train_one(training, folder) | {"folder": str(folder)})
    return results


def pick(drawings: Mapping[str, Drawing], name: str) -> Drawing:
    """One of a lesson's figures; the others are closed, for a notebook shows whatever is open at the end of a cell."""
    import matplotlib.pyplot as plt

    for other, drawing in drawings.items():
        if other != name:
            plt.close(drawing.figure)
    return drawings[name]


def show(*shown: Drawing | Table | Claim | Sequence[Claim]) -> None:
    """A lesson's figures with what to see in them, tables, and claims with their verdicts."""
    import matplotlib.pyplot as plt
    from IPython.display import Markdown, display

    for each in shown:
        if isinstance(each, Drawing):
            display(each.figure)
            plt.close(each.figure)
            display(Markdown(each.caption.joined("<br>")))
        elif isinstance(each, Table):
            display(Markdown(f"**{each.title}**\n\n{markdown_table(each.header, each.rows)}"))
        else:
            display(Markdown(_verdicts([each] if isinstance(each, Claim) else each)))


def _verdicts(claims: Sequence[Claim]) -> str:
    rows = [[claim.claim, claim.measured, f"**{CHINESE[claim.verdict]}** {claim.verdict}"] for claim in claims]
    return markdown_table([Text("claim", "论断"), Text("measured", "实测"), Text("verdict", "结论")], rows)
