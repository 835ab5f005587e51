"""The text model: against NumPy, and that padding never counts."""

import nndl  # before Paddle: it chooses the threads

# isort: split
from nndl.error import DataError, SettingError

import numpy as np
import paddle
import pytest

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


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
def test_padding_changes_nothing(pooling: str, num_layers: int) -> None:
    model = model_of(pooling=pooling, num_layers=num_layers)
    together = logits(model, IDS, LENGTHS)
    for row, ids, n in zip(together, IDS, LENGTHS, strict=True):
        np.testing.assert_allclose(logits(model, [ids[:n]], [n])[0], row, atol=1e-6)
        np.testing.assert_allclose(logits(model, [ids[:n] + [0] * 9], [n])[0], row, atol=1e-6)


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
    model = model_of(word_dropout=1 - 1e-9)
    model.train()
    expected = logits(model_of(), [[1] * 4] * 3, LENGTHS)
    np.testing.assert_allclose(logits(model, IDS, LENGTHS), expected, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"pooling": "sum"},
        {"direction": "backward"},
        {"num_layers": 0},
        {"num_layers": -1},
        {"num_layers": 1.0},
        {"num_classes": 0},
        {"dropout": 7},
        {"dropout": 1.0},
        {"word_dropout": float("nan")},
        {"backend": None},
    ],
)
def test_bad_settings(settings: dict) -> None:
    with pytest.raises(SettingError, match="expected"):
        model_of(**settings)


@pytest.mark.parametrize("sizes", [(1, M, D), (V, 0, D), (V, M, -1), (V, M, 2.5), (10**9, M, D)])
def test_bad_sizes(sizes) -> None:
    with pytest.raises(SettingError, match="expected a whole number"):
        nndl.Model_BiLSTM_FC(*sizes)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("settings", [{}, {"backend": "fused"}, {"word_dropout": 0.9}])
@pytest.mark.parametrize("wrong", [-1, V, 23, 10**12])
def test_id_outside_the_vocabulary(wrong, settings, training) -> None:
    model = model_of(**settings)
    model.training = training
    with pytest.raises(DataError, match=f"^index {wrong}: expected 0 to 19, as the embedding has 20 rows$"):
        logits(model, [[6, 7, wrong], [0, 0, 0]], [3, 1])


@pytest.mark.parametrize("settings", [{}, {"backend": "fused"}, {"pooling": "max"}, {"pooling": "last"}])
@pytest.mark.parametrize("lengths", [[4, 3], [-1, 2], [10**9, 1], [2], [[1, 2]]])
def test_length_outside_the_batch(lengths, settings) -> None:
    with pytest.raises(SettingError, match=r"^sequence_length .*: expected"):
        logits(model_of(**settings), [[6, 7, 8], [5, 4, 3]], lengths)


def test_an_empty_review() -> None:
    for pooling in ("mean", "last"):
        assert np.isfinite(logits(model_of(pooling=pooling), IDS, [4, 0, 1])).all()
    with pytest.raises(SettingError, match="from 0 to 4: expected values from 1 to 4"):
        logits(model_of(pooling="max"), IDS, [4, 0, 1])


@pytest.mark.parametrize("inputs", [[[1, 2, 3], [4, 5, 6]], [1, 2]])
def test_ids_without_lengths(inputs) -> None:
    with pytest.raises(SettingError, match=r"^ids of shape .*: expected \(ids \[B, L\], sequence_length \[B\]\)$"):
        model_of()(paddle.to_tensor(inputs))


def test_ids_and_lengths_of_other_integer_types() -> None:
    expected = logits(model_of(), IDS, LENGTHS)
    ids, lengths = paddle.to_tensor(IDS, dtype="int32"), paddle.to_tensor(LENGTHS, dtype="int32")
    np.testing.assert_array_equal(model_of()((ids, lengths)), expected)
    np.testing.assert_array_equal(model_of()((ids, LENGTHS)), expected)
