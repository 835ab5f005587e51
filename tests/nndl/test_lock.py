"""One process at a time in a folder, and a dead holder holds nothing."""

import subprocess
import sys
from pathlib import Path

from nndl.error import OutputError
from nndl.lock import holding

import filelock
import pytest

HOLDER = """
import sys, time
from pathlib import Path
from nndl.lock import holding
with holding(Path(sys.argv[1])) as is_held:
    print(is_held, flush=True)
    time.sleep(60)
"""


def test_the_second_knows_and_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "here"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        with holding(folder, wait=False) as is_held:
            assert not is_held
    finally:
        holder.kill()
        holder.communicate()
    with holding(folder, wait=True) as is_held:
        assert is_held


def test_an_error_inside_lifts_it(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), holding(tmp_path):
        raise ZeroDivisionError
    with holding(tmp_path, wait=False) as is_held:
        assert is_held


@pytest.mark.parametrize("error", [OSError(37, "No locks available"), NotImplementedError("no locks here")])
def test_a_file_system_without_locks_is_one_line(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def acquire(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(filelock.BaseFileLock, "acquire", acquire)
    with pytest.raises(OutputError, match=r"cannot write .* or lock it: (?i:no locks).*; choose another place"):  # noqa: SIM117
        with holding(tmp_path):
            pass


def test_a_place_where_no_folder_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file" / "folder", tmp_path / ("x" * 300)):
        with pytest.raises(OutputError, match="choose another place"), holding(folder):
            pass
