"""The benchmark's own machinery; how fast anything is decides no test."""

import bench
import pytest


def test_contenders_compute_in_their_own_processes(monkeypatch):
    monkeypatch.setattr(bench, "TURNS", 2)
    times = bench.race([("fused", (2, 3, 4)), (bench.INSTALLED, (2, 3, 4))])
    assert [ms > 0 for ms in times] == [True, True]


def test_contenders_take_turns_and_end(monkeypatch):
    asked = []

    class Contender:
        def __init__(self, kind, shape):
            self.kind = kind

        def take_turn(self):
            asked.append(self.kind)

        def end(self):
            return len(self.kind)

    monkeypatch.setattr(bench, "Contender", Contender)
    assert bench.race([("a", (1, 1, 1)), ("bb", (1, 1, 1))]) == [1, 2]
    assert asked == ["a", "bb"] * bench.TURNS


def test_linearity_is_the_dearest_step_over_the_cheapest(monkeypatch):
    monkeypatch.setattr(bench, "race", lambda entries: [B * L * (1.5 if L == 256 else 1.0) for _, (B, L, _) in entries])
    over_steps, over_examples = (row for row in bench.linearity() if row.bar)
    assert (over_steps.value, over_examples.value) == pytest.approx((1.5, 1.0))
