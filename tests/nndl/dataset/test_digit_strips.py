"""Strips of digits: what stands where, that no image is in two splits, and batches of them."""

from itertools import pairwise

import nndl  # noqa: F401  before Paddle

# isort: split
from nndl.dataset import digit_strips
from nndl.dataset.unaligned import collate, make_loader, written
from nndl.error import SettingError

import numpy as np
import pytest


def test_no_image_is_in_two_splits() -> None:
    from sklearn.datasets import load_digits

    pictures = {split: {image.tobytes() for image in found[0]} for split, found in digit_strips.images().items()}
    all_of_them = {(image / 16).astype("float32").tobytes() for image in load_digits().images}
    assert set.union(*pictures.values()) == all_of_them
    assert sum(map(len, pictures.values())) == len(all_of_them)
    shown = np.concatenate([digits for _, digits in digit_strips.images().values()])
    assert np.array_equal(np.bincount(shown), np.bincount(load_digits().target))


def test_each_digit_stands_in_its_span_and_nothing_between() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        example = digit_strips.draw("dev", "90125", rng)
        assert written(example.labels) == "90125"
        is_digit = np.zeros(len(example.X), dtype=bool)
        for start, end in example.spans:
            assert digit_strips.WIDTHS[0] <= end - start <= digit_strips.WIDTHS[1]
            is_digit[start:end] = True
        assert not example.X[~is_digit].any()
        gaps = [start - end for (_, end), (start, _) in pairwise(example.spans)]
        assert min(gaps) >= digit_strips.GAPS[0]
        assert max(gaps) <= digit_strips.GAPS[1]
        assert 0 <= example.X.min() <= example.X.max() <= 1


@pytest.mark.parametrize("width", [6, 8, 12])
def test_stretched_as_numpy_interpolates(width: int) -> None:
    image = np.random.default_rng(0).random((8, 8)).astype("float32")
    found = digit_strips._stretch(image, width)
    for row in range(8):
        assert np.allclose(found[:, row], np.interp(np.linspace(0, 7, width), range(8), image[row]), atol=1e-6)


def test_same_seed_same_strips() -> None:
    first, again, other = (digit_strips.make("train", 5, (3, 5), seed) for seed in (0, 0, 1))
    assert all(np.array_equal(a.X, b.X) for a, b in zip(first, again, strict=True))
    assert [written(e.labels) for e in first] != [written(e.labels) for e in other]
    assert {len(e.labels) for e in digit_strips.make("dev", 60, (3, 5), 0)} == {3, 4, 5}


def test_batches() -> None:
    examples = digit_strips.make("dev", 10, (1, 5), 0)
    (X, lengths), (labels, label_lengths) = collate(examples)
    assert (X.dtype, labels.dtype, lengths.dtype, label_lengths.dtype) == ("float32", "int32", "int64", "int64")
    for i, example in enumerate(examples):
        assert np.array_equal(X[i, : lengths[i]], example.X)
        assert not X[i, lengths[i] :].any()
        assert np.array_equal(labels[i, : label_lengths[i]], example.labels)
    loaded = [written(y[:U].tolist()) for _, (ys, Us) in make_loader(examples, 4) for y, U in zip(ys, Us, strict=True)]
    assert sorted(loaded) == sorted(written(e.labels) for e in examples)


@pytest.mark.parametrize("digits", ["", "12a", "²", "1" * 101, " 1"])
def test_no_digits(digits: str) -> None:
    with pytest.raises(SettingError, match="expected 1 to 100 digits"):
        digit_strips.draw("test", digits, np.random.default_rng(0))
