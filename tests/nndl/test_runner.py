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

import numpy as np
import paddle
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from paddle import nn

import nndl
from nndl import Accuracy, Callback, RunnerV3, checkpoint
from nndl.dataset import digit_sum
from nndl.error import CheckpointError, DivergedError, OutputError, SettingError

HISTORY = ("train_step_losses", "train_epoch_losses", "dev_losses", "dev_scores", "best_score")


def history(runner):
    return {name: copy.deepcopy(getattr(runner, name)) for name in HISTORY}


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
            for hook in ("on_train_begin", "on_backward_end", "on_step_end", "on_evaluate", "on_train_end"):
                setattr(self, hook, lambda *_, hook=hook: self.calls.append(hook))

    recorder = Recorder()
    make_runner().train(
        batches[:1],
        batches,
        num_epochs=1,
        log_steps=0,
        eval_steps=1,
        save_path=tmp_path / "best.pdparams",
        custom_print_log=lambda _: recorder.calls.append("custom_print_log"),
        callbacks=[recorder],
    )
    assert recorder.calls == [
        "on_train_begin",
        "custom_print_log",
        "on_backward_end",
        "on_step_end",
        "on_evaluate",
        "on_train_end",
    ]


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


def test_load_model_brings_the_saved_parameters_back(make_runner, batches, parameters, tmp_path):
    runner = make_runner()
    runner.save_model(tmp_path / "model.pdparams")
    before = parameters(runner.model)
    runner.train(batches, num_epochs=1, log_steps=0)
    assert not np.array_equal(runner.model.weight.numpy(), before["weight"])
    runner.load_model(tmp_path / "model.pdparams")
    np.testing.assert_equal(parameters(runner.model), before)


def test_saving_keeps_every_earlier_model_and_says_so(make_runner, tmp_path, capsys):
    runner, path = make_runner(), tmp_path / "model.pdparams"
    for value in (1.0, 2.0, 3.0):
        runner.model.bias.set_value(paddle.full([2], value))
        runner.save_model(path)
    said = capsys.readouterr().out.splitlines()
    kept = {name: checkpoint.load(tmp_path / name)["bias"][0] for name in os.listdir(tmp_path)}
    assert kept == {"model.1.pdparams": 1.0, "model.2.pdparams": 2.0, "model.pdparams": 3.0}
    assert len(said) == 2
    assert "model.1.pdparams" in said[0]
    assert "model.2.pdparams" in said[1]


def test_training_keeps_an_earlier_model_once(make_runner, batches, tmp_path, capsys):
    path = tmp_path / "best.pdparams"
    path.write_bytes(b"of an earlier training")
    runner = make_runner(metric=ScriptedScores(0.1, 0.2, 0.3, 0.4, 0.5))
    runner.train(batches, batches, num_epochs=1, log_steps=0, eval_steps=1, save_path=path)
    assert sorted(os.listdir(tmp_path)) == ["best.1.pdparams", "best.pdparams"]
    assert (tmp_path / "best.1.pdparams").read_bytes() == b"of an earlier training"
    assert "best.1.pdparams" in capsys.readouterr().out


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
    runner.train(batches, batches, num_epochs=2, log_steps=0, eval_steps=1, save_path=path, callbacks=[watcher])
    assert runner.interrupted
    assert watcher.ended
    assert runner.global_step < 5
    runner.load_model(path)
    assert runner.evaluate(batches)[0] == runner.best_score


@pytest.mark.parametrize("hook", ["on_backward_end", "on_step_end"])
def test_training_goes_on_after_ctrl_c_without_counting_a_step_twice(make_runner, batches, hook):
    runner = make_runner()
    runner.train(batches, num_epochs=1, log_steps=0, callbacks=[Interrupt(3, hook)])
    runner.train(batches, num_epochs=1, log_steps=0)
    steps = [step for step, _ in runner.train_step_losses]
    assert not runner.interrupted
    assert steps == list(range(len(steps)))


def test_no_gradient_of_an_interrupted_step_is_left(make_runner, batches, parameters):
    runner, fresh = make_runner(), make_runner()
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


