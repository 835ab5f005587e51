"""A section that is killed, workers and all, goes on where it was and ends with the same numbers."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nndl
from chapter6.lab import record, result
from chapter6.lab.training import Training, train_one
from nndl.dataset import DATA

import pytest
from reduced import without_times

ARGUMENTS = ["run", "6.2", "--lengths", "10", "--epochs", "12", "--batch-size", "2", "--seeds", "2", "--jobs", "2"]


def make_training() -> Training:
    values = {"seed": 0, "epochs": 2, "batch_size": 50, "learning_rate": 0.01, "input_size": 4, "hidden_size": 4}
    values |= {"model": "SRN", "length": 5, "eval_steps": 3}
    data = DATA / "digit_sum" / "5"
    return Training(train, "SRN-L5-seed0", values, data, mark_of(sorted(data.glob("*.txt"))))


def start(out: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "chapter6", *ARGUMENTS, "--out", str(out)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_for(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def checkpoints(out: Path) -> list[Path]:
    return list(out.rglob("last.pdstate"))


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def metrics(out: Path) -> dict:
    return without_times(record.load(out / "6.2" / "quick" / "record.json").metrics)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for the workers in /proc")
def test_kill_and_ctrl_c_then_the_same_numbers(tmp_path: Path) -> None:
    whole = start(tmp_path / "whole")
    assert whole.wait(120) == 0

    broken = tmp_path / "broken"
    killed = start(broken)
    wait_for(lambda: checkpoints(broken))
    workers = children(killed.pid)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    wait_for(lambda: not any(map(is_running, workers)))  # nobody is left to write the same checkpoints

    interrupted = start(broken)
    time.sleep(3)
    os.kill(interrupted.pid, signal.SIGINT)
    output, _ = interrupted.communicate(timeout=60)
    assert interrupted.returncode in (130, 0)  # 0 where this machine was done before the signal came
    assert "Traceback" not in output

    resumed = start(broken)
    assert resumed.wait(120) == 0
    assert metrics(broken) == metrics(tmp_path / "whole")


def test_ctrl_c_in_a_training_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The interrupted training goes on, and ends like a whole one, watched or not."""
    training = make_training()
    whole = train_one(training, tmp_path / "whole", watchers("whole", tmp_path / "log"))
    assert list((tmp_path / "log").iterdir())

    def interrupt(watcher: Teller, runner: nndl.RunnerV3) -> None:
        if runner.global_step == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Teller, "on_step_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_one(training, tmp_path / "broken", watchers("broken", None))
    assert result.finished(tmp_path / "broken") is None
    assert without_times(train_one(training, tmp_path / "broken")) == without_times(whole)
