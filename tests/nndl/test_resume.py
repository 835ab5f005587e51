"""The state of a training: whole and right, or refused in one line and nothing has changed."""

import copy
import math
from contextlib import suppress

import nndl
from nndl import Accuracy, Callback, RunnerV3, checkpoint, resume
from nndl.error import CheckpointError, SettingError

import numpy as np
import paddle
import pytest
from paddle import nn

STEPS = 6


def make_runner(optimizer="Adam", size=2):
    paddle.seed(1)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1D(4), nn.Dropout(0.3), nn.Linear(4, size))
    schedule = paddle.optimizer.lr.StepDecay(0.05, step_size=4)
    optimizer = getattr(paddle.optimizer, optimizer)(schedule, parameters=model.parameters())
    return RunnerV3(model, optimizer, nn.CrossEntropyLoss(), Accuracy())


def train(runner, path, batches, **settings):
    runner.train(
        batches, batches, num_epochs=2, log_steps=0, eval_steps=2, save_path=path.with_name("best"),
        checkpoint_path=path, checkpoint_steps=3, **settings,
    )  # fmt: skip


@pytest.fixture
def state(make_batches, tmp_path):
    """What a training of six steps wrote."""
    train(make_runner(), tmp_path / "state", make_batches((4, 4, 4)))
    return checkpoint.load(tmp_path / "state")


def everything(runner):
    """All that a state holds, from the runner and the generators themselves, as text."""
    arrays = [*runner.model.state_dict().items(), *runner.optimizer.state_dict().items()]
    numbers = {name: repr(value.numpy().tolist()) for name, value in arrays if isinstance(value, paddle.Tensor)}
    others = {name: repr(value) for name, value in arrays if name not in numbers}
    names = (*resume.HISTORY, "best_score", "global_step", "_first_step", "_owns_save_path", "_random_at_epoch_start")
    of_runner = {name: repr(vars(runner).get(name)) for name in names}
    return numbers | others | of_runner | {name: repr(value) for name, value in resume.random_state().items()}


def at(*keys):
    """Changes what lies at these keys: ``at("step")(value)`` is a mutation."""

    def put(value):
        def mutate(state):
            inner = state
            for key in keys[:-1]:
                inner = inner[key]
            inner[keys[-1]] = value(inner[keys[-1]]) if callable(value) else value

        return mutate

    return put


def without(*keys):
    def mutate(state):
        inner = state
        for key in keys[:-1]:
            inner = inner[key]
        del inner[keys[-1]]

    return mutate


def inside(key, mutate):
    return lambda state: mutate(state[key])


def word(position, value):
    """The state of Python's generator with another word."""
    return lambda state: (state[0], (*state[1][:position], value, *state[1][position:][1:]), state[2])


def part(position, value):
    return lambda whole: (
        *whole[:position],
        value(whole[position]) if callable(value) else value,
        *whole[position + 1 :],
    )


