"""The digit model around recurrent layers of three origins."""

import nndl  # before Paddle: it chooses the threads

# isort: split
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
