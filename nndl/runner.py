"""RunnerV3, the course's training loop (the book's interface, chapter 6)."""

import inspect
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from functools import cache, partial
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Any

from nndl import checkpoint, distributed, resume
from nndl.callback import Callback, above_the_bar, progress
from nndl.error import DivergedError, OutputError, SettingError
from nndl.file import replacing
from nndl.metric import lower_is_better
from nndl.op.setting import whole
from nndl.paddle_versions import CAN_RESUME, NO_RESUME
from nndl.runtime import say_once

import paddle
from paddle import Tensor

FilePath = str | PathLike


class RunnerV3:
    """Trains, evaluates, predicts, saves and loads a model.

    Like the book's, its methods take keywords they have no use for: such a keyword is ignored, which one line says,
    unless it looks like a misspelt one, which is a SettingError.

    Args:
        model: a ``paddle.nn.Layer``.
        optimizer: its optimizer, with ``step`` and ``clear_grad``; may be None where nothing is trained.
        loss_fn: called as ``loss_fn(logits, y)``, returns one number, a tensor of shape [] or [1].
        metric: with ``update``, ``accumulate`` and ``reset``, such as :class:`nndl.Accuracy`; or one of
            ``paddle.metric``; may be None. Higher is better, unless its attribute ``lower_is_better`` is True, as that
            of :class:`nndl.CrossEntropy` is.

    Attributes:
        train_step_losses: [(step, loss)], one for each training step.
        train_epoch_losses: the mean loss of each epoch (回合).
        dev_losses: [(step, loss)], one for each evaluation during training.
        dev_scores: the metric at the same steps.
        best_score: the best of them; before the first 0, or infinity where lower is better.
        global_step: the number of steps taken; within a step, its own, counted from 0.
        epoch: the one under way, counted from 0.
        interrupted: whether Ctrl-C ended the last training.
    """

    def __init__(self, model: paddle.nn.Layer, optimizer: Any, loss_fn: Callable, metric: Any, **ignored: Any) -> None:
        _ignore(ignored, RunnerV3.__init__)
        self.model, self.optimizer, self.loss_fn, self.metric = model, optimizer, loss_fn, metric
        self.train_step_losses: list[tuple[int, float]] = []
        self.train_epoch_losses: list[float] = []
        self.dev_losses: list[tuple[int, float]] = []
        self.dev_scores: list[float] = []
        self.best_score = math.inf if lower_is_better(metric) else 0.0
        self.global_step = self.epoch = self.num_epochs = self.num_training_steps = 0
        self.interrupted = False
        self._save_path: Path | None = None  # of the training that is under way

    def train(
        self,
        train_loader: Iterable,
        dev_loader: Iterable | None = None,
        *,
        num_epochs: int = 0,
        log_steps: int = 100,
        eval_steps: int = 0,
        save_path: FilePath = "best_model.pdparams",
        custom_print_log: Callable[["RunnerV3"], None] | None = None,
        callbacks: Sequence[Callback] = (),
        checkpoint_path: FilePath | None = None,
        checkpoint_steps: int = 100,
        **ignored: Any,
    ) -> None:
        """Train for ``num_epochs`` epochs.

        Ctrl-C ends the training. The best model and the history of all whole steps are kept, KeyboardInterrupt reaches
        the caller, and the runner can be used on.

        A batch is ``(X, y)``; X may be a tuple, such as ``(ids, lengths)``.

        Args:
            train_loader: batches; ``len`` of it is the number of batches an epoch.
            dev_loader: batches to choose the best model by.
            num_epochs: how often the training set is seen.
            log_steps: a line every so many steps (a bar on a terminal); 0 for silence.
            eval_steps: the dev set is evaluated every so many steps and after the last; 0 for never.
            save_path: where the model with the best dev score is written, see :meth:`save_model`; its folder is made.
            custom_print_log: called with the runner after backward, before the update.
            callbacks: more to call, see :class:`nndl.Callback`.
            checkpoint_path: where the whole state of the training is written, every ``checkpoint_steps`` steps
                and at the end. If the file is there, training goes on from it, and ends with the numbers of a
                training that was never interrupted.
            checkpoint_steps: see above.

        Raises:
            DivergedError: the training loss became NaN or infinite.
            SettingError: a setting out of its range, eval_steps without a dev loader or a metric, an empty loader or
                one whose len is not its number of batches, a batch that is no pair, or a loss that is not one number.
            OutputError: a path that could not be written; before the first step.
            CheckpointError: ``checkpoint_path`` holds the state of another model, or of a training that had more steps
                or epochs of another length, or of one whose metric had the other sense of better.
        """
        _ignore(ignored, RunnerV3.train)
        for name, value in {"num_epochs": num_epochs, "log_steps": log_steps, "eval_steps": eval_steps}.items():
            whole(name, value, least=0, most=math.inf)
        whole("checkpoint_steps", checkpoint_steps, most=math.inf)
        self._steps_per_epoch = _number_of_batches(train_loader)
        if eval_steps and (dev_loader is None or self.metric is None):
            raise SettingError("eval_steps: evaluating needs a dev_loader and a metric; pass both, or eval_steps=0")
        if self.optimizer is None:
            raise SettingError("train: expected an optimizer; pass one to RunnerV3")
        places = {"save_path": save_path} if eval_steps else {}
        _check_places(places | ({"checkpoint_path": checkpoint_path} if checkpoint_path is not None else {}))

        self._clear_grad = _clearing_gradients(self.optimizer)
        self._clear_grad()  # an interrupted step leaves its gradients
        self.global_step = len(self.train_step_losses)
        self.interrupted, self._first_step, self._owns_save_path = False, self.global_step, False
        if checkpoint_path is not None and not CAN_RESUME:
            say_once(NO_RESUME)
            checkpoint_path = None
        if checkpoint_path is not None and Path(checkpoint_path).exists():
            resume.restore(self, checkpoint_path, num_epochs, self._steps_per_epoch)
        self._whole_steps = len(self.train_step_losses)
        self.num_epochs, self.num_training_steps = num_epochs, self._first_step + num_epochs * self._steps_per_epoch
        self._save_path = Path(save_path) if eval_steps else None
        self.model.train()
        watchers = [progress(log_steps), *callbacks]
        with ExitStack() as at_the_end:
            try:
                for watcher in watchers:
                    watcher.on_train_begin(self)
                    at_the_end.callback(watcher.on_train_end, self)
                for X, y in self._batches(train_loader, watchers):
                    self._train_step(X, y, custom_print_log, watchers)
                    step, is_last = self.global_step, self.global_step == self.num_training_steps - 1
                    if eval_steps and (is_last or (step > 0 and step % eval_steps == 0)):
                        self._evaluate_in_training(dev_loader, save_path, watchers)
                    if self._ends_an_epoch():
                        for watcher in watchers:  # before the state is written: an epoch that is in it has ended
                            watcher.on_epoch_end(self)
                    self.global_step += 1
                    if checkpoint_path is not None and (is_last or self.global_step % checkpoint_steps == 0):
                        _save(resume.state_of(self), checkpoint_path)
            except KeyboardInterrupt:
                self.interrupted = True
                raise
            finally:
                self._save_path = None
                del self.train_step_losses[self._whole_steps :]  # the step that did not come to its update
                self.global_step = self._whole_steps

    def _train_step(self, X: Any, y: Tensor, custom_print_log: Callable | None, watchers: list[Callback]) -> None:
        loss = self.loss_fn(self.model(X), y)
        value = _number(distributed.mean(loss))
        if not math.isfinite(value):
            raise DivergedError(
                f"the training loss became {value} at step {self.global_step} (epoch {self.epoch}); what usually "
                "helps: a lower learning rate, gradient clipping (paddle.nn.ClipGradByNorm), a look at the inputs"
            )
        self.train_step_losses.append((self.global_step, value))
        loss.backward()
        for watcher in watchers:
            watcher.on_backward_end(self)
        if custom_print_log is not None:  # after the display, so that what it prints stands below the step's line
            with above_the_bar():
                custom_print_log(self)
        self.optimizer.step()
        self._count_step()
        self._clear_grad()
        for watcher in watchers:
            watcher.on_step_end(self)

    def _count_step(self) -> None:
        """From here on the step has been taken, whatever interrupts the rest of it."""
        self._whole_steps = len(self.train_step_losses)
        if self._ends_an_epoch():
            losses = [loss for _, loss in self.train_step_losses[-self._steps_per_epoch :]]
            self.train_epoch_losses.append(sum(losses) / self._steps_per_epoch)

    def _ends_an_epoch(self) -> bool:
        """Whether the step that was taken last is the last of its epoch."""
        return (self._whole_steps - self._first_step) % self._steps_per_epoch == 0

    def _evaluate_in_training(self, dev_loader: Any, save_path: FilePath, watchers: list[Callback]) -> None:
        recorded = len(self.dev_scores)
        try:
            with _modes_kept(self.model):
                score, loss = self.evaluate(dev_loader, global_step=self.global_step)
        finally:  # a reader's own evaluate may record what it finds, as the book's does
            del self.dev_losses[recorded:], self.dev_scores[recorded:]
        improved = not self.dev_scores or self._beats_the_best(score)
        if improved:
            if not self._owns_save_path:  # an earlier training's model may lie there
                _keep_previous(Path(save_path))
                self._owns_save_path = True
            self.save_model(save_path)  # before anything is recorded: the best score's model is on disk
            self.best_score = score
        self.dev_losses.append((self.global_step, loss))
        self.dev_scores.append(score)
        for watcher in watchers:
            watcher.on_evaluate(self, improved)

    def _beats_the_best(self, score: float) -> bool:
        """Whether a score is better than the best so far; NaN (not a number) is worse than any number."""
        if math.isnan(self.best_score):
            return not math.isnan(score)
        return score < self.best_score if lower_is_better(self.metric) else score > self.best_score

    @paddle.no_grad()
    def evaluate(self, loader: Iterable, *, global_step: int = -1, **ignored: Any) -> tuple[float, float]:
        """The metric, and the mean of the batches' losses.

        The training history stays as it is: ``global_step``, under which the book's runner records what it finds, is
        accepted and has no effect, so a score on the test set never gets into the curve of the dev set.

        Raises:
            SettingError: no metric, a loader without batches, or a loss that is not one number.
        """
        _ignore(ignored, RunnerV3.evaluate)
        if self.metric is None:
            raise SettingError("evaluate: expected a metric; pass one to RunnerV3")
        self.metric.reset()
        losses = []
        with _modes_kept(self.model):
            self.model.eval()
            for X, y in map(_pair, loader):
                logits = self.model(X)
                losses.append(_number(self.loss_fn(logits, y)))
                _update(self.metric, logits, y)
        if not losses:
            raise SettingError("evaluate: the loader is empty, expected at least one batch")
        return float(self.metric.accumulate()), sum(losses) / len(losses)

    @paddle.no_grad()
    def predict(self, X: Any, **ignored: Any) -> Tensor:
        """The model's logits for a batch X, without gradients and without dropout."""
        _ignore(ignored, RunnerV3.predict)
        with _modes_kept(self.model):
            self.model.eval()
            return self.model(X)

    def save_model(self, save_path: FilePath) -> None:
        """Write the parameters.

        A file that is there already, unless the training under way wrote it, is kept as ``stem.previous.suffix``, in
        the place of an older one kept there.

        Raises:
            OutputError: a folder, or a place that cannot be written.
        """
        _check_places({"save_path": save_path})
        if self._save_path != Path(save_path) or not self._owns_save_path:
            _keep_previous(Path(save_path))
        _save(self.model.state_dict(), save_path)

    def load_model(self, model_path: FilePath) -> None:
        """Read the parameters that :meth:`save_model` or ``paddle.save`` wrote.

        Raises:
            CheckpointError: no such file, a damaged one, or the parameters of another model.
        """
        checkpoint.restore(self.model, checkpoint.load(model_path), model_path)

    def _batches(self, loader: Iterable, watchers: list[Callback]) -> Iterator:
        """The batches of all epochs, without those that an interrupted training has had already."""
        first_epoch, had = divmod(self.global_step - self._first_step, self._steps_per_epoch)
        for epoch in range(first_epoch, self.num_epochs):
            self.epoch = epoch
            now = resume.random_state()
            for watcher in watchers:
                watcher.on_epoch_begin(self)
            if had:
                resume.set_random_state(self._random_at_epoch_start)
                batches = iter(loader)
                had = sum(1 for _ in islice(batches, had))
                resume.set_random_state(now)
            else:
                self._random_at_epoch_start = resume.random_state()
                batches = iter(loader)
            for batch in batches:
                had += 1
                if had > self._steps_per_epoch:
                    break
                yield _pair(batch)
            if had != self._steps_per_epoch:  # the epochs, the evaluations and the end are counted by it
                found = "more" if had > self._steps_per_epoch else str(had)
                raise SettingError(
                    f"train_loader: {found} batches in epoch {epoch}, its len is {self._steps_per_epoch}; "
                    "pass a list of batches, or a DataLoader"
                )
            had = 0


