"""The pages of measurements hold every verdict of every record, in their language."""

from pathlib import Path

from chapter6.contents import SECTIONS
from chapter6.lab import measurements
from chapter6.lab import record as records
from chapter6.lab.claim import Claim
from chapter6.lab.record import Record
from chapter6.lab.text import Text
from nndl.error import SettingError

import pytest

ENVIRONMENT = {"processor": "A processor", "instruction_set": "AVX2", "usable_cores": 2, "device": "cpu"}
ENVIRONMENT |= {"python": "3.11", "versions": {"paddlepaddle": "3.3.1"}}


def test_both_pages_are_made_of_the_records(tmp_path: Path) -> None:
    claim = Claim("one", Text("it | grows", "它增长"), Text("by 2", "增加 2"), [[1.0, 2.0, 1.5]]).plain()
    settings = {"lengths": [5], "epochs": 3}
    kept = Record("6.2", "quick", settings, [0, 1, 2], 12.3, ENVIRONMENT, {}, [claim])
    path = tmp_path / "runs" / "6.2" / "quick" / "record.json"
    path.parent.mkdir(parents=True)
    records.save(kept, path)
    english, chinese = measurements.write(tmp_path / "runs", SECTIONS, tmp_path)
    text = english.read_text(encoding="utf-8")
    assert "| it \\| grows | by 2 | holds |" in text
    assert "python -m chapter6 run 6.2 --seeds 3 --lengths 5 --epochs 3" in text
    assert "12 s on A processor (AVX2), 2 cores" in text
    assert "| 它增长 | 增加 2 | 成立 |" in chinese.read_text(encoding="utf-8")


def test_no_run_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="no run is there"):
        measurements.write(tmp_path, SECTIONS, tmp_path)
    assert not [*tmp_path.iterdir()]
