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


# --- values that are no classes, and no numbers ---

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("labels", [[0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 0, 0]])
@pytest.mark.parametrize(
    ("row", "settings"),
    [
        ([NAN, NAN], {}),
        ([NAN, 1.0], {}),
        ([1.0, NAN], {}),
        ([NAN, INF, 0.0], {}),
        ([NAN], {}),
        ([NAN], {"is_logist": False}),
    ],
)
def test_nan_is_never_right(row, settings, labels):
    assert accuracy([row] * 4, labels, **settings) == 0


def test_nan_among_numbers_costs_its_own_rows_only():
    rng = np.random.default_rng(2)
    scores, labels = rng.standard_normal((60, 3)), rng.integers(0, 3, 60)
    is_broken = rng.random(60) < 0.4
    scores[is_broken, rng.integers(0, 3, 60)[is_broken]] = NAN
    rows = zip(scores.tolist(), labels.tolist(), strict=True)
    right = [not any(score != score for score in row) and row.index(max(row)) == label for row, label in rows]
    assert 0 < sum(right) < 60
    assert accuracy(scores, labels) == pytest.approx(np.mean(right))


def test_infinite_scores_count_like_large_ones():
    assert accuracy([[INF, 0.0], [-INF, 0.0], [-INF, -INF]], [0, 1, 0]) == 1
    assert accuracy([[INF], [-INF]], [1, 0]) == 1


def test_a_model_that_is_all_nan_scores_zero_in_a_runner(make_batches):
    model = paddle.nn.Linear(3, 2)
    model.weight.set_value(paddle.full([3, 2], NAN))
    runner = nndl.RunnerV3(model, None, paddle.nn.CrossEntropyLoss(), nndl.Accuracy())
    assert runner.evaluate(make_batches())[0] == 0


KINDS = ["arrays", "lists", "mixed", "float16", "bfloat16", "float64", "bool", "uint8", "float"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("num_columns", [1, 3])
def test_arrays_lists_and_all_dtypes(kind, num_columns):
    rng = np.random.default_rng(3)
    scores = rng.choice([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0], (40, num_columns)).astype("float32")
    labels = rng.integers(0, 2, 40)
    expected = np.mean((scores.argmax(axis=1) if num_columns > 1 else scores[:, 0] > 0) == labels)
    outputs, given = {
        "arrays": (scores, labels),
        "lists": (scores.tolist(), labels.tolist()),
        "mixed": (paddle.to_tensor(scores), labels.reshape(40, 1)),
        "bool": (paddle.to_tensor(scores), paddle.to_tensor(labels, dtype="bool")),
        "uint8": (scores, labels.astype("uint8")),
        "float": (scores, paddle.to_tensor(labels, dtype="float32")),  # as BCEWithLogitsLoss wants them
    }.get(kind) or (paddle.to_tensor(scores).astype(kind), paddle.to_tensor(labels))
    metric = nndl.Accuracy()
    metric.update(outputs, given)
    assert metric.accumulate() == pytest.approx(expected)


@pytest.mark.parametrize("num_columns", [1, 2, 19])
@pytest.mark.parametrize("label", [-1, -100, "C", 0.5, NAN, INF])
def test_labels_that_are_no_classes(label, num_columns):
    label = max(num_columns, 2) if label == "C" else label
    metric, last = nndl.Accuracy(), max(1, num_columns - 1)
    with pytest.raises(SettingError, match=rf"^label {label}: expected whole numbers from 0 to {last}$"):
        metric.update(np.zeros([3, num_columns]), [0, 1, label])
    assert metric.num_count == 0


@pytest.mark.parametrize(
    ("outputs", "labels", "fault"),
    [
        (np.array([["a", "b"]]), [0], "outputs of dtype <U1: expected numbers"),
        ([[1.0, 2.0]], ["0"], "labels of dtype <U1: expected numbers"),
        ([[1.0, 2.0], [1.0]], [0, 1], "outputs of dtype object: expected numbers"),
        ([[1.0, 2.0]], None, "labels of dtype object: expected numbers"),
        (paddle.zeros([1, 2], dtype="complex64"), [0], "outputs of dtype complex64: expected numbers"),
        ([], [], r"outputs \[0\] and labels \[0\]: expected \[N, C\]"),
        (np.zeros([2, 0]), [0, 0], r"outputs \[2, 0\] and labels \[2\]: expected \[N, C\]"),
    ],
)
def test_what_is_wrong_is_named(outputs, labels, fault):
    with pytest.raises(SettingError, match=fault):
        nndl.Accuracy().update(outputs, labels)


class Examples(paddle.io.Dataset):
    def __init__(self, examples):
        self.examples = examples

    def __getitem__(self, index):
        return self.examples[index]

    def __len__(self):
        return len(self.examples)


def test_paddles_own_training_loop_takes_it(make_batches):
    """``paddle.Model`` hands a metric NumPy arrays; it finds what a runner finds."""
    inputs = np.concatenate([X.numpy() for X, _ in make_batches()])
    labels = np.concatenate([y.numpy() for _, y in make_batches()])
    data = Examples(list(zip(inputs, labels[:, None], strict=True)))
    network = paddle.nn.Linear(3, 2)
    model = paddle.Model(network)
    optimizer = paddle.optimizer.SGD(0.5, parameters=network.parameters())
    model.prepare(optimizer, paddle.nn.CrossEntropyLoss(), metrics=nndl.Accuracy())
    model.fit(data, data, batch_size=8, epochs=2, verbose=0)
    found = model.evaluate(data, batch_size=8, verbose=0)
    runner = nndl.RunnerV3(network, None, paddle.nn.CrossEntropyLoss(), nndl.Accuracy())
    assert found["Accuracy"] == runner.evaluate(paddle.io.DataLoader(data, batch_size=8))[0]
    assert 0.5 < found["Accuracy"] <= 1