@contextmanager
def _modes_kept(model: paddle.nn.Layer) -> Iterator[None]:
    """Afterwards every part is in the mode, training or evaluation, it was in: what was frozen stays frozen."""
    modes = [(layer, layer.training) for layer in model.sublayers(include_self=True)]
    try:
        yield
    finally:
        for layer, was_training in modes:
            layer.training = was_training


def _pair(batch: Any) -> Sequence:
    """(X, y); not X and y by themselves, the keys of a dict, or the rows of a tensor that happens to have two."""
    if not isinstance(batch, tuple | list) or len(batch) != 2:
        found = f"{type(batch).__name__} of {len(batch)}" if isinstance(batch, Sized) else type(batch).__name__
        raise SettingError(f"a batch that is a {found}: expected a pair (X, y), where X may be a tuple")
    return batch


def _update(metric: Any, logits: Tensor, y: Tensor) -> None:
    """Count one batch; Paddle's metrics have a step before, without which its Accuracy is the mean of the logits."""
    found = metric.compute(logits, y) if isinstance(metric, paddle.metric.Metric) else (logits, y)
    metric.update(*(found if isinstance(found, tuple | list) else [found]))


def _number(loss: Tensor) -> float:
    """A loss as a number."""
    if loss.size != 1:
        raise SettingError(
            f"a loss of shape {list(loss.shape)}: expected one number; reduce it, with reduction='mean' or 'sum'"
        )
    return loss.item()


