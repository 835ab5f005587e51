"""Verdicts: what holds, what does not, and what one seed cannot decide."""

from chapter6.lab.claim import (
    CONFIDENCE,
    FAILS,
    HOLDS,
    OPEN,
    Claim,
    Evidence,
    interval,
    is_open_by_chance,
    judge,
    last_tenth,
    mean_and_spread,
    slope,
)
from chapter6.lab.text import Text, same

import pytest
from scipy import stats


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        ([0.2, 0.25, 0.3], HOLDS),
        ([-0.2, -0.25, -0.3], FAILS),
        ([0.3, -0.1, 0.1], OPEN),
        ([0.9], OPEN),  # one lucky seed
        ([], OPEN),
        ([0.1, 0.1], HOLDS),
        ([0.0, 0.0, 0.0], OPEN),
    ],
)
def test_judge(evidence: list[float], verdict: str) -> None:
    assert judge(evidence) == verdict


def test_judge_uses_students_t_with_95_percent() -> None:
    # mean 1, standard deviation 1, n = 3: the margin is 2.91999 / sqrt(3) = 1.686; t(2) from a printed table
    assert judge([1.687, 0.687, 2.687]) == HOLDS
    assert judge([1.685, 0.685, 2.685]) == OPEN


GOOD, BAD, UNCLEAR = [1.0, 1.1], [-1.0, -1.1], [1.0, -1.0]


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        ([GOOD, GOOD], HOLDS),
        ([GOOD, UNCLEAR], OPEN),
        ([GOOD, UNCLEAR, BAD], FAILS),
        ([], OPEN),
        (None, OPEN),
        (True, HOLDS),
        (False, FAILS),
    ],
)
def test_verdict_follows_from_the_evidence(evidence: Evidence, verdict: str) -> None:
    claim = Claim("id", Text("it is so", "如此"), same("1"), evidence)
    assert claim.verdict == verdict
    plain = claim.plain()
    assert (plain["claim"], plain["claim_zh"], plain["verdict"]) == ("it is so", "如此", verdict)


@pytest.mark.parametrize("evidence", [[1.0, 2.0, 4.0], [-0.5, 0.5], [0.1, 0.2, 0.2, 0.4]])
def test_the_interval_is_that_of_student(evidence: list[float]) -> None:
    found = stats.ttest_1samp(evidence, 0).confidence_interval(2 * CONFIDENCE - 1)
    assert interval(evidence) == pytest.approx([found.low, found.high])
    assert Claim("id", same("a"), same("b"), [evidence, [1.0]]).plain()["intervals"] == [interval(evidence), []]


def test_mean_and_spread() -> None:
    assert mean_and_spread([0.5]) == "0.50"
    assert mean_and_spread([1.0, 3.0], 1) == "2.0 ± 1.4"


def test_slope() -> None:
    assert slope([10, 20, 30], [1.0, 0.5, 0.0]) == pytest.approx(-0.05)
    assert slope([10], [1.0]) == 0.0


def test_last_tenth() -> None:
    assert last_tenth([3.0, 1.0, 2.0]) == 2.0
    assert last_tenth([9.0] * 27 + [1.0, 5.0, 2.0]) == 2.0


@pytest.mark.parametrize(
    ("evidence", "is_open"),
    [([[1.0, -1.0, 0.1]], True), ([[1.0]], False), (None, False), ([[1.0, 1.1, 0.9]], False), (True, False)],
)
def test_more_seeds_are_advised_only_where_they_can_decide(evidence: Evidence, is_open: bool) -> None:
    plain = Claim("id", Text("a", "甲"), Text("b", "乙"), evidence).plain()
    assert is_open_by_chance(plain) == is_open
