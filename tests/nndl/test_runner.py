"""RunnerV3 against a loop written by hand, its interruptions and its errors."""

import copy
import os
import pickle
import random
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import nndl
from nndl import Accuracy, Callback, RunnerV3, checkpoint
from nndl.dataset import digit_sum
from nndl.error import CheckpointError, DivergedError, OutputError, SettingError
from nndl.paddle_versions import CAN_RESUME

import numpy as np
import paddle
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from paddle import nn

HISTORY = ("train_step_losses", "train_epoch_losses", "dev_losses", "dev_scores", "best_score")

resumes = pytest.mark.skipif(not CAN_RESUME, reason="this Paddle cannot keep the state of its random numbers")


def history(runner):
    return {name: copy.deepcopy(getattr(runner, name)) for name in HISTORY}


HOOKS = (
    "on_train_begin", "on_epoch_begin", "on_backward_end", "on_step_end", "on_evaluate", "on_epoch_end", "on_train_end",
)  # fmt: skip


class ScriptedScores(Accuracy):
    """A metric whose results are known beforehand."""

    def __init__(self, *scores):
        super().__init__()
        self.scores = iter(scores)

    def accumulate(self):
        return next(self.scores)


class Interrupt(Callback):
    """Ctrl-C at one step, in one of the hooks."""

    def __init__(self, step, hook="on_backward_end"):
        self.step, self.ended = step, False
        setattr(self, hook, self.stop)

    def stop(self, runner, *_):
        if runner.global_step >= self.step:
            raise KeyboardInterrupt

    def on_train_end(self, runner):
        self.ended = True


# --- training and its history ---


def evaluate_by_hand(model, batches):
    logits = [model(X).numpy().astype("float64") for X, _ in batches]
    labels = [y.numpy() for _, y in batches]
    losses = []
    for z, y in zip(logits, labels, strict=True):
        log_sum = np.log(np.exp(z).sum(axis=1))
        losses.append(np.mean(log_sum - z[np.arange(len(y)), y]))
    hits = np.concatenate([z.argmax(axis=1) == y for z, y in zip(logits, labels, strict=True)])
    return hits.mean(), np.mean(losses)


def train_by_hand(model, train, dev, num_epochs, eval_at):
    """The history, its dev losses and scores computed with NumPy."""
    optimizer = paddle.optimizer.SGD(0.1, parameters=model.parameters())
    steps, epochs, dev_losses, dev_scores = [], [], [], []
    for _ in range(num_epochs):
        for X, y in train:
            step = len(steps)
            loss = nn.functional.cross_entropy(model(X), y)
            loss.backward()
            optimizer.step()
            optimizer.clear_grad()
            steps.append((step, loss.item()))
            if step in eval_at:
                score, dev_loss = evaluate_by_hand(model, dev)
                dev_losses.append((step, dev_loss))
                dev_scores.append(score)
        epochs.append(np.mean([loss for _, loss in steps[-len(train) :]]))
    return steps, epochs, dev_losses, dev_scores


def test_history_is_that_of_a_loop_written_by_hand(make_runner, make_batches, parameters, tmp_path):
    train, dev = make_batches(), make_batches((7, 7, 2), seed=1)
    model = make_runner().model
    steps, epochs, dev_losses, dev_scores = train_by_hand(model, train, dev, num_epochs=3, eval_at=(4, 8, 12, 14))

    runner = make_runner()
    runner.train(train, dev, num_epochs=3, log_steps=0, eval_steps=4, save_path=tmp_path / "best.pdparams")

    assert runner.train_step_losses == steps
    assert runner.train_epoch_losses == pytest.approx(epochs, rel=1e-12)
    assert [step for step, _ in runner.dev_losses] == [step for step, _ in dev_losses]
    assert [loss for _, loss in runner.dev_losses] == pytest.approx([loss for _, loss in dev_losses], rel=1e-5)
    assert runner.dev_scores == pytest.approx(dev_scores, rel=1e-12)
    assert runner.best_score == max(runner.dev_scores)
    assert runner.global_step == 15
    np.testing.assert_equal(parameters(runner.model), parameters(model))


def test_a_second_training_goes_on_counting(make_runner, batches):
    whole, halves = make_runner(), make_runner()
    whole.train(batches, num_epochs=4, log_steps=0)
    halves.train(batches, num_epochs=2, log_steps=0)
    halves.train(batches, num_epochs=2, log_steps=0)
    assert [step for step, _ in halves.train_step_losses] == list(range(20))
    assert history(halves) == history(whole)


