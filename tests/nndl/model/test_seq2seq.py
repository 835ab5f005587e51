"""The translation model: its steps one by one, the padding, the kinds, and its gradients."""

import nndl

# isort: split
from nndl.error import DataError, SettingError
from nndl.generate import beam_search, generate
from nndl.model.seq2seq import KINDS, Seq2Seq
from nndl.op import ClockworkCell, JordanCell, Recurrent

import numpy as np
import paddle
import pytest

SOURCE = paddle.to_tensor([[5, 6, 7, 4], [8, 9, 0, 0]])
LENGTHS = paddle.to_tensor([4, 2])
WORDS = paddle.to_tensor([[2, 5, 6], [2, 4, 0]])


def model(kind: str, make_layer=nndl.GRU, **settings) -> Seq2Seq:
    paddle.seed(1)
    made = Seq2Seq(12, 9, input_size=3, hidden_size=8, kind=kind, make_layer=make_layer, **settings)
    made.eval()
    return made


LAYERS = {
    "SRN": nndl.SRN,
    "LSTM": nndl.LSTM,
    "Jordan": lambda M, D, **more: Recurrent(JordanCell, M, D, **more),
    "Clockwork": lambda M, D, **more: Recurrent(ClockworkCell, M, D, **more),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make_layer", LAYERS.values(), ids=LAYERS)
def test_word_by_word_is_the_same_as_all_at_once(kind: str, make_layer) -> None:
    """Which the whole-sequence layer and the loop must agree in; and the last state is where a step goes on."""
    translator = model(kind, make_layer)
    at_once = translator((SOURCE, LENGTHS, WORDS)).numpy()
    state = translator.start(SOURCE, LENGTHS)
    for t in range(WORDS.shape[1]):
        logits, state = translator.step(WORDS[:, t], state)
        np.testing.assert_allclose(logits.numpy(), at_once[:, t], atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_and_neighbours_change_nothing(kind: str) -> None:
    translator = model(kind)
    together = translator((SOURCE, LENGTHS, WORDS)).numpy()
    alone = translator((SOURCE[1:, :2], LENGTHS[1:], WORDS[1:])).numpy()
    np.testing.assert_allclose(together[1:], alone, atol=1e-5)
    other = SOURCE.clone()
    other[1, 2:] = 11
    np.testing.assert_allclose(translator((other, LENGTHS, WORDS)).numpy(), together, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_no_word_sees_those_after_it(kind: str) -> None:
    translator, later = model(kind), WORDS.clone()
    later[:, 2] = 7
    first, second = (translator((SOURCE, LENGTHS, words)).numpy() for words in (WORDS, later))
    np.testing.assert_array_equal(first[:, :2], second[:, :2])
    assert (first[:, 2] != second[:, 2]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_has_the_gradient_of_finite_differences(kind: str) -> None:
    translator = model(kind, nndl.SRN)
    translator.to(dtype="float64")

    def loss() -> paddle.Tensor:
        return translator((SOURCE, LENGTHS, WORDS)).square().sum()

    loss().backward()
    for name, parameter in translator.named_parameters():
        assert parameter.grad is not None, name
        gradient, flat = parameter.grad.numpy().ravel(), parameter.numpy().ravel()
        i, h = int(np.abs(gradient).argmax()), 1e-6
        values = []
        for sign in (1, -1):
            moved = flat.copy()
            moved[i] += sign * h
            parameter.set_value(moved.reshape(parameter.shape))
            values.append(float(loss()))
        parameter.set_value(flat.reshape(parameter.shape))
        assert (values[0] - values[1]) / (2 * h) == pytest.approx(gradient[i], rel=1e-4), name


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_words_are_those_of_greedy_generation(kind: str) -> None:
    translator, first = model(kind), WORDS[:, 0]
    written = generate(translator.step, translator.start(SOURCE, LENGTHS), first, length=4)
    words = paddle.to_tensor(np.concatenate([first.numpy()[:, None], np.zeros((2, 3), "int64")], axis=1))
    free = translator((SOURCE, LENGTHS, words), own_words=1.0).numpy()
    np.testing.assert_array_equal(free.argmax(-1), written)
    best, _ = beam_search(translator.step, translator.start(SOURCE, LENGTHS), first, 4, end=3, width=1)
    ended = np.cumsum(written == 3, axis=1) > 0
    expected = np.where(ended, 3, written)[:, : best.shape[1]]
    np.testing.assert_array_equal(best, expected)


def test_a_coin_decides_for_each_sentence_and_step() -> None:
    """With p = 1/2 about half of the later words are the model's own, not whole sentences or whole steps."""
    translator = model("state")
    fed = []
    step = translator.step
    translator.step = lambda ids, state: (fed.append(ids.numpy()), step(ids, state))[1]
    N, T = 40, 20
    words = paddle.full([N, T], 8, "int64")  # of a word the model would not choose
    translator.output.bias.set_value(np.where(np.arange(9) == 8, -100.0, 0.0).astype("float32"))
    translator((SOURCE[:1].expand([N, 4]), LENGTHS[:1].expand([N]), words), own_words=0.5)
    own = np.stack(fed[1:], axis=1) != 8
    assert 0.4 < own.mean() < 0.6
    assert own.mean(axis=0).max() < 0.9
    assert own.mean(axis=1).max() < 0.95


@pytest.mark.parametrize("kind", ["additive", "dot"])
def test_the_weights_are_shares_of_the_words_of_the_source(kind: str) -> None:
    weights = model(kind).weights((SOURCE, LENGTHS, WORDS)).numpy()
    assert weights.shape == (2, 3, 4)
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    assert (weights[1, :, 2:] < 1e-20).all()


def test_what_is_refused() -> None:
    translator = model("state")
    with pytest.raises(SettingError, match="only additive and dot"):
        translator.weights((SOURCE, LENGTHS, WORDS))
    with pytest.raises(SettingError, match="from 1 to 4"):
        translator((SOURCE, paddle.to_tensor([4, 0]), WORDS))
    with pytest.raises(SettingError, match="own_words 2"):
        translator((SOURCE, LENGTHS, WORDS), own_words=2)
    with pytest.raises(DataError, match="index 12"):
        translator((SOURCE + 5, LENGTHS, WORDS))
    with pytest.raises(SettingError, match="kind 'best'"):
        model("best")
