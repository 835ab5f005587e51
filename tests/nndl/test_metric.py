"""Accuracy against NumPy, and by hand."""

import nndl  # before Paddle: it chooses the threads

# isort: split
import numpy as np
import paddle
import pytest

from nndl.error import SettingError


def accuracy(outputs, labels, **settings):
    """The accuracy of one batch."""
    metric = nndl.Accuracy(**settings)
    metric.update(paddle.to_tensor(outputs, dtype="float32"), paddle.to_tensor(labels))
    return metric.accumulate()


@pytest.mark.parametrize("label_shape", [(50,), (50, 1)])
@pytest.mark.parametrize("label_dtype", ["int32", "int64"])
def test_many_classes(label_shape, label_dtype):
    rng = np.random.default_rng(1)
    scores, labels = rng.standard_normal((50, 3)), rng.integers(0, 3, 50)
    expected = np.mean(scores.argmax(axis=1) == labels)
    assert accuracy(scores, labels.reshape(label_shape).astype(label_dtype)) == pytest.approx(expected)


LABELS = [1, 0, 0, 1]


@pytest.mark.parametrize("labels", [LABELS, [[label] for label in LABELS]])
@pytest.mark.parametrize(
    ("outputs", "settings", "expected"),
    [
        ([[2.0], [-3.0], [0.1], [0.4]], {}, 0.75),  # logits: only the third is wrong
        ([[0.9], [0.2], [0.1], [0.4]], {"is_logist": False}, 0.75),  # probabilities: only the fourth
    ],
)
def test_two_classes_in_one_column(outputs, settings, expected, labels):
    assert accuracy(outputs, labels, **settings) == expected


@pytest.mark.parametrize("labels", [[1], [[1]]])
@pytest.mark.parametrize(("outputs", "expected"), [([[0.1, 0.9]], 1), ([[0.9, 0.1]], 0), ([[0.3]], 1), ([[-0.3]], 0)])
def test_batch_of_one(outputs, labels, expected):
    assert accuracy(outputs, labels) == expected


def test_every_example_counts_the_same_over_batches():
    metric = nndl.Accuracy()
    metric.update(paddle.to_tensor([[0.9, 0.1]] * 3), paddle.to_tensor([0, 0, 0]))
    metric.update(paddle.to_tensor([[0.9, 0.1]]), paddle.to_tensor([1]))
    assert metric.accumulate() == 0.75


def test_reset_forgets():
    metric = nndl.Accuracy()
    metric.update(paddle.to_tensor([[0.9, 0.1]]), paddle.to_tensor([0]))
    metric.reset()
    assert metric.accumulate() == 0
    metric.update(paddle.to_tensor([[0.9, 0.1]] * 2), paddle.to_tensor([0, 1]))
    assert metric.accumulate() == 0.5


def test_nothing_counted():
    assert nndl.Accuracy().accumulate() == 0


def test_is_a_metric_of_paddle():
    metric = nndl.Accuracy()
    assert isinstance(metric, paddle.metric.Metric)
    assert metric.name() == "Accuracy"


@pytest.mark.parametrize(
    ("outputs", "labels"),
    [
        ([3, 2], [2]),
        ([3, 2], [3, 2]),
        ([3, 1], [1, 3]),
        ([3, 2], []),
        ([3], [3]),
        ([3, 2, 2], [3]),
        ([], []),
    ],
)
def test_wrong_shapes(outputs, labels):
    metric = nndl.Accuracy()
    with pytest.raises(SettingError, match=r"outputs .* labels .*: expected \[N, C\] or \[N, 1\], and \[N\]"):
        metric.update(paddle.zeros(outputs), paddle.zeros(labels, dtype="int64"))
    assert metric.num_count == 0
