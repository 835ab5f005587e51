"""The measurements (实测) as two pages of Markdown, English and Chinese, made from the records of all runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from chapter6.lab.claim import told
from chapter6.lab.cli import run_command
from chapter6.lab.found import Found, runs_of
from chapter6.lab.lesson import Entry
from chapter6.lab.report import markdown_table
from chapter6.lab.text import Text, counted
from nndl.file import replacing

NAMES = Text("MEASURED.md", "MEASURED_cn.md")
_TITLE = Text("Measurements", "实测")
_ABOUT = Text(
    "Made from the records of runs by `python -m chapter6 measurements`. Numbers are means over the seeds ± their "
    "standard deviation; how a verdict is found, says `chapter6/lab/claim.py`. Seconds are of the whole run, reused "
    "trainings not counted. On your own machine all is decided anew, see `runs/index.html`.",
    "由 `python -m chapter6 measurements` 根据运行记录生成。数字为各种子的均值 ± 标准差；结论如何作出，见 "
    "`chapter6/lab/claim.py`。用时为整次运行，不含已完成的训练。在你的机器上会重新判定，见 `runs/index.html`。",
)


def write(out: Path, contents: Mapping[str, Entry], folder: Path) -> list[Path]:
    """Write both pages into a folder, of all runs below ``out``; what is damaged is named and left out.

    Raises:
        SettingError: there are no runs.
        OutputError: a page cannot be written.
    """
    runs, made = runs_of(out, contents), []
    for language, name in enumerate(NAMES):
        with replacing(folder / name) as temporary:
            temporary.write_text(page(runs, language), encoding="utf-8")
        made.append(folder / name)
    return made


def page(runs: Sequence[Found], language: int) -> str:
    """In English (0) or Chinese (1)."""
    other = ("[中文]", "[English]")[language]
    home = ("README.md", "README_cn.md")[language]
    parts = [
        f"# {_TITLE[language]}",
        f"{other}({NAMES[1 - language]}) · [README](../../{home})",
        _ABOUT[language],
        *(part for run in runs for part in _section(run, language)),
    ]
    return "\n\n".join(parts) + "\n"


def _section(run: Found, language: int) -> list[str]:
    kept, entry = run.record, run.entry
    seeds = len(kept.seeds)
    said = Text(
        f"{counted(seeds, 'seed')}, {kept.seconds:.0f} s on {kept.machine}, "
        f"{kept.environment['usable_cores']} cores, PaddlePaddle {kept.environment['versions']['paddlepaddle']}",
        f"{seeds} 个种子，{kept.seconds:.0f} 秒，{kept.machine}，{kept.environment['usable_cores']} 核，"
        f"飞桨 {kept.environment['versions']['paddlepaddle']}",
    )
    header = (Text("claim", "论断"), Text("measured", "实测"), Text("verdict", "结论"))
    rows = [[text[language] for text in told(claim)] for claim in kept.claims]
    return [
        f"## {entry.number} {entry.title[language]}, `{kept.preset}`",
        f"```\n{run_command(entry, kept.preset, kept.settings, seeds)}\n```",
        said[language],
        markdown_table([name[language] for name in header], rows),
    ]
