"""Twins: the same words in another order, and nothing held out that was seen."""

from collections import Counter

from nndl.dataset import twins
from nndl.error import SettingError

import pytest

SPLITS = twins.make(0, {"train": 200, "dev": 50, "test": 50})


@pytest.mark.parametrize("split", SPLITS)
def test_twins_are_the_same_words_and_say_the_opposite(split: str) -> None:
    sentences = SPLITS[split]
    for one, other in zip(sentences[0::2], sentences[1::2], strict=True):
        assert Counter(one.words) == Counter(other.words)
        assert one.words != other.words
        text, reverse = " ".join(one.words), " ".join(other.words)
        (good,), (bad,) = ([p for p in some if p in text] for some in (twins.GOOD, twins.BAD))
        assert text.index(good) < text.index(bad)
        assert reverse.index(bad) < reverse.index(good)
        assert (one.label, other.label) == (1, 0)
    assert len({tuple(s.words) for s in sentences}) == len(sentences)


def test_what_is_held_out_was_never_seen_together() -> None:
    def companies(split: str) -> set[tuple[str, ...]]:
        texts = [" ".join(s.words) for s in SPLITS[split]]
        return {tuple(p for some in (twins.GOOD, twins.BAD, twins.DEEDS) for p in some if p in text) for text in texts}

    assert not companies("train") & (companies("dev") | companies("test"))
    assert not companies("dev") & companies("test")
    words = {word for s in SPLITS["train"] for word in s.words}
    assert words >= {word for s in SPLITS["test"] for word in s.words}


def test_more_than_there_are() -> None:
    with pytest.raises(SettingError, match="expected at most"):
        twins.make(0, {"dev": 10**6})