def _number_of_batches(loader: Iterable) -> int:
    try:
        number = len(loader)  # type: ignore[arg-type]
    except TypeError:
        kind = type(loader).__name__
        raise SettingError(f"train_loader: a {kind} has no len; pass a list of batches, or a DataLoader") from None
    if not number:
        raise SettingError("train_loader is empty: expected at least one batch")
    return number


def _clearing_gradients(optimizer: Any) -> Callable[[], None]:
    """How to clear them: Paddle's optimizers free them, for a large embedding's would fill memory with zeros."""
    if "set_to_zero" in inspect.signature(optimizer.clear_grad).parameters:
        return partial(optimizer.clear_grad, set_to_zero=False)
    return optimizer.clear_grad  # a reader's own


def _ignore(keywords: dict[str, Any], method: Callable) -> None:
    """The book's methods take any keyword; but a misspelt one would change the training without a word."""
    name = method.__name__
    for keyword in keywords:
        known = [known for known in inspect.signature(method).parameters if known not in ("self", "ignored")]
        if near := get_close_matches(keyword, known, n=1, cutoff=0.7):
            raise SettingError(f"RunnerV3.{name}: no setting is called {keyword}; did you mean {near[0]}?")
        say_once(f"RunnerV3.{name}: {keyword} is ignored; it takes {', '.join(known)}")


