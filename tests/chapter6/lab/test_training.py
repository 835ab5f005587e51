"""What a training leaves: results that notice damage, models that belong to them, one process at a time."""

import pickle
import random
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nndl
from chapter6.contents import SECTIONS
from chapter6.lab import result, training
from chapter6.lab.lesson import Run
from chapter6.lab.training import Training, find_finished, mark_of, on_all_cores, train_all, train_one
from chapter6.sec_6_2_srn_memory import train
from nndl import jsonfile
from nndl.dataset import DATA
from nndl.error import CheckpointError
from nndl.lock import holding

import pytest
from reduced import without_times


def make_training(train: Callable = train) -> Training:
    values = {"seed": 0, "epochs": 1, "batch_size": 50, "learning_rate": 0.01, "input_size": 4, "hidden_size": 4}
    values |= {"model": "SRN", "length": 5, "eval_steps": 3}
    data = DATA / "digit_sum" / "5"
    return Training(train, "SRN-L5-seed0", values, data, mark_of(sorted(data.glob("*.txt"))))


def make_run(out: Path) -> Run:
    entry = SECTIONS["6.2"]
    return Run(entry, "quick", entry.presets["quick"], seeds=1, jobs=1, device="cpu", out=out, data_dir=DATA)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / make_training().folder_name
    train_one(make_training(), folder)
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "6.2" / "quick" / "checkpoints" / trained.name))


def test_only_trainings_that_are_to_be_done_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The display divides by their number."""
    shown = []
    show = training.progress.trainings
    monkeypatch.setattr(training.progress, "trainings", lambda total: (shown.append(total), show(total))[1])
    for expected in ([1], [1]):  # the second time it is done already
        train_all(make_run(tmp_path), [make_training()])
        assert shown == expected


def test_a_result_that_says_otherwise_of_a_setting_could_never_be_taken_again(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="SRN-L5-seed0: its result says 'epochs', which is a setting"):
        train_one(make_training(lambda training, folder: {"epochs": 0.5, "length": 5}), tmp_path / "model")


def test_a_training_is_asked_by_name() -> None:
    assert make_training().length == 5
    with pytest.raises(AttributeError, match="not set by 'lenght', but by seed, epochs"):
        _ = make_training().lenght
    assert pickle.loads(pickle.dumps(make_training())).folder_name == make_training().folder_name


@pytest.mark.parametrize("change", [{"epochs": 2}, {"seed": 1}])
def test_other_settings_give_another_folder(change: dict[str, Any]) -> None:
    usual = make_training()
    other = Training(usual.train, usual.name, usual.values | change, usual.data, usual.data_mark)
    assert other.folder_name != usual.folder_name


def test_another_number_of_threads_gives_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = make_training()
    assert replace(usual, threads=2).folder_name != usual.folder_name
    monkeypatch.setenv("OMP_NUM_THREADS", "3")  # what the user chose holds, whatever the training is given
    monkeypatch.setattr(nndl.runtime, "chosen", {})
    assert replace(usual, threads=2).folder_name == replace(usual, threads=1).folder_name != usual.folder_name


def test_idle_cores_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nndl.runtime, "usable_cores", lambda: 8)
    for number, threads in ((1, 8), (3, 2), (8, 1), (20, 1)):
        assert {training.threads for training in on_all_cores([make_training()] * number)} == {threads}


def test_other_data_give_another_folder() -> None:
    usual = make_training()
    other = Training(usual.train, usual.name, usual.values, usual.data, usual.data_mark + "0")
    assert other.folder_name != usual.folder_name


@pytest.mark.parametrize("name", ["result.json", "best.pdparams"])
def test_no_flipped_bit_is_accepted(name: str, folder: Path) -> None:
    whole = (folder / name).read_bytes()
    draw = random.Random(0)
    for bit in draw.sample(range(8 * len(whole)), 200):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        (folder / name).write_bytes(damaged)
        with pytest.raises(CheckpointError, match=f"{name}: .*remove its folder to train this model again"):
            result.finished(folder)
    (folder / name).write_bytes(whole)
    assert result.finished(folder) == result.load(folder)


ABSURD: list[dict[str, Any]] = [
    {"test_accuracy": 1.5},
    {"test_accuracy": None},
    {"dev_accuracy": "0.5"},
    {"dev_scores": [0.5, "1"]},
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
    for read in (result.finished, result.load):
        with pytest.raises(CheckpointError, match="remove its folder"):
            read(folder)


def test_fields_that_are_missing(folder: Path) -> None:
    whole = jsonfile.read(folder / "result.json")
    for name in [*result._SHAPE, "dev_accuracy", "test_accuracy"]:
        jsonfile.write(folder / "result.json", {other: value for other, value in whole.items() if other != name})
        with pytest.raises(CheckpointError, match=f"{name} is missing"):
            result.finished(folder)


def test_the_result_of_another_training_under_this_name(folder: Path, tmp_path: Path) -> None:
    """Renamed, or changed together with its check sum."""
    jsonfile.write(folder / "result.json", jsonfile.read(folder / "result.json") | {"epochs": 500})
    with pytest.raises(CheckpointError, match=r"the result of another training \(epochs\)"):
        find_finished(make_run(tmp_path), [make_training()])


def test_a_lost_model_is_trained_again_and_a_killed_second_training_is_none(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The result of the lost model must not stand beside a new one that is half trained."""
    before = result.load(folder)
    (folder / "best.pdparams").unlink()
    assert result.finished(folder) is None

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(result, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            train_one(make_training(), folder)
    assert result.finished(folder) is None
    train_one(make_training(), folder)
    assert without_times(result.load(folder)) == without_times(before)


def unwanted(training: Training, folder: Path) -> dict[str, Any]:
    raise AssertionError("trained although another run has done it, or is at it")


def test_a_training_under_way_in_another_run_is_left_alone(trained: Path, folder: Path) -> None:
    """Waited for only when nothing else is left to do; then its result serves."""
    written = (folder / "result.json").read_bytes()
    (folder / "result.json").unlink()
    answers: list[Any] = []
    piece = training._Piece(make_training(unwanted), folder, None)
    waiting = threading.Thread(target=lambda: answers.append(training._work(piece, may_wait=True)))
    with holding(folder):
        assert training._work(piece, may_wait=False) is None
        waiting.start()
        waiting.join(0.3)
        assert answers == []
        (folder / "result.json").write_bytes(written)
    waiting.join(10)
    assert answers == [result.load(trained)]


def test_where_the_holder_was_killed_the_second_trains(folder: Path) -> None:
    (folder / "result.json").unlink()
    (folder / ".lock").touch()  # its lock file is still there
    assert training._work(training._Piece(make_training(), folder, None), may_wait=False)["seed"] == 0
    assert result.finished(folder) is not None


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_dev_loss_that_is_no_number_is_a_divergence(loss: float) -> None:
    """The last step may go too far, and no training loss comes after it."""
    runner = SimpleNamespace(dev_losses=[(3, 1.0), (6, loss)])
    assert training._divergence(runner, "").startswith(f"the dev loss became {loss} at step 6;")
    assert training._divergence(runner, "the training loss became nan") == "the training loss became nan"
    assert training._divergence(SimpleNamespace(dev_losses=[(3, 1.0)]), "") == ""
