"""The packages of requirements.txt are pinned, and import together; ours are installed with all their files."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements.txt"


def test_every_package_is_pinned() -> None:
    lines = [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    pinned = re.compile(r"""[\w.-]+==[\w.]+( ; python_version < "3\.\d+")?""")
    assert [line for line in lines if not pinned.fullmatch(line)] == ["-e ."]


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="PaddleNLP is not installed there, see requirements.txt")
def test_nndl_paddlenlp_and_visualdl_import_together() -> None:
    code = "import nndl, paddlenlp, visualdl; nndl.LSTM(2, 3)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("package", ["nndl", "chapter6"])
def test_what_is_no_module_is_installed_with_its_package(package: str) -> None:
    tomllib = pytest.importorskip("tomllib", reason="came with Python 3.11")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"][package]
    installed = {path for pattern in patterns for path in (ROOT / package).glob(pattern)}
    there = {path for path in (ROOT / package).rglob("*.*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert {path for path in there if not re.search(r"/\.", str(path.relative_to(ROOT)))} <= installed
    assert not [path for path in installed if path.suffix == ".pyc"]
