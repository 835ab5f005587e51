"""What watches a training: gradient norms, VisualDL, the two displays."""

import itertools
import math
import os
import subprocess
import sys
import time
from contextlib import suppress
from fractions import Fraction
from functools import partialmethod
from pathlib import Path
from types import SimpleNamespace

import nndl
from nndl import Callback, GradientNormRecorder, LearningRateSchedule, RunnerV3, StepTimer, VisualDLLogger
from nndl.callback import PlainLog, ProgressBar, progress
from nndl.error import SettingError

import numpy as np
import paddle
import pytest
import tqdm
from hypothesis import example, given, settings
from hypothesis import strategies as st
from paddle import nn

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


class Gradients:
    """Stands for a runner whose gradients are known: a parameter each."""

    def __init__(self, *gradients, clip=None, dtype="float32"):
        tensors = [paddle.to_tensor(np.asarray(gradient), dtype=dtype) for gradient in gradients]
        self.model = nn.Layer()
        for number, tensor in enumerate(tensors):
            parameter = self.model.create_parameter(tensor.shape, dtype=dtype)
            self.model.add_parameter(f"p{number}", parameter)
            parameter.grad = tensor
        self.optimizer = paddle.optimizer.SGD(0.1, parameters=self.model.parameters(), grad_clip=clip)

    def norms(self):
        recorder = GradientNormRecorder()
        recorder(self)
        return [norm for (norm,) in recorder.norms.values()]


EXPONENTS = st.floats(-30, 30)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-9, 9), EXPONENTS), min_size=1, max_size=40))
@example([(3.0, 20.0), (4.0, 20.0)])
@example([(3.0, -25.0), (4.0, -25.0)])
@example([(1.0, -30.0), (1.0, -30.0)])
def test_norms_are_right_over_sixty_decades(numbers):
    gradient = np.array([factor * 10**exponent for factor, exponent in numbers], "float32")
    exact = [Fraction(float(value)) ** 2 for value in gradient]  # without any rounding
    (norm,) = Gradients(gradient).norms()
    assert norm == pytest.approx(math.sqrt(sum(exact)), rel=1e-12)


def test_the_smallest_and_the_largest_numbers_have_norms():
    tiny, huge = np.finfo("float32").smallest_subnormal, np.finfo("float32").max
    norms = Gradients([tiny, tiny], [huge, huge], np.zeros([0, 4]), [0.0]).norms()
    assert norms == [pytest.approx(2**0.5 * float(tiny)), pytest.approx(2**0.5 * float(huge)), 0, 0]


@pytest.mark.parametrize(("dtype", "large"), [("float16", 6e4), ("bfloat16", 3e38), ("float64", 1e150)])
def test_norms_of_other_dtypes(dtype, large):
    (norm,) = Gradients([large, large, 0], dtype=dtype).norms()
    assert norm == pytest.approx(2**0.5 * large, rel=1e-2)


def test_a_gradient_that_is_no_number_has_a_norm_that_is_none():
    not_a_number, infinite = Gradients([1, float("nan")], [[1, float("inf")], [0, 0]]).norms()
    assert math.isnan(not_a_number)
    assert infinite == float("inf")


def test_a_sum_of_millions_is_right_too():
    gradient = np.random.default_rng(0).standard_normal(2_000_000).astype("float32")
    (norm,) = Gradients(gradient).norms()
    assert norm == pytest.approx(float(np.sqrt((gradient.astype("float64") ** 2).sum())), rel=1e-12)


@pytest.mark.parametrize("clip", [None, nn.ClipGradByNorm(2.0), nn.ClipGradByGlobalNorm(2.0)])
def test_a_sparse_embedding_has_the_norms_of_a_dense_one(clip):
    """A word that occurs twice has two rows in the sparse gradient; the norm is that of their sum."""
    recorders = []
    for sparse in (False, True):
        layer = nn.Embedding(10, 3, sparse=sparse)
        (layer(paddle.to_tensor([[1, 2, 1]])) * paddle.to_tensor([[[1.0], [2.0], [4.0]]])).sum().backward()
        optimizer = paddle.optimizer.SGD(0.1, parameters=layer.parameters(), grad_clip=clip)
        recorders.append(GradientNormRecorder())
        recorders[-1](SimpleNamespace(model=layer, optimizer=optimizer))
    dense, sparse = recorders
    norm = (3 * (5**2 + 2**2)) ** 0.5
    assert sparse.norms == {"weight": [pytest.approx(norm)]}
    assert dense.norms == {"weight": [pytest.approx(norm)]}
    assert sparse.applied["weight"] == pytest.approx(dense.applied["weight"]) == [pytest.approx(2 if clip else norm)]


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
    assert read("train/epoch_loss") == close([(len(batches) - 1, runner.train_epoch_losses[0])])
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


