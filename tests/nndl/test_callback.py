"""What watches a training: gradient norms, VisualDL, the two displays."""

import itertools
import sys
import time
from functools import partial

import numpy as np
import paddle
import pytest
import tqdm
from paddle import nn

from nndl import Callback, GradientNormRecorder, LearningRateSchedule, RunnerV3, StepTimer, VisualDLLogger
from nndl.callback import PlainLog, ProgressBar, progress

CLIPS = {
    "none": None,
    "by norm": nn.ClipGradByNorm(0.2),
    "by value": nn.ClipGradByValue(0.05),
    "by global norm": nn.ClipGradByGlobalNorm(0.2),
}
NAMES = ("weight", "bias")


class ByHand(Callback):
    """Norms of the gradients as they are, and of those that the update of SGD reveals."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.norms = {name: [] for name in NAMES}
        self.applied = {name: [] for name in NAMES}

    def on_backward_end(self, runner):
        self.before = self.parameters(runner.model)
        for name, parameter in runner.model.named_parameters():
            self.norms[name].append(np.sqrt((parameter.grad.numpy().astype("float64") ** 2).sum()))

    def on_step_end(self, runner):
        after = self.parameters(runner.model)
        for name in NAMES:
            gradient = (self.before[name] - after[name]).astype("float64") / runner.optimizer.get_lr()
            self.applied[name].append(np.sqrt((gradient**2).sum()))


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_gradient_norms_before_and_after_clipping(make_runner, batches, parameters, clip):
    runner = make_runner(grad_clip=clip)
    recorder, by_hand = GradientNormRecorder(), ByHand(parameters)
    runner.train(batches, num_epochs=2, log_steps=0, callbacks=[recorder, by_hand])
    assert set(recorder.norms) == set(recorder.applied) == set(NAMES)
    for name in NAMES:
        assert recorder.norms[name] == pytest.approx(by_hand.norms[name], rel=1e-5)
        assert recorder.applied[name] == pytest.approx(by_hand.applied[name], rel=1e-3, abs=1e-5)
    clipped = any(recorder.applied[name] != recorder.norms[name] for name in NAMES)
    assert clipped is (clip is not None)


@pytest.mark.parametrize("clip", CLIPS.values(), ids=CLIPS)
def test_recording_does_not_change_the_training(make_runner, batches, clip):
    watched, alone = make_runner(grad_clip=clip), make_runner(grad_clip=clip)
    watched.train(batches, num_epochs=2, log_steps=0, callbacks=[GradientNormRecorder()])
    alone.train(batches, num_epochs=2, log_steps=0)
    assert watched.train_step_losses == alone.train_step_losses


def test_the_recorder_is_a_custom_print_log_too(make_runner, batches):
    as_callback, as_function = GradientNormRecorder(), GradientNormRecorder()
    make_runner().train(batches, num_epochs=1, log_steps=0, callbacks=[as_callback], custom_print_log=as_function)
    assert as_function.norms == as_callback.norms
    assert len(as_function.norms["weight"]) == len(batches)


def test_a_frozen_parameter_has_no_norm(make_runner, batches):
    runner, recorder = make_runner(), GradientNormRecorder()
    runner.model.bias.stop_gradient = True
    runner.train(batches, num_epochs=1, log_steps=0, callbacks=[recorder])
    assert list(recorder.norms) == list(recorder.applied) == ["weight"]


def test_visualdl_reads_the_log_back(make_runner, batches, tmp_path):
    from visualdl import LogReader

    runner, recorder = make_runner(), GradientNormRecorder()
    runner.train(
        batches,
        batches,
        num_epochs=1,
        log_steps=0,
        eval_steps=2,
        save_path=tmp_path / "best.pdparams",
        callbacks=[VisualDLLogger(tmp_path / "log"), recorder],
    )
    (file,) = (tmp_path / "log").iterdir()
    reader = LogReader(file_path=str(file))

    def read(tag):
        return [(record.id, record.value) for record in reader.get_data("scalar", tag)]

    def close(items):  # VisualDL keeps single precision
        return [(step, pytest.approx(value, rel=1e-6)) for step, value in items]

    assert read("train/loss") == close(runner.train_step_losses)
    assert read("dev/loss") == close(runner.dev_losses)
    assert read("dev/score") == close(zip([step for step, _ in runner.dev_losses], runner.dev_scores, strict=True))
    for name in NAMES:
        assert read(f"gradient_norm/{name}") == close(enumerate(recorder.norms[name]))


# --- the displays ---


def test_which_display_is_chosen(monkeypatch):
    assert isinstance(progress(100), PlainLog)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert isinstance(progress(100), ProgressBar)
    assert type(progress(0)) is Callback


def test_no_log_steps_means_silence(make_runner, batches, tmp_path, capfd, monkeypatch):
    settings = {"num_epochs": 1, "log_steps": 0, "eval_steps": 2}
    make_runner().train(batches, batches, save_path=tmp_path / "one.pdparams", **settings)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    make_runner().train(batches, batches, save_path=tmp_path / "two.pdparams", **settings)
    assert capfd.readouterr() == ("", "")


def test_the_books_lines(make_runner, batches, tmp_path, capsys):
    runner = make_runner()
    runner.train(batches, batches, num_epochs=2, log_steps=4, eval_steps=6, save_path=tmp_path / "best.pdparams")
    losses = [f"{loss:.5f}" for _, loss in runner.train_step_losses]
    (first, second), (_, first_loss), (_, second_loss) = runner.dev_scores, *runner.dev_losses
    expected = [
        f"[Train] epoch: 0/2, step: 0/10, loss: {losses[0]}",
        f"[Train] epoch: 0/2, step: 4/10, loss: {losses[4]}",
        f"[Evaluate] dev score: {first:.5f}, dev loss: {first_loss:.5f}",
        f"[Evaluate] best accuracy has been updated: 0.00000 --> {first:.5f}",
        f"[Train] epoch: 1/2, step: 8/10, loss: {losses[8]}",
        f"[Evaluate] dev score: {second:.5f}, dev loss: {second_loss:.5f}",
    ]
    if second > first:
        expected.append(f"[Evaluate] best accuracy has been updated: {first:.5f} --> {second:.5f}")
    assert capsys.readouterr().out.splitlines() == [*expected, "[Train] Training done!"]


def stop(runner):
    if runner.global_step == 3:
        raise KeyboardInterrupt


def diverge(runner):
    runner.model.weight.set_value(runner.model.weight * float("nan"))


DISPLAYS = pytest.mark.parametrize("make_display", [lambda: PlainLog(100), ProgressBar], ids=["lines", "bar"])


@DISPLAYS
def test_an_interruption_is_announced(make_runner, batches, capsys, make_display):
    make_runner().train(batches, num_epochs=1, log_steps=0, callbacks=[make_display()], custom_print_log=stop)
    last = capsys.readouterr().out.splitlines()[-1]
    assert "interrupted" in last
    assert "done" not in last


@DISPLAYS
def test_a_training_that_failed_is_not_called_done(make_runner, batches, capsys, make_display):
    with pytest.raises(FloatingPointError):
        make_runner().train(batches, num_epochs=1, log_steps=0, callbacks=[make_display()], custom_print_log=diverge)
    assert "done" not in capsys.readouterr().out


@pytest.fixture
def patient_bar(monkeypatch):
    """A progress bar that shows every step, however short."""
    monkeypatch.setattr(tqdm, "tqdm", partial(tqdm.tqdm, mininterval=0))
    return ProgressBar()


def test_the_bar_shows_epoch_step_loss_and_score(make_runner, batches, tmp_path, capsys, patient_bar):
    runner, settings = make_runner(), {"num_epochs": 2, "log_steps": 0, "eval_steps": 2}
    runner.train(batches, batches, save_path=tmp_path / "best.pdparams", callbacks=[patient_bar], **settings)
    said = capsys.readouterr()
    assert said.out.splitlines() == [f"[Train] done at step 10, best dev score {runner.best_score:.5f}"]
    shown = said.err.split("\r")
    _, loss = runner.train_step_losses[7]
    (line,) = [line for line in shown if " 8/10 " in line]
    assert line.startswith("epoch 2/2")
    assert f"loss={loss:.4f}" in line
    assert f"dev={runner.dev_scores[2]:.3f}" in line


def test_the_bar_of_a_resumed_training_starts_where_it_stopped(make_runner, batches, tmp_path, capsys, patient_bar):
    settings = {"num_epochs": 1, "log_steps": 0, "checkpoint_path": tmp_path / "state", "checkpoint_steps": 1}
    make_runner().train(batches, custom_print_log=stop, **settings)
    make_runner().train(batches, callbacks=[patient_bar], **settings)
    shown = capsys.readouterr().err
    assert " 3/5 " in shown
    assert " 2/5 " not in shown


def test_learning_rate_moves_once_a_step(make_batches):
    rate = paddle.optimizer.lr.CosineAnnealingDecay(0.1, T_max=10)
    model = nn.Linear(3, 2)
    optimizer = paddle.optimizer.SGD(rate, parameters=model.parameters())
    seen = []
    runner = RunnerV3(model, optimizer, nn.CrossEntropyLoss(), None)
    runner.train(
        make_batches(),
        num_epochs=2,
        log_steps=0,
        callbacks=[LearningRateSchedule(rate)],
        custom_print_log=lambda runner: seen.append(runner.optimizer.get_lr()),
    )
    assert seen == pytest.approx([0.05 * (1 + np.cos(np.pi * step / 10)) for step in range(10)])


def test_step_timer_counts_the_steps_and_not_the_evaluations(make_runner, batches, monkeypatch, tmp_path):
    """Each look at the clock is a second later; a step takes one, and so does an evaluation."""
    monkeypatch.setattr(time, "perf_counter", itertools.count().__next__)
    timer, best = StepTimer(), tmp_path / "best.pdparams"
    watched = {"callbacks": [timer], "log_steps": 0, "eval_steps": 1}
    make_runner().train(batches, batches, num_epochs=2, save_path=best, **watched)
    assert (timer.steps, timer.seconds) == (10, 10)
