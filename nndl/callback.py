"""What can watch a training: the progress display, a recorder of gradient norms, VisualDL."""

import math
import sys
import time
from collections import defaultdict
from contextlib import AbstractContextManager
from os import PathLike
from typing import TYPE_CHECKING, Any

from nndl.error import SettingError
from nndl.needed import needed
from nndl.op.setting import choice

import numpy as np
import paddle
from paddle.nn.clip import merge_selected_rows

if TYPE_CHECKING:
    from nndl.runner import RunnerV3


class Callback:
    """Hooks that :meth:`nndl.RunnerV3.train` calls; override the ones you need.

    All callbacks have had one hook before the first of them has the next, so their order makes no difference.
    """

    def on_train_begin(self, runner: "RunnerV3") -> None:
        """Before the first step."""

    def on_epoch_begin(self, runner: "RunnerV3") -> None:
        """Before the first batch of an epoch (回合), ``runner.epoch``, is drawn.

        Also where a resumed training goes on in the middle of an epoch, so that each end has had its begin. What must
        happen once an epoch, such as a change of the learning rate, belongs to its end.
        """

    def on_backward_end(self, runner: "RunnerV3") -> None:
        """Gradients are there, the parameters not yet updated."""

    def on_step_end(self, runner: "RunnerV3") -> None:
        """The parameters are updated; the loss is ``runner.train_step_losses[-1]``."""

    def on_evaluate(self, runner: "RunnerV3", improved: bool) -> None:
        """The dev set was evaluated; ``improved`` tells whether this is the best model so far."""

    def on_epoch_end(self, runner: "RunnerV3") -> None:
        """All steps of an epoch are taken; their mean loss is ``runner.train_epoch_losses[-1]``.

        After the evaluation, where one is due at the last step, and before the state is written: a training that goes
        on from there does not repeat it. An epoch that was interrupted does not end.
        """

    def on_train_end(self, runner: "RunnerV3") -> None:
        """After the last step, also after an interruption or an error."""


def progress(log_steps: int) -> Callback:
    """The book's lines, with a progress bar below them on a terminal; nothing for ``log_steps`` 0."""
    if not log_steps:
        return Callback()
    return ProgressBar(log_steps) if sys.stdout.isatty() else PlainLog(log_steps)


def above_the_bar() -> AbstractContextManager:
    """While the block prints, a progress bar on the same terminal gives way."""
    from tqdm import tqdm

    return tqdm.external_write_mode()


class PlainLog(Callback):
    """The book's lines, letter for letter: one every ``log_steps`` steps, and for each evaluation."""

    def __init__(self, log_steps: int) -> None:
        self.log_steps = log_steps
        self._best: float | None = None

    def _say(self, line: str) -> None:
        print(line, flush=True)

    def on_train_begin(self, runner: "RunnerV3") -> None:
        self._best = runner.best_score

    def on_backward_end(self, runner: "RunnerV3") -> None:
        step, loss = runner.train_step_losses[-1]
        if step % self.log_steps == 0:
            where = f"epoch: {runner.epoch}/{runner.num_epochs}, step: {step}/{runner.num_training_steps}"
            self._say(f"[Train] {where}, loss: {loss:.5f}")

    def on_evaluate(self, runner: "RunnerV3", improved: bool) -> None:
        self._say(f"[Evaluate]  dev score: {runner.dev_scores[-1]:.5f}, dev loss: {runner.dev_losses[-1][1]:.5f}")
        if improved:  # the spelling is the book's
            change = f"{self._best:.5f} --> {runner.best_score:.5f}"
            self._say(f"[Evaluate] best accuracy performence has been updated: {change}")
            self._best = runner.best_score

    def on_train_end(self, runner: "RunnerV3") -> None:
        if runner.interrupted:
            kept = "; the best model so far is kept" if runner.dev_scores else ""
            self._say(f"[Train] Training interrupted at step {runner.global_step}{kept}.")
        elif runner.global_step >= runner.num_training_steps:
            self._say("[Train] Training done!")


class ProgressBar(PlainLog):
    """The book's lines, and below them a bar that shows epoch, step, loss and dev score."""

    def _say(self, line: str) -> None:
        from tqdm import tqdm

        tqdm.write(line)

    def on_train_begin(self, runner: "RunnerV3") -> None:
        from tqdm import tqdm

        super().on_train_begin(runner)
        self._bar = tqdm(total=runner.num_training_steps, initial=runner.global_step, unit="step", leave=False)

    def on_step_end(self, runner: "RunnerV3") -> None:
        self._bar.set_description(f"epoch {runner.epoch + 1}/{runner.num_epochs}", refresh=False)
        fields = {"loss": f"{runner.train_step_losses[-1][1]:.4f}"}
        if runner.dev_scores:
            fields["dev"] = f"{runner.dev_scores[-1]:.3f}"
        self._bar.set_postfix(fields, refresh=False)
        self._bar.update()

    def on_train_end(self, runner: "RunnerV3") -> None:
        self._bar.close()
        super().on_train_end(runner)