def _check_places(paths: dict[str, FilePath]) -> None:
    """Refuse, before anything is computed, what could not be written afterwards."""
    for name, path in paths.items():
        if fault := _fault(path):
            raise OutputError(f"{name} {str(path)!r}: {fault}; choose another place")
    if len({os.path.realpath(path) for path in paths.values()}) < len(paths):
        raise SettingError(f"{' and '.join(paths)} are the same file; they would overwrite each other")


def _fault(path: FilePath) -> str | None:
    """Why a file cannot be written to a path, or None."""
    text = str(path)
    if not text or os.path.isdir(path) or text.endswith(("/", os.sep)):
        return "a folder, expected the name of a file" if text else "expected the name of a file"
    if os.path.exists(path) and not os.path.isfile(path):
        return "no regular file"
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # too long a name, a folder that may not be looked into
        return str(getattr(error, "strerror", None) or error)
    folder = os.path.dirname(os.path.abspath(path))
    while not os.path.exists(folder):  # it will be made
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        return f"{folder} is a file, expected a folder"
    return None if os.access(folder, os.W_OK | os.X_OK) else f"no permission to write into {folder}"


def _save(content: Any, path: FilePath) -> None:
    """Write a checkpoint; of processes that train together (:mod:`nndl.distributed`) only the first does."""
    if distributed.rank() == 0:
        checkpoint.save(content, path)


def _keep_previous(path: Path) -> None:
    """Copy a file at ``path`` before it is written over, so that there is a whole model at every moment."""
    if distributed.rank() or not path.exists():
        return
    kept = path.with_name(f"{path.stem}.previous{path.suffix}")
    with replacing(kept) as temporary:
        shutil.copy2(path, temporary)
    _say_kept(path, kept)


@cache
def _say_kept(path: Path, kept: Path) -> None:
    print(f"[Save] {path} was there already; it is kept as {kept}, and only the latest of such files")
