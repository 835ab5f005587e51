"""Pairs: their vocabularies, their batches, and what is fed against what is asked."""

from nndl.dataset.pairs import BOS, EOS, PairLoader, encode, until_end, vocabularies
from nndl.dataset.text import UNK
from nndl.error import DataError

import numpy as np
import pytest

PAIRS = [("ab" * (1 + n % 5), "xyz"[: 1 + n % 3] * (1 + n % 7)) for n in range(40)]


def test_vocabularies_come_from_train_and_leave_out_the_rare() -> None:
    source, target = vocabularies([("aab", "x"), ("ac", "xy")], min_freq=2)
    assert source.words == ("[PAD]", "[UNK]", "a")
    assert target.words == ("[PAD]", "[UNK]", "[BOS]", "[EOS]", "x")
    [(ids, _)] = encode([("abq", "y")], source, target)
    assert ids.tolist() == [2, UNK, UNK]
    assert (target.words[BOS], target.words[EOS]) == ("[BOS]", "[EOS]")


@pytest.mark.parametrize("batching", ["bucket", "shuffle", "sorted"])
def test_every_pair_comes_once_an_epoch_and_what_is_asked_is_one_step_ahead(batching: str) -> None:
    source, target = vocabularies(PAIRS)
    ids = encode(PAIRS, source, target)
    loader, seen = PairLoader(ids, 6, batching), []
    batches = list(loader)
    assert len(batches) == len(loader)
    for (sources, lengths, words), labels in batches:
        for row, n, fed, asked in zip(*(t.numpy() for t in (sources, lengths, words, labels)), strict=True):
            assert (row[n:] == 0).all()
            answer = asked[asked != 0].tolist()
            assert answer[-1] == EOS
            assert fed[fed != 0].tolist() == [BOS, *answer[:-1]]
            seen.append(("".join(source.words[i] for i in row[:n]), "".join(until_end(asked, target))))
    assert sorted(seen) == sorted(PAIRS)


def test_pairs_of_like_lengths_share_a_batch() -> None:
    source, target = vocabularies(PAIRS)
    loader = PairLoader(encode(PAIRS, source, target), 4, "sorted")
    padding = sum(int((labels.numpy() == 0).sum()) for _, labels in loader)
    np.random.seed(0)
    at_random = PairLoader(encode(PAIRS, source, target), 4, "shuffle")
    assert padding < 0.5 * sum(int((labels.numpy() == 0).sum()) for _, labels in at_random)


def test_an_empty_side_is_named() -> None:
    source, target = vocabularies(PAIRS)
    with pytest.raises(DataError, match="pair 2: target is empty"):
        encode([("a", "x"), ("a", "")], source, target)
    with pytest.raises(DataError, match="pair 1: source is empty"):
        encode([("", "x")], source, target)
