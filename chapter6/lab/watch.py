"""What watches a training: it tells how far it is, and writes a log for VisualDL where one was asked for."""

import time
from pathlib import Path

from chapter6.lab import progress
from chapter6.lab.progress import News
from nndl.callback import Callback, VisualDLLogger
from nndl.runner import RunnerV3

PAUSE = 0.25
"""Seconds between two of them, so that a step does not feel it."""


class Teller(Callback):
    """Tells the display how far the training is.

    Args:
        name: of the training.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._last = 0.0

    def on_train_begin(self, runner: RunnerV3) -> None:
        self._tell(runner)

    def on_step_end(self, runner: RunnerV3) -> None:
        if time.monotonic() - self._last > PAUSE:
            self._tell(runner)

    def _tell(self, runner: RunnerV3) -> None:
        self._last = time.monotonic()
        loss = runner.train_step_losses[-1][1] if runner.train_step_losses else None
        score = runner.dev_scores[-1] if runner.dev_scores else None
        share = runner.global_step / runner.num_training_steps
        progress.tell(News(self.name, share, runner.epoch + 1, runner.num_epochs, loss, score))


def watchers(name: str, log: Path | None) -> list[Callback]:
    """Those of a training.

    Args:
        name: of the training.
        log: the folder of its log for VisualDL; None for no log.
    """
    return [Teller(name), *([VisualDLLogger(log)] if log else [])]
