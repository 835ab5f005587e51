"""What older versions of Paddle lack is said in one line; which versions are older."""

import subprocess
import sys

from nndl import paddle_versions

import pytest

OLD = "import nndl, paddle; paddle.__version__ = '2.6.2'; "
"""The installed Paddle, taken for an older one: what our code then does; ``make test-old`` takes a real one."""


@pytest.mark.parametrize(
    ("version", "is_old"),
    [("2.6.2", True), ("3.0.0", True), ("3.0.0rc1", True), ("3.2.2", True), ("3.3.0", False), ("3.3.1", False),
     ("3.10.0", False), ("4.0.0", False), ("0.0.0", False)],
)  # fmt: skip
def test_which_are_before_3_3(version: str, is_old: bool) -> None:
    assert paddle_versions.is_before((3, 3), version) is is_old


def said_by(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", OLD + code], capture_output=True, text=True, check=True)
    return [*done.stdout.splitlines(), *(line for line in done.stderr.splitlines() if "nndl:" in line)]


def test_with_an_old_one_paddles_own_serve() -> None:
    code = """
from nndl.op.backend import BACKENDS, choose
from nndl.op import LSTMCell
print([name for name, way in BACKENDS.items() if way.why_not()], choose("auto", LSTMCell))
print(nndl.Adam(parameters=[paddle.create_parameter([1], "float32")])._are_plain)
print(BACKENDS["native"].why_not())
"""
    *found, line = said_by(code)
    assert found == ["['bptt', 'native'] paddle", "False", "it needs PaddlePaddle 3.3 or newer, this is 2.6.2"]
    assert line.startswith("nndl: PaddlePaddle 2.6.2 is before 3.3")


def test_where_the_state_of_random_numbers_cannot_be_kept_a_training_begins_anew() -> None:
    code = """
import tempfile, os
model = paddle.nn.Linear(3, 2)
runner = nndl.RunnerV3(model, paddle.optimizer.SGD(parameters=model.parameters()), paddle.nn.CrossEntropyLoss(), nndl.Accuracy())
folder = tempfile.mkdtemp()
batches = [(paddle.ones([4, 3]), paddle.zeros([4], "int64"))]
runner.train(batches, batches, num_epochs=1, log_steps=0, save_path=folder + "/best", checkpoint_path=folder + "/state")
print(sorted(os.listdir(folder)))
"""  # noqa: E501
    [left, _, line] = said_by(code)
    assert "'state'" not in left
    assert "cannot keep the state of its random numbers" in line
