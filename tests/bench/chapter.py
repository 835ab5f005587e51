"""The chapter: a training step, whole sections, an epoch on reviews, and the first use."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from nndl import runtime
from nndl.dataset import imdb
from nndl.runtime import instruction_set

from compute import STEPS_PER_EPOCH
from page import Row
from race import TREE, Entry, FailedError, environment, race, ratio

EARLIER = "the earlier version"
STEP_BARS = {"SRN": 0.45, "LSTM": 0.65}
LENGTHS = (10, 15, 20, 25, 30, 35)
STEPS = 500 * STEPS_PER_EPOCH  # of one length
OF_BOOKS, OF_EPOCH, SECONDS_OF_FIRST_USE = 0.06, 0.85, 5.0


def steps(turns: int, earlier: Path) -> Iterator[Row]:
    """A training step of the digit model, B = 8, L = 20, one thread, against an earlier version."""
    for cell, bar in STEP_BARS.items():
        arguments, one_thread = {"cell": cell, "length": 20}, {runtime.THREADS: "1"}
        entries = {
            name: Entry("digit_training", arguments, one_thread, tree)
            for name, tree in (("ours", TREE), ("theirs", earlier))
        }
        times = race(entries, turns)
        ours, theirs = (median(times[name]) / STEPS_PER_EPOCH for name in entries)
        value = ratio(times, "ours", "theirs")
        what = f"{cell}, a training step of the digit model, one thread"
        yield Row("steps", what, EARLIER, instruction_set(), ours, theirs, "ms", value, bar)


def sections(turns: int) -> Iterator[Row]:
    """6.2 and 6.5, preset book, one seed, against the book's own way of computing: timed before and after them."""
    run(TREE, "-m", "nndl.op.backend.build")  # the first use has a row of its own
    before = books_seconds(turns)
    with tempfile.TemporaryDirectory() as out:
        ours = run(TREE, *"-m chapter6 run 6.2 6.5 --preset book --seeds 1 --out".split(), out)
    books = (before + books_seconds(turns)) / 2
    what = "6.2 and 6.5, book, one seed"
    against = "the book's own way, extrapolated from some hundred steps, without its evaluations"
    yield Row("sections", what, against, instruction_set(), ours, books, "s", ours / books, OF_BOOKS)


def books_seconds(turns: int) -> float:
    """Seconds of all training steps of both sections, from some of each length, Paddle as installed."""
    entries = {
        f"{cell} {length}": Entry("books_training", {"cell": cell, "length": length}, {runtime.SWITCH: "off"})
        for cell in STEP_BARS
        for length in LENGTHS
    }
    return extrapolated(race(entries, turns))


def extrapolated(times: Mapping[str, list[float]]) -> float:
    """Seconds of all steps, from the milliseconds of a step of each cell and length."""
    return sum(median(ms) for ms in times.values()) * STEPS / 1e3


def text(earlier: Path, data_dir: Path) -> Iterator[Row]:
    """6.7, preset book, one epoch of one seed, against an earlier version, where IMDB is prepared."""
    if not imdb.is_prepared(data_dir / "imdb"):
        print("[bench] text: IMDB is not prepared: python -m chapter6 data imdb", flush=True)
        return
    ours, theirs = (epoch_seconds(tree, data_dir) for tree in (TREE, earlier))
    yield Row("text", "6.7, book, an epoch", EARLIER, instruction_set(), ours, theirs, "s", ours / theirs, OF_EPOCH)


def epoch_seconds(tree: Path, data_dir: Path) -> float:
    """Seconds of the training steps of an epoch, their batches included, the evaluations not."""
    with tempfile.TemporaryDirectory() as out:
        command = "-m chapter6 run 6.7 --preset book --seeds 1 --epochs 1".split()
        run(tree, *command, "--data-dir", str(data_dir), "--out", out)
        [record] = Path(out).glob("*/book/record.json")
        return json.loads(record.read_text(encoding="utf-8"))["metrics"]["trainings"][0]["epoch_seconds"]


def first_use(turns: int) -> Iterator[Row]:
    """What the first use takes longer than the second one, which finds the library in the cache."""
    seconds = []
    for _ in range(turns):
        with tempfile.TemporaryDirectory() as cache:
            first, second = (run(TREE, "-m", "nndl.op.backend.build", XDG_CACHE_HOME=cache) for _ in range(2))
            seconds.append(first - second)
    value = median(seconds)
    what = "first use, that is, compiling"
    yield Row("first_use", what, "", instruction_set(), value, None, "s", value, SECONDS_OF_FIRST_USE)


def run(tree: Path, *arguments: str, **variables: str) -> float:
    """Seconds of a command of Python, in a tree. Raises FailedError."""
    start = time.perf_counter()
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=tree, env=environment(tree, variables), capture_output=True, text=True)
    if done.returncode:
        raise FailedError(f"{' '.join(arguments)}: {done.stderr}")
    return time.perf_counter() - start