class GradientNormRecorder(Callback):
    r"""The L2 norm of each parameter's gradient at every step (梯度的 L2 范数), section 6.4.

    .. math:: \lVert g \rVert_2 = \sqrt{\textstyle\sum_i g_i^2}

    Right for every gradient of float16 to float32, as the squares are added up in float64.

    Attributes:
        norms: parameter name to the norms, one a step, as the backward pass left them.
        applied: the same after the optimizer's gradient clipping (梯度截断), which is what the update uses.
    """

    def __init__(self) -> None:
        self.norms: dict[str, list[float]] = defaultdict(list)
        self.applied: dict[str, list[float]] = defaultdict(list)

    def on_backward_end(self, runner: "RunnerV3") -> None:
        named = [(name, p) for name, p in runner.model.named_parameters() if p.grad is not None]
        clip = getattr(runner.optimizer, "_grad_clip", None)  # Paddle has no public name for it
        # Copies: some of Paddle's clips change the gradients they are given.
        applied = clip([(p, _copy(p.grad)) for _, p in named]) if clip else [(p, p.grad) for _, p in named]
        for (name, parameter), (_, gradient) in zip(named, applied, strict=True):
            self.norms[name].append(_l2(parameter.grad))
            self.applied[name].append(_l2(gradient))

    __call__ = on_backward_end  # so that it serves as the book's custom_print_log, too


def _copy(gradient: Any) -> Any:
    return merge_selected_rows(gradient) if gradient.is_selected_rows() else gradient.clone()


def _l2(gradient: Any) -> float:
    if gradient.is_selected_rows():  # of a sparse embedding: a row for each time that a word occurs
        gradient = merge_selected_rows(gradient)._get_tensor_from_selected_rows()
    if gradient.dtype == paddle.bfloat16:  # NumPy does not know it
        gradient = gradient.astype("float32")
    values = gradient.numpy().ravel()
    # In float32 the square of 1e20 is infinite, that of 1e-23 is 0, and a sum of millions is off in the fifth digit.
    return math.sqrt(np.einsum("i,i->", values, values, dtype="float64"))


class StepTimer(Callback):
    """Adds up the time of the training steps, their batches included, the evaluations not.

    Attributes:
        seconds: the sum.
        steps: how many there were.
    """

    def __init__(self) -> None:
        self.seconds, self.steps = 0.0, 0
        self._since = 0.0

    def on_train_begin(self, runner: "RunnerV3") -> None:
        self._since = time.perf_counter()

    def on_step_end(self, runner: "RunnerV3") -> None:
        now = time.perf_counter()
        self.seconds += now - self._since
        self.steps += 1
        self._since = now

    def on_evaluate(self, runner: "RunnerV3", improved: bool) -> None:
        self._since = time.perf_counter()


class LearningRateSchedule(Callback):
    """Moves a learning rate (学习率调度) along, one step of the schedule a training step or an epoch (回合).

    A ``ReduceOnPlateau`` is moved at each evaluation instead, by what was found there: the dev loss, or with
    ``mode="max"`` the dev score. Its patience and cooldown therefore count evaluations.

    Args:
        schedule: a ``paddle.optimizer.lr.LRScheduler``, the one the optimizer was made with.
        per: "step" or "epoch": what the numbers of the schedule, such as ``step_size`` or ``T_max``, count.

    Raises:
        SettingError: another ``per``, or "epoch" for a ``ReduceOnPlateau``.
    """

    def __init__(self, schedule: Any, per: str = "step") -> None:
        self.schedule = schedule
        self.per = choice("per", per, ("step", "epoch"))
        if isinstance(schedule, paddle.optimizer.lr.ReduceOnPlateau):
            if per == "epoch":
                raise SettingError("per 'epoch': a ReduceOnPlateau is moved at each evaluation; leave per out")
            self.per = "evaluation"

    def on_step_end(self, runner: "RunnerV3") -> None:
        if self.per == "step":
            self.schedule.step()

    def on_epoch_end(self, runner: "RunnerV3") -> None:
        if self.per == "epoch":
            self.schedule.step()

    def on_evaluate(self, runner: "RunnerV3", improved: bool) -> None:
        if self.per == "evaluation":
            self.schedule.step(runner.dev_scores[-1] if self.schedule.mode == "max" else runner.dev_losses[-1][1])


class VisualDLLogger(Callback):
    """Losses, dev scores and gradient norms for VisualDL: ``visualdl --logdir DIR`` shows them.

    Args:
        logdir: the folder for VisualDL's log file.
    """

    def __init__(self, logdir: str | PathLike) -> None:
        self.logdir = str(logdir)

    def on_train_begin(self, runner: "RunnerV3") -> None:
        with needed("visualdl", "--visualdl"):
            from visualdl import LogWriter

        self._writer = LogWriter(logdir=self.logdir)

    def on_backward_end(self, runner: "RunnerV3") -> None:
        for name, parameter in runner.model.named_parameters():
            if parameter.grad is not None:
                self._writer.add_scalar(f"gradient_norm/{name}", _l2(parameter.grad), runner.global_step)

    def on_step_end(self, runner: "RunnerV3") -> None:
        step, loss = runner.train_step_losses[-1]
        self._writer.add_scalar("train/loss", loss, step)

    def on_epoch_end(self, runner: "RunnerV3") -> None:  # the curve of the figures: without the noise of the batches
        self._writer.add_scalar("train/epoch_loss", runner.train_epoch_losses[-1], runner.global_step)

    def on_evaluate(self, runner: "RunnerV3", improved: bool) -> None:
        step, loss = runner.dev_losses[-1]
        self._writer.add_scalar("dev/loss", loss, step)
        self._writer.add_scalar("dev/score", runner.dev_scores[-1], step)

    def on_train_end(self, runner: "RunnerV3") -> None:
        self._writer.close()
