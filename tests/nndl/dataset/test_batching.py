"""Batches of reviews: nothing lost, nothing twice, the shares of several processes, padding."""

import nndl  # noqa: F401, before Paddle
from nndl.dataset.batching import BATCHING, ReviewSampler, collate, make_loader, pad
from nndl.dataset.text import Reviews
from nndl.error import SettingError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

lengths_of_reviews = st.lists(st.integers(1, 30), min_size=1, max_size=60)


@given(lengths_of_reviews, st.integers(1, 9), st.sampled_from(BATCHING))
def test_every_review_once_an_epoch(lengths: list[int], batch_size: int, batching: str) -> None:
    sampler = ReviewSampler(lengths, batch_size, batching)
    for _ in range(2):
        batches = list(sampler)
        assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
        assert len(sampler) == len(batches)
        assert all(1 <= len(batch) <= batch_size for batch in batches)


@given(lengths_of_reviews, st.integers(1, 3), st.sampled_from(BATCHING), st.integers(2, 3))
def test_shares_make_up_the_batches(lengths: list[int], share: int, batching: str, world_size: int) -> None:
    """Drawn from the same seed, the processes' shares are the batches of one process, but for an uneven rest."""
    parts = []
    for rank in range(world_size):
        np.random.seed(3)
        sampler = ReviewSampler(lengths, share * world_size, batching, rank, world_size)
        parts.append(list(sampler))
        assert len(sampler) == len(parts[-1])
    together = [sorted(i for part in batch for i in part) for batch in zip(*parts, strict=True)]
    assert all(len({len(part) for part in batch}) == 1 for batch in zip(*parts, strict=True))
    drawn = [i for batch in together for i in batch]
    assert len(drawn) == len(set(drawn)) == len(lengths) // world_size * world_size
    if len(lengths) % world_size == 0:
        np.random.seed(3)
        assert together == [sorted(batch) for batch in ReviewSampler(lengths, share * world_size, batching)]


@pytest.mark.parametrize("batching", ["shuffle", "bucket"])
def test_epochs_differ_and_repeat_from_the_seed(batching: str) -> None:
    sampler = ReviewSampler(np.arange(200) % 50 + 1, 8, batching)
    np.random.seed(0)
    first, second = list(sampler), list(sampler)
    assert first != second
    np.random.seed(0)
    assert [list(sampler), list(sampler)] == [first, second]


def padded(lengths: np.ndarray, batches: list[list[int]]) -> int:
    return sum(len(batch) * lengths[batch].max() - lengths[batch].sum() for batch in batches)


def test_buckets_pad_little_and_stay_random() -> None:
    lengths = np.random.default_rng(0).integers(1, 300, 4000)
    plain, bucket, ordered = (
        list(ReviewSampler(lengths, 32, batching)) for batching in ("shuffle", "bucket", "sorted")
    )
    assert padded(lengths, bucket) < 0.1 * padded(lengths, plain)
    longest = [lengths[batch].max() for batch in bucket]
    assert abs(np.corrcoef(longest[:-1], longest[1:])[0, 1]) < 0.4  # no order from one batch to the next
    assert [i for batch in ordered for i in batch] == np.argsort(lengths, kind="stable").tolist()


@pytest.mark.parametrize(("batching", "size", "world"), [("random", 4, 1), ("bucket", 0, 1), ("bucket", 5, 2)])
def test_bad_settings(batching: str, size: int, world: int) -> None:
    with pytest.raises(SettingError):
        ReviewSampler([1, 2], size, batching, 0, world)


@given(st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=12), min_size=1, max_size=5), st.integers(1, 15))
def test_padding_by_a_plain_loop(reviews: list[list[int]], max_seq_len: int) -> None:
    ids, lengths = pad([np.array(review) for review in reviews], max_seq_len)
    cut = [review[:max_seq_len] for review in reviews]
    longest = max(map(len, cut))
    assert ids.tolist() == [review + [0] * (longest - len(review)) for review in cut]
    assert lengths.tolist() == [len(review) for review in cut]
    (same, n), labels = collate([(np.array(review), 1) for review in reviews], max_seq_len)
    assert (same == ids).all()
    assert (n == lengths).all()
    assert labels.tolist() == [1] * len(reviews)


def test_loader() -> None:
    reviews = Reviews(np.arange(2, 12, dtype="int32"), np.array([0, 1, 6, 10]), np.array([0, 1, 1], dtype="int64"))
    [((ids, lengths), labels)] = list(make_loader(reviews, 4, max_seq_len=3, batching="sorted"))
    assert [str(tensor.dtype) for tensor in (ids, lengths, labels)] == ["paddle.int64"] * 3
    assert ids.tolist() == [[2, 0, 0], [3, 4, 5], [8, 9, 10]]
    assert (lengths.tolist(), labels.tolist()) == ([1, 3, 3], [0, 1, 1])
