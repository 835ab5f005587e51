"""Odd surroundings: locales, streams that are closed or full, folders that are gone, a launcher's variables."""

import os
import subprocess
import sys
from pathlib import Path

import chapter6
from chapter6.lab import record

import pytest

POSIX = pytest.mark.skipif(os.name != "posix", reason="the shell, bytes in names")
TINY = ["6.4", "--length", "5", "--epochs", "1", "--gentle-epochs", "1", "--seeds", "1", "--jobs", "1"]


def call(*arguments: str | bytes, cwd: Path | None = None, shell: str = "", **variables: str) -> tuple[int, str, str]:
    """Exit code and the two streams; ``shell`` is what a shell's user would add, such as ``>&-``."""
    command = ["sh", "-c", f'exec "$@" {shell}', "sh", sys.executable, "-m", "chapter6", *arguments]
    done = subprocess.run(command, capture_output=True, cwd=cwd, env=os.environ | variables, check=False)
    out, err = (stream.decode("utf-8", errors="replace") for stream in (done.stdout, done.stderr))
    return (
        done.returncode,
        out,
        "".join(f"{line}\n" for line in err.splitlines() if not line.startswith("nndl runtime")),
    )


@POSIX
@pytest.mark.skipif(sys.platform == "darwin", reason="a file system whose names are UTF-8")
def test_a_folder_that_is_not_utf8_in_a_locale_that_is_not_and_closed_streams(tmp_path: Path) -> None:
    variables = {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    out = os.fsencode(tmp_path) + b"/\xb2\xe2"
    code, _, said = call("run", *TINY, "--out", out, shell="<&- >&-", **variables)
    assert (code, said) == (0, "")
    folder = Path(os.fsdecode(out)) / "6.4" / "quick"
    assert "SRN 的梯度爆炸实验" in (folder / "report.md").read_text(encoding="utf-8")
    kept = record.load(folder / "record.json")
    assert kept.metrics["book"][0]["folder"].startswith(str(folder))
    assert sorted(path.name for path in folder.iterdir()) == [
        ".lock", "checkpoints", "figures", "record.json", "report.md", "shown.json",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PADDLE_TRAINERS_NUM", "x"),
        ("PADDLE_TRAINERS_NUM", "0"),
        ("PADDLE_TRAINERS_NUM", "-1"),
        ("PADDLE_TRAINERS_NUM", "9" * 5000),
        ("PADDLE_TRAINERS_NUM", "２"),
        ("PADDLE_TRAINER_ID", "y"),
        ("PADDLE_TRAINER_ID", "1"),  # of one
    ],
)
def test_variables_of_a_launcher_that_are_no_numbers(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from chapter6.__main__ import main
    from nndl import runtime

    monkeypatch.setenv(name, value)
    runtime.prepare()  # importing nndl must not fail
    with pytest.raises(SystemExit) as exit_:
        main(["run", "6.7", "--out", str(tmp_path)])
    assert exit_.value.code == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith(f"chapter6: {name}=")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from nndl import distributed

    monkeypatch.setenv("PADDLE_TRAINERS_NUM", "")
    monkeypatch.setenv("PADDLE_TRAINER_ID", " ")
    assert (distributed.rank(), distributed.world_size()) == (0, 1)


@POSIX
def test_places_that_are_gone_or_full(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f'cd "{gone}" && rmdir "{gone}" && exec "{sys.executable}" -m chapter6 run 6.2'
    environment = os.environ | {"PYTHONPATH": str(Path(chapter6.__file__).parents[1])}
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (2, "chapter6: the folder you are in is gone; change to another\n")
    if Path("/dev/full").exists():
        code, _, said = call(shell=">/dev/full")
        assert (code, said) == (2, "chapter6: No space left on device\n")


@POSIX
def test_a_closed_error_stream(tmp_path: Path) -> None:
    code, out, _ = call("run", "6.2", "--epochs", "0", shell="2>&-")
    assert (code, out) == (2, "")
