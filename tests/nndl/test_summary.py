"""What those who listen to the calls of layers see of ours: summary, walks like that of flops, weight norm."""

import nndl  # before Paddle: it chooses the threads

# isort: split
from nndl.op import Recurrent
from nndl.op.backend import BACKENDS, ways

import numpy as np
import paddle
import pytest
from paddle import nn

M, D = 3, 4
IDS = paddle.to_tensor([[6, 7, 0, 1, 2], [5, 4, 3, 2, 1]])
LENGTHS = paddle.to_tensor([5, 3])
HERE = [
    (layer, name)
    for layer in (nndl.SRN, nndl.LSTM, nndl.GRU)
    for name in ways(layer.cell_class.kind)
    if name == "auto" or not BACKENDS[name].why_not()
]


def digits(layer):
    return nndl.Model_RNN4SeqClass(layer, 10, M, D, 19)


CASES = {
    "SRN": (lambda: nndl.SRN(M, D), [2, 5, M]),
    "bidirectional SRN": (lambda: nndl.SRN(M, D, direction="bidirectional"), [2, 5, M]),
    "deep LSTM": (lambda: nndl.LSTM(M, D, 3, "bidirectional"), [2, 5, M]),
    "LSTM without b": (lambda: nndl.LSTM(M, D, b_attr=False), [2, 5, M]),
    "GRU cells": (lambda: Recurrent(nn.GRUCell, M, D, 2), [2, 5, M]),
    **{
        f"{layer.__name__} by {name}": (lambda layer=layer, name=name: layer(M, D, backend=name), [2, 5, M])
        for layer, name in HERE
    },
    "digit model": (lambda: digits(nndl.SRN(M, D)), IDS),
    "digit model, LSTM in both directions": (lambda: digits(nndl.LSTM(M, D, 2, "bidirectional")), IDS),
    "text model": (lambda: nndl.Model_BiLSTM_FC(10, M, D), (IDS, LENGTHS)),
    "text model, ours": (lambda: nndl.Model_BiLSTM_FC(10, M, D, backend="bptt"), (IDS, LENGTHS)),
}


@pytest.mark.parametrize(("make", "inputs"), CASES.values(), ids=CASES)
def test_summary_counts_every_parameter_once(make, inputs, capsys):
    layer = make()
    how = {"input_size": tuple(inputs)} if isinstance(inputs, list) else {"input": inputs}
    count = sum(parameter.size for parameter in layer.parameters())
    assert paddle.summary(layer, **how) == {"total_params": count, "trainable_params": count}


def test_summary_of_the_digit_model_by_hand(capsys):
    """10·8 of the embedding, 8·16 + 16·16 + 16 of the SRN, 16·19 + 19 of the classifier."""
    model = nndl.Model_RNN4SeqClass(nndl.SRN(8, 16), 10, 8, 16, 19)
    expected = 10 * 8 + 8 * 16 + 16 * 16 + 16 + 16 * 19 + 19
    assert paddle.summary(model, (1, 5), dtypes="int64")["total_params"] == expected


@pytest.mark.parametrize(("layer_class", "backend"), HERE)
def test_a_walk_over_sublayers_sees_every_step(layer_class, backend):
    """As ``paddle.flops`` walks: a hook on each layer without children (Paddle 3.3.1's own fails with NumPy 2.4).

    A step of a cell of G gates multiplies M·G·D + D·G·D times for each sequence.
    """
    layer, G = layer_class(M, D, 2, backend=backend), layer_class.cell_class.gates
    operations, parameters = [], {}

    def count(cell, inputs, result):
        operations.append(inputs[0].shape[0] * (cell.W.size + cell.U.size))
        parameters[cell.full_name()] = sum(parameter.size for parameter in cell.parameters())

    for sublayer in layer.sublayers():
        if not list(sublayer.children()):
            sublayer.register_forward_post_hook(count)
    layer(paddle.randn([2, 5, M]))
    assert sum(operations) == 5 * 2 * (M * G * D + D * G * D + D * G * D + D * G * D)
    assert sum(parameters.values()) == sum(parameter.size for parameter in layer.parameters())


@pytest.mark.parametrize(("layer_class", "backend"), HERE)
def test_hooks_change_no_number(layer_class, backend):
    layer, X, lengths = layer_class(M, D, 2, "bidirectional", backend=backend), paddle.randn([2, 5, M]), [5, 3]
    expected = layer(X, sequence_length=lengths)[0]
    calls = []
    hook = layer.cells[1].register_forward_post_hook(lambda cell, inputs, result: calls.append(inputs[0].shape))
    np.testing.assert_allclose(layer(X, sequence_length=lengths)[0], expected, rtol=1e-5, atol=1e-6)
    assert calls == [[2, M]] * 5
    hook.remove()
    np.testing.assert_array_equal(layer(X, sequence_length=lengths)[0], expected)
    assert len(calls) == 5


def test_weight_norm_is_computed_anew():
    """It sets W in a hook before each call: W = g V / ‖V‖, of the g and V that are trained."""
    layer, X = nndl.SRN(M, D), paddle.randn([2, 5, M])
    cell = layer.cells[0]
    nn.utils.weight_norm(cell, "W", dim=1)
    cell.W_g.set_value(2 * cell.W_g)
    W = cell.W_g.numpy() * cell.W_v.numpy() / np.linalg.norm(cell.W_v.numpy(), axis=0)
    expected = nndl.SRN(M, D)
    for parameter, value in zip(expected.parameters(), (W, cell.U, cell.b), strict=True):
        parameter.set_value(value)
    np.testing.assert_allclose(layer(X)[0], expected(X)[0], rtol=1e-5, atol=1e-6)
