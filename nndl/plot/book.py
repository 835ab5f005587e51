"""The book's figures of a training, in the book's colours and words, and in the reader's own rcParams."""

import os
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from nndl.error import OutputError, SettingError
from nndl.file import replacing
from nndl.plot.look import COLORS

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from nndl.runner import RunnerV3


def plot_training_loss(runner: "RunnerV3", fig_name: str | PathLike, sample_step: int = 10) -> None:
    """Train and dev loss against steps, written to ``fig_name`` (figure 6.6 of one length).

    Args:
        runner: a runner after training; its history stays as it is.
        fig_name: the file; its suffix chooses the format, PNG where it has none.
        sample_step: every how many training steps are drawn, at least 1.

    Raises:
        OutputError: the file cannot be written.
        SettingError: a sample_step below 1.
    """
    figure, axes = plt.subplots()
    _draw_losses(axes, runner, sample_step, "upper right")
    _finish(figure, fig_name)


def plot_training_loss_acc(
    runner: "RunnerV3",
    fig_name: str | PathLike,
    fig_size: tuple[float, float] = (16, 6),
    sample_step: int = 10,
    loss_legend_loc: str = "lower left",
    acc_legend_loc: str = "lower left",
) -> None:
    """The losses, and beside them the dev accuracy, against steps (figure 6.16). See :func:`plot_training_loss`."""
    figure, (left, right) = plt.subplots(1, 2, figsize=fig_size)
    _draw_losses(left, runner, sample_step, loss_legend_loc)
    right.plot([step for step, _ in runner.dev_losses], runner.dev_scores, "--", color=COLORS[0], label="Dev accuracy")
    right.set(xlabel="step", ylabel="score")
    right.legend(loc=acc_legend_loc)
    _finish(figure, fig_name)


def _draw_losses(axes: Axes, runner: "RunnerV3", sample_step: int, legend: str) -> None:
    if sample_step < 1:
        plt.close(axes.figure)
        raise SettingError(f"sample_step {sample_step}: expected at least 1")
    for items, style, color, label in (
        (runner.train_step_losses[::sample_step], "-", COLORS[0], "Train loss"),
        (runner.dev_losses, "--", COLORS[1], "Dev loss"),
    ):
        if items:
            axes.plot(*zip(*items, strict=True), style, color=color, label=label)
    axes.set(xlabel="step", ylabel="loss")
    if axes.lines:
        axes.legend(loc=legend)


def _finish(figure: Figure, fig_name: str | PathLike) -> None:
    try:
        path = Path(fig_name)
        if not path.name or os.path.isdir(path):
            raise OutputError(f"cannot write {str(fig_name)!r}: expected the name of a file, such as images/6.6.pdf")
        with replacing(path if path.suffix else path.with_name(f"{path.name}.png")) as temporary:
            figure.savefig(temporary, bbox_inches="tight")
    except ValueError as error:  # a suffix that Matplotlib does not know
        raise OutputError(f"cannot write {fig_name}: {error}; choose another name") from error
    finally:
        if not plt.isinteractive():  # a notebook shows the figure that stays open; a script would only pile them up
            plt.close(figure)
