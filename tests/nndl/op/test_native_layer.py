"""Paddle's LSTM layer with its own parameters, computed by the native operator."""

from nndl.error import SettingError  # nndl before Paddle: it chooses the threads
from nndl.op.backend import native
from nndl.op.backend.native_layer import NativeLSTM

# isort: split
import numpy as np
import paddle
import pytest
from paddle import nn
from problems import assert_close, gradients, random_states, run

pytestmark = pytest.mark.skipif(bool(native.why_not()), reason="the native operator cannot be had here")


def pair(*sizes, **settings):
    theirs, ours = nn.LSTM(*sizes, **settings), NativeLSTM(*sizes, **settings)
    ours.set_state_dict(theirs.state_dict())
    return theirs, ours


@pytest.mark.parametrize("time_major", [False, True])
@pytest.mark.parametrize("lengths", [None, [5, 2, 0]])
def test_computes_the_same(time_major, lengths, dtype):
    theirs, ours = pair(3, 4, 2, "bidirectional", time_major)
    X = paddle.randn([5, 3, 3] if time_major else [3, 5, 3])
    for states in (None, random_states(theirs, 3)):
        for found, truth in zip(run(ours, X, states, lengths), run(theirs, X, states, lengths), strict=True):
            assert_close(found, truth, dtype)
    for group in zip(gradients(ours, X, None, lengths), gradients(theirs, X, None, lengths), strict=True):
        for found, truth in zip(*group, strict=True):
            assert_close(found, truth, dtype)


@pytest.mark.parametrize("proj_size", [0, 2])  # computed by the operator, and by Paddle
def test_refuses_what_does_not_fit(proj_size):
    layer, X, H = (
        NativeLSTM(3, 4, proj_size=proj_size),
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
def test_without_biases_paddle_would_crash(monkeypatch, left_out):
    monkeypatch.setattr(native, "takes", lambda _: False)
    with pytest.raises(SettingError, match="crashes in an LSTM without biases"):
        NativeLSTM(3, 4, **dict.fromkeys(left_out, False))(paddle.randn([2, 5, 3]))


def test_can_be_exported_for_batches_of_any_size(tmp_path):
    layer = NativeLSTM(3, 4, 2, "bidirect")
    layer.eval()
    paddle.jit.save(layer, str(tmp_path / "layer"), [paddle.static.InputSpec([None, None, 3])])
    exported = paddle.jit.load(str(tmp_path / "layer"))
    for shape in ([2, 5, 3], [4, 7, 3]):
        X = paddle.randn(shape)
        assert_close(exported(X)[0], layer(X)[0], "float32")


def test_it_is_the_operator_that_computes(monkeypatch):
    def unroll(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(native, "unroll", unroll)
    with pytest.raises(ZeroDivisionError):
        NativeLSTM(3, 4)(paddle.randn([2, 5, 3]))


def test_paddle_computes_what_the_operator_does_not_take(monkeypatch):
    monkeypatch.setattr(native, "takes", lambda _: False)
    theirs, ours = pair(3, 4)
    X = paddle.randn([2, 5, 3])
    np.testing.assert_array_equal(ours(X)[0], theirs(X)[0])


def test_dropout_between_layers_only_in_training():
    layer = NativeLSTM(3, 4, 2, dropout=0.9)
    X = paddle.randn([2, 5, 3])
    assert np.abs(layer(X)[0].numpy() - layer(X)[0].numpy()).max() > 0
    layer.eval()
    np.testing.assert_array_equal(layer(X)[0], layer(X)[0])


def test_without_biases():
    ours, reference = NativeLSTM(3, 4, bias_ih_attr=False, bias_hh_attr=False), nn.LSTM(3, 4)
    reference.weight_ih_l0.set_value(ours[0].cell.weight_ih)
    reference.weight_hh_l0.set_value(ours[0].cell.weight_hh)
    for bias in (reference.bias_ih_l0, reference.bias_hh_l0):
        bias.set_value(paddle.zeros_like(bias))
    X = paddle.randn([2, 5, 3])
    assert_close(ours(X)[0], reference(X)[0], "float32")


def test_gradients_lie_in_memory_as_parameters_do():
    """Paddle's data parallel takes that for granted, and mixes up the others without a word."""
    layer = NativeLSTM(3, 4, 2, "bidirectional")
    layer(paddle.randn([2, 5, 3]))[0].sum().backward()
    assert all(parameter.grad.is_contiguous() for parameter in layer.parameters())


def test_trains_as_paddles_does():
    theirs, ours = pair(3, 4)
    X = paddle.randn([4, 6, 3])
    for layer in (theirs, ours):
        optimizer = paddle.optimizer.Adam(0.01, parameters=layer.parameters())
        for _ in range(5):
            layer(X)[0].square().mean().backward()
            optimizer.step()
            optimizer.clear_grad()
    for found, truth in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_close(found, truth, "float32")
