"""The comparison with Paddle's layers must notice a difference."""

import nndl
from chapter6 import comparison
from chapter6.claim import FAILS, HOLDS

import pytest


def test_parity_notices_a_wrong_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    right = nndl.SRNCell.step
    monkeypatch.setattr(nndl.SRNCell, "step", lambda cell, projected, state: right(cell, projected * 1.001, state))
    differences = {dtype: comparison.parity("SRN", dtype) for dtype in comparison.PARITY}
    assert min(differences["float32"].values()) > 1e-5
    assert comparison.parity_claim("SRN", differences).verdict == FAILS


def test_parity_claim_holds_for_small_differences() -> None:
    differences = {"float32": {"outputs": 3e-7}, "float64": {"outputs": 1e-15}}
    assert comparison.parity_claim("LSTM", differences).verdict == HOLDS


def test_speed_counts_every_layer_and_length() -> None:
    times = comparison.speed("SRN", [3, 5], batch=2, size=4, repeats=2)
    assert {length: {name: len(values) for name, values in by.items()} for length, by in times.items()} == {
        length: {"stepwise": 2, "ours": 2, "paddle": 2} for length in ("3", "5")
    }


def test_speed_claim_is_judged_on_ratios() -> None:
    slow, fast = [4.0, 4.2, 3.9], [1.0, 1.1, 1.0]
    assert comparison.speed_claim("SRN", {"10": {"stepwise": slow, "ours": fast, "paddle": fast}}).verdict == HOLDS
    assert comparison.speed_claim("SRN", {"10": {"stepwise": fast, "ours": fast, "paddle": slow}}).verdict == FAILS
