"""The operator around oneDNN: what it refuses, what it leaves behind, and Paddle's layer computed by it."""

import nndl  # before Paddle

# isort: split
import gc
import resource
from concurrent.futures import ThreadPoolExecutor

from nndl.error import SettingError
from nndl.op import LSTM, LSTMCell, onednn, recording
from nndl.op.onednn import OneDNNLSTM

import numpy as np
import paddle
import pytest
from paddle import nn
from problems import assert_close, gradients, random_states, run

pytestmark = pytest.mark.skipif(bool(onednn.why_not()), reason="the oneDNN operator cannot be had here")


def refused(message, cell=None, X=None, **arguments):
    with pytest.raises(SettingError, match=message) as raised:
        onednn.unroll(cell or LSTMCell(3, 4), paddle.randn([2, 5, 3]) if X is None else X, **arguments)
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
    Y, (H, C) = onednn.unroll(cell, paddle.randn([1, 5, 3]), state, paddle.to_tensor([0]))
    np.testing.assert_array_equal(Y, np.zeros([1, 5, 4]))
    np.testing.assert_array_equal(H, state[0])
    np.testing.assert_array_equal(C, state[1])


def test_inputs_that_lie_in_memory_in_another_order():
    cell, X = LSTMCell(3, 4), paddle.randn([3, 5, 2])
    turned = X.transpose([2, 1, 0])
    assert_close(onednn.unroll(cell, turned)[0], onednn.unroll(cell, paddle.to_tensor(turned.numpy()))[0], "float32")


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
    assert_close(layer(X)[0], onednn.unroll(layer.cells[0], X)[0], "float32")
    with recording(layer.cells[0]) as steps:  # oneDNN shows no gates
        layer(X)
    assert len(steps) == 5
    assert LSTM(3, 4, backend="auto").to(dtype="float64")(X.astype("float64"))[0].dtype == paddle.float64


class TestPaddlesLayer:
    def pair(self, *sizes, **settings):
        theirs, ours = nn.LSTM(*sizes, **settings), OneDNNLSTM(*sizes, **settings)
        ours.set_state_dict(theirs.state_dict())
        return theirs, ours

    @pytest.mark.parametrize("time_major", [False, True])
    @pytest.mark.parametrize("lengths", [None, [5, 2, 0]])
    def test_computes_the_same(self, time_major, lengths):
        theirs, ours = self.pair(3, 4, 2, "bidirectional", time_major)
        X = paddle.randn([5, 3, 3] if time_major else [3, 5, 3])
        for states in (None, random_states(theirs, 3)):
            for found, truth in zip(run(ours, X, states, lengths), run(theirs, X, states, lengths), strict=True):
                assert_close(found, truth, "float32")
        for group in zip(gradients(ours, X, None, lengths), gradients(theirs, X, None, lengths), strict=True):
            for found, truth in zip(*group, strict=True):
                assert_close(found, truth, "float32")

    @pytest.mark.parametrize("proj_size", [0, 2])  # computed by the operator, and by Paddle
    def test_refuses_what_does_not_fit(self, proj_size):
        layer, X, H = (
            OneDNNLSTM(3, 4, proj_size=proj_size),
            paddle.randn([2, 5, 3]),
            paddle.randn([1, 2, proj_size or 4]),
        )
        C = paddle.randn([1, 2, 4])
        layer(X, [H, C], [5, 2])
        for message, *arguments in (
            ("initial states, 3: expected a pair", X, (H, C, C)),
            ("initial states, Tensor: expected a pair", X, C),
            (r"initial C of shape \[2, 4\]: expected \[1, 2, 4\]", X, (H, C[0])),
            (r"inputs of shape \[2, 5, 4\]: expected \[B, L, M\] with M = 3", paddle.randn([2, 5, 4])),
            ("inputs or states of float64 for parameters of float32", X.astype("float64")),
            ("inputs or states of ndarray: expected tensors", X.numpy()),
            ("sequence_length from 2 to 9", X, None, [9, 2]),  # Paddle's own would write beyond its memory
        ):
            with pytest.raises(SettingError, match=message):
                layer(*arguments)

    @pytest.mark.parametrize("left_out", [("bias_hh_attr",), ("bias_ih_attr", "bias_hh_attr")])
    def test_without_biases_paddle_would_crash(self, monkeypatch, left_out):
        monkeypatch.setattr(onednn, "takes", lambda _: False)
        with pytest.raises(SettingError, match="crashes in an LSTM without biases"):
            OneDNNLSTM(3, 4, **dict.fromkeys(left_out, False))(paddle.randn([2, 5, 3]))

    def test_can_be_exported_for_batches_of_any_size(self, tmp_path):
        layer = OneDNNLSTM(3, 4, 2, "bidirect")
        layer.eval()
        paddle.jit.save(layer, str(tmp_path / "layer"), [paddle.static.InputSpec([None, None, 3])])
        exported = paddle.jit.load(str(tmp_path / "layer"))
        for shape in ([2, 5, 3], [4, 7, 3]):
            X = paddle.randn(shape)
            assert_close(exported(X)[0], layer(X)[0], "float32")

    def test_it_is_the_operator_that_computes(self, monkeypatch):
        def run_layer(*_):
            raise ZeroDivisionError

        monkeypatch.setattr(onednn, "run_layer", run_layer)
        with pytest.raises(ZeroDivisionError):
            OneDNNLSTM(3, 4)(paddle.randn([2, 5, 3]))

    @pytest.mark.usefixtures("float64")
    def test_paddle_computes_double_precision(self):
        theirs, ours = self.pair(3, 4)
        X = paddle.randn([2, 5, 3])
        np.testing.assert_array_equal(ours(X)[0], theirs(X)[0])

    def test_dropout_between_layers_only_in_training(self):
        layer = OneDNNLSTM(3, 4, 2, dropout=0.9)
        X = paddle.randn([2, 5, 3])
        assert np.abs(layer(X)[0].numpy() - layer(X)[0].numpy()).max() > 0
        layer.eval()
        np.testing.assert_array_equal(layer(X)[0], layer(X)[0])

    def test_without_biases(self):
        ours, reference = OneDNNLSTM(3, 4, bias_ih_attr=False, bias_hh_attr=False), nn.LSTM(3, 4)
        reference.weight_ih_l0.set_value(ours[0].cell.weight_ih)
        reference.weight_hh_l0.set_value(ours[0].cell.weight_hh)
        for bias in (reference.bias_ih_l0, reference.bias_hh_l0):
            bias.set_value(paddle.zeros_like(bias))
        X = paddle.randn([2, 5, 3])
        assert_close(ours(X)[0], reference(X)[0], "float32")

    def test_gradients_lie_in_memory_as_parameters_do(self):
        """Paddle's data parallel takes that for granted, and mixes up the others without a word."""
        layer = OneDNNLSTM(3, 4, 2, "bidirectional")
        layer(paddle.randn([2, 5, 3]))[0].sum().backward()
        assert all(parameter.grad.is_contiguous() for parameter in layer.parameters())

    def test_trains_as_paddles_does(self):
        theirs, ours = self.pair(3, 4)
        X = paddle.randn([4, 6, 3])
        for layer in (theirs, ours):
            optimizer = paddle.optimizer.Adam(0.01, parameters=layer.parameters())
            for _ in range(5):
                layer(X)[0].square().mean().backward()
                optimizer.step()
                optimizer.clear_grad()
        for found, truth in zip(ours.parameters(), theirs.parameters(), strict=True):
            assert_close(found, truth, "float32")


def test_the_public_name():
    assert isinstance(nndl.LSTM(3, 4, backend="auto"), LSTM)
