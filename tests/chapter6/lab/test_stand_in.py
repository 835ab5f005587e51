"""Characters that an encoding lacks."""

from chapter6.lab.stand_in import STAND_IN, STAND_INS

import pytest


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [
        ("ascii", "0.71 +- 0.08 <= 1 - 2 x 3 Y N~ ?? ?"),
        ("gbk", "0.71 ± 0.08 ≤ 1 – 2 × 3 Y N… 数字 ?"),
        ("cp1252", "0.71 ± 0.08 <= 1 – 2 × 3 Y N… ?? ?"),
        ("utf-8", "0.71 ± 0.08 ≤ 1 – 2 × 3 ✓ ✗… 数字 ?"),
    ],
)
def test_stand_ins(encoding: str, expected: str) -> None:
    said = "0.71 ± 0.08 ≤ 1 – 2 × 3 ✓ ✗… 数字 \udc80"
    assert said.encode(encoding, STAND_IN).decode(encoding) == expected


def test_every_encoding_has_the_stand_ins() -> None:
    assert "".join(STAND_INS.values()).isascii()
