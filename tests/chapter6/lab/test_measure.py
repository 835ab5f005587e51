"""What the laboratory measures of a layer: the comparison must notice a difference, and time and memory be its own."""

import time

import nndl
from chapter6.lab import measure
from chapter6.lab.claim import FAILS, HOLDS
from chapter6.lab.measure import UNSETTLED, peak_memory, take_turns

import paddle
import pytest
from paddle import nn


def test_parity_notices_a_wrong_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    right = nndl.SRNCell.step
    monkeypatch.setattr(nndl.SRNCell, "step", lambda cell, projected, state: right(cell, projected * 1.001, state))
    differences = {dtype: measure.parity(nndl.SRN, nn.SimpleRNN, dtype) for dtype in measure.PARITY}
    assert min(differences["float32"].values()) > 1e-5
    assert measure.parity_claim("SRN", differences).verdict == FAILS


def test_parity_claim_holds_for_small_differences() -> None:
    differences = {"float32": {"outputs": 3e-7}, "float64": {"outputs": 1e-15}}
    assert measure.parity_claim("LSTM", differences).verdict == HOLDS


def test_speed_counts_every_layer_and_length() -> None:
    times = measure.speed(nndl.SRN, nn.SimpleRNN, [3, 5], batch=2, size=4, repeats=2)
    assert {length: {name: len(values) for name, values in by.items()} for length, by in times.items()} == {
        length: {"stepwise": 2, "ours": 2, "paddle": 2} for length in ("3", "5")
    }


def test_speed_claim_is_judged_on_ratios() -> None:
    slow, fast = [4.0, 4.2, 3.9], [1.0, 1.1, 1.0]
    assert measure.speed_claim("SRN", {"10": {"stepwise": slow, "ours": fast, "paddle": fast}}).verdict == HOLDS
    assert measure.speed_claim("SRN", {"10": {"stepwise": fast, "ours": fast, "paddle": slow}}).verdict == FAILS


def test_times_are_those_of_one_call_in_milliseconds() -> None:
    times = take_turns({"short": lambda: time.sleep(0.002), "long": lambda: time.sleep(0.02)}, repeats=3)
    assert all(len(values) == 3 for values in times.values())
    assert min(times["short"]) >= 2  # a machine under load only sleeps longer
    assert min(times["long"]) >= 20


def test_steps_take_turns_and_the_warm_up_is_left_out() -> None:
    order = []

    def step(name: str) -> None:
        order.append(name)
        time.sleep(0.011)

    take_turns({"a": lambda: step("a"), "b": lambda: step("b")}, repeats=3)
    warm_up = UNSETTLED + 1
    assert "".join(order) == "a" * warm_up + "b" * warm_up + "aabb" * 3  # the first of two is not timed


def test_peak_memory_counts_what_is_freed_again() -> None:
    kept = paddle.zeros([1000])

    def step() -> None:
        a = paddle.zeros([50, 1000])  # 200 kB
        b = a + 1
        del a, b

    assert peak_memory(step) == 400_000
    assert float(kept.sum()) == 0
