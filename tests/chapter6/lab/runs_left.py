"""Runs as lessons leave them, made by hand, for the tests of the page."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from chapter6.contents import SECTIONS
from chapter6.lab import record, shown
from chapter6.lab.claim import Claim
from chapter6.lab.lesson import Exhibit
from chapter6.lab.record import Record
from chapter6.lab.report import Table
from chapter6.lab.shown import Shown
from chapter6.lab.text import Text, same

from PIL import Image

ENVIRONMENT = {
    "processor": "a processor",
    "instruction_set": "AVX2",
    "usable_cores": 2,
    "device": "cpu",
    "python": "3.11.9",
    "versions": {"paddlepaddle": "3.3.1"},
}
CLAIMS = [
    Claim("grows", Text("the loss grows", "损失增大"), Text("5 times", "5 倍"), [[0.2, 0.3, 0.25], [1.0, 1.2, 1.1]]),
    Claim("falls", Text("the loss falls", "损失减小"), Text("0.1", "0.1"), [[-0.2, -0.3, -0.25]]),
    Claim("open", Text("nobody knows", "无人知晓"), same("±"), [[-0.2, 0.3, 0.1]]),
    Claim("sure", Text("both agree", "两者一致"), same("1e-9"), True),
]
TABLE = Table(
    Text("Accuracy", "准确率"), ["L", Text("dev", "验证集")], [["5", same("0.71 ± 0.08")]], Text("Mean.", "均值。")
)


def leave_run(
    out: Path,
    number: str = "6.2",
    preset: str = "quick",
    claims: Sequence[Claim] = CLAIMS,
    tables: Sequence[Table] = (TABLE,),
    exhibits: Sequence[Exhibit] = (),
    caption: Text = Text("Does it fall?", "是否下降？"),  # noqa: B008 - a tuple
    **settings: Any,
) -> Path:
    """A record, what is shown of it, and a figure; returns the folder."""
    folder = out / number / preset
    all_settings = asdict(SECTIONS[number].presets[preset]) | settings
    kept = Record(number, preset, all_settings, [0, 1, 2], 12.3, ENVIRONMENT, {}, [claim.plain() for claim in claims])
    record.save(kept, folder / "record.json")
    seen = Shown([Text("Changed.", "有改动。")], tables, {"6.6": caption}, exhibits)
    shown.save(seen, folder / "record.json")
    (folder / "figures").mkdir()
    Image.new("RGB", (800, 300), "#e4007f").save(folder / "figures" / "6.6.png")
    return folder
