"""The two ways to embed, against the rows of the table and against each other."""

import nndl  # before Paddle: it chooses the threads

# isort: split
from nndl.error import DataError, SettingError
from nndl.op.embedding import METHODS

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

V, M = 7, 3
INDICES = arrays(np.int64, array_shapes(min_dims=1, max_dims=3, max_side=5), elements=st.integers(0, V - 1))


def rows_and_gradient(embedding, indices, weight):
    """The result, and the gradient of Σ weight ⊙ result with respect to W."""
    result = embedding(paddle.to_tensor(indices))
    (gradient,) = paddle.grad(result, embedding.W, paddle.to_tensor(weight))
    return result.numpy(), gradient.numpy()


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=25, derandomize=True)
@given(indices=INDICES)
def test_result_is_the_rows_of_the_table(method, indices):
    embedding = nndl.Embedding(V, M, method=method)
    weight = np.random.default_rng(1).standard_normal((*indices.shape, M)).astype("float32")
    rows, gradient = rows_and_gradient(embedding, indices, weight)
    np.testing.assert_array_equal(rows, embedding.W.numpy()[indices])
    # a row that is used several times gets the sum of its gradients
    expected = np.zeros((V, M), "float32")
    np.add.at(expected, indices, weight)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


def test_lookup_equals_one_hot_product(float64):
    lookup = nndl.Embedding(V, M)
    one_hot = nndl.Embedding(V, M, method="one_hot")
    one_hot.W.set_value(lookup.W)
    indices = np.array([[6, 0, 0], [3, 6, 5]])
    weight = np.random.default_rng(1).standard_normal((2, 3, M))
    for ours, theirs in zip(
        rows_and_gradient(lookup, indices, weight), rows_and_gradient(one_hot, indices, weight), strict=True
    ):
        assert ours.dtype == np.float64
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_table_starts_as_its_attribute_says():
    table = np.arange(V * M, dtype="float32").reshape(V, M)
    embedding = nndl.Embedding(V, M, para_attr=paddle.nn.initializer.Assign(table))
    np.testing.assert_array_equal(embedding.W, table)


def test_table_starts_xavier_uniform_when_left_out():
    largest = np.abs(nndl.Embedding(30, 40).W.numpy()).max()
    bound = np.sqrt(6 / (30 + 40))
    assert 0.95 * bound < largest <= bound


def test_unknown_method():
    with pytest.raises(SettingError, match="'one-hot': expected one of lookup, one_hot"):
        nndl.Embedding(V, M, method="one-hot")


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize(
    ("indices", "wrong"), [([[0, -1]], -1), ([[V], [0]], V), ([V - 1, 10**9, -3], 10**9), (-5, -5)]
)
@pytest.mark.parametrize("method", METHODS)
def test_index_outside_the_table(method, indices, wrong, dtype, training):
    embedding = nndl.Embedding(V, M, method=method)
    embedding.training = training
    with pytest.raises(DataError, match=f"^index {wrong}: expected 0 to 6, as the embedding has 7 rows$"):
        embedding(paddle.to_tensor(indices, dtype=dtype))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["float32", "bool", "float64"])
def test_indices_are_whole_numbers(method, dtype):
    with pytest.raises(DataError, match=f"^indices of {dtype}: expected int64$"):
        nndl.Embedding(V, M, method=method)(paddle.ones([2, 3]).astype(dtype))


@pytest.mark.parametrize("method", METHODS)
def test_no_indices(method):
    assert list(nndl.Embedding(V, M, method=method)(paddle.zeros([2, 0], "int64")).shape) == [2, 0, M]


@pytest.mark.parametrize(
    ("sizes", "name"), [((0, M), "num_embeddings 0"), ((V, -1), "embedding_dim -1"), ((V, 3.0), "embedding_dim 3.0")]
)
def test_sizes(sizes, name):
    with pytest.raises(SettingError, match=f"^{name}: expected a whole number from 1"):
        nndl.Embedding(*sizes)


def test_table_cannot_be_left_out():
    with pytest.raises(SettingError, match=r"^para_attr False"):
        nndl.Embedding(V, M, para_attr=False)
