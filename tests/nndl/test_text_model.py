"""The text model: against NumPy, and that padding never counts."""

import nndl  # before Paddle: it chooses the threads

# isort: split
import numpy as np
import paddle
import pytest

from nndl.error import SettingError

V, M, D = 20, 3, 4
IDS = [[5, 6, 7, 1], [8, 0, 0, 0], [9, 10, 0, 0]]
LENGTHS = [4, 1, 2]


def model_of(**settings) -> "nndl.Model_BiLSTM_FC":
    paddle.seed(3)
    model = nndl.Model_BiLSTM_FC(V, M, D, **settings)
    model.eval()
    return model


def logits(model, ids, lengths) -> np.ndarray:
    return model((paddle.to_tensor(ids, dtype="int64"), paddle.to_tensor(lengths, dtype="int64"))).numpy()


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm_states(X: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """One direction, one sequence [L, M], step by step."""
    W, U, b, b2 = weights
    H, C, states = np.zeros(D), np.zeros(D), []
    for x in X:
        i, f, c, o = np.split(W @ x + U @ H + b + b2, 4)
        C = sigmoid(f) * C + sigmoid(i) * np.tanh(c)
        H = sigmoid(o) * np.tanh(C)
        states.append(H)
    return np.array(states)


@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_against_numpy(pooling: str, direction: str) -> None:
    model = model_of(pooling=pooling, direction=direction)
    parameters = {name: p.numpy().astype("float64") for name, p in model.named_parameters()}
    kinds = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    found = logits(model, IDS, LENGTHS)
    for row, ids, n in zip(found, IDS, LENGTHS, strict=True):
        X = parameters["embedding_layer.weight"][ids[:n]]
        there = lstm_states(X, [parameters[f"lstm_layer.{kind}"] for kind in kinds])
        parts = {"mean": [there.mean(0)], "max": [there.max(0)], "last": [there[-1]]}[pooling]
        if direction == "bidirectional":
            back = lstm_states(X[::-1], [parameters[f"lstm_layer.{kind}_reverse"] for kind in kinds])
            parts += {"mean": [back.mean(0)], "max": [back.max(0)], "last": [back[-1]]}[pooling]
        expected = np.concatenate(parts) @ parameters["output_layer.weight"] + parameters["output_layer.bias"]
        np.testing.assert_allclose(row, expected, atol=1e-5)


@pytest.mark.parametrize("num_layers", [0, 1, 2])
@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
def test_padding_changes_nothing(pooling: str, num_layers: int) -> None:
    if pooling == "last" and not num_layers:
        return
    model = model_of(pooling=pooling, num_layers=num_layers)
    together = logits(model, IDS, LENGTHS)
    for row, ids, n in zip(together, IDS, LENGTHS, strict=True):
        np.testing.assert_allclose(logits(model, [ids[:n]], [n])[0], row, atol=1e-6)
        np.testing.assert_allclose(logits(model, [ids[:n] + [0] * 9], [n])[0], row, atol=1e-6)


def test_without_lstm_it_is_a_bag_of_words() -> None:
    model = model_of(num_layers=0)
    E, W, b = (p.numpy() for p in (model.embedding_layer.weight, model.output_layer.weight, model.output_layer.bias))
    np.testing.assert_allclose(logits(model, IDS, LENGTHS)[0], E[IDS[0]].mean(0) @ W + b, atol=1e-6)
    np.testing.assert_allclose(logits(model, [IDS[0][::-1]], [4]), logits(model, IDS[:1], [4]), atol=1e-6)
    assert model.lstm_layer is None


def test_the_books_names_and_defaults() -> None:
    model = nndl.Model_BiLSTM_FC(V, M, D)
    assert isinstance(model.lstm_layer, paddle.nn.LSTM)
    assert isinstance(model.average_layer, nndl.AveragePooling)
    assert list(model.output_layer.weight.shape) == [2 * D, 2]
    assert model.embedding_layer.weight[0].abs().sum() == 0


def test_padding_is_not_trained() -> None:
    model = model_of()
    model.train()
    paddle.nn.functional.cross_entropy(
        model((paddle.to_tensor(IDS), paddle.to_tensor(LENGTHS))), paddle.to_tensor([0, 1, 1])
    ).backward()
    gradient = model.embedding_layer.weight.grad.numpy()
    assert (gradient[0] == 0).all()
    assert (gradient[[5, 6, 7, 1, 8, 9, 10]] != 0).any(axis=1).all()


def test_dropout_only_in_training() -> None:
    for settings in ({"dropout": 0.5}, {"word_dropout": 0.5}, {"dropout": 0.5, "num_layers": 2}):
        model = model_of(**settings)
        assert (logits(model, IDS, LENGTHS) == logits(model, IDS, LENGTHS)).all()
        model.train()
        assert (logits(model, IDS, LENGTHS) != logits(model, IDS, LENGTHS)).any()


def test_a_dropped_word_is_unknown_and_padding_stays() -> None:
    model = model_of(word_dropout=1 - 1e-9, num_layers=0)
    model.train()
    expected = logits(model_of(num_layers=0), [[1, 1, 1, 1]], [4])[0]
    for row in logits(model, IDS, LENGTHS):
        np.testing.assert_allclose(row, expected, atol=1e-6)


@pytest.mark.parametrize(
    "settings", [{"pooling": "sum"}, {"direction": "backward"}, {"num_layers": 0, "pooling": "last"}]
)
def test_bad_settings(settings: dict) -> None:
    with pytest.raises(SettingError, match="expected"):
        model_of(**settings)
