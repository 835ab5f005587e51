"""RunnerV3, the course's training loop (the book's interface, chapter 6)."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import paddle
from paddle import Tensor

from nndl import checkpoint, distributed, resume
from nndl.callback import Callback, progress
from nndl.error import DivergedError, SettingError

FilePath = str | PathLike


class RunnerV3:
    """Trains, evaluates, predicts, saves and loads a model.

    Args:
        model: a ``paddle.nn.Layer``.
        optimizer: its optimizer; may be None where nothing is trained.
        loss_fn: called as ``loss_fn(logits, y)``, returns a scalar tensor.
        metric: with ``update``, ``accumulate`` and ``reset``, such as :class:`nndl.Accuracy`; may be None.

    Attributes:
        train_step_losses: [(step, loss)], one for each training step.
        train_epoch_losses: the mean loss of each epoch (回合).
        dev_losses: [(step, loss)], one for each evaluation during training.
        dev_scores: the metric at the same steps.
        best_score: the best of them.
        global_step: the number of steps taken.
        interrupted: whether Ctrl-C ended the last training.
    """

    def __init__(self, model: paddle.nn.Layer, optimizer: Any, loss_fn: Callable, metric: Any) -> None:
        self.model, self.optimizer, self.loss_fn, self.metric = model, optimizer, loss_fn, metric
        self.train_step_losses: list[tuple[int, float]] = []
        self.train_epoch_losses: list[float] = []
        self.dev_losses: list[tuple[int, float]] = []
        self.dev_scores: list[float] = []
        self.best_score = 0.0
        self.global_step = self.epoch = self.num_epochs = self.num_training_steps = 0
        self.interrupted = False

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
    ) -> None:
        """Train for ``num_epochs`` epochs; Ctrl-C ends the training and keeps the best model.

        A batch is ``(X, y)``; X may be a tuple, such as ``(ids, lengths)``.

        Args:
            train_loader: batches; ``len`` of it is the number of batches an epoch.
            dev_loader: batches to choose the best model by.
            num_epochs: how often the training set is seen.
            log_steps: a line every so many steps (a bar on a terminal); 0 for silence.
            eval_steps: the dev set is evaluated every so many steps and after the last; 0 for never.
            save_path: where the model with the best dev score is written; its folder is made.
            custom_print_log: called with the runner after backward, before the update.
            callbacks: more to call, see :class:`nndl.Callback`.
            checkpoint_path: where the whole state of the training is written, every ``checkpoint_steps`` steps
                and at the end. If the file is there, training goes on from it, and ends with the numbers of a
                training that was never interrupted.
            checkpoint_steps: see above.

        Raises:
            DivergedError: the training loss became NaN or infinite.
            SettingError: eval_steps without a dev loader or a metric, or an empty loader.
            CheckpointError: ``checkpoint_path`` holds another model's state.
        """
        steps_per_epoch = len(train_loader)  # type: ignore[arg-type]
        if not steps_per_epoch:
            raise SettingError("train_loader is empty: expected at least one batch")
        if eval_steps and (dev_loader is None or self.metric is None):
            raise SettingError("eval_steps: evaluating needs a dev_loader and a metric; pass both, or eval_steps=0")
        if self.optimizer is not None:
            self.optimizer.clear_grad(set_to_zero=False)  # an interrupted step leaves its gradients,
        self.global_step = len(self.train_step_losses)  # and is recorded, but not counted
        self.interrupted, self._first_step, self._owns_save_path = False, self.global_step, False
        if checkpoint_path is not None and Path(checkpoint_path).exists():
            resume.restore(self, checkpoint_path)
        self.num_epochs, self.num_training_steps = num_epochs, self._first_step + num_epochs * steps_per_epoch

        watchers = [progress(log_steps), *callbacks]
        for watcher in watchers:
            watcher.on_train_begin(self)
        self.model.train()
        try:
            first_epoch, done = divmod(self.global_step - self._first_step, steps_per_epoch)
            for self.epoch in range(first_epoch, num_epochs):
                for X, y in self._batches(train_loader, skip=done):
                    self._train_step(X, y, custom_print_log, watchers)
                    step, is_last = self.global_step, self.global_step == self.num_training_steps - 1
                    if eval_steps and (is_last or (step > 0 and step % eval_steps == 0)):
                        self._evaluate_in_training(dev_loader, save_path, watchers)
                    self.global_step += 1
                    if (self.global_step - self._first_step) % steps_per_epoch == 0:
                        losses = [loss for _, loss in self.train_step_losses[-steps_per_epoch:]]
                        self.train_epoch_losses.append(sum(losses) / steps_per_epoch)
                    if checkpoint_path is not None and (is_last or self.global_step % checkpoint_steps == 0):
                        _save(resume.state_of(self), checkpoint_path)
                done = 0
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            for watcher in watchers:
                watcher.on_train_end(self)

    def _train_step(self, X: Any, y: Tensor, custom_print_log: Callable | None, watchers: list[Callback]) -> None:
        loss = self.loss_fn(self.model(X), y)
        value = float(distributed.mean(loss))
        if not math.isfinite(value):
            raise DivergedError(
                f"the training loss became {value} at step {self.global_step} (epoch {self.epoch}); what usually "
                "helps: a lower learning rate, gradient clipping (paddle.nn.ClipGradByNorm), a look at the inputs"
            )
        self.train_step_losses.append((self.global_step, value))
        loss.backward()
        if custom_print_log is not None:
            custom_print_log(self)
        for watcher in watchers:
            watcher.on_backward_end(self)
        self.optimizer.step()
        self.optimizer.clear_grad(set_to_zero=False)  # frees them: a large embedding's would fill memory with zeros
        for watcher in watchers:
            watcher.on_step_end(self)

    def _evaluate_in_training(self, dev_loader: Any, save_path: FilePath, watchers: list[Callback]) -> None:
        score, loss = self.evaluate(dev_loader)
        improved = not self.dev_scores or score > self.best_score
        self.dev_scores.append(score)
        self.dev_losses.append((self.global_step, loss))
        if improved:
            self.best_score = score
            if not self._owns_save_path:  # an earlier training's model may lie there
                _keep_previous(save_path)
                self._owns_save_path = True
            _save(self.model.state_dict(), save_path)
        for watcher in watchers:
            watcher.on_evaluate(self, improved)

    @paddle.no_grad()
    def evaluate(self, loader: Iterable) -> tuple[float, float]:
        """The metric, and the mean of the batches' losses. The training history stays as it is.

        Raises:
            SettingError: no metric, or a loader without batches.
        """
        if self.metric is None:
            raise SettingError("evaluate: expected a metric; pass one to RunnerV3")
        self.metric.reset()
        losses = []
        with _evaluating(self.model):
            for X, y in loader:
                logits = self.model(X)
                losses.append(float(self.loss_fn(logits, y)))
                self.metric.update(logits, y)
        if not losses:
            raise SettingError("evaluate: the loader is empty, expected at least one batch")
        return float(self.metric.accumulate()), sum(losses) / len(losses)

    @paddle.no_grad()
    def predict(self, X: Any) -> Tensor:
        """The model's logits for a batch X, without gradients and without dropout."""
        with _evaluating(self.model):
            return self.model(X)

    def save_model(self, save_path: FilePath) -> None:
        """Write the parameters; a file that is there already is kept under another name, which is printed."""
        _keep_previous(save_path)
        _save(self.model.state_dict(), save_path)

    def load_model(self, model_path: FilePath) -> None:
        """Read the parameters that :meth:`save_model` or ``paddle.save`` wrote.

        Raises:
            CheckpointError: no such file, a damaged one, or the parameters of another model.
        """
        checkpoint.restore(self.model, checkpoint.load(model_path), model_path)

    def _batches(self, loader: Iterable, skip: int) -> Iterator:
        """One epoch's batches, without the first ``skip``, which an interrupted training has had already."""
        if not skip:
            self._random_at_epoch_start = resume.random_state()
            return iter(loader)
        now = resume.random_state()
        resume.set_random_state(self._random_at_epoch_start)
        batches = iter(loader)
        for _ in range(skip):
            next(batches)
        resume.set_random_state(now)
        return batches


@contextmanager
def _evaluating(model: paddle.nn.Layer) -> Iterator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        if was_training:
            model.train()


def _save(content: Any, path: FilePath) -> None:
    """Write a checkpoint; of processes that train together (:mod:`nndl.distributed`) only the first does."""
    if distributed.rank() == 0:
        checkpoint.save(content, path)


def _keep_previous(path: FilePath) -> None:
    """Give way: a file at ``path`` gets the first free name ``stem.N.suffix``, and a line says so."""
    path = Path(path)
    if distributed.rank() or not path.exists():
        return
    number = 1
    while (kept := path.with_name(f"{path.stem}.{number}{path.suffix}")).exists():
        number += 1
    path.rename(kept)
    print(f"[Save] {path} was there already; it is kept as {kept}")