def test_gradients_are_there_and_parameters_not_yet_updated(make_runner, batches, parameters):
    seen = []
    runner = make_runner()
    X, y = batches[0]
    before = parameters(runner.model)
    runner.train(
        [(X, y)],
        num_epochs=1,
        log_steps=0,
        custom_print_log=lambda r: seen.append((parameters(r.model), r.model.weight.grad.numpy())),
    )
    (at_call, gradient), *more = seen
    assert not more
    np.testing.assert_equal(at_call, before)

    # d loss / d weight = X^T (softmax(X W + b) - one_hot(y)) / B
    scores = np.exp(X.numpy() @ before["weight"] + before["bias"])
    errors = scores / scores.sum(axis=1, keepdims=True) - np.eye(2)[y.numpy()]
    np.testing.assert_allclose(gradient, X.numpy().T @ errors / len(errors), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(runner.model.weight.numpy(), before["weight"] - 0.1 * gradient, rtol=1e-6)


def test_training_is_done_in_training_mode(make_runner, batches):
    runner, modes = make_runner(), []
    runner.model.eval()
    runner.train(batches, num_epochs=1, log_steps=0, custom_print_log=lambda r: modes.append(r.model.training))
    assert modes == [True] * len(batches)


def test_order_of_the_calls(make_runner, batches, tmp_path):
    class Recorder(Callback):
        def __init__(self):
            self.calls = []
            for hook in HOOKS:
                setattr(self, hook, lambda *_, hook=hook: self.calls.append(hook))

    recorder = Recorder()
    make_runner().train(
        batches[:1],
        batches,
        num_epochs=2,
        log_steps=0,
        eval_steps=1,
        save_path=tmp_path / "best.pdparams",
        custom_print_log=lambda _: recorder.calls.append("custom_print_log"),
        callbacks=[recorder],
    )
    first = ["on_epoch_begin", "on_backward_end", "custom_print_log", "on_step_end", "on_epoch_end"]
    last = [*first[:-1], "on_evaluate", "on_epoch_end"]  # step 0 is not evaluated, as in the book
    assert recorder.calls == ["on_train_begin", *first, *last, "on_train_end"]


def test_all_callbacks_have_a_hook_before_any_has_the_next(make_runner, batches, tmp_path):
    """So what one does at a step or an epoch is there for all of them, in whatever order they are given."""

    class Named(Callback):
        def __init__(self, name):
            for hook in HOOKS:
                setattr(self, hook, lambda *_, hook=hook: calls.append((hook, name)))

    calls = []
    settings = {"num_epochs": 2, "log_steps": 0, "eval_steps": 2, "save_path": tmp_path / "best"}
    make_runner().train(batches[:3], batches, callbacks=[Named("one"), Named("other")], **settings)
    for (hook, name), (other_hook, other_name) in zip(calls[::2], calls[1::2], strict=True):
        assert hook == other_hook
        assert {name, other_name} == {"one", "other"}


class Epochs(Callback):
    """What a runner shows at the epochs' begins and ends."""

    def __init__(self):
        self.seen = []

    def on_epoch_begin(self, runner):
        self.seen.append(("begin", runner.epoch, len(runner.train_step_losses), len(runner.dev_scores)))

    def on_epoch_end(self, runner):
        losses = [loss for _, loss in runner.train_step_losses[-5:]]
        assert runner.train_epoch_losses[-1] == pytest.approx(np.mean(losses), rel=1e-12)
        assert runner.global_step == runner.train_step_losses[-1][0]
        self.seen.append(("end", runner.epoch, len(runner.train_step_losses), len(runner.dev_scores)))


def test_epochs_begin_and_end(make_runner, batches, tmp_path):
    """Evaluated at steps 4, 8 and 9: that of an epoch's last step belongs to it. A second training counts anew."""
    runner, epochs = make_runner(), Epochs()
    settings = {"log_steps": 0, "eval_steps": 4, "save_path": tmp_path / "best", "callbacks": [epochs]}
    runner.train(batches, batches, num_epochs=2, **settings)
    assert epochs.seen == [("begin", 0, 0, 0), ("end", 0, 5, 1), ("begin", 1, 5, 1), ("end", 1, 10, 3)]
    epochs.seen.clear()
    runner.train(batches, batches, num_epochs=1, **settings)  # at steps 12 and 14
    assert epochs.seen == [("begin", 0, 10, 3), ("end", 0, 15, 5)]
    epochs.seen.clear()
    runner.train(batches, num_epochs=0, callbacks=[epochs])
    assert epochs.seen == []


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_backward_end", "on_step_end", "on_evaluate"])
@pytest.mark.parametrize("is_first", [True, False])
def test_an_epoch_that_is_interrupted_does_not_end(make_runner, batches, tmp_path, hook, is_first):
    """Neither in its middle, nor in its last step (9) before all have had that step's hooks."""
    for step in (7, 9) if hook != "on_epoch_begin" else (5,):
        runner, epochs, interrupt = make_runner(), Epochs(), Interrupt(step, hook)
        with pytest.raises(KeyboardInterrupt):
            runner.train(
                batches, batches, num_epochs=3, log_steps=0, eval_steps=1, save_path=tmp_path / "best",
                callbacks=[interrupt, epochs] if is_first else [epochs, interrupt],
            )  # fmt: skip
        assert [seen[:3] for seen in epochs.seen if seen[0] == "end"] == [("end", 0, 5)]


def test_an_epoch_that_diverges_does_not_end(make_runner, batches):
    runner, epochs = make_runner(), Epochs()
    cross_entropy = runner.loss_fn
    runner.loss_fn = lambda *args: cross_entropy(*args) * (float("nan") if runner.global_step == 9 else 1)
    with pytest.raises(DivergedError):
        runner.train(batches, num_epochs=3, log_steps=0, callbacks=[epochs])
    assert [seen[:2] for seen in epochs.seen] == [("begin", 0), ("end", 0), ("begin", 1)]


class MaskedSum(nn.Layer):
    """A model whose X is a tuple, as in the text section."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 2)

    def forward(self, inputs):
        values, lengths = inputs
        mask = paddle.arange(values.shape[1]) < lengths.unsqueeze(1)
        return self.linear((values * mask.astype("float32")).sum(axis=1, keepdim=True))


def test_a_batch_whose_x_is_a_tuple():
    values = paddle.to_tensor([[1.0, 2.0, 99.0], [3.0, 99.0, 99.0]])
    batch = ((values, paddle.to_tensor([2, 1])), paddle.to_tensor([1, 0]))
    model = MaskedSum()
    runner = RunnerV3(
        model, paddle.optimizer.SGD(0.1, parameters=model.parameters()), nn.CrossEntropyLoss(), Accuracy()
    )
    runner.train([batch], num_epochs=2, log_steps=0)
    assert len(runner.train_step_losses) == 2
    logits = runner.predict(batch[0])
    expected = np.array([[3.0], [3.0]]) @ model.linear.weight.numpy() + model.linear.bias.numpy()
    np.testing.assert_allclose(logits.numpy(), expected, rtol=1e-6)
    assert runner.evaluate([batch])[0] == 0.5  # both sums are 3, the labels differ


# --- evaluating and predicting ---


def test_evaluate_is_the_mean_over_examples_and_over_batches(make_runner, make_batches):
    runner, data = make_runner(), make_batches((7, 7, 2))
    score, loss = evaluate_by_hand(runner.model, data)
    assert runner.evaluate(data) == (pytest.approx(score), pytest.approx(loss, rel=1e-5))


def test_evaluating_never_touches_the_history(make_runner, batches, make_batches, tmp_path):
    runner = make_runner()
    runner.train(batches, batches, num_epochs=1, log_steps=0, eval_steps=2, save_path=tmp_path / "best.pdparams")
    before = history(runner)
    test = make_batches(seed=2)
    runner.evaluate(test)
    runner.evaluate(test[:1])
    assert history(runner) == before
    assert runner.global_step == 5


@pytest.mark.parametrize("training", [True, False])
def test_evaluate_and_predict_use_no_dropout_and_leave_the_mode(batches, training):
    first, last = nn.Linear(3, 8), nn.Linear(8, 2)
    model = nn.Sequential(first, nn.Dropout(0.5), last)
    runner = RunnerV3(model, None, nn.CrossEntropyLoss(), Accuracy())
    model.train() if training else model.eval()
    X, _ = batches[0]
    assert runner.predict(X).equal_all(last(first(X)))
    assert runner.evaluate(batches) == runner.evaluate(batches)
    assert all(layer.training is training for layer in model.sublayers(include_self=True))


@pytest.mark.parametrize("fault", [False, True])
@pytest.mark.parametrize("use", ["evaluate", "predict"])
def test_frozen_parts_stay_frozen(batches, use, fault):
    """A part in evaluation mode inside a model in training mode, and the other way round, at every depth."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1D(4), nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 2)))
    model[1].eval()
    model[2].eval()
    model[2][0].train()
    before = [layer.training for layer in model.sublayers(include_self=True)]
    assert len(set(before)) == 2
    runner, (X, _) = RunnerV3(model, None, nn.CrossEntropyLoss(), Accuracy()), batches[0]
    arguments = {"evaluate": batches, "predict": X}
    if fault:
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the model raises
            getattr(runner, use)([(None, None)])
    else:
        getattr(runner, use)(arguments[use])
    assert [layer.training for layer in model.sublayers(include_self=True)] == before


def test_what_a_callback_freezes_stays_frozen_through_the_evaluations(make_batches, tmp_path):
    """Batch normalization in evaluation mode keeps its statistics; in the book's runner it does not."""

    class Freeze(Callback):
        def on_train_begin(self, runner):
            runner.model[0].eval()

    model = nn.Sequential(nn.BatchNorm1D(3), nn.Linear(3, 2))
    optimizer = paddle.optimizer.SGD(0.1, parameters=model.parameters())
    runner, train = RunnerV3(model, optimizer, nn.CrossEntropyLoss(), Accuracy()), make_batches()
    train_and_keep(runner, train, tmp_path, Freeze())
    assert model[0]._mean.tolist() == [0, 0, 0]
    assert model.training
    assert not model[0].training


def test_predict_computes_no_gradient(make_runner, batches):
    assert make_runner().predict(batches[0][0]).stop_gradient


@pytest.mark.parametrize(
    "use",
    [lambda runner: runner.evaluate([(None, None)]), lambda runner: runner.predict(None)],
    ids=["evaluate", "predict"],
)
def test_a_failed_evaluation_leaves_the_mode_too(make_runner, use):
    runner = make_runner()
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the model raises
        use(runner)
    assert runner.model.training


# --- the best model ---


def test_the_best_model_is_kept_in_a_folder_that_is_made(make_runner, batches, parameters, tmp_path):
    class Snapshots(Callback):
        def __init__(self):
            self.models, self.improved = [], []

        def on_evaluate(self, runner, improved):
            self.models.append(parameters(runner.model))
            self.improved.append(improved)

    path, snapshots = tmp_path / "no" / "such" / "folder" / "best.pdparams", Snapshots()
    runner = make_runner(metric=ScriptedScores(0.2, 0.8, 0.8, 0.5))
    runner.train(batches, batches, num_epochs=1, log_steps=0, eval_steps=1, save_path=path, callbacks=[snapshots])
    assert snapshots.improved == [True, True, False, False]
    assert runner.best_score == 0.8
    np.testing.assert_equal(checkpoint.load(path), snapshots.models[1])


def test_even_a_score_of_zero_leaves_a_model(make_runner, batches, tmp_path):
    path = tmp_path / "best.pdparams"
    make_runner(metric=ScriptedScores(0.0)).train(
        batches[:1], batches, num_epochs=1, log_steps=0, eval_steps=1, save_path=path
    )
    assert path.exists()


def test_a_worse_second_training_does_not_replace_the_best_model(make_runner, batches, tmp_path):
    path = tmp_path / "best.pdparams"
    runner = make_runner(metric=ScriptedScores(0.9, 0.3))
    settings = {"num_epochs": 1, "log_steps": 0, "eval_steps": 9, "save_path": path}
    runner.train(batches, batches, **settings)
    best = checkpoint.load(path)
    runner.train(batches, batches, **settings)
    assert runner.best_score == 0.9
    np.testing.assert_equal(checkpoint.load(path), best)


NAN, INF = float("nan"), float("inf")


class LowerScores(ScriptedScores):
    lower_is_better = True


@pytest.mark.parametrize(
    ("metric", "scores", "improved", "best"),
    [
        (ScriptedScores, (0.2, 0.8, 0.8, 0.5), [True, True, False, False], 0.8),
        (ScriptedScores, (-3.0, -4.0, -2.0, -2.0), [True, False, True, False], -2.0),
        (ScriptedScores, (NAN, NAN, 0.0, NAN), [True, False, True, False], 0.0),
        (ScriptedScores, (0.5, NAN, 0.4, 0.6), [True, False, False, True], 0.6),
        (LowerScores, (2.0, 0.5, 0.5, 0.7), [True, True, False, False], 0.5),
        (LowerScores, (7.0, 9.0, 3.0, -1.0), [True, False, True, True], -1.0),
        (LowerScores, (NAN, NAN, 5.0, NAN), [True, False, True, False], 5.0),
        (LowerScores, (1.0, NAN, 2.0, 0.9), [True, False, False, True], 0.9),
        (LowerScores, (INF, INF, 3.0, 4.0), [True, False, True, False], 3.0),
        (LowerScores, (0.0, NAN, NAN, NAN), [True, False, False, False], 0.0),
    ],
)
def test_the_best_is_the_highest_or_the_lowest_and_never_nan(
    make_runner, batches, tmp_path, metric, scores, improved, best
):
    runner, seen, watcher = make_runner(metric=metric(*scores)), [], Callback()
    watcher.on_evaluate = lambda _, improved: seen.append(improved)
    train_and_keep(runner, batches, tmp_path, BiasIsTheStep(), watcher)
    assert seen == improved
    assert runner.best_score == best
    last = max(step for step, is_better in enumerate(improved, start=1) if is_better)
    assert biases(tmp_path) == {"best.pdparams": last}


def test_the_best_score_begins_below_or_above_all_others(make_runner):
    assert make_runner().best_score == 0  # the book's
    assert make_runner(metric=nndl.CrossEntropy()).best_score == INF


def test_the_model_of_the_lowest_dev_loss_is_kept(make_runner, make_batches, tmp_path):
    """Too fast a training: its dev loss rises again at once, and falls again."""
    train, dev = make_batches(), make_batches((20,), seed=1)
    runner = make_runner(learning_rate=20.0, metric=nndl.CrossEntropy())
    runner.train(train, dev, num_epochs=3, log_steps=0, eval_steps=1, save_path=tmp_path / "best.pdparams")
    losses = [loss for _, loss in runner.dev_losses]
    assert runner.dev_scores == pytest.approx(losses, rel=1e-5)
    assert losses[-1] > min(losses) < losses[0]
    assert runner.best_score == min(runner.dev_scores)
    runner.load_model(tmp_path / "best.pdparams")
    assert runner.evaluate(dev)[0] == runner.best_score


def test_load_model_brings_the_saved_parameters_back(make_runner, batches, parameters, tmp_path):
    runner = make_runner()
    runner.save_model(tmp_path / "model.pdparams")
    before = parameters(runner.model)
    runner.train(batches, num_epochs=1, log_steps=0)
    assert not np.array_equal(runner.model.weight.numpy(), before["weight"])
    runner.load_model(tmp_path / "model.pdparams")
    np.testing.assert_equal(parameters(runner.model), before)


def biases(folder):
    """The models of a folder, told apart by their bias."""
    return {name: checkpoint.load(folder / name)["bias"][0] for name in os.listdir(folder)}


def save(runner, value, path):
    runner.model.bias.set_value(paddle.full([2], value))
    runner.save_model(path)


def test_saving_keeps_the_latest_earlier_model_and_says_so_once(make_runner, tmp_path, capsys):
    runner, path = make_runner(), tmp_path / "model.pdparams"
    for value in (1.0, 2.0, 3.0, 4.0):
        save(runner, value, path)
    assert biases(tmp_path) == {"model.previous.pdparams": 3.0, "model.pdparams": 4.0}
    (said,) = capsys.readouterr().out.splitlines()
    assert "model.previous.pdparams" in said


def test_each_place_has_its_own_earlier_model(make_runner, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for value in (1.0, 2.0):
        for name in ("model", "a/model.pdparams", "a/b.c.pdparams"):
            save(make_runner(), value, name)
    assert biases(tmp_path / "a") == {
        "b.c.pdparams": 2.0,
        "b.c.previous.pdparams": 1.0,
        "model.pdparams": 2.0,
        "model.previous.pdparams": 1.0,
    }
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["model", "model.previous"]


class BiasIsTheStep(Callback):
    """So that a file on disk tells which step's model it is."""

    def on_step_end(self, runner):
        runner.model.bias.set_value(paddle.full([2], float(self.offset + runner.global_step)))

    def __init__(self, offset=0):
        self.offset = offset


def train_and_keep(runner, batches, folder, *watchers):
    settings = {"num_epochs": 1, "log_steps": 0, "eval_steps": 1, "save_path": folder / "best.pdparams"}
    runner.train(batches, batches, callbacks=watchers, **settings)


def run_the_cell(make_runner, batches, folder, offset, scores, *watchers):
    train_and_keep(make_runner(metric=ScriptedScores(*scores)), batches, folder, BiasIsTheStep(offset), *watchers)


def test_a_cell_that_is_run_again_keeps_the_run_before_and_no_more(make_runner, batches, tmp_path):
    for run, scores in enumerate([(0.1, 0.9, 0.3, 0.2), (0.2, 0.3, 0.4, 0.5), (0.8, 0.1, 0.1, 0.1)]):
        run_the_cell(make_runner, batches, tmp_path, 10 * run, scores)
    assert biases(tmp_path) == {"best.previous.pdparams": 14, "best.pdparams": 21}


def test_a_cell_that_is_run_again_and_interrupted_keeps_the_run_before(make_runner, batches, tmp_path):
    run_the_cell(make_runner, batches, tmp_path, 0, (0.1, 0.2, 0.3, 0.9))
    with pytest.raises(KeyboardInterrupt):
        run_the_cell(make_runner, batches, tmp_path, 10, (0.1, 0.2), Interrupt(2, "on_evaluate"))
    assert biases(tmp_path) == {"best.previous.pdparams": 4, "best.pdparams": 12}


def test_without_an_evaluation_nothing_on_disk_changes(make_runner, batches, tmp_path):
    path = tmp_path / "best.pdparams"
    path.write_bytes(b"of an earlier training")
    with pytest.raises(KeyboardInterrupt):
        run_the_cell(make_runner, batches, tmp_path, 0, (), Interrupt(0))
    make_runner().train(batches, num_epochs=1, log_steps=0, save_path=path)
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [(path.name, b"of an earlier training")]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError("disk full"), MemoryError])
def test_a_model_lies_there_at_every_moment(make_runner, batches, tmp_path, monkeypatch, fault):
    """Whatever fails between two writes, there is a whole model, and a score that is recorded has its own on disk."""
    run_the_cell(make_runner, batches, tmp_path, 0, (0.1, 0.2, 0.3, 0.9))
    replace, moments = os.replace, iter(range(99))

    def fail_at(moment):
        def fails(*names):
            if next(moments) == moment:
                raise fault
            replace(*names)

        return fails

    for moment in range(3):  # the previous model, the first model, the second
        moments = iter(range(99))
        runner = make_runner(metric=ScriptedScores(0.1, 0.2, 0.3, 0.4))
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", fail_at(moment))
            with pytest.raises((KeyboardInterrupt, OSError, MemoryError)):
                train_and_keep(runner, batches, tmp_path, BiasIsTheStep(10))
        on_disk = biases(tmp_path)
        assert set(on_disk) <= {"best.previous.pdparams", "best.pdparams"}
        assert on_disk["best.pdparams"] == (4 if moment < 2 else 11)
        assert (runner.best_score, runner.dev_scores) == ((0, []) if moment < 2 else (0.1, [0.1]))


