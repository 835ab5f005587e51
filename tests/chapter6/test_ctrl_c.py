"""Ctrl-C at any moment, once or twice: exit code 130, one line, no traceback."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import chapter6
from chapter6.lab import interruption

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals as a terminal sends them, to all at once")

PROGRAM = """
import runpy, signal, sys

def handle(*arguments):  # from here on it is our code that runs
    signal.signal = set_handler
    set_handler(*arguments)
    print([name for name in ("nndl", "argparse") if name in sys.modules], flush=True)

set_handler, signal.signal = signal.signal, handle
sys.argv = ["{script}", "--lengths", "5", "--epochs", "200", "--batch-size", "1", "--out", "{out}"]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(tmp_path: Path) -> subprocess.Popen:
    code = PROGRAM.format(script=Path(chapter6.__file__).with_name("sec_6_2_srn_memory.py"), out=tmp_path)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, **pipes)
    assert process.stdout is not None
    assert process.stdout.readline() == "[]\n"  # before anything is loaded that takes its time
    return process


@pytest.mark.parametrize("moment", [0.1, 0.6, 2.5])
def test_ctrl_c(moment: float, tmp_path: Path) -> None:
    """While the program loads, while Paddle loads, while the workers start, while they train."""
    process = start(tmp_path)
    time.sleep(moment)
    os.killpg(process.pid, signal.SIGINT)
    if moment != 0.6:
        time.sleep(random.Random(moment).uniform(0, 0.02))
        os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    lines = [line for line in said.splitlines() if line and not line.startswith("nndl runtime")]
    # the second may come when Python itself has put its handlers away; a shell says 130 of that as well
    assert process.returncode in (interruption.CODE, -signal.SIGINT), said
    assert len(lines) == 1, said
    assert lines[0].startswith("interrupted; the same command goes on from here")


def test_a_program_that_is_told_to_end_just_ends(tmp_path: Path) -> None:
    process = start(tmp_path)
    time.sleep(2.5)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert [line for line in said.splitlines() if line and not line.startswith("nndl runtime")] == []


def test_another_programs_ctrl_c_is_left_alone() -> None:
    """As in a notebook, or here."""
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt), interruption.raising():
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_that_is_ignored_stays_so() -> None:
    """As in a background job of a shell."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruption.raising(), interruption.leaving():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
