"""Mean and maximum over time against NumPy, one sequence after the other."""

import nndl  # before Paddle: it chooses the threads

# isort: split
from nndl.error import SettingError
from nndl.op import masked_max, masked_mean

import numpy as np
import paddle
import pytest

LENGTHS = [4, 0, 1, 3]


@pytest.fixture
def X(float64):
    return paddle.randn([4, 4, 3])


def mean_one_by_one(X, lengths):
    return np.stack([x[:n].mean(axis=0) if n else np.zeros(x.shape[1]) for x, n in zip(X, lengths, strict=True)])


@pytest.mark.parametrize("length_dtype", ["int32", "int64"])
@pytest.mark.parametrize("lengths", [LENGTHS, [0, 0, 0, 0], [4, 4, 4, 4]])
def test_mean_of_the_valid_steps(X, lengths, length_dtype):
    result = masked_mean(X, paddle.to_tensor(lengths, dtype=length_dtype))
    np.testing.assert_allclose(result, mean_one_by_one(X.numpy(), lengths), rtol=1e-10)


def test_result_keeps_the_precision_of_its_input():
    result = masked_mean(paddle.ones([2, 3, 4], dtype="float32"), paddle.to_tensor([3, 1]))
    assert result.dtype == paddle.float32


@pytest.mark.parametrize("padding", [1e9, np.inf, np.nan])
def test_content_of_the_padding_does_not_count(X, padding):
    expected = mean_one_by_one(X.numpy(), LENGTHS)
    for b, n in enumerate(LENGTHS):
        X[b, n:] = padding
    np.testing.assert_allclose(masked_mean(X, paddle.to_tensor(LENGTHS)), expected, rtol=1e-10)


@pytest.mark.parametrize("padding", [0.0, np.nan])
def test_gradient_is_shared_by_the_valid_steps(X, padding):
    for b, n in enumerate(LENGTHS):
        X[b, n:] = padding
    X.stop_gradient = False
    weight = paddle.randn([4, 3])
    (gradient,) = paddle.grad(masked_mean(X, paddle.to_tensor(LENGTHS)), X, weight)
    expected = np.zeros((4, 4, 3))
    for b, n in enumerate(LENGTHS):
        expected[b, :n] = weight[b].numpy() / max(n, 1)
    np.testing.assert_allclose(gradient, expected, rtol=1e-10)


def test_layer_is_the_function(X):
    lengths = paddle.to_tensor(LENGTHS)
    np.testing.assert_array_equal(nndl.AveragePooling()(X, lengths), masked_mean(X, lengths))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_max_by_a_loop_and_its_gradient(dtype):
    lengths = [5, 1, 3]
    values = np.random.default_rng(1).standard_normal((3, 5, 4)).astype(dtype)
    for row, n in zip(values, lengths, strict=True):
        row[n:] = 99  # whatever stands in the padding must not count
    X = paddle.to_tensor(values, stop_gradient=False)
    result = masked_max(X, paddle.to_tensor(lengths))
    weights = np.arange(1.0, 13).reshape(3, 4).astype(dtype)
    (result * paddle.to_tensor(weights)).sum().backward()
    gradient = np.zeros_like(values)
    for b, n in enumerate(lengths):
        for d in range(4):
            t = max(range(n), key=lambda t, b=b, d=d: values[b, t, d])
            assert float(result[b, d]) == values[b, t, d]
            gradient[b, t, d] = weights[b, d]
    np.testing.assert_array_equal(X.grad.numpy(), gradient)


def test_max_does_not_see_nan_in_the_padding():
    X = paddle.to_tensor([[[1.0], [float("nan")]]], stop_gradient=False)
    result = masked_max(X, paddle.to_tensor([1]))
    result.sum().backward()
    assert (result.item(), X.grad.numpy().tolist()) == (1.0, [[[1.0], [0.0]]])


class TestNumbersThatAreNotFinite:
    """[B, L, D] = [1, 4, 1] against NumPy's mean and maximum of the first three; the fourth is padding."""

    INF, NAN = np.inf, np.nan
    STEPS = (
        [1, NAN, 3],
        [NAN, 1, 3],
        [1, 3, NAN],
        [NAN] * 3,
        [INF, NAN, 1],
        [NAN, INF, 1],
        [-INF] * 3,
        [-INF, -2, -INF],
    )

    @pytest.mark.parametrize("padding", [0.0, 1e30, INF, -INF, NAN])
    @pytest.mark.parametrize("steps", [*STEPS, [INF, 1, -INF], [INF, INF, 1], [3e38, 3e38, 3e38]])
    @pytest.mark.parametrize(("pool", "by_numpy"), [(masked_max, np.max), (masked_mean, np.mean)])
    def test_come_out_as_in_numpy(self, pool, by_numpy, steps, padding):
        X = paddle.to_tensor([[[x] for x in [*steps, padding]]], dtype="float32")
        with np.errstate(all="ignore"):
            expected = by_numpy(np.array(steps, "float32"))
        np.testing.assert_array_equal(pool(X, paddle.to_tensor([3])).item(), expected)

    def test_one_does_not_spread(self):
        X = paddle.to_tensor([[[1.0, np.nan], [2.0, 3.0]], [[5.0, 6.0], [np.nan, np.nan]]])
        np.testing.assert_array_equal(masked_max(X, paddle.to_tensor([2, 1])), [[2, np.nan], [5, 6]])
        np.testing.assert_array_equal(masked_mean(X, paddle.to_tensor([2, 1])), [[1.5, np.nan], [5, 6]])


def test_gradient_of_the_max_goes_to_one_of_equal_steps():
    X = paddle.to_tensor([[[2.0], [2.0], [7.0]], [[-1.0], [-2.0], [9.0]]], stop_gradient=False)
    masked_max(X, paddle.to_tensor([2, 1])).sum().backward()
    assert X.grad[0, :2].sum().item() == 1
    assert X.grad[1].flatten().tolist() == [1, 0, 0]
    assert X.grad[0, 2].item() == 0


@pytest.mark.parametrize(
    ("pool", "lengths", "message"),
    [
        (masked_mean, [5, 1], "from 1 to 5: expected values from 0 to 4"),
        (masked_mean, [-1, 1], "from -1 to 1: expected values from 0 to 4"),
        (masked_max, [0, 4], "from 0 to 4: expected values from 1 to 4"),
        (masked_max, [9, 4], "from 4 to 9: expected values from 1 to 4"),
        (masked_max, [1.0, 4.0], "of float32: expected whole numbers"),
        (masked_mean, [1], r"of shape \[1\]: expected \[2\]"),
    ],
)
def test_lengths_out_of_range(pool, lengths, message):
    with pytest.raises(SettingError, match=f"^sequence_length {message}"):
        pool(paddle.zeros([2, 4, 3]), paddle.to_tensor(lengths))


def test_lengths_may_be_a_list_or_an_array(X):
    for lengths in (LENGTHS, tuple(LENGTHS), np.array(LENGTHS), np.array(LENGTHS, "uint8")):
        np.testing.assert_array_equal(masked_mean(X, lengths), masked_mean(X, paddle.to_tensor(LENGTHS)))
