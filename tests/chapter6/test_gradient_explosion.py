"""Section 6.4: verdicts that follow the numbers, and numbers that are there."""

from typing import Any

from chapter6 import sec_6_4_findings as findings
from chapter6.lab.claim import FAILS, HOLDS
from chapter6.lab.record import Record


def judged(free_norms: list[float]) -> dict[str, Any]:
    """The claims, by name, on two trainings whose gradient norms, without clipping, are these."""

    def result(clip: str, seed: int) -> dict[str, Any]:
        norms = free_norms if clip == "none" else [50.0, 40.0, 30.0]
        loss = [[0, 100.0], [1, 500.0]]
        return {
            "clip": clip, "seed": seed, "gradient_norms": {"U": norms}, "diverged": False, "train_losses": loss,
            "batch_size": 64, "test_accuracy": (0.1 if clip == "none" else 0.5) + 0.01 * seed,
        }  # fmt: skip

    results = [result(clip, seed) for clip in ("none", "norm") for seed in (0, 1)]
    record = Record(
        "6.4", "quick", {"gentle_learning_rate": 0.02}, [0, 1], 0.0, {}, {"book": results, "gentle": results}
    )
    return {claim.id: claim for claim in findings.claims(record)}


def test_a_norm_of_0_is_0() -> None:
    saturation = judged([50.0, 900.0, 0.0])["saturation"]
    assert (saturation.verdict, saturation.measured.en) == (HOLDS, "last / first: 0, 0")


def test_a_norm_that_stays_is_no_saturation() -> None:
    claims = judged([50.0, 60.0, 25.0])
    assert (claims["saturation"].verdict, claims["saturation"].measured.zh) == (FAILS, "末值 / 初值：0.5, 0.5")
    assert claims["explosion"].verdict == FAILS


def test_gradients_that_are_0_from_the_first_step_on_are_judged() -> None:
    assert judged([0.0, 0.0, 0.0])["explosion"].verdict == FAILS
