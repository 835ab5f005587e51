"""Lesson ctc: what is enumerated by hand, where a spike stands, the data of each part, and reading from outside."""

import io
import wave
from dataclasses import replace
from pathlib import Path

import nndl  # before Paddle

# isort: split
from chapter6.__main__ import main
from chapter6.contents import SECTIONS
from chapter6.extras import ctc_figures
from chapter6.extras import ctc_recognition as lesson
from chapter6.extras.presets.ctc import Ctc
from chapter6.lab.lesson import Run
from chapter6.lab.training import train_one
from nndl import jsonfile
from nndl.dataset import audio, digit_strips, spoken_digits
from nndl.file import check_sum

import numpy as np
import pytest

TINY = Ctc(strings=40, held_out=4, epochs=1, hidden_size=4, eval_steps=2, batch_size=8, digits=(2, 3))


def run_of(settings: Ctc, folder: Path) -> Run:
    return Run(SECTIONS["ctc"], "quick", settings, 2, 1, "cpu", folder / "runs", folder / "data")


def test_the_five_alignments_of_the_notes() -> None:
    """By hand: .2·.3·.6, .7·.5·.6, .7·.3·.6, .7·.2·.3 and .7·.2·.6."""
    found = lesson.enumerate_alignments()
    by_hand = {"φab": 0.036, "aφb": 0.21, "aab": 0.126, "abφ": 0.042, "abb": 0.084}
    assert dict(found["alignments"]) == pytest.approx(by_hand)
    for name in ("sum", "forward", "exp_of_loss"):
        assert found[name] == pytest.approx(0.498, rel=1e-5)


@pytest.mark.parametrize(("y", "expected"), [([1], 0.784), ([1, 1], 0.7 * 0.5 * 0.1), ([2, 1], 0.1 * 0.3 + 0.02 * 0.1)])
def test_forward_algorithm_of_other_labels(y: list[int], expected: float) -> None:
    """Of one label by the sum over all paths; of two equal ones only aφa."""
    from itertools import product

    p = np.array(lesson.P)
    paths = [path for path in product(range(3), repeat=3) if lesson.collapse(path) == y]
    truth = sum(float(np.prod(p[range(3), path])) for path in paths)
    assert lesson.forward(lesson.P, y) == pytest.approx(truth)
    if y == [1, 1]:
        assert truth == pytest.approx(expected)


def test_best_path_is_not_the_best_labelling() -> None:
    found = lesson.decode_by_hand()
    assert found["labellings"] == pytest.approx({"": 0.36, "a": 0.64})
    assert (found["best_path"], found["prefix_beam"]) == ("", "a")
    assert found["probability"] == pytest.approx(0.64)


def test_places_of_spikes() -> None:
    path = [0, 3, 3, 0, 3, 5, 0, 0]  # said at 1, 4 and 5
    assert lesson.places_of_spikes(np.array(path), np.array([[1, 3], [2, 4], [4, 8]])) == [0, 1, 0.25]


