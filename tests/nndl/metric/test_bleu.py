"""BLEU against the formula, written out, and against what the paper counts by hand."""

import math
from collections import Counter

from nndl.error import SettingError
from nndl.metric.bleu import bleu

import pytest


def grams(tokens: list, n: int) -> Counter:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def by_formula(predicted: list[list], references: list[list[list]]) -> float:
    """Papineni et al., of corpora with a right n-gram of each length."""
    log_p = 0.0
    for n in range(1, 5):
        right = total = 0
        for tokens, some in zip(predicted, references, strict=True):
            most = Counter()
            for reference in some:
                most |= grams(reference, n)
            right += (grams(tokens, n) & most).total()
            total += grams(tokens, n).total()
        log_p += math.log(right / total) / 4
    c = sum(map(len, predicted))
    r = sum(min((abs(len(x) - len(p)), len(x)) for x in some)[1] for p, some in zip(predicted, references, strict=True))
    return 100 * min(1.0, math.exp(1 - r / c)) * math.exp(log_p)


PREDICTED = ["我们明天去北京。", "他不在家", "你好。"]
REFERENCES = [["我们明天去北京吧。", "明天我们去北京。"], ["他今天不在家。"], ["你好。", "嗨。", "您好"]]


def test_agrees_with_the_formula() -> None:
    predicted, references = [list(p) for p in PREDICTED], [[list(r) for r in some] for some in REFERENCES]
    assert bleu(predicted, references) == pytest.approx(by_formula(predicted, references), abs=1e-9)
    assert bleu(predicted[1:2], references[1:2]) < bleu(predicted[:1], references[:1])


def test_by_hand() -> None:
    """p = 4/5, 3/4, 2/3, 1/2 and c > r, so the fourth root of 1/5."""
    assert bleu([[1, 2, 3, 4, 5]], [[[1, 2, 3, 4]]]) == pytest.approx(100 * 0.2**0.25)
    assert bleu([["a b", "c", "d", "e"]], [[["a b", "c", "d", "e"]]]) == pytest.approx(100)  # a blank in a token


def test_short_is_punished_and_what_repeats_counts_once() -> None:
    assert bleu([[1, 2, 3, 4]], [[[1, 2, 3, 4, 5, 6, 7, 8]]]) == pytest.approx(100 * math.exp(-1))
    assert bleu([["the"] * 7], [[["the", "cat", "is", "on", "the", "mat"]]]) < 20  # 2/7, the paper's example


def test_smoothing_is_what_it_says() -> None:
    """No 3-gram, no 4-gram right: 1/2 of one of 2, 1/4 of one of 1."""
    expected = 100 * (2 / 4 * 1 / 3 * (1 / 2) / 2 * (1 / 4) / 1) ** 0.25
    assert bleu([[1, 2, 8, 9]], [[[1, 2, 3, 4]]]) == pytest.approx(expected)


@pytest.mark.parametrize(("predicted", "references"), [([], []), ([[1]], []), ([[1]], [[]])])
def test_nothing_to_compare(predicted: list, references: list) -> None:
    with pytest.raises(SettingError, match="translations and"):
        bleu(predicted, references)
