"""What watches a training: how far it is, told now and then; a log that VisualDL reads."""

from pathlib import Path
from types import SimpleNamespace

from chapter6.lab import progress, watch
from chapter6.lab.progress import News
from chapter6.lab.watch import PAUSE, Teller, watchers

import pytest
from reduced import run_section


def test_it_is_told_at_the_beginning_and_then_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[News] = []
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(progress, "tell", told.append)
    runner = SimpleNamespace(
        train_step_losses=[], dev_scores=[], global_step=0, num_training_steps=80, epoch=0, num_epochs=2
    )
    teller = Teller("SRN-L5-seed0")
    teller.on_train_begin(runner)  # type: ignore[arg-type]
    assert told == [("SRN-L5-seed0", 0.0, 1, 2, None, None)]
    runner.dev_scores.append(0.3)
    for step in range(1, 61):
        clock.now += PAUSE / 10
        runner.global_step, runner.epoch = step, step // 40
        runner.train_step_losses.append((step - 1, 2.0 - step / 100))
        teller.on_step_end(runner)  # type: ignore[arg-type]
    assert 5 <= len(told) - 1 <= 6
    last = told[-1]
    step = round(last.share * 80)
    assert 50 < step <= 60
    assert last == ("SRN-L5-seed0", step / 80, 2, 2, pytest.approx(2.0 - step / 100), 0.3)


def test_no_log_is_written_unless_asked_for(tmp_path: Path) -> None:
    assert [type(each) for each in watchers("SRN", None)] == [Teller]
    assert len(watchers("SRN", tmp_path / "log")) == 2


def test_visualdl_reads_the_logs_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from visualdl import LogReader

    record = run_section("6.2", tmp_path, "--visualdl", "--lang", "en")
    folder = tmp_path / "6.2" / "quick" / "visualdl"
    assert f"[6.2] the logs: visualdl --logdir {folder}" in capsys.readouterr().out
    results = {Path(found["folder"]).name: found for found in record["metrics"]["trainings"]}
    assert {path.name for path in folder.iterdir()} == set(results)
    for name, found in results.items():
        (file,) = (folder / name).iterdir()
        reader = LogReader(file_path=str(file))

        def read(tag: str, reader: LogReader = reader) -> list[tuple[int, float]]:
            return [(each.id, pytest.approx(each.value, rel=1e-5)) for each in reader.get_data("scalar", tag)]

        assert read("dev/loss") == [tuple(each) for each in found["dev_losses"]]
        assert [score for _, score in read("dev/score")] == found["dev_scores"]
        assert read("train/epoch_loss") == [tuple(each) for each in found["train_losses"]]
        steps = [step for step, _ in read("train/loss")]
        assert steps == list(range(found["train_losses"][-1][0] + 1))

    run_section("6.2", tmp_path, "--visualdl", "--lang", "en")
    assert "trainings that are not repeated write no log for VisualDL" in capsys.readouterr().out
    run_section("6.2", tmp_path / "other", "--lang", "en")
    assert not (tmp_path / "other" / "6.2" / "quick" / "visualdl").exists()
    assert "VisualDL" not in capsys.readouterr().out
