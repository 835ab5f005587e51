"""The pages of measurements hold every verdict of every record, in their language."""

from pathlib import Path

from chapter6.contents import SECTIONS
from chapter6.lab import measurements
from chapter6.lab.claim import Claim
from chapter6.lab.text import Text
from nndl.error import SettingError

import pytest
from runs_left import leave_run


def test_both_pages_are_made_of_the_records(tmp_path: Path) -> None:
    claim = Claim("one", Text("it | grows", "它增长"), Text("by 2", "增加 2"), [[1.0, 2.0, 1.5]])
    leave_run(tmp_path / "runs", claims=[claim], lengths=[5], epochs=3)
    english, chinese = measurements.write(tmp_path / "runs", SECTIONS, tmp_path)
    text = english.read_text(encoding="utf-8")
    assert "| it \\| grows | by 2 | holds |" in text
    assert "python -m chapter6 run 6.2 --seeds 3 --lengths 5 --epochs 3" in text
    assert "3 seeds, 12 s on a processor (AVX2), 2 cores, PaddlePaddle 3.3.1" in text
    assert "| 它增长 | 增加 2 | 成立 |" in chinese.read_text(encoding="utf-8")


def test_no_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no run is there"):
        measurements.write(tmp_path, SECTIONS, tmp_path)
    assert not [*tmp_path.iterdir()]
