"""The tagger: its window against a loop, padding, what a feed-forward layer cannot see, word dropout."""

import nndl
from nndl.error import DataError, SettingError
from nndl.model.tagger import Tagger, context_window

import numpy as np
import paddle
import pytest
from paddle import nn


@pytest.fixture(autouse=True)
def seeded() -> None:
    nndl.runtime.seed_everything(0)


@pytest.mark.parametrize("window", [1, 3, 5, 9])
def test_window_is_a_loop_over_neighbours(window: int) -> None:
    X = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("float32")
    expected = np.zeros((2, 4, window * 3), dtype="float32")
    for b in range(2):
        for t in range(4):
            for k in range(window):
                if 0 <= t + k - window // 2 < 4:
                    expected[b, t, k * 3 : k * 3 + 3] = X[b, t + k - window // 2]
    np.testing.assert_array_equal(context_window(paddle.to_tensor(X), window).numpy(), expected)


class Steps(nn.Layer):
    """Each step by itself."""

    output_size = 4

    def __init__(self, M: int) -> None:
        super().__init__()
        self.linear = nn.Linear(M, 4)

    def forward(self, X, sequence_length):
        return paddle.tanh(self.linear(X)), None


def make(layer: str, window: int, **settings: float) -> Tagger:
    made = Steps(window * 3) if layer == "steps" else nndl.LSTM(window * 3, 4, direction="bidirectional")
    return Tagger(20, 5, 3, made, window=window, **settings)


@pytest.mark.parametrize("layer", ["steps", "both ways"])
@pytest.mark.parametrize("window", [1, 3])
def test_padding_changes_nothing(layer: str, window: int) -> None:
    """Neither how much of it there is, nor what stands in it."""
    model = make(layer, window)
    alone = model((paddle.to_tensor([[5, 6, 7]]), paddle.to_tensor([3]))).numpy()
    for padding in ([0, 0], [9, 8]):
        ids = paddle.to_tensor([[5, 6, 7, *padding], [1, 2, 3, 4, 5]])
        together = model((ids, paddle.to_tensor([3, 5]))).numpy()
        np.testing.assert_allclose(together[0, :3], alone[0], atol=1e-6)


def test_without_window_and_memory_a_word_is_a_word() -> None:
    """The same scores wherever it stands; with a window, or with memory, others."""
    ids = paddle.to_tensor([[5, 6, 7, 6]])
    for model, is_blind in ((make("steps", 1), True), (make("steps", 3), False), (make("both ways", 1), False)):
        scores = model((ids, paddle.to_tensor([4]))).numpy()[0]
        assert np.allclose(scores[1], scores[3], atol=1e-6) is is_blind


def test_words_are_dropped_in_training_alone() -> None:
    model, ids = make("steps", 1, word_dropout=0.5), paddle.full([1, 400], 7, dtype="int64")
    X = ids, paddle.to_tensor([400])
    unknown = model((paddle.ones_like(ids), X[1])).numpy()[0, 0]
    model.eval()
    known = model(X).numpy()[0]
    model.train()
    dropped = np.isclose(model(X).numpy()[0], model((paddle.ones_like(ids), X[1])).numpy()[0, 0], atol=1e-7).all(-1)
    assert np.ptp(known, axis=0).max() == pytest.approx(0, abs=1e-6)
    assert not np.allclose(known[0], unknown)
    assert 0.4 < dropped.mean() < 0.6


def test_gradients_reach_every_parameter() -> None:
    model = make("both ways", 3, dropout=0.1)
    model((paddle.to_tensor([[5, 6], [7, 0]]), paddle.to_tensor([2, 1]))).sum().backward()
    assert all(float(parameter.grad.abs().sum()) > 0 for parameter in model.parameters())


@pytest.mark.parametrize(
    "settings", [{"window": 2}, {"window": 0}, {"dropout": 1.0}, {"word_dropout": -0.1}, {"num_words": 1}]
)
def test_bad_settings(settings: dict) -> None:
    with pytest.raises(SettingError):
        Tagger(**{"num_words": 9, "num_tags": 3, "input_size": 3, "layer": Steps(3), **settings})


def test_bad_ids_and_lengths() -> None:
    model = make("steps", 1)
    with pytest.raises(DataError, match="index 20"):
        model((paddle.to_tensor([[20]]), paddle.to_tensor([1])))
    with pytest.raises(SettingError, match="from 0 to 1"):
        model((paddle.to_tensor([[2]]), paddle.to_tensor([2])))
