"""Adam in one call of an operator: against its equation in NumPy, and against Paddle's own."""

import nndl

import numpy as np
import paddle
import pytest
from paddle import nn

STEPS = 5
SHAPES = ((3, 4), (4,), (1,))
BETA1, BETA2, EPSILON = 0.8, 0.95, 1e-6


@pytest.fixture
def start():
    return [np.random.default_rng(0).standard_normal(shape).astype("float32") for shape in SHAPES]


@pytest.fixture
def gradients():
    """Of each step; those of the last parameter are as small as ε."""
    draw = np.random.default_rng(1)
    return [
        [(draw.standard_normal(s) * (1e-6 if s == (1,) else 1)).astype("float32") for s in SHAPES] for _ in range(STEPS)
    ]


def make_parameters(start, **attributes):
    parameters = [
        paddle.create_parameter(x.shape, "float32", attr=paddle.ParamAttr(**attributes) if not n else None)
        for n, x in enumerate(start)
    ]
    for parameter, x in zip(parameters, start, strict=True):
        parameter.set_value(x)
    return parameters


def take_steps(optimizer, parameters, gradients, after_each=lambda: None):
    for of_step in gradients:
        for parameter, gradient in zip(parameters, of_step, strict=True):
            parameter.grad = None if gradient is None else paddle.to_tensor(gradient)
        optimizer.step()
        optimizer.clear_grad(set_to_zero=False)
        after_each()
    return [parameter.numpy() for parameter in parameters]


def by_numpy(start, gradients, rates):
    found = []
    for n, x in enumerate(start):
        theta, m, v = x.astype("float64"), 0.0, 0.0
        for t, of_step in enumerate(gradients, start=1):
            g = of_step[n].astype("float64")
            m, v = BETA1 * m + (1 - BETA1) * g, BETA2 * v + (1 - BETA2) * g**2
            theta = theta - rates[t - 1] * (m / (1 - BETA1**t)) / (np.sqrt(v / (1 - BETA2**t)) + EPSILON)
        found.append(theta)
    return found


def assert_close(found, expected, rtol=2e-6):
    for x, y in zip(found, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=1e-7)


@pytest.fixture
def paddles_step(monkeypatch):
    """Counts the steps that go Paddle's way."""
    taken, own = [], paddle.optimizer.Adam.step
    monkeypatch.setattr(paddle.optimizer.Adam, "step", lambda self: (taken.append(1), own(self))[1])
    return taken


def test_is_the_equation_and_one_call(start, gradients, paddles_step):
    parameters = make_parameters(start)
    optimizer = nndl.Adam(0.1, BETA1, BETA2, EPSILON, parameters)
    assert_close(take_steps(optimizer, parameters, gradients), by_numpy(start, gradients, [0.1] * STEPS), rtol=1e-5)
    assert not paddles_step


@pytest.mark.parametrize("how", ["schedule", "set_lr"])
def test_the_rate_may_change(start, gradients, how):
    rates, parameters = [0.1 / 2**n for n in range(STEPS)], make_parameters(start)
    schedule = paddle.optimizer.lr.ExponentialDecay(0.1, 0.5)
    optimizer = nndl.Adam(schedule if how == "schedule" else 0.1, BETA1, BETA2, EPSILON, parameters)
    move = schedule.step if how == "schedule" else lambda: optimizer.set_lr(optimizer.get_lr() / 2)
    assert_close(take_steps(optimizer, parameters, gradients, move), by_numpy(start, gradients, rates), rtol=1e-5)


def test_agrees_with_paddles(start, gradients):
    ends = []
    for kind in (nndl.Adam, paddle.optimizer.Adam):
        parameters = make_parameters(start)
        ends.append(take_steps(kind(0.1, parameters=parameters), parameters, gradients))
    assert_close(*ends)


@pytest.mark.parametrize("clip", [nn.ClipGradByValue(0.3), nn.ClipGradByNorm(0.5), nn.ClipGradByGlobalNorm(0.5)])
def test_clips_first_as_paddles_does_and_is_one_call(start, gradients, clip, paddles_step):
    found = {}
    for kind, settings in (
        (nndl.Adam, {"grad_clip": clip}),
        (nndl.Adam, {}),
        (paddle.optimizer.Adam, {"grad_clip": clip}),
    ):
        parameters = make_parameters(start)
        found[kind, bool(settings)] = take_steps(kind(0.1, parameters=parameters, **settings), parameters, gradients)
    assert_close(found[nndl.Adam, True], found[paddle.optimizer.Adam, True])
    assert len(paddles_step) == STEPS  # those of the last alone
    with pytest.raises(AssertionError):  # and it matters
        assert_close(found[nndl.Adam, True], found[nndl.Adam, False])