def test_a_place_that_cannot_be_written_is_named(make_runner, batches, tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "best.pdparams"
    with pytest.raises(OutputError, match=r"file/best\.pdparams"):
        make_runner().save_model(path)
    with pytest.raises(OutputError, match=r"file/best\.pdparams"):
        make_runner().train(batches, batches, num_epochs=1, log_steps=0, eval_steps=1, save_path=path)


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
def test_ctrl_c_and_resuming_change_no_number(tmp_path_factory, uninterrupted, optimizer, step, checkpoint_steps, hook):
    folder = tmp_path_factory.mktemp("resumed")
    train(make_training(optimizer), folder, Interrupt(step, hook), checkpoint_steps=checkpoint_steps)
    random_numbers_of_another_day()
    runner = make_training(optimizer)  # Paddle's names of its parameters are others than the first one's
    train(runner, folder, checkpoint_steps=checkpoint_steps)
    np.testing.assert_equal(numbers(runner, folder), uninterrupted(optimizer))


def random_numbers_of_another_day():
    nndl.runtime.seed_everything(20)


def test_the_same_runner_can_be_resumed(tmp_path, uninterrupted):
    runner = make_training()
    for step in (4, 8, 13):
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
def test_being_killed_and_resuming_change_no_number(tmp_path, uninterrupted, optimizer, step, checkpoint_steps):
    killed = f"train_until_killed(folder, {optimizer!r}, {step}, {checkpoint_steps})"
    assert in_a_fresh_process(tmp_path, killed) == -signal.SIGKILL
    assert in_a_fresh_process(tmp_path, f"resume_and_report(folder, {optimizer!r}, {checkpoint_steps})") == 0
    steps_taken, resumed = pickle.loads((tmp_path / "report").read_bytes())
    assert steps_taken == NUM_EPOCHS * STEPS_PER_EPOCH - step // checkpoint_steps * checkpoint_steps
    np.testing.assert_equal(resumed, uninterrupted(optimizer))


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


def test_a_second_training_can_be_resumed_too(make_runner, batches, tmp_path):
    expected, first, second = make_runner(), make_runner(), make_runner()
    for epochs in (1, 2):
        expected.train(batches, num_epochs=epochs, log_steps=0)
    settings = {"log_steps": 0, "checkpoint_path": tmp_path / "state", "checkpoint_steps": 1}
    first.train(batches, num_epochs=1, log_steps=0)
    first.train(batches, num_epochs=2, callbacks=[Interrupt(8)], **settings)
    second.train(batches, num_epochs=2, **settings)
    assert history(second) == history(expected)


def test_resuming_keeps_the_model_of_an_earlier_training(tmp_path):
    (tmp_path / "best.pdparams").write_bytes(b"of an earlier training")
    train(make_training(), tmp_path, Interrupt(1), checkpoint_steps=1)
    train(make_training(), tmp_path, checkpoint_steps=1)
    assert (tmp_path / "best.1.pdparams").read_bytes() == b"of an earlier training"


def test_scores_that_are_numpy_scalars_can_be_resumed(make_runner, batches, tmp_path):
    settings = {"eval_steps": 2, "log_steps": 0, "save_path": tmp_path / "best.pdparams"}
    settings |= {"checkpoint_path": tmp_path / "state", "checkpoint_steps": 1}
    scores = [np.float64(0.25), np.float64(0.5), np.float64(0.75)]
    make_runner(metric=ScriptedScores(*scores[:1])).train(
        batches, batches, num_epochs=1, callbacks=[Interrupt(3)], **settings
    )
    resumed = make_runner(metric=ScriptedScores(*scores[1:]))
    resumed.train(batches, batches, num_epochs=1, **settings)
    assert resumed.dev_scores == [0.25, 0.5]


def test_a_state_of_another_model_is_refused(make_runner, batches, tmp_path):
    train(make_training(), tmp_path, num_epochs=1, checkpoint_steps=5)
    runner = make_runner()
    with pytest.raises(CheckpointError, match=r"state: .*missing weight, bias; unexpected embedding\.W"):
        runner.train(batches, num_epochs=1, log_steps=0, checkpoint_path=tmp_path / "state")
    assert runner.train_step_losses == []


@pytest.mark.parametrize("content", [{"weight": np.zeros(2)}, [1, 2], {"optimizer": {}}])
def test_a_file_that_holds_no_training_is_refused(make_runner, batches, tmp_path, content):
    checkpoint.save(content, tmp_path / "state")
    with pytest.raises(CheckpointError, match="state"):
        make_runner().train(batches, num_epochs=1, log_steps=0, checkpoint_path=tmp_path / "state")