DISPLAYS = pytest.mark.parametrize("make_display", [PlainLog, ProgressBar])


def test_the_books_lines(make_runner, batches, tmp_path, capsys):
    runner = make_runner()
    runner.train(batches, batches, num_epochs=2, log_steps=4, eval_steps=6, save_path=tmp_path / "best.pdparams")
    losses = [f"{loss:.5f}" for _, loss in runner.train_step_losses]
    (first, second), (_, first_loss), (_, second_loss) = runner.dev_scores, *runner.dev_losses
    expected = [
        f"[Train] epoch: 0/2, step: 0/10, loss: {losses[0]}",
        f"[Train] epoch: 0/2, step: 4/10, loss: {losses[4]}",
        f"[Evaluate]  dev score: {first:.5f}, dev loss: {first_loss:.5f}",
        f"[Evaluate] best accuracy performence has been updated: 0.00000 --> {first:.5f}",
        f"[Train] epoch: 1/2, step: 8/10, loss: {losses[8]}",
        f"[Evaluate]  dev score: {second:.5f}, dev loss: {second_loss:.5f}",
    ]
    if second > first:
        expected.append(f"[Evaluate] best accuracy performence has been updated: {first:.5f} --> {second:.5f}")
    assert capsys.readouterr().out.splitlines() == [*expected, "[Train] Training done!"]


@DISPLAYS
def test_the_books_line_of_a_score_of_which_lower_is_better(make_runner, batches, tmp_path, capsys, make_display):
    runner = make_runner(metric=nndl.CrossEntropy())
    settings = {"log_steps": 0, "eval_steps": 4, "save_path": tmp_path / "best"}
    runner.train(batches, batches, num_epochs=1, callbacks=[make_display(100)], **settings)
    score, loss = runner.dev_scores[0], runner.dev_losses[0][1]
    assert capsys.readouterr().out.splitlines()[1:3] == [
        f"[Evaluate]  dev score: {score:.5f}, dev loss: {loss:.5f}",
        f"[Evaluate] best accuracy performence has been updated: inf --> {score:.5f}",
    ]


def test_the_gradient_line_stands_below_its_own_line(make_runner, batches, capsys):
    make_runner().train(batches, num_epochs=1, log_steps=2, custom_print_log=lambda r: print(f"step {r.global_step}"))
    lines = [line.partition(", loss")[0] for line in capsys.readouterr().out.splitlines()]
    train = "[Train] epoch: 0/1, step:"
    assert lines[:3] == [f"{train} 0/5", "step 0", "step 1"]
    assert lines[3:] == [f"{train} 2/5", "step 2", "step 3", f"{train} 4/5", "step 4", "[Train] Training done!"]


def stop(runner):
    if runner.global_step == 3:
        raise KeyboardInterrupt


def diverge(runner):
    runner.model.weight.set_value(runner.model.weight * float("nan"))


@DISPLAYS
def test_an_interruption_is_announced(make_runner, batches, capsys, make_display):
    with pytest.raises(KeyboardInterrupt):
        make_runner().train(batches, num_epochs=1, log_steps=0, callbacks=[make_display(100)], custom_print_log=stop)
    assert capsys.readouterr().out.splitlines()[-1] == "[Train] Training interrupted at step 3."


@DISPLAYS
def test_a_training_that_failed_is_not_called_done(make_runner, batches, capsys, make_display):
    with pytest.raises(FloatingPointError):
        make_runner().train(batches, num_epochs=1, log_steps=0, callbacks=[make_display(100)], custom_print_log=diverge)
    assert "done" not in capsys.readouterr().out


