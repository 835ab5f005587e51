"""Several runs on one --out, killed at random and started again, end with the numbers of one run left in peace.

``python tests/chapter6/test_together.py ROUNDS PROCESSES`` plays as many rounds as you like.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

if __name__ == "__main__":  # pytest sees to its own
    sys.path.insert(0, str(Path(__file__).parent))

from chapter6.lab import record

from reduced import without_times

SECTIONS = {
    "6.2": ["--lengths", "7", "--epochs", "8", "--batch-size", "2"],
    "6.4": ["--length", "7", "--epochs", "20", "--gentle-epochs", "20"],
}
MOMENTS = 4.0
"""Seconds between two kills, at most; a run loads for two before it trains."""


class Runs:
    """Processes that run one section on one folder; each in a process group of its own."""

    def __init__(self, number: str, folder: Path) -> None:
        self.number, self.folder = number, folder
        self.command = [sys.executable, "-m", "chapter6", "run", number, *SECTIONS[number], "--jobs", "2"]
        self.command += ["--seeds", "2", "--out", str(folder / "runs"), "--data-dir", str(folder / "data")]
        self.log = (folder / "log").open("ab")

    def start(self) -> subprocess.Popen:
        return subprocess.Popen(self.command, stdout=self.log, stderr=self.log, start_new_session=True)

    def metrics(self) -> Any:
        kept = record.load(self.folder / "runs" / self.number / "quick" / "record.json")
        return without_times(kept.metrics)

    def said(self) -> str:
        self.log.flush()
        return (self.folder / "log").read_text(encoding="utf-8")


def in_peace(number: str, folder: Path) -> Any:
    folder.mkdir()
    runs = Runs(number, folder)
    assert runs.start().wait(300) == 0, runs.said()
    return runs.metrics()


def disturbed(number: str, folder: Path, processes: int, kills: int, draw: random.Random) -> Any:
    """The metrics that are left when all processes have ended by themselves, after so many were killed."""
    folder.mkdir()
    runs = Runs(number, folder)
    running = [runs.start() for _ in range(processes)]
    try:
        for _ in range(kills):
            time.sleep(draw.uniform(0, MOMENTS))
            victim = draw.randrange(processes)
            if draw.random() < 0.5:
                kill_all(running[victim])
            running[victim].kill()  # the parent alone: its workers must notice
            running[victim].wait()
            running[victim] = runs.start()
        for process in running:
            assert process.wait(300) == 0, runs.said()
        return runs.metrics()
    finally:
        for process in running:
            kill_all(process)


def kill_all(process: subprocess.Popen) -> None:
    """The process and its workers."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups")
@pytest.mark.parametrize("number", ["6.4"])
def test_two_runs_killed_at_random(number: str, tmp_path: Path) -> None:
    expected = in_peace(number, tmp_path / "peace")
    assert disturbed(number, tmp_path / "war", processes=2, kills=1, draw=random.Random(0)) == expected


def main(rounds: int, processes: int) -> None:
    """Play the rounds, and say how each ended."""
    draw = random.Random(f"{rounds}/{processes}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        expected = {number: in_peace(number, folder / f"{number} in peace") for number in SECTIONS}
        for i in range(rounds):
            number = list(SECTIONS)[i % len(SECTIONS)]
            start = time.monotonic()
            found = disturbed(number, folder / str(i), processes, kills=2 + processes, draw=draw)
            same = "equal" if found == expected[number] else "DIFFERENT"
            print(f"round {i}, {processes} processes, {number}: {same}, {time.monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
