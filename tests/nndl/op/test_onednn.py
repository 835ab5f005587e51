"""The operator around oneDNN: what it refuses, what it leaves behind, and Paddle's layer computed by it."""

import nndl  # before Paddle

# isort: split
import gc
import resource
from concurrent.futures import ThreadPoolExecutor

from nndl.error import SettingError
from nndl.op import LSTM, LSTMCell, recording
from nndl.op.backend import onednn

import numpy as np
import paddle
import pytest
from problems import assert_close, unroll_one

pytestmark = pytest.mark.skipif(bool(onednn.why_not()), reason="the oneDNN operator cannot be had here")


def refused(message, cell=None, X=None, **arguments):
    with pytest.raises(SettingError, match=message) as raised:
        unroll_one(onednn.unroll, cell or LSTMCell(3, 4), paddle.randn([2, 5, 3]) if X is None else X, **arguments)
    assert "\n" not in str(raised.value)


def test_refuses_what_is_no_batch_for_the_cell():
    refused(r"inputs of shape \[2, 5, 7\]: expected \[2, 5, 3\]", X=paddle.randn([2, 5, 7]))
    refused("inputs of float64 on .*: expected float32 on the CPU", X=paddle.randn([2, 5, 3], dtype="float64"))
    refused("sequence_length from 5 to 6: expected values from 0 to 5", sequence_length=paddle.to_tensor([5, 6]))
    refused("sequence_length from -1 to 2", sequence_length=paddle.to_tensor([-1, 2]))
    refused(r"sequence_length of shape \[3\]: expected \[2\]", sequence_length=paddle.to_tensor([1, 2, 3]))
    refused(r"initial C of shape \[2, 3\]: expected \[2, 4\]", state=(paddle.randn([2, 4]), paddle.randn([2, 3])))
    cell = LSTMCell(3, 4)
    cell.b = paddle.create_parameter([16], "float32")
    refused(r"b of shape \[16\]: expected \[1, 16\]", cell=cell)
    refused(r"inputs of shape \[5, 3\]: expected", X=paddle.randn([5, 3]))


def test_a_batch_of_one_and_sequences_without_elements():
    cell, state = LSTMCell(3, 4), (paddle.randn([1, 4]), paddle.randn([1, 4]))
    Y, (H, C) = unroll_one(onednn.unroll, cell, paddle.randn([1, 5, 3]), state, paddle.to_tensor([0]))
    np.testing.assert_array_equal(Y, np.zeros([1, 5, 4]))
    np.testing.assert_array_equal(H, state[0])
    np.testing.assert_array_equal(C, state[1])


def test_inputs_that_lie_in_memory_in_another_order():
    cell, X = LSTMCell(3, 4), paddle.randn([3, 5, 2])
    turned = X.transpose([2, 1, 0])
    assert_close(
        unroll_one(onednn.unroll, cell, turned)[0],
        unroll_one(onednn.unroll, cell, paddle.to_tensor(turned.numpy()))[0],
        "float32",
    )


def test_ten_thousand_calls_keep_memory_flat():
    layer = LSTM(6, 6, backend="onednn")
    X, lengths = paddle.randn([4, 9, 6]), paddle.to_tensor([9, 2, 5, 7])

    def use(calls):
        for _ in range(calls):
            layer(X, sequence_length=lengths)[0].sum().backward()
            layer.clear_gradients()
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = use(1000)
    assert use(9000) - before < 4 * 1024  # KB; one tensor of the four states a call would be 3.6 MB


def test_many_shapes_keep_memory_flat():
    """Primitives are kept for some shapes, not for all; oneDNN's own cache is full after some hundred."""
    layer = LSTM(4, 4, backend="onednn")

    def use(lengths):
        for length in lengths:
            layer(paddle.randn([2, length, 4]))[0].sum().backward()
            layer.clear_gradients()
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = use(range(1, 900))
    assert use(range(900, 1500)) - before < 15 * 1024  # KB; primitives that were all kept would be 50 MB


def test_threads_do_not_disturb_each_other():
    layers = [LSTM(8, 8, 1, "bidirectional", backend="onednn") for _ in range(4)]
    X, lengths = paddle.randn([16, 40, 8]), paddle.to_tensor(list(range(25, 41)))
    alone = [layer(X, sequence_length=lengths)[0].numpy() for layer in layers]

    def repeatedly(i):
        return [layers[i](X, sequence_length=lengths)[0].numpy() for _ in range(20)]

    with ThreadPoolExecutor(4) as pool:
        for expected, found in zip(alone, pool.map(repeatedly, range(4)), strict=True):
            for result in found:
                np.testing.assert_array_equal(result, expected)


def test_auto_takes_what_can_compute_it():
    layer = LSTM(3, 4, backend="auto")
    X = paddle.randn([2, 5, 3])
    assert_close(layer(X)[0], unroll_one(onednn.unroll, layer.cells[0], X)[0], "float32")
    with recording(layer.cells[0]) as steps:  # oneDNN shows no gates
        layer(X)
    assert len(steps) == 5
    assert LSTM(3, 4, backend="auto").to(dtype="float64")(X.astype("float64"))[0].dtype == paddle.float64


def test_the_public_name():
    assert isinstance(nndl.LSTM(3, 4, backend="auto"), LSTM)
