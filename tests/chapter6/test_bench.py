"""The benchmark's own machinery; how fast anything is decides no test."""

import subprocess
import sys

import pytest

from chapter6 import bench


@pytest.mark.parametrize("kind", ["fused", bench.INSTALLED])
def test_a_contender_answers_every_line_with_a_time(kind):
    done = subprocess.run(
        [sys.executable, "-m", "chapter6.bench", kind, "2", "3", "4"],
        input="\n\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert [float(line) > 0 for line in done.stdout.splitlines()] == [True, True]


def test_contenders_take_turns_and_end(monkeypatch):
    asked = []

    class Contender:
        def __init__(self, kind, shape):
            self.kind = kind

        def measure(self):
            asked.append(self.kind)

        def end(self):
            return len(self.kind)

    monkeypatch.setattr(bench, "Contender", Contender)
    assert bench.race([("a", (1, 1, 1)), ("bb", (1, 1, 1))]) == [1, 2]
    assert asked == ["a", "bb"] * bench.REPEATS


def test_linearity_is_the_dearest_step_over_the_cheapest(monkeypatch):
    monkeypatch.setattr(bench, "race", lambda entries: [B * L * (1.5 if L == 256 else 1.0) for _, (B, L, _) in entries])
    over_steps, over_examples = (row for row in bench.linearity() if row.bar)
    assert (over_steps.value, over_examples.value) == pytest.approx((1.5, 1.0))