@pytest.fixture
def patient_bar(monkeypatch):
    """A progress bar that shows every step, however short."""
    monkeypatch.setattr(tqdm.tqdm, "__init__", partialmethod(tqdm.tqdm.__init__, mininterval=0))
    return ProgressBar(4)


def test_the_bar_shows_epoch_step_loss_and_score(make_runner, batches, tmp_path, capsys, patient_bar):
    runner, settings = make_runner(), {"num_epochs": 2, "log_steps": 0, "eval_steps": 2}
    runner.train(batches, batches, save_path=tmp_path / "best.pdparams", callbacks=[patient_bar], **settings)
    shown = capsys.readouterr().err.split("\r")
    _, loss = runner.train_step_losses[7]
    line = next(line for line in shown if " 8/10 " in line)
    assert line.startswith("epoch 2/2")
    assert f"loss={loss:.4f}" in line
    assert f"dev={runner.dev_scores[2]:.3f}" in line


def on_a_terminal(code, folder):
    """What a reader sees who runs the code in a terminal, after the control characters have done their work."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (40, 100))
    settings = {"cwd": Path(nndl.__file__).parents[1], "env": os.environ | {"TQDM_MININTERVAL": "0"}}
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=child, stderr=child, **settings)
    os.close(child)
    written = b""
    with suppress(OSError):  # how Linux tells that the other side is closed
        while chunk := os.read(parent, 65536):
            written += chunk
    assert process.wait() == 0, written.decode()
    os.close(parent)
    return written.decode()


TERMINAL = """
import sys, nndl, paddle
model = paddle.nn.Linear(3, 2)
optimizer = paddle.optimizer.SGD(0.1, parameters=model.parameters())
batches = [(paddle.randn([4, 3]), paddle.to_tensor([0, 1, 0, 1]))] * 6
runner = nndl.RunnerV3(model, optimizer, paddle.nn.CrossEntropyLoss(), nndl.Accuracy())
runner.train(batches, batches, num_epochs=1, log_steps=2, eval_steps=3, save_path=sys.argv[1] + "/best.pdparams",
             custom_print_log=lambda runner: print(f"[Training] step {runner.global_step}"))
