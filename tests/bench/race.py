"""Contenders take turns: each computes in a process of its own, so that none disturbs another's threads.

In turns, so that a change of the machine's speed meets all; and a ratio is taken turn by turn.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from nndl import runtime

TREE = Path(__file__).parents[2]
PAUSE = 0.3  # seconds: the threads of the contender before still spin for 0.2 s, and would take a core from the next

Times = Mapping[str, Sequence[float]]
"""Milliseconds of a call of each contender, one number a turn."""


class FailedError(Exception):
    """A process ended with an error: which, and what it said."""


@dataclass(frozen=True)
class Entry:
    """What a contender computes, a function of :mod:`compute` and its arguments; with which variables; whose nndl."""

    computes: str
    arguments: Mapping[str, Any]
    variables: Mapping[str, str] = field(default_factory=dict)
    tree: Path = TREE


def environment(tree: Path = TREE, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """As the user left it, with the nndl of a tree.

    Each process chooses its threads anew, for what this one chose would look like the user's choice.
    """
    left = {name: value for name, value in os.environ.items() if name not in runtime.chosen}
    return left | {"PYTHONPATH": os.pathsep.join([str(tree), os.environ.get("PYTHONPATH", "")])} | dict(variables or {})


class Contender:
    """A process that computes when it is told to."""

    def __init__(self, entry: Entry) -> None:
        command = [sys.executable, Path(__file__).with_name("compute.py"), entry.computes, json.dumps(entry.arguments)]
        self.entry, self.said = entry, tempfile.TemporaryFile("w+")  # noqa: SIM115  closed in end
        self.process = subprocess.Popen(
            command,
            env=environment(entry.tree, entry.variables),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
        )
        self.take_turn()  # imports, memory, code that is generated on first use

    def take_turn(self) -> float:
        """Let it compute; the milliseconds of a call."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        time.sleep(PAUSE)
        try:
            print(file=self.process.stdin, flush=True)
            return float(self.process.stdout.readline())
        except (OSError, ValueError):
            self.said.seek(0)
            raise FailedError(f"{self.entry}: {self.said.read()}") from None

    def end(self) -> None:
        """Its input ends, and so it does."""
        self.process.communicate()
        self.said.close()


def race(entries: Mapping[str, Entry], turns: int) -> Times:
    """The times of all entries."""
    contenders = {name: Contender(entry) for name, entry in entries.items()}
    times: dict[str, list[float]] = {name: [] for name in entries}
    for _ in range(turns):
        for name, contender in contenders.items():
            times[name].append(contender.take_turn())
    for contender in contenders.values():
        contender.end()
    return times


def ratio(times: Times, name: str, to: str) -> float:
    """How many times as long one takes as another: the median of the turns."""
    return median(own / others for own, others in zip(times[name], times[to], strict=True))