def test_rows_of_the_lattice() -> None:
    paths = {"φab": [0, 1, 3], "aφb": [1, 2, 3], "aab": [1, 1, 3], "abφ": [1, 3, 4], "abb": [1, 3, 3]}
    assert {path: ctc_figures._rows_of(path) for path in paths} == paths


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--digits", "5,3"], "digits 5, 3: expected the smaller number first"),
        (["--digits", "3"], "digits 3: 1 given, expected 2 to 2"),
        (["--cell", "RNN"], "cell"),
        (["--corpus", "fsdd", "--data-dir", "nowhere"], "FSDD is not prepared; run: python -m chapter6 data fsdd"),
        (["--preset", "full", "--data-dir", "nowhere"], "FSDD is not prepared"),
    ],
)
def test_refused_before_anything_runs(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        main(["run", "ctc", *options])
    assert exit_.value.code == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def strips_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strips")
    train_one(lesson.trainings(run_of(TINY, folder))[0], folder)
    return folder


def wav(samples: np.ndarray, rate: int = audio.RATE) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on noise in the place of speech; the model is in ``model``."""
    folder, rng = tmp_path_factory.mktemp("spoken"), np.random.default_rng(0)
    recordings = folder / "recordings"
    recordings.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spoken_digits, "DIGITS", 1)
        patch.setattr(spoken_digits, "INDICES", 12)
        for who in spoken_digits.SPEAKERS:
            for i in range(12):
                (recordings / f"0_{who}_{i}.wav").write_bytes(wav(rng.integers(-9000, 9000, 1500)))
        spoken_digits.prepare(folder, folder / "data" / "fsdd")
    [*_, training] = lesson.trainings(run_of(replace(TINY, corpus="fsdd", directions=("forward",)), folder))
    train_one(training, folder / "model")
    return folder


def test_each_seed_leaves_out_another_speaker(spoken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = replace(TINY, corpus="fsdd", directions=("forward",))
    trainings = lesson.trainings(run_of(settings, spoken))
    assert [each.left_out for each in trainings] == [0, 1]
    assert trainings[0].data_mark
    assert set(lesson.make_examples(trainings[0])) == {"train", "dev", "test", "left_out"}
    asked = []
    monkeypatch.setattr(spoken_digits, "make", lambda recordings, N, digits, who, rng: asked.append((N, who)))
    for training in trainings:
        lesson.make_examples(training)
    first, second = [1, 2, 3, 4, 5], [0, 2, 3, 4, 5]
    assert asked == [(40, first), (4, first), (4, first), (4, [0]), (40, second), (4, second), (4, second), (4, [1])]
    found = jsonfile.read(spoken / "model" / "result.json")
    assert found["left_out"] == 1
    assert found["left_out_error"] >= 0


def ask(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[list[str], str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as exit_:
        main(["predict", "--task", "ctc", *map(str, arguments)])
    captured = capsys.readouterr()
    assert exit_.value.code == code, captured.err
    return captured.out.splitlines(), captured.err


def test_strips_are_drawn_and_read(strips_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, said = ask(capsys, "--model", strips_model, "3141", "55")
    assert [line.split("\t")[0] for line in lines] == ["3141", "55"]
    for line in lines:
        _, digits, p = line.split("\t")
        assert digits == "-" or digits.isdecimal()
        assert 0 <= float(p) <= 1
    assert "trained on strips" in said
    assert ask(capsys, "--model", strips_model, "3141", "55")[0] == lines
    assert ask(capsys, "--model", strips_model, "--draw", "7", "3141", "55")[0] != lines


def test_a_wav_file_is_read(spoken: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.wav").write_bytes(wav(np.random.default_rng(0).integers(-9000, 9000, 9000)))
    (line,), _ = ask(capsys, "--model", spoken / "model", tmp_path / "a.wav")
    assert line.startswith(f"{tmp_path / 'a.wav'}\t")
    (tmp_path / "other.wav").write_bytes(wav(np.zeros(9000), rate=44_100))
    (tmp_path / "long.wav").write_bytes(bytes(10**6))
    for name, fault in {
        "other.wav": "other.wav: 44,100 samples a second, expected 8,000",
        "long.wav": "long.wav: 1,000,000 bytes, expected at most 960,044",
        "nowhere.wav": "nowhere.wav: no such file",
        ".": "a folder, expected a file",
    }.items():
        lines, said = ask(capsys, "--model", spoken / "model", tmp_path / name, code=2)
        assert fault in said
        assert not lines


@pytest.mark.parametrize(
    ("given", "said"),
    [("a.wav", "was trained on strips, expected digits"), ("9" * 101, "expected 1 to 100 digits"), ("²", "trained on")],
)
def test_no_digits(given: str, said: str, strips_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in ask(capsys, "--model", strips_model, given, code=2)[1]


def test_digits_for_a_model_of_sounds(spoken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "expected a WAV file" in ask(capsys, "--model", spoken / "model", "31", code=2)[1]


def test_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "run ctc" in ask(capsys, "--out", tmp_path, "31", code=2)[1]
    assert "'31a': expected digits, such as 3141" in ask(capsys, "--out", tmp_path, "31a", code=2)[1]


@pytest.mark.parametrize(
    "change",
    [{"hidden_size": 8}, {"hidden_size": 10**6}, {"cell": "RNN"}, {"corpus": "fsdd"}, {"digits": None}, {"beam": "x"}],
)
def test_result_that_does_not_fit_its_model(
    change: dict[str, object], strips_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = jsonfile.read(strips_model / "result.json")
    (tmp_path / "best.pdparams").write_bytes((strips_model / "best.pdparams").read_bytes())
    jsonfile.write(tmp_path / "result.json", found | change)
    _, said = ask(capsys, "--model", tmp_path, "31", code=2)
    assert str(tmp_path) in said


def test_a_model_that_diverged_or_is_too_large_for_its_file(
    strips_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, held = jsonfile.read(strips_model / "result.json"), nndl.checkpoint.load(strips_model / "best.pdparams")
    nndl.checkpoint.save(held, tmp_path / "best.pdparams")
    found["files"] = {"best.pdparams": check_sum(tmp_path / "best.pdparams")}
    jsonfile.write(tmp_path / "result.json", found | {"hidden_size": 400, "num_layers": 10})
    assert "numbers or more" in ask(capsys, "--model", tmp_path, "31", code=2)[1]
    held["output_layer.bias"].fill(np.inf)
    nndl.checkpoint.save(held, tmp_path / "best.pdparams")
    found["files"] = {"best.pdparams": check_sum(tmp_path / "best.pdparams")}
    jsonfile.write(tmp_path / "result.json", found)
    assert "NaN or infinity in output_layer.bias" in ask(capsys, "--model", tmp_path, "31", code=2)[1]


def test_images_of_test_alone_are_drawn(strips_model: Path) -> None:
    from chapter6.extras.ctc_predict import Reader

    reader = Reader(strips_model, beam=4, draw=0)
    expected = digit_strips.draw("test", "271", np.random.default_rng(0)).X
    assert np.array_equal(reader.features("271"), expected)


def test_a_model_of_another_lesson(strips_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for task in ("reviews", "slots", "language", "translation"):
        with pytest.raises(SystemExit) as exit_:
            main(["predict", "--task", task, "--model", str(strips_model), "x"])
        assert exit_.value.code == 2
        assert "of another lesson" in capsys.readouterr().err