def test_what_is_frozen_or_has_no_gradient_stays_and_keeps_its_time(start, gradients):
    """As in Paddle's, a parameter counts its own steps."""
    for kind in (nndl.Adam, paddle.optimizer.Adam):
        parameters = make_parameters(start)
        optimizer = kind(0.1, parameters=parameters)
        partly = [[a, None, c] for a, _, c in gradients[:2]]
        take_steps(optimizer, parameters, partly)
        np.testing.assert_array_equal(parameters[1].numpy(), start[1])
        parameters[2].stop_gradient = True
        at = parameters[2].numpy()
        found = take_steps(optimizer, parameters, gradients[2:])
        np.testing.assert_array_equal(parameters[2].numpy(), at)
        if kind is nndl.Adam:
            ours = found
    assert_close(ours, found)


def test_a_step_without_any_gradient_changes_nothing(start):
    parameters = make_parameters(start)
    nndl.Adam(0.1, parameters=parameters).step()
    for parameter, x in zip(parameters, start, strict=True):
        np.testing.assert_array_equal(parameter.numpy(), x)


@pytest.mark.parametrize("attributes", [{"learning_rate": 0.1}, {"regularizer": paddle.regularizer.L2Decay(0.5)}])
def test_a_parameter_of_its_own_kind_is_updated_as_by_paddle(start, gradients, attributes):
    ends = []
    for kind in (nndl.Adam, paddle.optimizer.Adam):
        parameters = make_parameters(start, **attributes)
        ends.append(take_steps(kind(0.1, parameters=parameters), parameters, gradients))
    for ours, paddles in zip(*ends, strict=True):
        np.testing.assert_array_equal(ours, paddles)


def test_groups_of_parameters_and_float64_and_sparse_gradients_are_paddles(start, gradients, paddles_step):
    parameters = make_parameters(start)
    groups = [{"params": parameters[:1], "learning_rate": 0.1}, {"params": parameters[1:]}]
    take_steps(nndl.Adam(0.1, parameters=groups), parameters, gradients)
    assert len(paddles_step) == STEPS
    double = paddle.create_parameter([2], "float64")
    double.grad = paddle.ones([2], "float64")
    nndl.Adam(0.1, parameters=[double]).step()
    assert len(paddles_step) == STEPS + 1
    embedding = nn.Embedding(5, 2, sparse=True)
    before = embedding.weight.numpy()
    embedding(paddle.to_tensor([3])).sum().backward()
    nndl.Adam(0.1, parameters=embedding.parameters()).step()
    assert len(paddles_step) == STEPS + 2
    assert (embedding.weight.numpy() != before).any(axis=1).tolist() == [False] * 3 + [True, False]


@pytest.mark.parametrize("has_overflowed", [True, False])
def test_a_step_that_amp_scaled_is_paddles(start, gradients, has_overflowed):
    """Whether the gradients were infinite is what ``paddle.amp.GradScaler``, on a GPU, tells the optimizer."""
    parameters = make_parameters(start)
    optimizer = nndl.Adam(0.1, parameters=parameters)
    optimizer._set_auxiliary_var("found_inf", paddle.to_tensor([has_overflowed]))
    moved = [(end != x).any() for end, x in zip(take_steps(optimizer, parameters, gradients), start, strict=True)]
    assert moved == [not has_overflowed] * len(SHAPES)


def test_a_parameter_with_strides_is_updated_as_by_paddle():
    """The operator for all parameters would end the process there."""
    start, found = paddle.randn([4, 3]), []
    for optimizer_class in (nndl.Adam, paddle.optimizer.Adam):
        parameter = paddle.nn.Parameter(start.clone().T)
        optimizer = optimizer_class(0.1, parameters=[parameter])
        (parameter * parameter).sum().backward()
        optimizer.step()
        found.append(parameter.numpy())
    np.testing.assert_allclose(*found, rtol=1e-6)
