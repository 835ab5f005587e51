"""Runs a lesson: computes, judges, draws, and leaves record, report and figures, whole or not at all."""

import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from chapter6.lab import interruption, record, report
from chapter6.lab.lesson import Lesson, Run
from chapter6.lab.record import Record
from nndl import jsonfile, plot, runtime
from nndl.error import CheckpointError, OutputError
from nndl.file import leaving_no_empty, replacing
from nndl.lock import holding


def execute(lesson: Lesson, run: Run) -> Record:
    """Run a lesson, judge its claims, draw its figures, and write all of it to ``run.folder``.

    Raises:
        OutputError: the folder cannot be written (found before anything is trained).
    """
    with leaving_no_empty(run.folder):  # a run that is refused leaves nothing
        with replacing(run.folder / ".probe") as probe:
            probe.touch()
        (run.folder / ".probe").unlink(missing_ok=True)  # of two runs at a time one finds it gone
        _check_places(run.folder)
        start = time.perf_counter()
        metrics = jsonfile.finite(lesson.run(run))
    done = Record(
        section=run.number,
        preset=run.preset,
        settings=asdict(run.settings),
        seeds=list(range(run.seeds)),
        seconds=0.0,
        environment=runtime.describe(),
        metrics=metrics,
    )
    done.claims = [claim.plain() for claim in lesson.claims(done)]
    with plot.style():
        drawings = lesson.figures(done)
    with holding(run.folder):  # figures and numbers of two runs must not mix
        _tell_what_is_replaced(run)
        plot.save({name: drawing.figure for name, drawing in drawings.items()}, run.folder / "figures")
        done.seconds = round(time.perf_counter() - start, 1)
        record.save(done, run.folder / "record.json")
        with replacing(run.folder / "report.md") as temporary:
            text = report.markdown(run.entry, done, lesson.tables(done), drawings)
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return done


def start(device: str) -> None:
    """Load Paddle and choose the device; Ctrl-C meanwhile ends the program at once."""
    with interruption.leaving():
        runtime.start(device)
        import matplotlib

        matplotlib.use("Agg")  # figures go to files; no display is needed


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


def _tell_what_is_replaced(run: Run) -> None:
    """Say so where the report of a run with other settings is about to be replaced."""
    if not (run.folder / "record.json").exists():
        return
    try:
        old = record.load(run.folder / "record.json")
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