def test_the_best_model_is_not_lost_to_a_save_after_the_training(make_runner, batches, tmp_path):
    runner = make_runner(metric=ScriptedScores(0.9, 0.1, 0.1, 0.1))
    train_and_keep(runner, batches, tmp_path, BiasIsTheStep())
    save(runner, 7.0, tmp_path / "best.pdparams")
    assert biases(tmp_path) == {"best.previous.pdparams": 1, "best.pdparams": 7}


# --- what can go wrong ---


@pytest.mark.parametrize("fault", ["nan", "inf"])
def test_divergence_names_the_step_and_keeps_the_best_model(make_runner, batches, tmp_path, fault):
    path, watcher = tmp_path / "best.pdparams", Interrupt(step=99)
    runner = make_runner()
    cross_entropy = runner.loss_fn
    runner.loss_fn = lambda *args: cross_entropy(*args) * (float(fault) if runner.global_step == 3 else 1)
    with pytest.raises(DivergedError, match=f"{fault} at step 3 ") as caught:
        runner.train(batches, batches[:2], num_epochs=1, log_steps=0, eval_steps=1, save_path=path, callbacks=[watcher])
    assert isinstance(caught.value, FloatingPointError)
    assert [step for step, _ in runner.train_step_losses] == [0, 1, 2]
    assert watcher.ended
    assert not runner.interrupted
    runner.load_model(path)
    assert runner.evaluate(batches[:2])[0] == runner.best_score


