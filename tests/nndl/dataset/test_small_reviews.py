"""The small corpus: what it promises about itself, and that word order decides."""

import random

from nndl.dataset import small_reviews
from nndl.error import SettingError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

SIZES = {"train": 3000, "dev": 500, "test": 1000}


def test_the_same_seed_makes_the_same_corpus() -> None:
    one, again, other = (small_reviews.load("word", seed, SIZES) for seed in (0, 0, 1))
    assert one.texts == again.texts
    assert not set(one.texts["test"]) & set(other.texts["train"])
    sets = [set(one.texts[split]) for split in SIZES]
    assert [len(texts) for texts in sets] == list(SIZES.values())
    assert len(set.union(*sets)) == sum(SIZES.values())


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_reviews_have_their_size_and_balance(seed: int) -> None:
    examples = small_reviews.generate(20, random.Random(seed))
    assert [label for _, label in examples] == [0, 1] * 10
    assert all(small_reviews.MIN_WORDS <= len(text.split()) <= small_reviews.MAX_WORDS for text, _ in examples)


def test_number_of_reviews() -> None:
    with pytest.raises(SettingError, match="number 0"):
        small_reviews.generate(0, random.Random(0))


def read(text: str) -> int:
    """An oracle of its own: the clause that counts, an adjective in it, and whether it is denied."""
    good = "great good wonderful brilliant charming funny moving clever lovely superb gripping fresh".split()
    bad = "bad awful boring dull weak silly terrible clumsy lifeless tedious shallow stale".split()
    for sentence in text.lower().split("."):
        words = sentence.replace(",", " , ").replace(":", " : ").split()
        if not set(words) & {*good, *bad}:
            continue
        if "yet" in words:
            words = words[words.index("yet") :]
        elif words[0] == "although":
            words = words[words.index(",") :]
        elif "," in words:  # "..., even though ..." and "..., which makes up for this: ..."
            words = words[: words.index(",")]
        is_good = bool(set(words) & set(good))
        return int(is_good != bool(set(words) & {"not", "never", "nobody"}))
    raise AssertionError(text)


def test_whoever_reads_the_order_is_always_right_and_a_bag_of_words_is_not() -> None:
    corpus = small_reviews.load("word", 0, SIZES)
    labels = {split: reviews.labels for split, reviews in corpus.reviews.items()}
    assert [read(text) for text in corpus.texts["test"]] == labels["test"].tolist()
    for is_binary in (False, True):
        counts = CountVectorizer(binary=is_binary, token_pattern=r"\w+")
        model = LogisticRegression(max_iter=200).fit(counts.fit_transform(corpus.texts["train"]), labels["train"])
        assert model.score(counts.transform(corpus.texts["test"]), labels["test"]) <= 0.80
