"""Runs a lesson: computes, judges, draws, and leaves record, report and figures, whole or not at all."""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from chapter6.lab import interruption, page, progress, record, report, shown, terminal
from chapter6.lab.lesson import Entry, Lesson, Run
from chapter6.lab.record import Record
from chapter6.lab.shown import Shown
from chapter6.lab.text import Text
from nndl import distributed, plot, runtime
from nndl.error import CheckpointError, NndlError, OutputError, SettingError
from nndl.file import leaving_no_empty, replacing
from nndl.lock import holding


def execute(lesson: Lesson, run: Run) -> tuple[Record, Shown]:
    """Run a lesson, judge its claims, draw its figures, and write all of it to ``run.folder``.

    Returns:
        The record, and what a reader is shown of it.

    Raises:
        OutputError: the folder cannot be written (found before anything is trained).
    """
    with leaving_no_empty(run.folder):  # a run that is refused leaves nothing
        with replacing(run.folder / ".probe") as probe:
            probe.touch()
        (run.folder / ".probe").unlink(missing_ok=True)  # of two runs at a time one finds it gone
        _check_places(run.folder)
        start = time.perf_counter()
        metrics = lesson.experiment(run)
    progress.stage(Text("judging and drawing", "作结论、绘图"))
    done = record.of_run(run, metrics)
    done.claims = [claim.plain() for claim in lesson.claims(done)]
    with plot.style():
        drawings = lesson.figures(done)
    seen = shown.collect(lesson, run.entry, done, drawings)
    with holding(run.folder):  # figures and numbers of two runs must not mix
        _tell_what_is_replaced(run)
        plot.save({name: drawing.figure for name, drawing in drawings.items()}, run.folder / "figures")
        done.seconds = round(time.perf_counter() - start, 1)
        record.save(done, run.folder / "record.json")
        shown.save(seen, run.folder / "record.json")
        with replacing(run.folder / "report.md") as temporary:
            text = report.markdown(run.entry, done, seen)
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return done, seen


def execute_all(
    runs: Sequence[Run], device: str, language: str, contents: Mapping[str, Entry], opens: bool = False
) -> None:
    """Run lessons one after another, and show what was found, on the terminal and, after each, on the page.

    The data of all are checked before.

    Args:
        runs: of the lessons, with one ``out``.
        device: see :func:`nndl.runtime.set_device`.
        language: of the terminal, see :func:`chapter6.lab.terminal.begin`.
        contents: number to lesson, in the order of the page.
        opens: whether the reader's browser shall show the page, after the first lesson.

    Raises:
        SettingError: processes that train together are asked for a lesson that does not train so.
        NndlError, OSError: the page was not made; all lessons are done.
    """
    terminal.begin(language)
    start(device)
    lessons: list[tuple[Lesson, Run]] = [(import_module(run.entry.module).LESSON, run) for run in runs]
    alone = [run.number for lesson, run in lessons if not lesson.data_parallel]
    if distributed.world_size() > 1 and alone:
        raise SettingError(f"section {', '.join(alone)}: trains many small models, not one by several processes")
    page.check(runs[0].out)
    for lesson, run in lessons:
        lesson.check_data(run)
    failed: Exception | None = None
    for lesson, run in lessons:
        if distributed.rank():
            lesson.experiment(run)  # with the first process, which alone writes and reports
            continue
        title = run.entry.title
        terminal.say_of(run.number, f"{title.en}, preset {run.preset}", f"{title.zh}，预设 {run.preset}")
        with progress.section(run.number):
            record, seen = execute(lesson, run)
        terminal.show(record, seen.notes, seen.tables[lesson.tables_told :])
        _tell_where(run, record)
        try:
            page.make(run.out, contents, opens and run is runs[0])
            failed = None
        except (NndlError, OSError) as error:  # the results are kept: the lessons after it go on
            failed = error
            if run is not runs[-1]:
                terminal.say(Text(f"no page yet: {error}", f"暂无网页：{error}"))
    if failed:
        raise failed


def _tell_where(run: Run, record: Record) -> None:
    seconds, place = f"{record.seconds:.0f}", run.folder / "report.md"
    terminal.say_of(run.number, f"{seconds} s; report and figures: {place}", f"用时 {seconds} 秒；报告与图：{place}")
    if run.visualdl and run.log_folder.exists():
        look = f"visualdl --logdir {run.log_folder}"
        terminal.say_of(run.number, f"the logs: {look}", f"查看日志：{look}")
    terminal.say("")


def start(device: str) -> None:
    """Load Paddle and choose the device; Ctrl-C meanwhile ends the program at once."""
    with interruption.leaving():
        runtime.start(device)
        import matplotlib

        matplotlib.use("Agg")  # figures go to files; no display is needed


def _check_places(folder: Path) -> None:
    """Raise OutputError where something stands in the way of what is written after all trainings."""
    for name in ("record.json", shown.NAME, "report.md"):
        if os.path.exists(folder / name) and not os.path.isfile(folder / name):
            raise OutputError(f"cannot write {folder / name}: it is no file; move it away")
    for name in ("figures", "checkpoints"):
        if os.path.exists(folder / name) and not (
            os.path.isdir(folder / name) and os.access(folder / name, os.W_OK | os.X_OK)
        ):
            raise OutputError(f"cannot write {folder / name}: no folder of yours; move it away")


def _tell_what_is_replaced(run: Run) -> None:
    """Say so where the report of a run with other settings is about to be replaced."""
    if not (run.folder / "record.json").exists():
        return
    try:
        old = record.load(run.folder / "record.json")
    except CheckpointError as error:
        terminal.say_of(
            run.number, f"replaces a report that cannot be read: {error}", f"替换一份读不出的旧报告：{error}"
        )
        return
    new = json.loads(json.dumps({**asdict(run.settings), "seeds": list(range(run.seeds))}))
    before = {**old.settings, "seeds": old.seeds}
    if changed := ", ".join(name for name in new if before.get(name) != new[name]):
        terminal.say_of(
            run.number,
            f"replaces the report of an earlier run with other settings ({changed}); "
            "the models it trained stay in checkpoints/",
            f"替换先前一次设置不同（{changed}）的运行的报告；当时训练的模型仍在 checkpoints/ 中",
        )