@pytest.mark.parametrize("hook", ["on_backward_end", "on_step_end", "on_evaluate"])
def test_ctrl_c_ends_the_training_cleanly(make_runner, batches, tmp_path, hook):
    path, watcher = tmp_path / "best.pdparams", Interrupt(3, hook)
    runner = make_runner()
    with pytest.raises(KeyboardInterrupt):
        runner.train(batches, batches, num_epochs=2, log_steps=0, eval_steps=1, save_path=path, callbacks=[watcher])
    assert runner.interrupted
    assert watcher.ended
    assert runner.global_step < 5
    runner.load_model(path)
    assert runner.evaluate(batches)[0] == runner.best_score


def test_ctrl_c_ends_a_loop_of_trainings_too(make_runner, batches):
    started = []

    def cell():
        for length in (10, 15, 20):
            started.append(length)
            make_runner().train(batches, num_epochs=1, log_steps=0, callbacks=[Interrupt(2)])

    with pytest.raises(KeyboardInterrupt):
        cell()
    assert started == [10]


class InterruptedOptimizer(paddle.optimizer.SGD):
    """Ctrl-C right after the update of the fourth step."""

    steps = 0

    def step(self):
        super().step()
        self.steps += 1

    def clear_grad(self, set_to_zero=True):
        super().clear_grad(set_to_zero)
        if self.steps == 4:
            raise KeyboardInterrupt


def interrupted_at_step_3(make_runner, batches, where):
    """A runner whose fourth step was interrupted, and how many steps changed the parameters."""
    runner = make_runner()
    model, loss_fn = runner.model, runner.loss_fn
    hooks = {hook: [Interrupt(3, hook)] for hook in ("on_backward_end", "on_step_end")}
    settings = {"num_epochs": 2, "log_steps": 0, "callbacks": hooks.get(where, [])}
    if where == "loss":

        def interrupted(*arguments):
            if runner.global_step == 3:
                raise KeyboardInterrupt
            return loss_fn(*arguments)

        runner.loss_fn = interrupted
    if where == "custom_print_log":
        settings["custom_print_log"] = Interrupt(3).stop
    if where == "after the update":
        runner.optimizer = InterruptedOptimizer(learning_rate=0.1, parameters=model.parameters())
    with pytest.raises(KeyboardInterrupt):
        runner.train(batches, **settings)
    runner.loss_fn = loss_fn
    return runner, 4 if where in ("on_step_end", "after the update") else 3


WHERE = ["loss", "on_backward_end", "custom_print_log", "after the update", "on_step_end"]


@pytest.mark.parametrize("where", WHERE)
def test_a_step_is_recorded_if_and_only_if_it_was_taken(make_runner, batches, parameters, where):
    runner, taken = interrupted_at_step_3(make_runner, batches, where)
    by_hand = make_runner()
    for X, y in batches[:taken]:
        nn.functional.cross_entropy(by_hand.model(X), y).backward()
        by_hand.optimizer.step()
        by_hand.optimizer.clear_grad()
    np.testing.assert_equal(parameters(runner.model), parameters(by_hand.model))
    assert [step for step, _ in runner.train_step_losses] == list(range(taken))
    assert runner.global_step == taken
    assert runner.interrupted


@pytest.mark.parametrize("where", WHERE)
def test_a_runner_is_used_on_after_ctrl_c(make_runner, batches, where):
    runner, taken = interrupted_at_step_3(make_runner, batches, where)
    runner.optimizer = paddle.optimizer.SGD(0.1, parameters=runner.model.parameters())
    assert 0 <= runner.evaluate(batches)[0] <= 1
    runner.train(batches, num_epochs=1, log_steps=0)
    assert [step for step, _ in runner.train_step_losses] == list(range(taken + 5))
    assert len(runner.train_epoch_losses) == 1
    assert not runner.interrupted


def test_an_epoch_that_ended_before_ctrl_c_has_its_loss(make_runner, batches):
    runner = make_runner()
    with pytest.raises(KeyboardInterrupt):
        runner.train(batches, num_epochs=2, log_steps=0, callbacks=[Interrupt(4, "on_step_end")])
    (loss,) = runner.train_epoch_losses
    assert loss == pytest.approx(np.mean([loss for _, loss in runner.train_step_losses]))


