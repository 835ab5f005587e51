"""The packages of requirements.txt are pinned, and import together."""

import re
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"


def test_every_package_is_pinned() -> None:
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    assert lines.count("-e .") == 1
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines if line != "-e .")


def test_nndl_paddlenlp_and_visualdl_import_together() -> None:
    code = "import nndl, paddlenlp, visualdl; nndl.LSTM(2, 3)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
