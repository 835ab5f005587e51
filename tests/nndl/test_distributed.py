"""Two processes train like one with the same batches, and only the first writes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = """
import sys
from pathlib import Path
from dataclasses import asdict
from chapter6.lab.training import Training, train_one
from chapter6.presets import TextSettings
from chapter6.sec_6_7_text_classification import train
from nndl import distributed

if __name__ == "__main__":
    settings = TextSettings(train_reviews=90, dev_reviews=40, max_seq_len=25, batch_size=20, epochs=2, input_size=6,
                            hidden_size=5, eval_steps=4, backend="native")
    folder = Path(sys.argv[1])
    assert distributed.agree(distributed.rank() == 0)  # the first decides
    assert not distributed.agree(distributed.rank() == 1)
    own = {"corpus": "small", "num_layers": 1, "seed": 0, "processes": distributed.world_size()}
    train_one(Training(train, "small", asdict(settings) | own, folder, ""), folder / "model")
"""


def test_alone() -> None:
    import nndl

    assert (nndl.distributed.rank(), nndl.distributed.world_size()) == (0, 1)
    import paddle

    model, value = paddle.nn.Linear(2, 2), paddle.ones([1])
    assert nndl.distributed.distribute(model) is model
    assert nndl.distributed.mean(value) is value
    nndl.distributed.wait_for_all()


@pytest.mark.skipif(sys.platform != "linux", reason="Paddle's launcher and gloo")
def test_two_processes_train_like_one(tmp_path: Path) -> None:
    """90 reviews in batches of 20: the last batch of each epoch is shared, too."""
    driver = tmp_path / "driver.py"
    driver.write_text(DRIVER)
    launch = ["-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--log_dir", str(tmp_path / "log")]
    results = []
    for name, how in (("one", []), ("two", launch)):
        (tmp_path / name).mkdir()
        command = [sys.executable, *how, str(driver), str(tmp_path / name)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        results.append(json.loads((tmp_path / name / "model" / "result.json").read_text()))
    one, two = results
    assert (one["processes"], two["processes"]) == (1, 2)
    assert len(one["step_losses"]) == 10
    for name in ("step_losses", "dev_losses"):
        assert [step for step, _ in two[name]] == [step for step, _ in one[name]]
        assert [loss for _, loss in two[name]] == pytest.approx([loss for _, loss in one[name]], rel=1e-5)
    assert two["test_accuracy"] == pytest.approx(one["test_accuracy"], abs=1e-3)
    assert {path.name for path in (tmp_path / "two").rglob("*")} == {
        "model", "best.pdparams", "result.json", "vocabulary.txt",
    }  # fmt: skip
