"""The metrics against NumPy, Paddle's own cross-entropy, and by hand."""

import math

import nndl  # before Paddle: it chooses the threads

# isort: split
from nndl.error import SettingError

import numpy as np
import paddle
import pytest


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
        ([3, 2, 2], [3, 1]),
        ([3, 2, 2], [2, 3]),
        ([3, 2, 2], [6]),
        ([3, 2, 0], [3, 2]),
        ([3, 2, 2, 2], [3, 2, 2]),
        ([], []),
    ],
)
@pytest.mark.parametrize("kind", [nndl.Accuracy, nndl.CrossEntropy])
def test_wrong_shapes(outputs, labels, kind):
    metric = kind()
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
@pytest.mark.parametrize("kind", [nndl.Accuracy, nndl.CrossEntropy])
def test_labels_that_are_no_classes(label, num_columns, kind):
    label = max(num_columns, 2) if label == "C" else label
    metric, last = kind(), max(1, num_columns - 1)
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


# --- sequences: labels [B, L], and -100 where there is only padding ---

METRICS = [nndl.Accuracy, nndl.CrossEntropy, nndl.Perplexity]


def measure(kind, *batches, **settings):
    metric = kind(**settings)
    for outputs, labels in batches:
        metric.update(paddle.to_tensor(outputs), paddle.to_tensor(labels))
    return metric.accumulate()


def tagging(C=5, padding=-100, seed=4, B=6, L=7):
    """Scores [B, L, C] of B sequences, their labels [B, L] up to each one's length, and the pairs that count."""
    rng = np.random.default_rng(seed)
    scores, labels = rng.standard_normal((B, L, C)), rng.integers(0, max(C, 2), (B, L))
    lengths = [L, *rng.integers(1, L, B - 1)]
    for row, length in enumerate(lengths):
        labels[row, length:] = padding
    counted = [(scores[row, step], labels[row, step]) for row in range(B) for step in range(lengths[row])]
    assert len(counted) < B * L
    return scores, labels, counted


def by_hand(kind, counted):
    """One example after the other."""
    if kind is nndl.Accuracy:
        return sum(int(np.argmax(z)) == y for z, y in counted) / len(counted)
    mean = math.fsum(math.log(math.fsum(math.exp(score) for score in z)) - z[y] for z, y in counted) / len(counted)
    return math.exp(mean) if kind is nndl.Perplexity else mean


@pytest.mark.parametrize("as_column", [False, True])
@pytest.mark.parametrize("kind", METRICS)
def test_padding_is_left_out(kind, as_column):
    scores, labels, counted = tagging()
    found = measure(kind, (scores, labels[..., None] if as_column else labels))
    assert found == pytest.approx(by_hand(kind, counted), rel=1e-12)
    assert found != pytest.approx(
        by_hand(kind, [(z, y % 5) for z, y in zip(scores.reshape(-1, 5), labels.flat, strict=True)])
    )


@pytest.mark.parametrize("kind", METRICS)
def test_every_step_counts_the_same_however_it_is_batched(kind):
    scores, labels, counted = tagging()
    assert len({(row >= 0).sum() for row in labels}) > 1
    found = measure(kind, *((scores[row : row + 2], labels[row : row + 2]) for row in (0, 2, 4)))
    assert found == pytest.approx(by_hand(kind, counted), rel=1e-12)
    assert found == pytest.approx(measure(kind, *((z[None], np.array([y])) for z, y in counted)), rel=1e-12)


@pytest.mark.parametrize("kind", METRICS)
@pytest.mark.parametrize("rubbish", [NAN, INF, 1e30])
def test_what_stands_at_the_padding_does_not_matter(kind, rubbish):
    scores, labels, counted = tagging()
    scores[labels == -100] = rubbish
    assert measure(kind, (scores, labels)) == pytest.approx(by_hand(kind, counted), rel=1e-12)


@pytest.mark.parametrize("kind", METRICS)
def test_another_label_may_mark_the_padding(kind):
    """0, the usual one of [PAD]; then no step of the class 0 counts."""
    scores, labels, counted = tagging(padding=0)
    counted = [(z, y) for z, y in counted if y]
    assert measure(kind, (scores, labels), ignore_index=0) == pytest.approx(by_hand(kind, counted), rel=1e-12)
    with pytest.raises(SettingError, match=r"^ignore_index 0\.5: expected a whole number"):
        kind(ignore_index=0.5)