WEIGHT = "optimizer", "kept", "0.weight"
MUTATIONS = {
    **{f"without {name}": without(name) for name in resume.FIELDS},
    "one more field": lambda state: state.update(more=1),
    "step: text": at("step")("6"),
    "step: three": at("step")((0, 3, 6)),
    "step: negative": at("step")((-1, 6)),
    "step: backwards": at("step")((6, 0)),
    "step: beyond": at("step")((0, 10**9)),
    "step: too few": at("step")((0, 5)),
    "step: a float": at("step")((0, 6.0)),
    "step: true": at("step")((False, 6)),
    "best_score: text": at("best_score")("high"),
    "best_score: none": at("best_score")(None),
    "best_score: NaN": at("best_score")(math.nan),
    "best_score: of no evaluation": at("best_score")(7.0),
    "lower_is_better: the other": at("lower_is_better")(True),
    "lower_is_better: none": at("lower_is_better")(None),
    "lower_is_better: 0": at("lower_is_better")(0),
    "lower_is_better: an array": at("lower_is_better")(np.zeros(2)),
    "steps_per_epoch: others": at("steps_per_epoch")(4),
    "steps_per_epoch: none": at("steps_per_epoch")(None),
    "steps_per_epoch: an array": at("steps_per_epoch")(np.full(2, 3)),
    "owns_save_path: 1": at("owns_save_path")(1),
    "owns_save_path: text": at("owns_save_path")("yes"),
    "history: a list": at("history")([]),
    **{f"history without {name}": without("history", name) for name in resume.HISTORY},
    "history: one more": lambda state: state["history"].update(more=[]),
    **{f"history: {name} is text": at("history", name)("text") for name in resume.HISTORY},
    **{f"history: {name} is of text": at("history", name)(["text"] * STEPS) for name in resume.HISTORY},
    "history: no pairs": at("history", "train_step_losses")([1.0] * STEPS),
    "history: NaN": at("history", "train_step_losses", 2)((2, math.nan)),
    "history: a step twice": at("history", "train_step_losses", 2)((1, 0.5)),
    "history: a step missing": without("history", "train_step_losses", -1),
    "history: more epochs than steps": at("history", "train_epoch_losses")([0.5] * 7),
    "history: an evaluation to come": at("history", "dev_losses", -1)((6, 0.5)),
    "history: a score missing": without("history", "dev_scores", -1),
    "optimizer: a list": at("optimizer")([]),
    "optimizer: empty": at("optimizer")({}),
    "optimizer: of another class": at("optimizer_class")("SGD"),
    "optimizer: a number as class": at("optimizer_class")(3),
    "optimizer: without a parameter": without(*WEIGHT),
    "optimizer: a foreign parameter": lambda state: state["optimizer"]["kept"].update(foreign={}),
    "optimizer: without a kind": without(*WEIGHT, "moment1"),
    "optimizer: a foreign kind": lambda state: state["optimizer"]["kept"]["0.weight"].update(moment9=np.zeros(1, "f4")),
    "optimizer: another shape": at(*WEIGHT, "moment1")(np.zeros((4, 3), "float32")),
    "optimizer: another dtype": at(*WEIGHT, "moment1")(np.zeros((3, 4), "float64")),
    "optimizer: no array": at(*WEIGHT, "moment1")("text"),
    "optimizer: no kinds": at(*WEIGHT)(None),
    "optimizer: an array of kinds": at(*WEIGHT)(np.zeros(3, "float32")),
    "schedule: none": at("optimizer", "schedule")(None),
    "schedule: empty": at("optimizer", "schedule")({}),
    "schedule: text": at("optimizer", "schedule", "last_lr")("high"),
    "schedule: infinite": at("optimizer", "schedule", "last_lr")(math.inf),
    "schedule: one more": lambda state: state["optimizer"]["schedule"].update(more=1),
    "model: a list": at("model")([]),
    "model: without a parameter": without("model", "0.weight"),
    "model: another shape": at("model", "0.weight")(np.zeros((4, 3), "float32")),
    "model: too large numbers": at("model", "0.weight")(np.full((3, 4), 1e300)),
    "model: text": at("model", "0.weight")("text"),
    **{
        f"{moment}: {name}": inside(moment, change)
        for moment in ("random", "random_at_epoch_start")
        for name, change in {
            "without Paddle": without("paddle"),
            "Python: text": at("python")("text"),
            "Python: another version": at("python")(part(0, 2)),
            "Python: too few words": at("python")(part(1, (1, 2, 3))),
            "Python: a negative word": at("python")(word(5, -1)),
            "Python: a large word": at("python")(word(5, 2**32)),
            "Python: a float": at("python")(word(5, 1.5)),
            "Python: a place beyond": at("python")(word(624, 625)),
            "Python: text as next number": at("python")(part(2, "text")),
            "NumPy: another generator": at("numpy")(part(0, "PCG64")),
            "NumPy: too few words": at("numpy")(part(1, np.zeros(3, "uint32"))),
            "NumPy: words of 64 bits": at("numpy")(part(1, np.zeros(624, "uint64"))),
            "NumPy: a place beyond": at("numpy")(part(2, 10**6)),
            "NumPy: a negative place": at("numpy")(part(2, -1)),
            "NumPy: text as next number": at("numpy")(part(4, "text")),
            "Paddle: none": at("paddle")([]),
            "Paddle: two": at("paddle")(lambda states: states * 2),
            "Paddle: another device": at("paddle", 0)(part(0, 7)),
            "Paddle: a large seed": at("paddle", 0)(part(1, 2**64)),
            "Paddle: a half": at("paddle", 0)(lambda whole: whole[:2]),
            "Paddle: no text": at("paddle", 0)(part(3, [10**9])),
            "Paddle: too few words": at("paddle", 0)(part(3, list(b"1 2 3"))),
            "Paddle: a large word": at("paddle", 0)(part(3, lambda codes: [*(b"9" * 20), *codes[codes.index(32) :]])),
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize("has_trained", [False, True], ids=["fresh", "trained"])
def test_whatever_is_wrong_with_a_state_nothing_changes(state, make_batches, tmp_path, has_trained):
    """Of a runner that has a history and an optimizer's state of its own, and of one whose optimizer has none yet."""
    runner, mutations = make_runner(), MUTATIONS
    if has_trained:
        runner.train(make_batches(seed=3), num_epochs=1, log_steps=0)
    else:
        mutations = {name: mutate for name, mutate in MUTATIONS.items() if name.startswith(("optimizer", "schedule"))}
    nndl.runtime.seed_everything(4)
    before, accepted, path = everything(runner), [], tmp_path / "wrong"
    for name, mutate in mutations.items():
        wrong = copy.deepcopy(state)
        mutate(wrong)
        checkpoint.save(wrong, path)
        try:
            resume.restore(runner, path, 2, 3)
            accepted.append(name)
        except CheckpointError as error:
            message = str(error)
        assert message.startswith(f"{path}: "), name
        assert "\n" not in message, name
        assert everything(runner) == before, name
    assert not accepted


def test_the_state_itself_is_restored(state, tmp_path):
    """So the mutations above are refused for what is wrong, not for what is right."""
    runner = make_runner()
    resume.restore(runner, tmp_path / "state", 2, 3)
    assert (runner.best_score, runner.global_step) == (state["best_score"], STEPS)
    assert {name: getattr(runner, name) for name in resume.HISTORY} == state["history"]
    assert repr(resume.random_state()) == repr(state["random"])
    for name, tensor in runner.model.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), state["model"][name])


@pytest.mark.parametrize("other", [lambda: make_runner("SGD"), lambda: make_runner(size=3)], ids=["optimizer", "model"])
def test_the_state_of_another_training_is_refused(state, tmp_path, other):
    runner = other()
    before = everything(runner)
    with pytest.raises(CheckpointError, match=r"state: (not the state|not a checkpoint)"):
        resume.restore(runner, tmp_path / "state", 2, 3)
    assert everything(runner) == before


@pytest.mark.parametrize(("made_with", "sense"), [("Accuracy", "lower"), ("Perplexity", "higher")])
def test_a_training_whose_metric_had_the_other_sense_is_refused(make_batches, tmp_path, made_with, sense):
    """Its best score would be one that no other can beat, or that any other beats."""
    runners = {name: make_runner() for name in ("Accuracy", "Perplexity")}
    for name, runner in runners.items():
        runner.metric = getattr(nndl, name)()
    batches, path = make_batches((4, 4, 4)), tmp_path / "state"
    train(runners.pop(made_with), path, batches)
    ((_, other),) = runners.items()
    before = everything(other)
    with pytest.raises(CheckpointError, match=f"state: its metric is not one of which {sense} is better, as this"):
        resume.restore(other, path, 2, 3)
    assert everything(other) == before


class Stop(Callback):
    def __init__(self, step):
        self.step = step

    def on_backward_end(self, runner):
        if runner.global_step == self.step:
            raise KeyboardInterrupt


def make_scheduled(schedule):
    lr = paddle.optimizer.lr
    return {
        "plateau": lambda: lr.ReduceOnPlateau(0.05),
        "warm-up": lambda: lr.LinearWarmup(lr.CosineAnnealingDecay(0.05, 10), 3, 0.0, 0.05),
        "a number": lambda: 0.05,
    }[schedule]()


@pytest.mark.parametrize("schedule", ["plateau", "warm-up", "a number"])
@pytest.mark.parametrize("optimizer", ["AdamW", "Momentum", "RMSProp", "Lamb", "NAdam", "nndl.Adam"])
def test_every_optimizer_goes_on_exactly_even_after_another_of_the_same_model(
    make_batches, tmp_path, optimizer, schedule
):
    """A cell that makes the optimizer is run twice: Paddle gives the second one's numbers other names."""
    batches = make_batches((4, 4, 4))

    def make(is_second):
        paddle.seed(1)
        model = nn.Linear(3, 2)
        start = {name: tensor.numpy().copy() for name, tensor in model.state_dict().items()}
        kind = nndl.Adam if optimizer == "nndl.Adam" else getattr(paddle.optimizer, optimizer)
        if is_second:
            first = kind(0.1, parameters=model.parameters())
            model(batches[0][0]).sum().backward()
            first.step()
            first.clear_grad()
            model.set_state_dict(start)
        second = kind(make_scheduled(schedule), parameters=model.parameters())
        return RunnerV3(model, second, nn.CrossEntropyLoss(), None)

    settings = {"num_epochs": 3, "log_steps": 0}
    saving = settings | {"checkpoint_path": tmp_path / "state", "checkpoint_steps": 2}
    whole, broken, resumed = make(False), make(True), make(False)
    whole.train(batches, **settings)
    with suppress(KeyboardInterrupt):
        broken.train(batches, **saving, callbacks=[Stop(5)])
    resumed.train(batches, **saving)
    assert resumed.train_step_losses == whole.train_step_losses
    for tensor, expected in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        np.testing.assert_array_equal(tensor.numpy(), expected.numpy())


@pytest.mark.parametrize("kinds", [(nndl.Adam, paddle.optimizer.Adam), (paddle.optimizer.Adam, nndl.Adam)])
def test_our_adam_goes_on_from_the_state_of_paddles_and_the_other_way_round(make_batches, tmp_path, kinds):
    batches, settings = make_batches((4, 4, 4)), {"num_epochs": 3, "log_steps": 0}

    def make(kind):
        paddle.seed(1)
        model = nn.Linear(3, 2)
        return RunnerV3(model, kind(0.05, parameters=model.parameters()), nn.CrossEntropyLoss(), None)

    whole, broken, resumed = make(paddle.optimizer.Adam), make(kinds[0]), make(kinds[1])
    whole.train(batches, **settings)
    with suppress(KeyboardInterrupt):
        broken.train(batches, **settings, checkpoint_path=tmp_path / "state", checkpoint_steps=4, callbacks=[Stop(5)])
    resumed.train(batches, **settings, checkpoint_path=tmp_path / "state")
    np.testing.assert_allclose(resumed.train_step_losses, whole.train_step_losses, rtol=1e-5)


def test_an_optimizer_whose_state_cannot_be_written_is_refused(make_batches, tmp_path):
    runner, other = make_runner(), nn.Linear(3, 2)
    cross_entropy = runner.loss_fn
    runner.loss_fn = lambda logits, y: cross_entropy(logits, y) + other(paddle.ones([1, 3])).sum()
    runner.optimizer = paddle.optimizer.Adam(parameters=[*runner.model.parameters(), *other.parameters()])
    with pytest.raises(SettingError, match=r"checkpoint_path: the optimizer holds linear.*no parameter of the model"):
        train(runner, tmp_path / "state", make_batches((4, 4, 4)))
    assert not (tmp_path / "state").exists()


def test_a_parameter_that_a_model_has_in_two_places(make_batches, tmp_path):
    class Twice(nn.Layer):
        def __init__(self):
            super().__init__()
            self.one = nn.Linear(3, 3)
            self.other = nn.Linear(3, 3)
            self.other.weight = self.one.weight
            self.last = nn.Linear(3, 2)

        def forward(self, X):
            return self.last(self.other(paddle.tanh(self.one(X))))

    def make():
        paddle.seed(2)
        model = Twice()
        optimizer = paddle.optimizer.Adam(0.01, parameters=model.parameters())
        return RunnerV3(model, optimizer, nn.CrossEntropyLoss(), None)

    settings, state = {"num_epochs": 3, "log_steps": 0}, {"checkpoint_path": tmp_path / "state", "checkpoint_steps": 2}
    batches, whole, resumed = make_batches((4, 4, 4)), make(), make()
    assert len(whole.model.state_dict()) > len(whole.model.parameters())
    whole.train(batches, **settings)
    with suppress(KeyboardInterrupt):
        make().train(batches, **settings, **state, callbacks=[Stop(5)])
    resumed.train(batches, **settings, **state)
    assert resumed.train_step_losses == whole.train_step_losses


def test_a_training_that_is_to_be_shorter_or_of_other_epochs_is_refused(make_batches, tmp_path):
    """Its numbers would be those of neither training, or the earlier one's would pass for its own."""
    batches, path = make_batches((4, 4, 4)), tmp_path / "state"
    train(make_runner(), path, batches)
    for settings, message in (
        ((batches, 1), "it has taken 6 steps already, and num_epochs 1 asks for 3"),
        ((batches[:2], 5), "its epochs are not of 2 steps"),
    ):
        runner, (loader, num_epochs) = make_runner(), settings
        parameters = [parameter.numpy() for parameter in runner.model.parameters()]
        with pytest.raises(CheckpointError, match=message):
            runner.train(loader, num_epochs=num_epochs, log_steps=0, checkpoint_path=path)
        assert runner.train_step_losses == runner.dev_losses == []
        np.testing.assert_equal([parameter.numpy() for parameter in runner.model.parameters()], parameters)
