"""Section 6.8: its settings, and claims that must be able to fail."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from chapter6 import presets
from chapter6 import sec_6_8_findings as findings
from chapter6 import sec_6_8_ladder as ladder
from chapter6 import sec_6_8_lstm_comparison as lesson
from chapter6.lab import terminal
from chapter6.lab.claim import FAILS, HOLDS, OPEN
from chapter6.lab.record import Record
from nndl.error import SettingError

import pytest


@pytest.mark.parametrize("text", ["", "8x20", "8x20x0", "8x20x32x1", "8,20,32", "8x20x32 x", "axbxc", "-1x2x3"])
def test_shapes_that_are_none(text: str) -> None:
    with pytest.raises(SettingError, match=r"shapes .*: expected such as"):
        presets.Comparison(shapes=text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backend": "paddle"}, "backend paddle: expected auto"),
        ({"steps": (8,)}, "steps 8: 1 given, expected 2 to 20"),
        ({"sizes": (8, 0)}, "sizes 0: expected a whole number from 1"),
        ({"steps": (4, 4)}, "steps 4, 4: expected each once"),
        ({"sizes": (8, 4, 8)}, "sizes 8, 4, 8: expected each once"),
        ({"shapes": "2x3x4 5x6x7 2x3x4"}, "shapes .*: expected such as .* each once"),
        ({"shapes": "99999x99999x4096"}, "expected at most 200,000,000 numbers"),
        ({"shapes": "9999x1x1", "steps": (2, 9999), "sizes": (3, 4000)}, "expected at most 200,000,000 numbers"),
        ({"shapes": "2x3x4 " * 10**5}, "shapes .*: expected such as"),
        ({"repeats": 1}, "repeats 1: expected a whole number from 2"),
    ],
)
def test_settings_out_of_range(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        presets.Comparison(**changes)


@pytest.mark.parametrize(
    ("language", "expected"),
    [("en", "[6.8] not on this machine: bptt, native\n"), ("zh", "[6.8] 本机没有：bptt, native\n")],
)
def test_rungs_that_are_missing_are_said(
    language: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ladder, "available", lambda: ["stepwise", "fused", "paddle"])
    terminal.begin(language)
    assert lesson.find_rungs(SimpleNamespace(number="6.8")) == ["stepwise", "fused", "paddle"]  # type: ignore[arg-type]
    assert capsys.readouterr().out == expected


def point(both: dict[str, list[float]], length: int = 10, memory: dict[str, int] | None = None) -> dict[str, Any]:
    return {"shape": [2, length, 4], "both": both, "forward": both, "memory": memory or {}}


def record_with(**metrics: Any) -> Record:
    times = {"stepwise": [9.0, 9.1], "paddle": [3.0, 3.1], "native": [1.0, 1.1]}
    training = [
        {"backend": name, "seed": seed, "test_accuracy": 0.8 + seed / 1000, "epoch_seconds": seconds + seed}
        for name, seconds in (("stepwise", 90), ("paddle", 30), ("native", 10))
        for seed in (0, 1)
    ]
    usual = {
        "parity": {"fused": {"float32": {"outputs": 1e-7}}},
        "shapes": [point(times)],
        "by_steps": [point(times, n, {"paddle": 1000 + 50 * n}) for n in (10, 20, 40)],
        "trainings": training,
    }
    environment = {"processor": "Some CPU", "instruction_set": "AVX2", "device": "cpu"}
    return Record("6.8", "quick", {}, [0, 1], 0.0, environment, usual | metrics)


def judged(**metrics: Any) -> dict[str, str]:
    return {claim.id: claim.verdict for claim in findings.claims(record_with(**metrics))}


def test_claims_hold_where_the_numbers_say_so() -> None:
    assert set(judged().values()) == {HOLDS}


def test_claims_fail_where_the_numbers_say_so() -> None:
    slow = {"stepwise": [3.0, 3.1], "paddle": [9.0, 9.1], "native": [20.0, 20.1]}
    verdicts = judged(
        parity={"fused": {"float32": {"outputs": 1e-3}}},
        shapes=[point(slow)],
        by_steps=[point(slow, n, {"paddle": 50 * n * n}) for n in (10, 20, 40)],
        trainings=[
            {"backend": name, "seed": seed, "test_accuracy": accuracy, "epoch_seconds": 10.0 + seed}
            for name, accuracy in (("stepwise", 0.7), ("paddle", 0.8))
            for seed in (0, 1)
        ],
    )
    assert set(verdicts.values()) == {FAILS}


def test_claims_about_speed_name_the_machine() -> None:
    for claim in findings.claims(record_with()):
        assert ("Some CPU (AVX2)" in claim.claim.en) == ("faster" in claim.id)
        assert ("Some CPU (AVX2)" in claim.claim.zh) == ("faster" in claim.id)


def test_a_machine_without_native_decides_nothing_about_it() -> None:
    assert judged(shapes=[point({"stepwise": [9.0, 9.1], "paddle": [3.0, 3.1]})])["native_faster"] == OPEN


def test_the_floor_is_the_products_of_an_lstm() -> None:
    """Counted by hand: B L M 4D and B L D 4D forward, twice as much backward."""
    import paddle

    counted = []

    def count(a: Any, b: Any, transpose_x: bool = False, transpose_y: bool = False) -> None:
        rows, inner = a.shape[::-1] if transpose_x else a.shape
        counted.append(rows * inner * b.shape[0 if transpose_y else 1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paddle.Tensor, "__matmul__", count)
        patch.setattr(paddle, "matmul", count)
        B, L, D = 3, 5, 7
        products = ladder._products(B, L, D)
        for name, passes in (("forward", 1), ("both", 3)):
            counted.clear()
            products[name]()
            assert sum(counted) == passes * 2 * B * L * D * 4 * D


def test_trainings_can_be_told_apart_where_they_are_listed() -> None:
    run: Any = SimpleNamespace(settings=presets.COMPARISON["quick"], seeds=2, data_dir=Path("data"))
    names = [training.name for training in lesson.trainings(run, lesson.IN_TRAINING, "small")]
    assert len(set(names)) == len(names) == 2 * len(lesson.IN_TRAINING)
