"""Vocabulary and arrays, against counting by hand."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

from nndl.dataset.text import (
    SPECIAL,
    UNK,
    Corpus,
    Reviews,
    Vocabulary,
    index_texts,
)
from nndl.error import CheckpointError, DataError, SettingError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


SENTENCES = (*SPECIAL, "[BOS]", "[EOS]")


def test_special_words_of_another_corpus(tmp_path: Path) -> None:
    found = Vocabulary.of({"b": 3, "rare": 1, "a": 3, "the": 7, "[EOS]": 50}, SENTENCES)
    assert found.words == (*SENTENCES, "the", "a", "b", "rare")
    assert found.counts == (0, 0, 0, 0, 7, 3, 3, 1)
    assert found.encode(["[BOS]", "a", "what", "[EOS]"]).tolist() == [2, 5, UNK, 3]
    for max_size, min_freq, size in ((0, 3, 7), (5, 1, 5), (0, 99, 4)):
        assert found.limit(max_size, min_freq).words == found.words[:size]
    assert found.limit(5).limit(0, 7).special == SENTENCES
    found.save(tmp_path / "v.txt")
    assert Vocabulary.load(tmp_path / "v.txt", SENTENCES) == found
    with pytest.raises(CheckpointError, match=r"v\.txt: .*expected \[PAD\], \[UNK\], \[EOS\] and \[BOS\] first"):
        Vocabulary.load(tmp_path / "v.txt", (*SPECIAL, "[EOS]", "[BOS]"))


@pytest.mark.parametrize(
    "content",
    [b"", b"[PAD]\t0\n[UNK]\t0\nword", b"[PAD]\t0\n[UNK]\t0\nword\tmany\n", b"[UNK]\t0\n[PAD]\t0\n", b"\xff\xfe",
     b"[PAD]\t0\n[UNK]\t0\na\t1\na\t1\n", b"[PAD]\t0\n[UNK]\t0\na\t1\t2\n", None,
     b"[PAD]\t0\n[UNK]\t0\na\t" + b"9" * 5_000, b"[PAD]\t0\n[UNK]\t0\na\t-1\n", b"[PAD]\t0\n[UNK]\t0\na\t1_0\n",
     "[PAD]\t0\n[UNK]\t0\na\t٣\n".encode(), b"[PAD]\t0\n[UNK]\t0\na\t+1\n", b"[PAD]\t0\n[UNK]\t0\n\t1\n",
     b"[PAD]\t0\r\n[UNK]\t0\r\na\t1\r\n", b"\xef\xbb\xbf[PAD]\t0\n[UNK]\t0\n", b"[PAD]\t0\n[UNK]\t0\n\n\n",
     b"[PAD]\t0\n[UNK]\t0\na\t1\nb\t2\n"],
)  # fmt: skip
def test_damaged_vocabulary(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"v\.txt"):
        Vocabulary.load(tmp_path / "v.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_vocabulary_that_is_no_regular_file_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(CheckpointError, match="expected a file"):
            Vocabulary.load(path)
    VOCABULARY.save(tmp_path / "v.txt")
    monkeypatch.setattr("nndl.dataset.text.MAX_VOCABULARY_BYTES", 10)
    with pytest.raises(CheckpointError, match="expected at most 10"):
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
    ("changes", "said"),
    [
        ({"ids": np.array([2, 3, 4, 5, 2, 2, 6], dtype="int32")}, "ids 2 to 6, expected 1 to 5"),
        ({"ids": np.array([2, 3, 4, 0, 2, 2, 5], dtype="int32")}, "ids 0 to 5"),
        ({"ids": np.array([2, 3, 4, -1, 2, 2, 5], dtype="int32")}, "ids -1 to 5"),
        ({"ids": np.array([2, 3, 4, 5, 2, 2, 5])}, "int64"),
        ({"ids": np.array([[2, 3, 4, 5, 2, 2, 5]], dtype="int32")}, r"\(1, 7\)"),
        ({"offsets": np.array([0, 4, 1, 5, 7])}, "do not cut"),
        ({"offsets": np.array([0, 1, 1, 5, 7])}, "do not cut"),
        ({"offsets": np.array([0, 1, 4, 5, 8])}, "do not cut"),
        ({"offsets": np.array([1, 2, 4, 5, 7])}, "do not cut"),
        ({"offsets": np.array([0, 1, 4, 7])}, "do not cut"),
        ({"offsets": np.array([0.0, 1, 4, 5, 7])}, "float64"),
        ({"labels": np.array([0, 0, 1, 2])}, "4 labels, expected 4 that are 0 or 1"),
        ({"labels": np.array([0, 0, 1])}, "3 labels, expected 4"),
        ({"labels": np.array([False, False, True, True])}, "bool"),
    ],
)
def test_arrays_that_are_no_reviews(changes: dict[str, np.ndarray], said: str) -> None:
    reviews().check(4, 6)
    with pytest.raises(DataError, match=said):
        replace(reviews(), **changes).check(4, 6)


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
