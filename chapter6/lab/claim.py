"""A claim, what was measured, and the verdict (结论) that follows from the evidence."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Any

from chapter6.lab.text import Text

HOLDS, FAILS, OPEN = "holds", "does not hold", "not decided"
CHINESE = {HOLDS: "成立", FAILS: "不成立", OPEN: "未定"}
CONFIDENCE = 0.95
WHAT_OPEN_MEANS = Text(
    f"{OPEN}: the seeds (in measurements of time: the repeats) say neither yes nor no with {CONFIDENCE:.0%} confidence "
    "(Student's t); more of them, such as --seeds 10, may decide",
    f"{CHINESE[OPEN]}：各种子（测时间则为各次测量）的结果在 {CONFIDENCE:.0%} 的置信度下（t 检验）"
    "既不能肯定也不能否定；增加种子数，如 --seeds 10，或可得出结论",
)
"""What a reader is told below the verdicts where one is open."""

Evidence = bool | Sequence[Sequence[float]] | None


@dataclass(frozen=True)
class Claim:
    """One row of a report.

    Args:
        id: a short name, unique within the lesson.
        claim: the statement.
        measured: the numbers found here, with their spread over seeds.
        evidence: what decides. True or False: a statement without chance in it, such as the agreement of two
            computations. Rows of numbers, one number a seed: the statement says that in each row the number is above
            zero, see :func:`judge`; one row that fails refutes it, one open row leaves it open. None: there is
            nothing to decide it by.
    """

    id: str
    claim: Text
    measured: Text
    evidence: Evidence

    @property
    def verdict(self) -> str:
        """HOLDS, FAILS or OPEN."""
        if isinstance(self.evidence, bool):
            return HOLDS if self.evidence else FAILS
        verdicts = set(map(judge, self.evidence or ()))
        if FAILS in verdicts:
            return FAILS
        return OPEN if OPEN in verdicts or not verdicts else HOLDS

    def plain(self) -> dict[str, Any]:
        """As the record keeps it."""
        return {
            "id": self.id,
            "claim": self.claim.en,
            "claim_zh": self.claim.zh,
            "measured": self.measured.en,
            "measured_zh": self.measured.zh,
            "evidence": self.evidence if isinstance(self.evidence, bool) else [*map(list, self.evidence or ())],
            "intervals": [] if isinstance(self.evidence, bool) else [*map(interval, self.evidence or ())],
            "verdict": self.verdict,
        }


def told(kept: dict[str, Any]) -> tuple[Text, Text, Text]:
    """Statement, measured and verdict of a claim as the record keeps it, see :meth:`Claim.plain`."""
    statement, measured = Text(kept["claim"], kept["claim_zh"]), Text(kept["measured"], kept["measured_zh"])
    return statement, measured, Text(kept["verdict"], CHINESE[kept["verdict"]])


def not_compared(id: str, claim: Text, needed: Text) -> Claim:
    """A claim that a run has nothing to decide by.

    Args:
        id, claim: see :class:`Claim`.
        needed: what it takes to decide it.
    """
    return Claim(id, claim, Text(f"not compared here; it takes {needed.en}", f"此次未比较；需要 {needed.zh}"), None)


def judge(evidence: Sequence[float]) -> str:
    """The verdict on "this number is above zero", from one number a seed.

    It holds if the mean is above zero with 95 % confidence (Student's t, one-sided), does not hold if it is below
    zero with the same confidence, and is not decided in between. So one lucky seed decides nothing.
    """
    if len(evidence) < 2:
        return OPEN
    low, high = interval(evidence)
    if low > 0:
        return HOLDS
    return FAILS if high < 0 else OPEN


def interval(evidence: Sequence[float]) -> list[float]:
    """The lower and the upper bound of the mean, each with 95 % confidence; none of fewer than two numbers.

    >>> [round(bound, 2) for bound in interval([1.0, 2.0, 3.0])]
    [0.31, 3.69]
    """
    if len(evidence) < 2:
        return []
    from scipy.special import stdtrit

    margin = float(stdtrit(len(evidence) - 1, CONFIDENCE)) * stdev(evidence) / len(evidence) ** 0.5
    return [fmean(evidence) - margin, fmean(evidence) + margin]


def is_open_by_chance(claim: dict[str, Any]) -> bool:
    """Whether more seeds may decide a claim, as :meth:`Claim.plain` has it: there is evidence, of several seeds."""
    return claim["verdict"] == OPEN and any(len(row) > 1 for row in claim["evidence"])


def mean_and_spread(values: Sequence[float], digits: int = 2) -> str:
    """Mean ± standard deviation, such as ``0.71 ± 0.08``; without the spread for a single value."""
    mean = f"{fmean(values):.{digits}f}"
    return f"{mean} ± {stdev(values):.{digits}f}" if len(values) > 1 else mean


def last_tenth(values: Iterable[float]) -> float:
    """The median of the last tenth of a series: where it has come to."""
    values = list(values)
    return median(values[-max(1, len(values) // 10) :])


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The slope of the least-squares line through the points; 0 for a single point."""
    if len(set(x)) < 2:
        return 0.0
    from statistics import linear_regression

    return linear_regression(x, y).slope
