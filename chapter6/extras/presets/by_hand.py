"""by_hand 手算循环网络: what the LSTM set by hand reads, and the trainings from several initial states."""

import re
import unicodedata
from dataclasses import dataclass, replace

from chapter6.lab.settings import setting
from chapter6.presets import MEMORY, Memory
from nndl.error import SettingError

OF_THE_NOTES = "3,1,0 4,1,0 2,0,0 1,0,1 3,-1,0"
MOST_STEPS = 30
LARGEST_X1 = 1_000_000


@dataclass(frozen=True)
class ByHand(Memory):
    """What the LSTM set by hand reads, and the trainings from several initial states, set as those of 6.2."""

    x: str = setting(
        OF_THE_NOTES,
        "what the LSTM set by hand reads (手工设定的 LSTM 的输入): x1,x2,x3 a step, steps separated by blanks; "
        "--x=-1,1,0 where the first number is negative",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        parse_steps(self.x)


def parse_steps(text: str) -> list[tuple[float, float, float]]:
    """(x1, x2, x3) of each step, such as "3,1,0 4,1,0"; fullwidth characters (全角) will do. Raises SettingError."""
    plain = unicodedata.normalize("NFKC", text).replace("\N{MINUS SIGN}", "-")
    steps = ",".join(part.strip() for part in plain.split(",")).split()
    if not 1 <= len(steps) <= MOST_STEPS:
        raise SettingError(
            f"x {text[:80]!r}: {len(steps)} steps given, expected 1 to {MOST_STEPS}, as in '3,1,0 4,1,0'"
        )
    return [_parse_step(step) for step in steps]


def _parse_step(step: str) -> tuple[float, float, float]:
    number = r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?"
    if not re.fullmatch(f"{number},{number},{number}", step, flags=re.IGNORECASE):
        raise SettingError(f"x {step[:80]!r}: expected three numbers x1,x2,x3 a step, such as 3,1,0")
    x1, x2, x3 = map(float, step.split(","))
    if abs(x1) > LARGEST_X1:
        raise SettingError(f"x {step[:80]!r}: expected x1 from {-LARGEST_X1:,} to {LARGEST_X1:,}")
    if x2 not in (-1, 0, 1):
        raise SettingError(f"x {step[:80]!r}: expected x2 = 1 (add), 0 (keep) or -1 (reset)")
    if x3 not in (0, 1):
        raise SettingError(f"x {step[:80]!r}: expected x3 = 1 (output) or 0")
    return x1, x2, x3


BY_HAND = {
    "quick": ByHand(lengths=(5,)),
    "full": ByHand(**vars(replace(MEMORY["book"], lengths=(10, 20)))),
}