@pytest.mark.parametrize("kind", METRICS)
def test_a_label_that_is_neither_class_nor_padding_is_named(kind):
    scores, labels, _ = tagging()
    labels[0, 2] = -1
    metric = kind()
    with pytest.raises(SettingError, match=r"^label -1: expected whole numbers from 0 to 4$"):
        metric.update(scores, labels)
    assert metric.num_count == 0


@pytest.mark.parametrize(("settings", "cut"), [({}, 0), ({"is_logist": False}, 0.5)])
def test_accuracy_of_sequences_in_one_column(settings, cut):
    scores, labels, counted = tagging(C=1)
    expected = np.mean([(z[0] >= cut) == y for z, y in counted])
    assert measure(nndl.Accuracy, (scores, labels), **settings) == pytest.approx(expected)


def test_nothing_but_padding_counts_nothing():
    batch = (np.ones((2, 3, 4)), np.full((2, 3), -100))
    assert measure(nndl.Accuracy, batch) == 0
    for kind in (nndl.CrossEntropy, nndl.Perplexity):  # 0 or 1 would be the best that there is
        assert math.isnan(measure(kind, batch))
        assert math.isnan(kind().accumulate())


# --- cross-entropy and perplexity ---


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropy_is_paddles(dtype):
    scores, labels, counted = tagging(seed=5)
    scores, labels = paddle.to_tensor(scores, dtype), paddle.to_tensor(labels)
    cross_entropy, tolerance = paddle.nn.functional.cross_entropy, 1e-6 if dtype == "float32" else 1e-12
    # Their sum: with a negative ignore_index, its mean is one over the padding, too.
    expected = cross_entropy(scores, labels, reduction="sum").item() / len(counted)
    assert measure(nndl.CrossEntropy, (scores, labels)) == pytest.approx(expected, rel=tolerance)
    z, y = scores[:, 0], labels[:, 0]
    assert measure(nndl.CrossEntropy, (z, y)) == pytest.approx(cross_entropy(z, y).item(), rel=tolerance)


def test_cross_entropy_of_one_column_is_that_of_two_classes():
    scores, labels, _ = tagging(C=1)
    is_step = labels >= 0
    expected = paddle.nn.functional.binary_cross_entropy_with_logits(
        paddle.to_tensor(scores[is_step][:, 0]), paddle.to_tensor(labels[is_step].astype("float64"))
    )
    assert measure(nndl.CrossEntropy, (scores, labels)) == pytest.approx(expected.item(), rel=1e-12)
    assert measure(nndl.CrossEntropy, (scores[is_step], labels[is_step])) == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("z", "y", "expected"),
    [
        ([1e4, 0.0], 0, 0.0),
        ([1e4, 0.0], 1, 1e4),
        ([-1e4, -1e4], 0, math.log(2)),
        ([3e38, 3e38, -3e38], 1, math.log(2)),
        ([1e9 + 1, 1e9], 0, math.log1p(math.exp(-1))),  # not told apart in float32
        ([0.0, -INF], 0, 0.0),  # a class that is ruled out
        ([0.0, -INF], 1, INF),
        ([0.0, NAN], 0, NAN),
        ([INF, 0.0], 0, NAN),
    ],
)
def test_cross_entropy_of_large_logits(z, y, expected, recwarn):
    found = measure(nndl.CrossEntropy, (np.array([z]), np.array([y])))
    assert found == pytest.approx(expected, rel=1e-12, nan_ok=True)
    assert not recwarn.list


def test_a_mean_over_many_batches_is_right_to_the_last_digits():
    rng = np.random.default_rng(6)
    scores, labels = 10 * rng.standard_normal((40_000, 3)).astype("float32"), rng.integers(0, 3, 40_000)
    counted = list(zip(scores.astype("float64"), labels, strict=True))
    found = measure(nndl.CrossEntropy, *zip(np.split(scores, 400), np.split(labels, 400), strict=True))
    assert found == pytest.approx(by_hand(nndl.CrossEntropy, counted), rel=1e-12)


def test_perplexity_is_the_number_of_classes_one_guesses_among():
    assert measure(nndl.Perplexity, (np.zeros((2, 3, 7)), np.arange(6).reshape(2, 3))) == pytest.approx(7)
    assert measure(nndl.Perplexity, (np.array([[1e4, 0.0]]), np.array([1]))) == INF


