"""What a training leaves: results that notice damage, models that belong to them, one process at a time."""

import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from reduced import without_times

from chapter6 import digit_sum_experiment as experiment
from chapter6 import training as trainings
from chapter6.section import Run
from nndl import jsonfile
from nndl.dataset import digit_sum
from nndl.error import CheckpointError
from nndl.lock import holding


def make_training(**changes: Any) -> experiment.Training:
    usual = {"seed": 0, "epochs": 1, "batch_size": 50, "learning_rate": 0.01, "input_size": 4, "hidden_size": 4}
    usual |= {"model": "SRN", "length": 5, "eval_steps": 3, "data_dir": digit_sum.DEFAULT_ROOT}
    return experiment.Training(**usual | changes)


def make_run(out: Path) -> Run:
    return Run("6.2", "quick", None, seeds=1, jobs=1, device="cpu", out=out, data_dir=digit_sum.DEFAULT_ROOT.parent)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / make_training().name
    experiment.train(make_training(), folder)
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "6.2" / "quick" / "checkpoints" / trained.name))


@pytest.mark.parametrize("name", ["result.json", "best.pdparams"])
def test_no_flipped_bit_is_accepted(name: str, folder: Path) -> None:
    whole = (folder / name).read_bytes()
    draw = random.Random(0)
    for bit in draw.sample(range(8 * len(whole)), 200):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        (folder / name).write_bytes(damaged)
        with pytest.raises(CheckpointError, match=f"{name}: .*remove its folder to train this model again"):
            trainings.finished(folder)
    (folder / name).write_bytes(whole)
    assert trainings.finished(folder) == trainings.load_result(folder)


ABSURD: list[dict[str, Any]] = [
    {"test_accuracy": 1.5},
    {"test_accuracy": None},
    {"dev_accuracy": "0.5"},
    {"dev_scores": [0.5, -1]},
    {"train_losses": [[0, 1.0, 2.0]]},
    {"dev_losses": {"0": 1.0}},
    {"seconds": True},
    {"seed": 10**30},
    {"diverged": None},
    {"files": {}, "test_accuracy": 2},
    {"files": {"../../result.json": ""}},
    {"files": ["best.pdparams"]},
    {"files": {"best.pdparams": "0" * 64}},
    {"files": {"best.pdparams": 0}},
]


@pytest.mark.parametrize("change", ABSURD)
def test_a_result_of_wrong_structure_is_one_line(change: dict[str, Any], folder: Path) -> None:
    """Its check sum is right: somebody wrote it so."""
    jsonfile.write(folder / "result.json", jsonfile.read(folder / "result.json") | change)
    for read in (trainings.finished, trainings.load_result):
        with pytest.raises(CheckpointError, match="remove its folder"):
            read(folder)


def test_fields_that_are_missing(folder: Path) -> None:
    whole = jsonfile.read(folder / "result.json")
    for name in trainings._SHAPE:
        jsonfile.write(folder / "result.json", {other: value for other, value in whole.items() if other != name})
        with pytest.raises(CheckpointError, match=f"{name} is missing"):
            trainings.finished(folder)


def test_the_result_of_another_training_under_this_name(folder: Path, tmp_path: Path) -> None:
    """Renamed, or changed together with its check sum."""
    jsonfile.write(folder / "result.json", jsonfile.read(folder / "result.json") | {"epochs": 500})
    with pytest.raises(CheckpointError, match=r"the result of another training \(epochs\)"):
        trainings.find_finished(make_run(tmp_path), [make_training()])


def test_a_lost_model_is_trained_again_and_a_killed_second_training_is_none(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result of the lost model must not stand beside a new one that is half trained."""
    before = trainings.load_result(folder)
    (folder / "best.pdparams").unlink()
    assert trainings.finished(folder) is None

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainings, "write_result", killed)
        with pytest.raises(KeyboardInterrupt):
            experiment.train(make_training(), folder)
    assert trainings.finished(folder) is None
    experiment.train(make_training(), folder)
    assert without_times(trainings.load_result(folder)) == without_times(before)


def unwanted(training: Any, folder: Path) -> None:
    raise AssertionError("trained although another run has done it, or is at it")


def train_alone(train: Callable, may_wait: bool, folder: Path) -> Any:
    return trainings._train_alone(train, may_wait, (make_training(), folder))


def test_a_training_under_way_in_another_run_is_left_alone(trained: Path, folder: Path) -> None:
    """Waited for only when nothing else is left to do; then its result serves."""
    result = (folder / "result.json").read_bytes()
    (folder / "result.json").unlink()
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.append(train_alone(unwanted, True, folder)))
    with holding(folder):
        assert train_alone(unwanted, False, folder) is None
        waiting.start()
        waiting.join(0.3)
        assert answers == []
        (folder / "result.json").write_bytes(result)
    waiting.join(10)
    assert answers == [trainings.load_result(trained)]


def test_where_the_holder_was_killed_the_second_trains(folder: Path) -> None:
    (folder / "result.json").unlink()
    (folder / ".lock").touch()  # its lock file is still there
    assert train_alone(lambda training, folder: "trained", False, folder) == "trained"


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_dev_loss_that_is_no_number_is_a_divergence(loss: float) -> None:
    """The last step may go too far, and no training loss comes after it."""
    runner = SimpleNamespace(dev_losses=[(3, 1.0), (6, loss)])
    assert trainings.divergence(runner, "").startswith(f"the dev loss became {loss} at step 6;")
    assert trainings.divergence(runner, "the training loss became nan") == "the training loss became nan"
    assert trainings.divergence(SimpleNamespace(dev_losses=[(3, 1.0)]), "") == ""


def test_data_made_by_two_runs_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other was quicker: its files serve, for they are the same."""
    write = digit_sum.write

    def beaten(root: Path, length: int) -> Path:
        write(root, length)
        return write(root, length)

    monkeypatch.setattr(digit_sum, "write", beaten)
    experiment.provide_data(tmp_path, [5, 6])
    assert len(digit_sum.load(tmp_path / "6")["train"]) == 300
