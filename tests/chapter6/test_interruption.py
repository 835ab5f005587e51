"""A section that is killed, workers and all, goes on where it was and ends with the same numbers."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import nndl
from chapter6 import sec_6_4_gradient_explosion, sec_6_7_text_classification
from chapter6.lab import record, result
from chapter6.lab.training import Training, train_one
from chapter6.presets import TextSettings
from nndl.dataset import DATA

import pytest
from reduced import without_times

ARGUMENTS = ["run", "6.2", "--lengths", "10", "--epochs", "12", "--batch-size", "2", "--seeds", "2", "--jobs", "2"]


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


def test_ctrl_c_in_a_training_of_ones_own_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Called directly, as in a notebook: the interrupted training goes on, and ends like a whole one."""

    def interrupt(recorder: nndl.GradientNormRecorder, runner: nndl.RunnerV3) -> None:
        raise KeyboardInterrupt

    values = {"seed": 0, "epochs": 2, "batch_size": 50, "learning_rate": 0.01, "input_size": 4, "hidden_size": 4}
    values |= {"clip": "none", "clip_at": 5.0, "length": 5, "eval_steps": 3}
    training = Training(sec_6_4_gradient_explosion.train, "SRN", values, DATA / "digit_sum" / "5", "")
    with monkeypatch.context() as patch:
        patch.setattr(nndl.GradientNormRecorder, "on_backward_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_one(training, tmp_path / "broken")
    assert result.finished(tmp_path / "broken") is None
    broken, whole = (train_one(training, tmp_path / name) for name in ("broken", "whole"))
    assert without_times(broken) == without_times(whole)


def test_text_training_goes_on_in_the_middle_of_an_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that is random in it: the order of the reviews, dropout, and a moving learning rate."""
    settings = TextSettings(
        train_reviews=60, dev_reviews=20, batch_size=2, epochs=5, input_size=4, hidden_size=4, max_seq_len=20,
        dropout=0.2, word_dropout=0.2, schedule="cosine", eval_steps=40, backend="native",
    )  # fmt: skip
    own = {"corpus": "small", "num_layers": 1, "seed": 0, "processes": 1}
    training = Training(sec_6_7_text_classification.train, "small", asdict(settings) | own, tmp_path, "")
    whole = train_one(training, tmp_path / "whole")
    assert len(whole["step_losses"]) == 150

    def interrupt(schedule: nndl.LearningRateSchedule, runner: nndl.RunnerV3) -> None:
        move(schedule, runner)
        if runner.global_step == 130:
            raise KeyboardInterrupt

    move = nndl.LearningRateSchedule.on_step_end
    with monkeypatch.context() as patch:
        patch.setattr(nndl.LearningRateSchedule, "on_step_end", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_one(training, tmp_path / "broken")
    assert not (tmp_path / "broken" / "result.json").exists()
    resumed = train_one(training, tmp_path / "broken")
    assert without_times(resumed) == without_times(whole)
