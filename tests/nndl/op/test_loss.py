"""The loss: Paddle's results, to the last bit, and the equation in NumPy."""

import nndl

import numpy as np
import paddle
import pytest
from paddle import nn

C = 5


@pytest.mark.parametrize("shape", [[1], [7], [7, 1], [2, 3], [2, 3, 1]])
def test_results_and_gradients_are_paddles(shape):
    draw = np.random.default_rng(0)
    sizes = shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape
    z, y = draw.standard_normal([*sizes, C]).astype("float32") * 10, draw.integers(0, C, shape)
    found = []
    for loss_fn in (nndl.CrossEntropyLoss(), nn.CrossEntropyLoss()):
        logits = paddle.to_tensor(z, stop_gradient=False)
        loss = loss_fn(logits, paddle.to_tensor(y))
        loss.backward()
        found.append((loss.numpy(), logits.grad.numpy()))
    assert found[0][0].shape == ()
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    flat, labels = z.reshape(-1, C).astype("float64"), y.reshape(-1)
    expected = (np.log(np.exp(flat).sum(axis=1)) - flat[np.arange(len(labels)), labels]).mean()
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shapes", [([0, C], [0]), ([2, 3, C], [2])])
def test_what_paddle_refuses_or_makes_nan_stays_so(shapes):
    found = []
    for loss_fn in (nndl.CrossEntropyLoss(), nn.CrossEntropyLoss()):
        try:
            found.append(str(loss_fn(paddle.zeros(shapes[0]), paddle.zeros(shapes[1], "int64")).item()))
        except ValueError as error:
            found.append(str(error))
    assert found[0] == found[1]


@pytest.mark.parametrize("label", [C, -1])
def test_a_label_that_is_no_class_is_treated_as_by_paddle(label):
    found = []
    for loss_fn in (nndl.CrossEntropyLoss(), nn.CrossEntropyLoss()):
        try:
            found.append(repr(loss_fn(paddle.zeros([2, C]), paddle.to_tensor([0, label])).item()))
        except Exception as error:
            found.append(type(error).__name__)
    assert found[0] == found[1]