"""


def test_a_terminal_shows_lines_and_a_bar(tmp_path):
    written = on_a_terminal(TERMINAL, tmp_path)
    # A line of the screen is what was written last to it: what stands behind the last carriage return.
    lines = [line.rpartition("\r")[2] for line in written.replace("\r\n", "\n").splitlines()]
    told = [line for line in lines if line.startswith("[")]
    steps = [line for line in told if line.startswith("[Train")]
    assert [line.partition(", loss")[0] for line in steps] == [
        "[Train] epoch: 0/1, step: 0/6", "[Training] step 0", "[Training] step 1",
        "[Train] epoch: 0/1, step: 2/6", "[Training] step 2", "[Training] step 3",
        "[Train] epoch: 0/1, step: 4/6", "[Training] step 4", "[Training] step 5",
        "[Train] Training done!",
    ]  # fmt: skip
    assert sum(line.startswith("[Evaluate]  dev score: ") for line in told) == 2
    assert "epoch 1/1" in written  # the bar
    assert "6/6" in written


def test_the_bar_of_a_resumed_training_starts_where_it_stopped(make_runner, batches, tmp_path, capsys, patient_bar):
    settings = {"num_epochs": 1, "log_steps": 0, "checkpoint_path": tmp_path / "state", "checkpoint_steps": 1}
    with pytest.raises(KeyboardInterrupt):
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


def rates_seen(batches, folder, per, num_epochs=3, stop_at=None):
    """The learning rate at each step, halved with each move of its schedule; written down at every step."""
    rate = paddle.optimizer.lr.ExponentialDecay(0.8, gamma=0.5)
    model, seen = nn.Linear(3, 2), []
    optimizer = paddle.optimizer.SGD(rate, parameters=model.parameters())

    def look(runner):
        seen.append(runner.optimizer.get_lr())
        if runner.global_step == stop_at:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        RunnerV3(model, optimizer, nn.CrossEntropyLoss(), None).train(
            batches, num_epochs=num_epochs, log_steps=0, callbacks=[LearningRateSchedule(rate, per=per)],
            custom_print_log=look, checkpoint_path=folder / "state", checkpoint_steps=1,
        )  # fmt: skip
    return seen


@pytest.mark.parametrize(
    ("per", "expected"), [("step", [0.8 / 2**step for step in range(15)]), ("epoch", [0.8] * 5 + [0.4] * 5 + [0.2] * 5)]
)
def test_a_learning_rate_moves_by_steps_or_by_epochs(batches, tmp_path, per, expected):
    assert rates_seen(batches, tmp_path, per) == pytest.approx(expected)


@pytest.mark.parametrize("step", [4, 5, 7, 10])
def test_a_learning_rate_by_epochs_moves_once_an_epoch_in_a_resumed_training(batches, tmp_path, step):
    before = rates_seen(batches, tmp_path, "epoch", stop_at=step)[:step]
    after = rates_seen(batches, tmp_path, "epoch")
    assert before + after == pytest.approx([0.8] * 5 + [0.4] * 5 + [0.2] * 5)


def test_what_a_schedule_cannot_move_by_is_refused():
    rate = paddle.optimizer.lr.ExponentialDecay(0.8, gamma=0.5)
    with pytest.raises(SettingError, match=r"^per 'batch': expected one of step, epoch$"):
        LearningRateSchedule(rate, per="batch")
    with pytest.raises(SettingError, match=r"^per 'epoch': a ReduceOnPlateau is moved at each evaluation"):
        LearningRateSchedule(paddle.optimizer.lr.ReduceOnPlateau(0.1), per="epoch")


def plateau(make_batches, folder, mode, losses=None, **settings):
    """The learning rates at each step of a training whose dev scores and losses are known."""
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.6, 0.6, 0.6, 0.6, 0.6])
    rate = paddle.optimizer.lr.ReduceOnPlateau(1.0, mode=mode, factor=0.5, patience=1, threshold=0, **settings)
    model = nn.Linear(3, 2)
    optimizer = paddle.optimizer.SGD(rate, parameters=model.parameters())

    class Known(RunnerV3):
        def evaluate(self, loader, **_):
            score = next(scores)
            return score, 1 - score

    runner, seen = Known(model, optimizer, nn.CrossEntropyLoss(), object()), []
    runner.train(
        make_batches(),
        [],
        num_epochs=2,
        log_steps=0,
        eval_steps=1,
        save_path=folder / "best.pdparams",
        callbacks=[LearningRateSchedule(rate)],
        custom_print_log=lambda runner: seen.append(runner.optimizer.get_lr()),
    )
    return seen


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_plateau_is_one_of_evaluations(make_batches, tmp_path, mode):
    """Evaluated after steps 1 to 9; .4 and .3 are two in a row that are no better, then come .6 for good."""
    # scores  -    -    .1   .5   .4   .3   .6   .6   .6   .6
    by_hand = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25]
    assert plateau(make_batches, tmp_path, mode) == by_hand


def test_the_plateau_of_a_loss_is_found_in_a_real_training(make_batches, tmp_path):
    rate = paddle.optimizer.lr.ReduceOnPlateau(0.0, patience=0, factor=0.1)
    model = nn.Linear(3, 2)
    optimizer = paddle.optimizer.SGD(rate, parameters=model.parameters())
    runner, moves = RunnerV3(model, optimizer, nn.CrossEntropyLoss(), nndl.Accuracy()), []
    rate.step = moves.append
    runner.train(make_batches(), make_batches(), num_epochs=1, log_steps=0, eval_steps=2,
                 save_path=tmp_path / "b", callbacks=[LearningRateSchedule(rate)])  # fmt: skip
    assert moves == [loss for _, loss in runner.dev_losses]
    assert len(moves) == 2


def test_step_timer_counts_the_steps_and_not_the_evaluations(make_runner, batches, monkeypatch, tmp_path):
    """Each look at the clock is a second later; a step takes one, and so does an evaluation."""
    monkeypatch.setattr(time, "perf_counter", itertools.count().__next__)
    timer, best = StepTimer(), tmp_path / "best.pdparams"
    watched = {"callbacks": [timer], "log_steps": 0, "eval_steps": 1}
    make_runner().train(batches, batches, num_epochs=2, save_path=best, **watched)
    assert (timer.steps, timer.seconds) == (10, 10)
