"""The digit model around recurrent layers of three origins."""

import nndl  # before Paddle: it chooses the threads

# isort: split
from nndl.error import DataError, SettingError

import numpy as np
import paddle
import pytest
from paddle import nn

M, D, DIGITS, CLASSES = 3, 4, 10, 19
INPUTS = np.array([[6, 7, 0, 0, 1], [3, 9, 9, 5, 2]])


class ReadersSRN(nn.Layer):
    """The book's exercise: returns only the last hidden state [B, D]."""

    def __init__(self):
        super().__init__()
        self.W = self.create_parameter([M, D])
        self.U = self.create_parameter([D, D])
        self.b = self.create_parameter([1, D])

    def forward(self, inputs):
        H = paddle.zeros([inputs.shape[0], D])
        for t in range(inputs.shape[1]):
            H = paddle.tanh(inputs[:, t] @ self.W + H @ self.U + self.b)
        return H


def model_of(layer):
    paddle.seed(6)
    return nndl.Model_RNN4SeqClass(layer, DIGITS, M, D, CLASSES)


def srn_logits(model, W, U, b):
    """The whole model in NumPy."""
    X, H = model.embedding.W.numpy()[INPUTS], np.zeros((len(INPUTS), D))
    for t in range(INPUTS.shape[1]):
        H = np.tanh(X[:, t] @ W + H @ U + b)
    return H @ model.linear.weight.numpy() + model.linear.bias.numpy()


def our_weights(model):
    return [parameter.numpy() for parameter in model.rnn_model.parameters()]


def paddle_weights(model):
    W_ih, W_hh, b_ih, b_hh = our_weights(model)
    return W_ih.T, W_hh.T, b_ih + b_hh


@pytest.mark.parametrize(
    ("make_layer", "weights"),
    [
        (lambda: nndl.SRN(M, D), our_weights),
        (lambda: nn.SimpleRNN(M, D), paddle_weights),
        (ReadersSRN, our_weights),
    ],
    ids=["ours", "paddle", "reader"],
)
def test_logits_of_an_srn_of_any_origin(make_layer, weights):
    model = model_of(make_layer())
    expected = srn_logits(model, *weights(model))
    np.testing.assert_allclose(model(paddle.to_tensor(INPUTS)), expected, rtol=1e-4, atol=1e-5)


LAYERS = {
    "our LSTM": lambda: nndl.LSTM(M, D),
    "our deep SRN": lambda: nndl.SRN(M, D, num_layers=2),
    "our deep LSTM": lambda: nndl.LSTM(M, D, num_layers=2),
    "Paddle's LSTM": lambda: nn.LSTM(M, D),
    "Paddle's deep LSTM": lambda: nn.LSTM(M, D, num_layers=2),
    "Paddle's GRU": lambda: nn.GRU(M, D),
    "Paddle's RNN of our cell": lambda: nn.RNN(nndl.LSTMCell(M, D)),
}


@pytest.mark.parametrize("make_layer", LAYERS.values(), ids=LAYERS)
def test_classifies_the_last_output_of_the_last_layer(make_layer):
    model = model_of(make_layer())
    inputs = paddle.to_tensor(INPUTS)
    outputs, _ = model.rnn_model(model.embedding(inputs))
    np.testing.assert_allclose(model(inputs), model.linear(outputs[:, -1]), rtol=1e-6)


@pytest.mark.parametrize("make_layer", [lambda: nndl.SRN(M, D), lambda: nn.LSTM(M, D), ReadersSRN])
def test_every_parameter_learns(make_layer):
    model = model_of(make_layer())
    nn.functional.cross_entropy(model(paddle.to_tensor(INPUTS)), paddle.to_tensor([3, 18])).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.numpy().any(), name


def last_by_hand(layer, X):
    """Both last states of the last layer, from its outputs: at the last step, and at the first."""
    outputs = layer(X)[0].numpy()
    return np.concatenate([outputs[:, -1, :D], outputs[:, 0, D:]], axis=1)


IN_BOTH_DIRECTIONS = {
    "our SRN": lambda: nndl.SRN(M, D, direction="bidirectional"),
    "our deep LSTM": lambda: nndl.LSTM(M, D, 3, "bidirect"),
    "Paddle's SRN": lambda: nn.SimpleRNN(M, D, direction="bidirect"),
    "Paddle's deep LSTM": lambda: nn.LSTM(M, D, 2, "bidirect"),
    "Paddle's GRU": lambda: nn.GRU(M, D, direction="bidirectional"),
    "BiRNN of our SRN cells": lambda: nn.BiRNN(nndl.SRNCell(M, D), nndl.SRNCell(M, D)),
    "BiRNN of our LSTM cells": lambda: nn.BiRNN(nndl.LSTMCell(M, D), nndl.LSTMCell(M, D)),
    "reader's, which says so": lambda: Wrapped(nn.LSTM(M, D, 2, "bidirect"), num_directions=2),
}


