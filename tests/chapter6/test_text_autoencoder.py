"""The text autoencoder: codes, bags, and a reader's own sentences."""

from argparse import Namespace

from chapter6.__main__ import main
from chapter6.extras import text_autoencoder as lesson
from chapter6.extras.presets.autoencoder import Autoencoder
from nndl import GRU, op
from nndl.dataset.pairs import collate, encode
from nndl.error import SettingError

import numpy as np
import paddle
import pytest

SENTENCES = lesson.make_sentences(40)
VOCABULARY = lesson.make_vocabularies(SENTENCES)
SETTINGS = Namespace(input_size=4, hidden_size=3, make=GRU)


def test_code_is_the_encoders_last_states_and_knows_no_padding() -> None:
    model = lesson.make_model(SETTINGS, *map(len, VOCABULARY))
    words = [SENTENCES["dev"][i].words for i in range(4)]
    ids = encode([(w, w) for w in words], *VOCABULARY)
    codes = lesson.code_of(model, *collate(ids)[0][:2])
    for row, (one, _) in zip(codes, ids, strict=True):
        X = model.source_embedding(paddle.to_tensor(one[None]))
        ahead, back = model.encoder.cells
        h, g = ahead.get_initial_states(X), back.get_initial_states(X)
        for t in range(len(one)):
            _, h = ahead(X[:, t], h)
            _, g = back(X[:, len(one) - 1 - t], g)
        np.testing.assert_allclose(row, np.concatenate([h.numpy()[0], g.numpy()[0]]), atol=1e-6)


def test_bags_of_twins_are_one_and_a_classifier_is_at_chance() -> None:
    words = {split: lesson.bags(SENTENCES[split], VOCABULARY[0]) for split in ("train", "test")}
    labels = {split: np.array([s.label for s in SENTENCES[split]]) for split in words}
    assert (words["test"][0::2] == words["test"][1::2]).all()
    assert words["test"].sum(axis=1).tolist() == [len(s.words) for s in SENTENCES["test"]]
    scores = lesson.classify(words, labels["train"])
    assert np.allclose(scores[0::2], scores[1::2])
    ordered = {split: np.c_[words[split], labels[split]] for split in words}
    assert ((lesson.classify(ordered, labels["train"]) > 0) == labels["test"]).all()


def test_distances_and_words_by_hand() -> None:
    codes = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [0.0, 1.0]])
    found = lesson.twin_distances(codes, np.zeros([4, 2]))
    assert (found["codes"], found["bags"]) == (2.5, 0.0)
    assert found["any"] == pytest.approx((1 + 18**0.5) / 2)
    assert lesson.share_of_words([["a", "b"], ["c"]], [["a", "x"], ["c", "d"]]) == 0.5


def test_any_cell_serves() -> None:
    model = lesson.make_model(Namespace(input_size=4, hidden_size=3, make=op.PeepholeLSTMCell), *map(len, VOCABULARY))
    batch = collate(encode([(s.words, s.words) for s in SENTENCES["dev"][:2]], *VOCABULARY))
    assert lesson.code_of(model, *batch[0][:2]).shape == (2, 6)
    assert len(lesson.rebuild(model, batch, VOCABULARY[1])) == 2


def test_words_nobody_taught(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["run", "autoencoder", "--second", "the virus eating an infection"])
    assert exit_.value.code == 2
    assert "second: the word 'eating' is unknown; expected words such as" in capsys.readouterr().err
    with pytest.raises(SettingError, match="first '': expected 1 to 16 words"):
        Autoencoder(first="")