def test_a_second_ctrl_c_still_ends_all_callbacks(make_runner, batches):
    class Impatient(Callback):
        def on_train_end(self, runner):
            raise KeyboardInterrupt

    first, last = Interrupt(2), Interrupt(99)
    runner = make_runner()
    with pytest.raises(KeyboardInterrupt):
        runner.train(batches, num_epochs=1, log_steps=0, callbacks=[first, Impatient(), last])
    assert first.ended
    assert last.ended
    assert len(runner.train_step_losses) == runner.global_step == 2


def test_ctrl_c_in_an_evaluation_records_none(make_runner, batches, tmp_path):
    class Slow(Accuracy):
        def update(self, outputs, labels):
            super().update(outputs, labels)
            if runner.global_step == 3:
                raise KeyboardInterrupt

    runner = make_runner(metric=Slow())
    with pytest.raises(KeyboardInterrupt):
        runner.train(batches, batches, num_epochs=1, log_steps=0, eval_steps=1, save_path=tmp_path / "best.pdparams")
    assert [step for step, _ in runner.dev_losses] == [1, 2]
    assert len(runner.dev_scores) == 2
    assert runner.global_step == 4
    assert runner.model.training


@pytest.mark.parametrize("hook", ["on_backward_end", "on_step_end"])
def test_training_goes_on_after_ctrl_c_without_counting_a_step_twice(make_runner, batches, hook):
    runner = make_runner()
    with pytest.raises(KeyboardInterrupt):
        runner.train(batches, num_epochs=1, log_steps=0, callbacks=[Interrupt(3, hook)])
    runner.train(batches, num_epochs=1, log_steps=0)
    steps = [step for step, _ in runner.train_step_losses]
    assert not runner.interrupted
    assert steps == list(range(len(steps)))


def test_no_gradient_of_an_interrupted_step_is_left(make_runner, batches, parameters):
    runner, fresh = make_runner(), make_runner()
    with pytest.raises(KeyboardInterrupt):
        runner.train(batches, num_epochs=1, log_steps=0, callbacks=[Interrupt(0)])
    for each in (runner, fresh):
        each.train(batches, num_epochs=1, log_steps=0)
    np.testing.assert_equal(parameters(runner.model), parameters(fresh.model))


def test_other_errors_pass_and_end_the_callbacks(make_runner, batches):
    class Broken(Callback):
        ended = False

        def on_step_end(self, runner):
            raise ZeroDivisionError

        def on_train_end(self, runner):
            self.ended = True

    broken = Broken()
    with pytest.raises(ZeroDivisionError):
        make_runner().train(batches, num_epochs=1, log_steps=0, callbacks=[broken])
    assert broken.ended


def test_evaluating_needs_a_dev_loader_a_metric_and_batches(make_runner, batches):
    runner = make_runner()
    with pytest.raises(SettingError, match="dev_loader"):
        runner.train(batches, num_epochs=1, eval_steps=1)
    with pytest.raises(SettingError, match="train_loader is empty"):
        runner.train([], num_epochs=1)
    with pytest.raises(SettingError, match="empty"):
        runner.evaluate([])
    runner.metric = None
    with pytest.raises(SettingError, match="metric"):
        runner.train(batches, batches, num_epochs=1, eval_steps=1)
    with pytest.raises(SettingError, match="metric"):
        runner.evaluate(batches)
    assert runner.train_step_losses == []


class Miscounted(list):
    """A loader whose len is not the number of its batches."""

    def __init__(self, batches, number):
        super().__init__(batches)
        self.number = number

    def __len__(self):
        return self.number


class Once(Miscounted):
    """A loader that is gone through only once."""

    def __init__(self, batches):
        super().__init__(batches, len(batches))
        self.left = list(batches)

    def __iter__(self):
        while self.left:
            yield self.left.pop()


@pytest.mark.parametrize(
    ("make_loader", "steps", "message"),
    [
        (lambda batches: Miscounted(batches, len(batches) + 1), 4, "4 batches in epoch 0, its len is 5"),
        (lambda batches: Miscounted(batches, len(batches) - 1), 3, "more batches in epoch 0, its len is 3"),
        (Once, 4, "0 batches in epoch 1, its len is 4"),
    ],
    ids=["too few", "too many", "only once"],
)
def test_a_loader_that_miscounts_its_batches_does_not_end_a_training_early(
    make_runner, make_batches, make_loader, steps, message
):
    runner = make_runner()
    with pytest.raises(SettingError, match=message):
        runner.train(make_loader(make_batches((4, 4, 4, 4))), num_epochs=2, log_steps=0)
    assert runner.global_step == len(runner.train_step_losses) == steps


@pytest.mark.parametrize(
    ("batch", "found"),
    [
        ({"X": paddle.ones([2, 2]), "y": paddle.zeros([2], "int64")}, "dict of 2"),
        (paddle.ones([2, 2]), "Tensor of 2"),
        ((1, 2, 3), "tuple of 3"),
        (5, "int"),
    ],
    ids=lambda found: found if isinstance(found, str) else "",
)
def test_a_batch_is_a_pair(make_runner, batches, batch, found):
    runner = make_runner()
    for use in (lambda: runner.train([batch], num_epochs=1, log_steps=0), lambda: runner.evaluate([batch])):
        with pytest.raises(SettingError, match=f"a batch that is a {found}: expected a pair"):
            use()


def test_paddles_accuracy_is_the_share_of_right_predictions(make_runner, batches):
    score, _ = make_runner(metric=paddle.metric.Accuracy()).evaluate(batches)
    assert score == pytest.approx(make_runner().evaluate(batches)[0])


def test_a_place_that_cannot_be_written_is_named(make_runner, batches, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "best.pdparams"
    with pytest.raises(OutputError, match=r"file/best\.pdparams"):
        make_runner().save_model(path)
    with pytest.raises(OutputError, match=r"file/best\.pdparams"):
        make_runner().train(batches, batches, num_epochs=1, log_steps=0, eval_steps=1, save_path=path)


SETTINGS = {
    "num_epochs": [-1, 1.5, "3", None],
    "log_steps": [-1, 0.5],
    "eval_steps": [-1, 2.5, None],
    "checkpoint_steps": [0, -1, 1.0],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in SETTINGS.items() for value in values])
def test_a_wrong_setting_is_named_before_the_first_step(make_runner, batches, name, value):
    runner = make_runner()
    with pytest.raises(SettingError, match=rf"^{name} .*: expected a whole number, at least [01]$"):
        runner.train(batches, batches, **{"num_epochs": 1, "log_steps": 0} | {name: value})
    assert runner.train_step_losses == []


def test_counts_may_be_numpys(make_runner, batches):
    runner = make_runner()
    runner.train(batches, num_epochs=np.int64(1), log_steps=np.int32(0))
    assert len(runner.train_step_losses) == 5


def test_training_needs_an_optimizer_and_a_loader_with_a_length(make_runner, batches):
    runner = make_runner()
    with pytest.raises(SettingError, match="train_loader: a generator has no len"):
        runner.train((batch for batch in batches), num_epochs=1)
    runner.optimizer = None
    with pytest.raises(SettingError, match="optimizer"):
        runner.train(batches, num_epochs=1)