class Wrapped(nn.Layer):
    """A reader's layer around another."""

    def __init__(self, layer, **attributes):
        super().__init__()
        self.layer = layer
        for name, value in attributes.items():
            setattr(self, name, value)

    def forward(self, inputs):
        return self.layer(inputs)


@pytest.mark.parametrize("make_layer", IN_BOTH_DIRECTIONS.values(), ids=IN_BOTH_DIRECTIONS)
class TestBothDirections:
    def test_both_last_states_are_classified(self, make_layer):
        model, inputs = model_of(make_layer()), paddle.to_tensor(INPUTS)
        H = last_by_hand(model.rnn_model, model.embedding(inputs))
        expected = H @ model.linear.weight.numpy() + model.linear.bias.numpy()
        assert list(model.linear.weight.shape) == [2 * D, CLASSES]
        np.testing.assert_allclose(model(inputs), expected, rtol=1e-5, atol=1e-6)

    def test_every_parameter_learns(self, make_layer):
        model = model_of(make_layer())
        nn.functional.cross_entropy(model(paddle.to_tensor(INPUTS)), paddle.to_tensor([3, 18])).backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.numpy().any(), name


def returning(result):
    """A reader's layer with such a result, whatever goes in."""
    layer = nn.Layer()
    layer.forward = lambda inputs: result
    return layer


class TestLayersThatDoNotFit:
    """[B, L] = [2, 5]."""

    @pytest.mark.parametrize(
        ("layer", "message"),
        [
            (
                returning(paddle.zeros([2, 5, D])),
                r"one tensor of shape \[2, 5, 4\]: expected the last hidden state \[B, D\]",
            ),
            (returning(paddle.zeros([1, 2, D])), r"one tensor of shape \[1, 2, 4\]: expected the last"),
            (returning(paddle.zeros([5, D])), r"last states of shape \[5, 4\]: expected \[2, 4\]"),
            (returning(paddle.zeros([2, D + 1])), r"last states of shape \[2, 5\]: expected \[2, 4\]"),
            (nndl.SRN(M, D + 1), r"last states of shape \[2, 5\]: expected \[2, 4\]; hidden_size"),
            (nn.LSTM(M, D + 1, 2, "bidirect"), r"last states of shape \[2, 10\]: expected \[2, 8\]"),
            (Wrapped(nn.LSTM(M, D, direction="bidirect")), "twice as wide .*: expected an attribute num_directions"),
            (Wrapped(nndl.SRN(M, D, time_major=True)), r"last states of shape \[5, 4\]: expected \[2, 4\]"),
        ],
    )
    def test_are_refused_when_used(self, layer, message):
        with pytest.raises(SettingError, match=message):
            model_of(layer)(paddle.to_tensor(INPUTS))

    @pytest.mark.parametrize("make_layer", [nndl.SRN, nndl.LSTM, nn.LSTM, nn.GRU])
    def test_time_major_is_refused_at_once(self, make_layer):
        with pytest.raises(SettingError, match="time_major=True: expected one that takes"):
            model_of(make_layer(M, D, time_major=True))

    def test_wide_outputs_are_no_sign_where_the_layer_says_so(self):
        layer = returning((paddle.zeros([2, 5, 2 * D]), paddle.ones([1, 2, D])))
        layer.num_directions = 1
        assert list(model_of(layer)(paddle.to_tensor(INPUTS)).shape) == [2, CLASSES]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("digit", [-1, 10, 2**40])
def test_digit_outside_the_vocabulary(digit, training):
    model = model_of(nndl.SRN(M, D))
    model.training = training
    with pytest.raises(DataError, match=f"^index {digit}: expected 0 to 9"):
        model(paddle.to_tensor([[1, 2], [3, digit]]))


@pytest.mark.parametrize(
    "sizes", [(0, M, D, CLASSES), (DIGITS, -1, D, CLASSES), (DIGITS, M, 0, CLASSES), (DIGITS, M, D, 1.0)]
)
def test_sizes(sizes):
    with pytest.raises(SettingError, match="expected a whole number"):
        nndl.Model_RNN4SeqClass(nndl.SRN(M, D), *sizes)