@pytest.mark.parametrize("kind", [nndl.CrossEntropy, nndl.Perplexity])
def test_reset_forgets_all_losses(kind):
    metric, batch = kind(), (paddle.to_tensor([[0.0, 1.0]]), paddle.to_tensor([0]))
    metric.update(paddle.to_tensor([[0.0, NAN]]), paddle.to_tensor([0]))
    metric.reset()
    metric.update(*batch)
    assert metric.accumulate() == measure(kind, batch)
    assert metric.name() == kind.__name__


@pytest.mark.parametrize("kind", METRICS)
def test_a_runner_gives_the_loss_and_the_metric_the_same_labels(kind):
    """One y, with its padding, and logits [B, L, C]: what Paddle's loss finds is what the metric finds."""
    scores, labels, counted = tagging(padding=255)
    batch = (paddle.to_tensor(scores, "float32"), paddle.to_tensor(labels))
    loss_fn = paddle.nn.CrossEntropyLoss(ignore_index=255)
    runner = nndl.RunnerV3(paddle.nn.Identity(), None, loss_fn, kind(ignore_index=255))
    score, loss = runner.evaluate([batch])
    assert score == pytest.approx(by_hand(kind, counted), rel=1e-6)
    assert loss == pytest.approx(by_hand(nndl.CrossEntropy, counted), rel=1e-6)


# --- mean squared error ---


@pytest.mark.parametrize("shape", [[7], [7, 1], [7, 3, 2]])
def test_mean_squared_error_is_numpys_over_all_batches(shape):
    rng, metric = np.random.default_rng(5), nndl.MeanSquaredError()
    pairs = [(rng.standard_normal([N, *shape[1:]]), rng.standard_normal([N, *shape[1:]])) for N in (shape[0], 2)]
    for outputs, targets in pairs:
        metric.update(paddle.to_tensor(outputs), targets)
    errors = np.concatenate([(outputs - targets).ravel() for outputs, targets in pairs])
    assert metric.accumulate() == pytest.approx(np.mean(errors**2), rel=1e-12)
    metric.reset()
    assert math.isnan(metric.accumulate())
    metric.update([[1.0]], [[3.0]])
    assert metric.accumulate() == 4.0


def test_mean_squared_error_of_no_number_is_none():
    metric = nndl.MeanSquaredError()
    metric.update(paddle.to_tensor([[math.nan], [1.0]]), paddle.to_tensor([[0.0], [1.0]]))
    assert math.isnan(metric.accumulate())


@pytest.mark.filterwarnings("error")
def test_mean_squared_error_of_infinities_is_no_number_and_says_nothing():
    metric = nndl.MeanSquaredError()
    metric.update([1e200, math.inf], [0.0, 1.0])
    assert metric.accumulate() == math.inf
    metric.update([math.inf], [math.inf])
    assert math.isnan(metric.accumulate())


def test_mean_squared_error_of_many_float32_loses_no_digit():
    metric = nndl.MeanSquaredError()
    metric.update(np.full([10**6], 0.1, "float32"), np.zeros([10**6], "float32"))
    assert metric.accumulate() == pytest.approx(float(np.float32(0.1)) ** 2, rel=1e-12)


def test_outputs_and_targets_of_different_shapes_are_refused():
    """[N, 1] less [N] would be [N, N], and its mean a number that looks right."""
    expected = r"^outputs \[3, 1\] and targets \[3\]: expected one shape$"
    with pytest.raises(SettingError, match=expected):
        nndl.MeanSquaredError().update(paddle.zeros([3, 1]), paddle.zeros([3]))
    with pytest.raises(SettingError, match="targets of dtype"):
        nndl.MeanSquaredError().update(paddle.zeros([3]), ["a", "b", "c"])


# --- which way is better ---


def test_a_metric_says_which_way_is_better():
    class Own:
        lower_is_better = True

    lower = nndl.metric.lower_is_better
    assert [lower(metric) for metric in (nndl.CrossEntropy(), nndl.MeanSquaredError(), Own())] == [True] * 3
    assert [lower(metric) for metric in (nndl.Accuracy(), paddle.metric.Recall(), None)] == [False] * 3


def test_a_sense_that_is_neither_is_named():
    class Own:
        def lower_is_better(self):
            return False

    with pytest.raises(SettingError, match=r"^lower_is_better <.*> of Own: expected True or False$"):
        nndl.RunnerV3(paddle.nn.Linear(3, 2), None, None, Own())
