"""Tokens, vocabulary and arrays, against counting by hand."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndl.dataset.text import (
    SPECIAL,
    TOKENIZERS,
    UNK,
    Corpus,
    Reviews,
    Vocabulary,
    decode,
    index_texts,
    tokenize_space,
    tokenize_word,
)
from nndl.error import CheckpointError, SettingError


@pytest.mark.parametrize(
    ("text", "by_space", "by_word"),
    [
        ("A great,great film!", ["a", "great,great", "film!"], ["a", "great", ",", "great", "film", "!"]),
        ("It isn't<br /><br/>bad", ["it", "isn't<br", "/><br/>bad"], ["it", "isn't", "bad"]),
        ("one\t two\n\u2003three", ["one", "two", "three"], ["one", "two", "three"]),
        ("《好》 电影", ["《好》", "电影"], ["《", "好", "》", "电影"]),
        ("10/10 'wow'", ["10/10", "'wow'"], ["10", "/", "10", "'", "wow", "'"]),
        (" \n", [], []),
    ],
)
def test_tokenizers(text: str, by_space: list[str], by_word: list[str]) -> None:
    assert tokenize_space(text) == by_space
    assert tokenize_word(text) == by_word


@given(st.text())
def test_tokens_hold_no_white_space(text: str) -> None:
    for tokenize in TOKENIZERS.values():
        assert all(token and token == "".join(token.split()) for token in tokenize(text))


def test_decode() -> None:
    assert decode("café".encode()) == ("café", False)
    assert decode("a \N{REPLACEMENT CHARACTER}".encode()) == ("a \N{REPLACEMENT CHARACTER}", False)
    assert decode(b"caf\xe9") == ("caf\N{REPLACEMENT CHARACTER}", True)


texts = st.lists(st.text("ab c", max_size=12), min_size=1, max_size=6)


@given(texts, texts, texts)
def test_index_texts_against_counting(train: list[str], dev: list[str], test: list[str]) -> None:
    given_texts = {"train": train, "dev": dev, "test": test}
    labels = {split: [i % 2 for i in range(len(items))] for split, items in given_texts.items()}
    vocabulary, reviews = index_texts(given_texts, labels, "space")
    counts = Counter(word for text in train for word in text.split())
    expected = sorted(counts, key=lambda word: (-counts[word], word))
    assert vocabulary.words == (*SPECIAL, *expected)
    assert vocabulary.counts == (0, 0, *(counts[word] for word in expected))
    for split, items in given_texts.items():
        assert reviews[split].labels.tolist() == labels[split]
        assert len(reviews[split]) == len(items)
        for i, text in enumerate(items):
            ids = [vocabulary.words.index(w) if w in counts else UNK for w in text.split()] or [UNK]
            assert reviews[split][i][0].tolist() == ids == vocabulary.encode(text.split()).tolist()


VOCABULARY = Vocabulary((*SPECIAL, "the", "good", "bad", "rare"), (0, 0, 9, 5, 5, 1))


@pytest.mark.parametrize(("max_size", "min_freq", "size"), [(0, 1, 6), (4, 1, 4), (0, 5, 5), (3, 5, 3), (0, 99, 2)])
def test_a_smaller_vocabulary_is_the_beginning_of_a_larger(max_size: int, min_freq: int, size: int) -> None:
    assert VOCABULARY.limit(max_size, min_freq).words == VOCABULARY.words[:size]


def test_vocabulary_on_disk(tmp_path: Path) -> None:
    odd = Vocabulary((*SPECIAL, "'", "#", "\u2028x", "电影", "a\x1cb"), (0, 0, 5, 4, 3, 2, 1))
    odd.save(tmp_path / "v.txt")
    assert Vocabulary.load(tmp_path / "v.txt") == odd
    assert odd.fingerprint() == Vocabulary.load(tmp_path / "v.txt").fingerprint()


@pytest.mark.parametrize(
    "content",
    [b"", b"[PAD]\t0\n[UNK]\t0\nword", b"[PAD]\t0\n[UNK]\t0\nword\tmany\n", b"[UNK]\t0\n[PAD]\t0\n", b"\xff\xfe",
     b"[PAD]\t0\n[UNK]\t0\na\t1\na\t1\n", b"[PAD]\t0\n[UNK]\t0\na\t1\t2\n", None],
)  # fmt: skip
def test_damaged_vocabulary(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"v\.txt"):
        Vocabulary.load(tmp_path / "v.txt")


def test_fingerprint_tells_words_and_order() -> None:
    swapped = Vocabulary((*SPECIAL, "good", "the", "bad", "rare"), VOCABULARY.counts)
    other = Vocabulary((*SPECIAL, "the", "good", "bad", "Rare"), VOCABULARY.counts)
    assert len({v.fingerprint() for v in (VOCABULARY, swapped, other, VOCABULARY.limit(5))}) == 4


def reviews() -> Reviews:
    return Reviews(
        np.array([2, 3, 4, 5, 2, 2, 5], dtype="int32"), np.array([0, 1, 4, 5, 7]), np.array([0, 0, 1, 1], dtype="int64")
    )


def test_reviews() -> None:
    assert reviews().lengths.tolist() == [1, 3, 1, 2]
    assert [(ids.tolist(), label) for ids, label in map(reviews().__getitem__, range(4))] == [
        ([2], 0), ([3, 4, 5], 0), ([2], 1), ([2, 5], 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("number", "kept"), [(0, [1, 3, 1, 2]), (2, [1, 1]), (1, [1, 1]), (3, [1, 3, 1, 2]), (99, [1, 3, 1, 2])]
)
def test_first_reviews_of_each_class(number: int, kept: list[int]) -> None:
    part = reviews().first(number)
    assert part.lengths.tolist() == kept
    assert part.labels.sum() * 2 == len(part)


def test_corpus_with_a_smaller_vocabulary() -> None:
    corpus = Corpus("small", "space", VOCABULARY, {"train": reviews()}, {"train": [""] * 4})
    limited = corpus.limit(5, 1)
    assert len(limited.vocabulary) == 5
    assert limited.reviews["train"].ids.tolist() == [2, 3, 4, UNK, 2, 2, UNK]
    assert corpus.limit(0, 1) is corpus
    with pytest.raises(SettingError, match="no word is left"):
        corpus.limit(2, 1)