def places_that_are_none(folder):
    """Paths that no file can be written to, and what the message says of each."""
    (folder / "folder").mkdir()
    (folder / "file").write_text("")
    os.mkfifo(folder / "pipe")
    return [
        ("", "expected the name of a file"),
        (folder, "a folder"),
        (str(folder / "folder"), "a folder"),
        (f"{folder}/new/", "a folder"),
        (folder / "file" / "best", "file is a file, expected a folder"),
        (folder / "file" / "deeper" / "best", "file is a file, expected a folder"),
        (folder / "pipe", "no regular file"),
        (os.devnull, "no regular file"),
        (folder / ("x" * 300), "too long"),
        (f"{folder}/a\0b", "null"),
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_place_that_is_none_is_named_before_the_first_step(make_runner, batches, tmp_path):
    runner = make_runner()
    wrong = places_that_are_none(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    for path, fault in wrong:
        with pytest.raises(OutputError, match=f"^save_path .*{fault}"):
            runner.save_model(path)
        with pytest.raises(OutputError, match=f"^save_path .*{fault}"):
            runner.train(batches, batches, num_epochs=1, eval_steps=1, save_path=path)
        with pytest.raises(OutputError, match=f"^checkpoint_path .*{fault}"):
            runner.train(batches, num_epochs=1, checkpoint_path=path)
    assert runner.train_step_losses == []
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named_before_the_first_step(make_runner, batches, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission"):
        make_runner().train(batches, batches, num_epochs=1, eval_steps=1, save_path=tmp_path / "best.pdparams")


def test_a_file_that_is_not_used_need_not_be_writable(make_runner, batches, tmp_path):
    make_runner().train(batches, num_epochs=1, log_steps=0, save_path=tmp_path)


@pytest.mark.parametrize("other", ["best", "./best", "folder/../best"])
def test_model_and_state_do_not_share_a_file(make_runner, batches, tmp_path, monkeypatch, other):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    runner = make_runner()
    with pytest.raises(SettingError, match="save_path and checkpoint_path are the same file"):
        runner.train(batches, batches, num_epochs=1, eval_steps=1, save_path="best", checkpoint_path=other)
    assert runner.train_step_losses == []


# --- losses ---


@resumes
def test_a_loss_of_shape_1_gives_the_numbers_of_a_scalar(make_runner, batches, tmp_path):
    runners = make_runner(), make_runner()
    runners[1].loss_fn = lambda *arguments: nn.functional.cross_entropy(*arguments).reshape([1])
    for number, runner in enumerate(runners):
        settings = {
            "checkpoint_path": tmp_path / f"{number}.pdstate",
            "checkpoint_steps": 2,
            "save_path": tmp_path / "b",
        }
        with pytest.raises(KeyboardInterrupt):
            runner.train(
                batches, batches, num_epochs=1, log_steps=1, eval_steps=2, callbacks=[Interrupt(3)], **settings
            )
        runner.train(batches, batches, num_epochs=1, log_steps=1, eval_steps=2, **settings)
    assert history(runners[0]) == history(runners[1])
    assert runners[0].evaluate(batches) == runners[1].evaluate(batches)


@pytest.mark.parametrize("use", ["train", "evaluate"])
def test_a_loss_that_is_not_one_number_is_refused(make_runner, batches, use):
    runner = make_runner()
    runner.loss_fn = nn.CrossEntropyLoss(reduction="none")
    settings = {"num_epochs": 1, "log_steps": 0} if use == "train" else {}
    with pytest.raises(SettingError, match=r"^a loss of shape \[4.*\]: expected one number; reduce it"):
        getattr(runner, use)(batches, **settings)
    assert runner.train_step_losses == []


# --- the book's keywords, and readers' own classes ---


def test_the_books_keywords_are_accepted(make_runner, batches):
    runner = make_runner()
    score = runner.evaluate(batches)
    assert runner.evaluate(batches, global_step=7) == score
    assert history(runner) == history(make_runner())


USES = {
    "__init__": lambda runner, batches, **keywords: RunnerV3(runner.model, None, None, None, **keywords),
    "train": lambda runner, batches, **keywords: runner.train(batches, **keywords),
    "evaluate": lambda runner, batches, **keywords: runner.evaluate(batches, **keywords),
    "predict": lambda runner, batches, **keywords: runner.predict(batches[0][0], **keywords),
}


@pytest.mark.parametrize("method", USES)
def test_any_keyword_is_accepted_and_one_line_says_that_it_is_ignored(make_runner, batches, capsys, method):
    keyword = f"colour_of_{method}"  # a line is said once a process
    for _ in range(2):
        USES[method](make_runner(), batches, **{keyword: "blue"})
    lines = [line for line in capsys.readouterr().err.splitlines() if keyword in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"RunnerV3.{method}: {keyword} is ignored")


@pytest.mark.parametrize(
    ("method", "keyword", "meant"),
    [
        ("train", "num_epoch", "num_epochs"),
        ("train", "epochs", "num_epochs"),
        ("train", "log_step", "log_steps"),
        ("train", "eval_step", "eval_steps"),
        ("train", "savepath", "save_path"),
        ("train", "custom_print_logs", "custom_print_log"),
        ("train", "callback", "callbacks"),
        ("evaluate", "global_steps", "global_step"),
        ("__init__", "metrics", "metric"),
    ],
)
def test_a_misspelt_keyword_is_refused(make_runner, batches, method, keyword, meant):
    runner = make_runner()
    with pytest.raises(SettingError, match=f"no setting is called {keyword}; did you mean {meant}[?]"):
        USES[method](runner, batches, **{keyword: 1})
    assert runner.train_step_losses == []


def test_a_readers_own_optimizer(make_runner, batches, parameters):
    class PlainSGD:
        def __init__(self, parameters):
            self.parameters = parameters

        def step(self):
            for p in self.parameters:
                p.set_value(p - 0.1 * p.grad)

        def clear_grad(self):
            for p in self.parameters:
                p.clear_gradient()

    own, paddles, recorder = make_runner(), make_runner(), nndl.GradientNormRecorder()
    own.optimizer = PlainSGD(own.model.parameters())
    own.train(batches, num_epochs=2, log_steps=0, callbacks=[recorder])
    paddles.train(batches, num_epochs=2, log_steps=0)
    assert [loss for _, loss in own.train_step_losses] == pytest.approx([loss for _, loss in paddles.train_step_losses])
    assert len(recorder.applied["weight"]) == 10


class BookStyleRunner(RunnerV3):
    """A subclass as the book's readers write one: with their own evaluate, save_model and predict."""

    def __init__(self, *arguments, **settings):
        super().__init__(*arguments, **settings)
        self.saved, self.evaluated_at = [], []

    @paddle.no_grad()
    def evaluate(self, dev_loader, **kwargs):
        self.model.eval()
        global_step = kwargs.get("global_step", -1)
        self.evaluated_at.append(global_step)
        self.metric.reset()
        total_loss = 0
        for X, y in dev_loader:
            logits = self.model(X)
            total_loss += self.loss_fn(logits, y).item()
            self.metric.update(logits, y)
        self.dev_losses.append((global_step, total_loss / len(dev_loader)))
        self.dev_scores.append(self.metric.accumulate())
        return self.dev_scores[-1], total_loss / len(dev_loader)

    def save_model(self, save_path):
        self.saved.append(save_path)
        paddle.save(self.model.state_dict(), save_path)

    def predict(self, x, **kwargs):
        return super().predict(x, **kwargs)


def test_a_subclass_in_the_books_style(make_runner, batches, tmp_path):
    expected, made = make_runner(), make_runner()
    runner = BookStyleRunner(made.model, made.optimizer, made.loss_fn, Accuracy())
    path = str(tmp_path / "best.pdparams")
    (tmp_path / "best.pdparams").write_bytes(b"of an earlier training")
    settings, modes = {"num_epochs": 2, "log_steps": 0, "eval_steps": 3}, []
    watched = {"custom_print_log": lambda runner: modes.append(runner.model.training)}
    runner.train(batches, batches, save_path=path, **settings, **watched)
    assert all(modes)
    expected.train(batches, batches, save_path=tmp_path / "expected.pdparams", **settings)
    assert history(runner) == history(expected)
    assert runner.evaluated_at == [3, 6, 9]
    assert len(runner.saved) >= 1
    assert set(runner.saved) == {path}
    assert runner.saved == [path] * sum(b > max([-1, *a]) for a, b in prefixes(runner.dev_scores))
    assert (tmp_path / "best.previous.pdparams").read_bytes() == b"of an earlier training"
    runner.load_model(path)
    assert runner.evaluate(batches)[0] == runner.best_score
    assert runner.predict(batches[0][0]).equal_all(runner.model(batches[0][0]))


def prefixes(items):
    return [(items[:i], item) for i, item in enumerate(items)]


# --- interruption and resumption ---
# A model with dropout, a shuffling loader and a schedule: all that draws random numbers or has a state.

NUM_EPOCHS, STEPS_PER_EPOCH = 3, 5


def make_training(optimizer="Adam"):
    nndl.runtime.seed_everything(0)
    model = nndl.Model_RNN4SeqClass(nndl.LSTM(4, 4, num_layers=2, dropout=0.5), 10, 4, 4, 19)
    schedule = paddle.optimizer.lr.StepDecay(0.05, step_size=4, gamma=0.5)
    optimizer = getattr(paddle.optimizer, optimizer)(schedule, parameters=model.parameters())
    return RunnerV3(model, optimizer, nn.CrossEntropyLoss(), Accuracy())


class StepSchedule(Callback):
    def on_step_end(self, runner):
        runner.optimizer._learning_rate.step()


@cache
def examples():
    digits, labels = zip(*digit_sum.generate(4, 1, random.Random(0))[::5], strict=True)
    return paddle.io.TensorDataset([paddle.to_tensor(digits), paddle.to_tensor(labels)])


def train(runner, folder, *watchers, checkpoint_steps=None, **settings):
    loader = paddle.io.DataLoader(examples(), batch_size=4, shuffle=True)
    if checkpoint_steps:
        settings |= {"checkpoint_path": Path(folder, "state"), "checkpoint_steps": checkpoint_steps}
    runner.train(
        loader,
        paddle.io.DataLoader(examples(), batch_size=20),
        **{"num_epochs": NUM_EPOCHS, "log_steps": 0, "eval_steps": 2} | settings,
        save_path=Path(folder, "best.pdparams"),
        callbacks=[StepSchedule(), *watchers],
    )


def numbers(runner, folder):
    """All that a training leaves behind."""
    return {
        **history(runner),
        "step": runner.global_step,
        "learning rate": runner.optimizer.get_lr(),
        "parameters": {name: tensor.numpy() for name, tensor in runner.model.state_dict().items()},
        "best model": checkpoint.load(Path(folder, "best.pdparams")),
    }


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The numbers of a training that is neither interrupted nor written down, by optimizer."""

    @cache
    def run(optimizer):
        folder, runner = tmp_path_factory.mktemp(optimizer), make_training(optimizer)
        train(runner, folder)
        assert runner.global_step == NUM_EPOCHS * STEPS_PER_EPOCH
        return numbers(runner, folder)

    return run


@settings(max_examples=15, deadline=None)
@given(
    optimizer=st.sampled_from(["Adam", "SGD"]),
    step=st.integers(0, NUM_EPOCHS * STEPS_PER_EPOCH - 1),
    checkpoint_steps=st.integers(1, 7),
    hook=st.sampled_from(["on_backward_end", "on_step_end", "on_evaluate"]),
)
@example(optimizer="Adam", step=7, checkpoint_steps=1, hook="on_backward_end")  # in the middle of an epoch
@example(optimizer="Adam", step=5, checkpoint_steps=5, hook="on_backward_end")  # between two epochs
@example(optimizer="Adam", step=0, checkpoint_steps=1, hook="on_backward_end")  # before the first checkpoint
@resumes
def test_ctrl_c_and_resuming_change_no_number(tmp_path_factory, uninterrupted, optimizer, step, checkpoint_steps, hook):
    folder = tmp_path_factory.mktemp("resumed")
    with pytest.raises(KeyboardInterrupt):
        train(make_training(optimizer), folder, Interrupt(step, hook), checkpoint_steps=checkpoint_steps)
    random_numbers_of_another_day()
    runner = make_training(optimizer)  # Paddle's names of its parameters are others than the first one's
    train(runner, folder, checkpoint_steps=checkpoint_steps)
    np.testing.assert_equal(numbers(runner, folder), uninterrupted(optimizer))


def random_numbers_of_another_day():
    nndl.runtime.seed_everything(20)


@pytest.mark.parametrize("step", [4, 5, 7])
@resumes
def test_epochs_begin_and_end_in_a_resumed_training(tmp_path, step):
    """Interrupted in an epoch's last step, in its first, and in its middle; each epoch ends once."""
    whole, before, after = Epochs(), Epochs(), Epochs()
    train(make_training(), tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        train(make_training(), tmp_path, before, Interrupt(step), checkpoint_steps=1)
    train(make_training(), tmp_path, after, checkpoint_steps=1)
    assert after.seen[0][:3] == ("begin", step // 5, step)
    ends = [[seen for seen in epochs.seen if seen[0] == "end"] for epochs in (whole, before, after)]
    assert ends[0] == ends[1] + ends[2]
    assert len(ends[0]) == NUM_EPOCHS


class EpochsThatDraw(Callback):
    """Random numbers at every begin, and at every end some that change the model."""

    def on_epoch_begin(self, runner):
        paddle.rand([runner.epoch + 3])
        random.random()

    def on_epoch_end(self, runner):
        runner.model.linear.bias.set_value(runner.model.linear.bias + paddle.rand([19]))


@settings(max_examples=8, deadline=None)
@given(step=st.integers(0, NUM_EPOCHS * STEPS_PER_EPOCH - 1), checkpoint_steps=st.integers(1, 7))
@example(step=7, checkpoint_steps=1)  # in the middle of an epoch
@example(step=5, checkpoint_steps=5)  # right after its end
@resumes
def test_what_callbacks_do_at_epochs_is_resumed_exactly(tmp_path_factory, drawing, step, checkpoint_steps):
    folder = tmp_path_factory.mktemp("resumed")
    with pytest.raises(KeyboardInterrupt):
        train(make_training(), folder, EpochsThatDraw(), Interrupt(step), checkpoint_steps=checkpoint_steps)
    random_numbers_of_another_day()
    runner = make_training()
    train(runner, folder, EpochsThatDraw(), checkpoint_steps=checkpoint_steps)
    np.testing.assert_equal(numbers(runner, folder), drawing)


@pytest.fixture(scope="module")
def drawing(tmp_path_factory):
    """The numbers of a whole training with such callbacks."""
    folder, runner = tmp_path_factory.mktemp("drawing"), make_training()
    train(runner, folder, EpochsThatDraw())
    return numbers(runner, folder)


class Reordered(paddle.io.Sampler):
    """An order of its own for each epoch, as that of ``DistributedBatchSampler``: it must be told the epoch."""

    epoch = 0

    def __iter__(self):
        yield from np.random.default_rng(self.epoch).permutation(20).tolist()

    def __len__(self):
        return 20


class TellTheEpoch(Callback):
    def __init__(self, sampler):
        self.sampler = sampler

    def on_epoch_begin(self, runner):
        self.sampler.epoch = runner.epoch


@pytest.mark.parametrize("step", [0, 5, 8])
@resumes
def test_a_loader_is_told_the_epoch_before_its_batches_are_drawn(tmp_path, step):
    """Also when a training goes on in the middle of the epoch."""

    def run(folder, *watchers):
        sampler, runner = Reordered(), make_training()
        batch_sampler = paddle.io.BatchSampler(sampler=sampler, batch_size=4)
        loader = paddle.io.DataLoader(examples(), batch_sampler=batch_sampler)
        runner.train(
            loader, num_epochs=3, log_steps=0, callbacks=[*watchers, TellTheEpoch(sampler)],
            checkpoint_path=folder / "state", checkpoint_steps=1,
        )  # fmt: skip
        return history(runner)

    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Interrupt(step))
    assert run(tmp_path) == whole


@resumes
def test_a_training_by_the_lowest_score_is_resumed_exactly(make_runner, batches, tmp_path):
    settings = {"num_epochs": 2, "log_steps": 0, "eval_steps": 2}
    whole = make_runner(metric=nndl.CrossEntropy())
    whole.train(batches, batches, save_path=tmp_path / "whole", **settings)
    for step in (1, 5):  # before the first evaluation, and later
        state = {"checkpoint_path": tmp_path / f"state{step}", "checkpoint_steps": 1, "save_path": tmp_path / "best"}
        broken, resumed = (make_runner(metric=nndl.CrossEntropy()) for _ in range(2))
        with pytest.raises(KeyboardInterrupt):
            broken.train(batches, batches, callbacks=[Interrupt(step)], **state, **settings)
        resumed.train(batches, batches, **state, **settings)
        assert history(resumed) == history(whole)
        assert resumed.best_score == min(resumed.dev_scores)


@resumes
def test_the_same_runner_can_be_resumed(tmp_path, uninterrupted):
    runner = make_training()
    for step in (4, 8, 13):
        with pytest.raises(KeyboardInterrupt):
            train(runner, tmp_path, Interrupt(step), checkpoint_steps=3)
    train(runner, tmp_path, checkpoint_steps=3)
    np.testing.assert_equal(numbers(runner, tmp_path), uninterrupted("Adam"))


def kill_at(step):
    def kill(runner):
        if runner.global_step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


def in_a_fresh_process(folder, call):
    """Call a function of this file in a Python of its own."""
    repository, here = Path(nndl.__file__).parents[1], Path(__file__)
    code = f"import nndl, {here.stem} as test; folder = {str(folder)!r}; test.{call}"
    environment = os.environ | {"PYTHONPATH": str(here.parent)}
    return subprocess.run([sys.executable, "-c", code], cwd=repository, env=environment).returncode


def train_until_killed(folder, optimizer, step, checkpoint_steps):
    train(make_training(optimizer), folder, checkpoint_steps=checkpoint_steps, custom_print_log=kill_at(step))


def resume_and_report(folder, optimizer, checkpoint_steps):
    runner, taken = make_training(optimizer), []
    random_numbers_of_another_day()
    train(runner, folder, checkpoint_steps=checkpoint_steps, custom_print_log=taken.append)
    Path(folder, "report").write_bytes(pickle.dumps((len(taken), numbers(runner, folder))))


@pytest.mark.parametrize(
    ("optimizer", "step", "checkpoint_steps"),
    [
        pytest.param("Adam", 9, 3, id="in the middle of an epoch"),
        pytest.param("SGD", 12, 5, id="between two epochs"),
    ],
)
@resumes
def test_being_killed_and_resuming_change_no_number(tmp_path, uninterrupted, optimizer, step, checkpoint_steps):
    killed = f"train_until_killed(folder, {optimizer!r}, {step}, {checkpoint_steps})"
    assert in_a_fresh_process(tmp_path, killed) == -signal.SIGKILL
    assert in_a_fresh_process(tmp_path, f"resume_and_report(folder, {optimizer!r}, {checkpoint_steps})") == 0
    steps_taken, resumed = pickle.loads((tmp_path / "report").read_bytes())
    assert steps_taken == NUM_EPOCHS * STEPS_PER_EPOCH - step // checkpoint_steps * checkpoint_steps
    np.testing.assert_equal(resumed, uninterrupted(optimizer))


@resumes
def test_a_finished_training_is_not_repeated_but_can_be_prolonged(tmp_path):
    whole = make_training()
    train(whole, tmp_path, eval_steps=0)
    prolonged, settings = make_training(), {"checkpoint_steps": 100, "eval_steps": 0}
    train(prolonged, tmp_path, num_epochs=1, **settings)
    before = history(prolonged)
    train(prolonged, tmp_path, num_epochs=1, **settings)
    assert history(prolonged) == before
    train(prolonged, tmp_path, **settings)
    assert history(prolonged) == history(whole)


@resumes
def test_a_second_training_can_be_resumed_too(make_runner, batches, tmp_path):
    expected, first, second = make_runner(), make_runner(), make_runner()
    for epochs in (1, 2):
        expected.train(batches, num_epochs=epochs, log_steps=0)
    settings = {"log_steps": 0, "checkpoint_path": tmp_path / "state", "checkpoint_steps": 1}
    first.train(batches, num_epochs=1, log_steps=0)
    with pytest.raises(KeyboardInterrupt):
        first.train(batches, num_epochs=2, callbacks=[Interrupt(8)], **settings)
    second.train(batches, num_epochs=2, **settings)
    assert history(second) == history(expected)


@resumes
def test_resuming_keeps_the_model_of_an_earlier_training(tmp_path):
    (tmp_path / "best.pdparams").write_bytes(b"of an earlier training")
    with pytest.raises(KeyboardInterrupt):
        train(make_training(), tmp_path, Interrupt(5), checkpoint_steps=1)  # two evaluations, two models
    train(make_training(), tmp_path, checkpoint_steps=1)
    assert (tmp_path / "best.previous.pdparams").read_bytes() == b"of an earlier training"


@resumes
def test_scores_that_are_numpy_scalars_can_be_resumed(make_runner, batches, tmp_path):
    settings = {"eval_steps": 2, "log_steps": 0, "save_path": tmp_path / "best.pdparams"}
    settings |= {"checkpoint_path": tmp_path / "state", "checkpoint_steps": 1}
    scores = [np.float64(0.25), np.float64(0.5), np.float64(0.75)]
    with pytest.raises(KeyboardInterrupt):
        make_runner(metric=ScriptedScores(*scores[:1])).train(
            batches, batches, num_epochs=1, callbacks=[Interrupt(3)], **settings
        )
    resumed = make_runner(metric=ScriptedScores(*scores[1:]))
    resumed.train(batches, batches, num_epochs=1, **settings)
    assert resumed.dev_scores == [0.25, 0.5]


@resumes
def test_a_state_of_another_model_is_refused(make_runner, batches, tmp_path):
    train(make_training(), tmp_path, num_epochs=1, checkpoint_steps=5)
    runner = make_runner()
    with pytest.raises(CheckpointError, match=r"state: .*missing weight, bias; unexpected embedding\.W"):
        runner.train(batches, num_epochs=1, log_steps=0, checkpoint_path=tmp_path / "state")
    assert runner.train_step_losses == []


@resumes
@pytest.mark.parametrize("content", [{"weight": np.zeros(2)}, [1, 2], {"optimizer": {}}])
def test_a_file_that_holds_no_training_is_refused(make_runner, batches, tmp_path, content):
    checkpoint.save(content, tmp_path / "state")
    with pytest.raises(CheckpointError, match="state"):
        make_runner().train(batches, num_epochs=1, log_steps=0, checkpoint_path=tmp_path / "state")
