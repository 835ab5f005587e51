"""FSDD: archive and folder, the rule of the splits, what is refused, and strings of one speaker."""

import hashlib
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nndl import jsonfile
from nndl.dataset import audio, spoken_digits
from nndl.dataset.unaligned import written
from nndl.error import DataError, DownloadError, NotPreparedError
from nndl.file import check_sum

import numpy as np
import pytest
from test_audio import wav

REAL = Path(__file__).parents[4] / "shared" / "data" / "ctc"
Files = dict[str, bytes]


@pytest.fixture(autouse=True)
def miniature(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two digits of two speakers, eleven recordings each."""
    monkeypatch.setattr(spoken_digits, "DIGITS", 2)
    monkeypatch.setattr(spoken_digits, "SPEAKERS", ("george", "theo"))
    monkeypatch.setattr(spoken_digits, "INDICES", 11)


def corpus() -> Files:
    rng = np.random.default_rng(0)
    return {
        f"{d}_{who}_{i}.wav": wav(rng.integers(-9000, 9000, 600 + 10 * i))
        for d in range(2)
        for who in ("george", "theo")
        for i in range(11)
    }


def write_folder(folder: Path, files: Files) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(path: Path, files: Files, top: str = "free-spoken-digit-dataset-1.0.10/recordings/") -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, content in files.items():
            member = tarfile.TarInfo(top + name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def test_archive_and_folder_give_the_same(tmp_path: Path) -> None:
    files = corpus()
    extra = files | {"._0_theo_1.wav": b"no sound", "README.md": b"about", "0_lucia_1.wav": b"another speaker"}
    sources = [
        write_archive(tmp_path / "a.tar.gz", extra),
        write_folder(tmp_path / "itself", files),
        write_folder(tmp_path / "around" / "recordings", files).parent,
    ]
    for number, source in enumerate(sources):
        done = spoken_digits.prepare(source, tmp_path / str(number))
        assert (done.sizes, done.was_there, done.is_official) == ({"train": 4, "dev": 20, "test": 20}, False, False)
        found = spoken_digits.load(tmp_path / str(number))
        assert (
            len({jsonfile.read(tmp_path / str(n) / "prepared" / "meta.json")["source"] for n in range(number + 1)}) == 1
        )
        for split, indices in {"train": [10], "dev": range(5, 10), "test": range(5)}.items():
            expected = [files[f"{d}_{who}_{i}.wav"] for d in range(2) for who in ("george", "theo") for i in indices]
            assert [found[split][i].tobytes() for i in range(len(found[split]))] == [wave[44:] for wave in expected]
            assert found[split].digits.tolist() == [0] * (len(expected) // 2) + [1] * (len(expected) // 2)
            assert found[split].speakers.tolist() == ([0] * len(indices) + [1] * len(indices)) * 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda files: files.pop("1_theo_7.wav"), r"43 recordings, expected 44; 1_theo_7\.wav is missing"),
        (lambda files: files.clear(), "0 recordings"),
        (
            lambda files: files.update({"1_theo_11.wav": files["1_theo_7.wav"]}),
            "45 recordings, .*1_theo_11.wav is none",
        ),
        (lambda files: files.update({"1_theo_7.wav": b"x"}), r"1_theo_7\.wav: no WAV file"),
        (lambda files: files.update({"1_theo_7.wav": corpus()["1_theo_7.wav"][:-9]}), r"1_theo_7\.wav: truncated"),
        (lambda files: files.update({"1_theo_7.wav": wav(np.ones(999), rate=16_000)}), "16,000 samples a second"),
        (lambda files: files.update({"x/1_theo_7.wav": files["1_theo_7.wav"]}), r"holds 1_theo_7\.wav twice"),
        (lambda files: files.update({"1_theo_7.wav": bytes(1 << 21)}), "larger than any of these recordings"),
    ],
)
def test_refused(change: Callable[[Files], object], said: str, tmp_path: Path) -> None:
    files = corpus()
    change(files)
    with pytest.raises(DataError, match=said) as error:
        spoken_digits.prepare(write_archive(tmp_path / "a.tgz", files), tmp_path / "fsdd")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "fsdd" / "prepared").exists()


def test_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotPreparedError, match="data fsdd"):
        spoken_digits.load(tmp_path)
    with pytest.raises(DataError, match="no such file"):
        spoken_digits.prepare(tmp_path / "nowhere", tmp_path / "fsdd")


def test_what_is_downloaded_must_be_the_official_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes are not known before: its content is."""
    root, source = tmp_path / "fsdd", spoken_digits.FSDD
    root.mkdir()
    write_archive(root / source.published[0].name, corpus())
    with pytest.raises(DataError, match=r"fsdd-v1\.0\.10\.tar\.gz: not the official recordings; remove it"):
        spoken_digits.prepare(None, root)
    found, _ = spoken_digits._read(root / source.published[0].name)
    digest = hashlib.sha256()
    for key in sorted(found):
        digest.update(f"{key} {len(found[key])}\n".encode() + found[key])
    monkeypatch.setattr(spoken_digits, "FSDD", replace(source, official=digest.hexdigest()))
    assert spoken_digits.prepare(None, root).is_official
    unreachable = replace(source.published[0], urls=("http://127.0.0.1:9/file",))
    monkeypatch.setattr(spoken_digits, "FSDD", replace(source, published=(unreachable,)))
    with pytest.raises(DownloadError, match="--from"):
        spoken_digits.prepare(None, tmp_path / "other")


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("digits"),
        lambda arrays: arrays.update(digits=arrays["digits"] + 2),
        lambda arrays: arrays.update(speakers=arrays["speakers"] - 1),
        lambda arrays: arrays.update(samples=arrays["samples"].astype("float32")),
        lambda arrays: arrays.update(samples=arrays["samples"][:-1]),
        lambda arrays: arrays.update(offsets=arrays["offsets"][::-1]),
        lambda arrays: arrays.update({name: array[:-1] for name, array in arrays.items()}),
    ],
)
def test_arrays_packed_anew(change: Callable[[dict[str, np.ndarray]], object], tmp_path: Path) -> None:
    folder = spoken_digits.prepare(write_folder(tmp_path / "files", corpus()), tmp_path / "fsdd").folder
    path = folder / "dev.npz"
    with np.load(path) as file:
        arrays = dict(file)
    change(arrays)
    np.savez(path, **arrays)
    with pytest.raises(DataError, match="changed since"):
        spoken_digits.load(tmp_path / "fsdd")
    meta = jsonfile.read(folder / "meta.json")
    jsonfile.write(folder / "meta.json", meta | {"files": meta["files"] | {"dev.npz": check_sum(path)}})
    with pytest.raises(DataError, match=r"dev\.npz: .*prepare it again"):
        spoken_digits.load(tmp_path / "fsdd")


def test_strings(tmp_path: Path) -> None:
    spoken_digits.prepare(write_folder(tmp_path / "files", corpus()), tmp_path / "fsdd")
    dev = spoken_digits.load(tmp_path / "fsdd")["dev"]
    first, again = (spoken_digits.make(dev, 6, (2, 4), [1], np.random.default_rng(0)) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        assert np.array_equal(a.X, b.X)
        assert a.X.shape[1] == audio.NUM_MELS
        assert 2 <= len(a.labels) == len(a.spans) <= 4
        assert set(written(a.labels)) <= {"0", "1"}
        assert (np.diff(a.spans.reshape(-1)) >= 0).all()
        assert a.spans[-1, 1] <= len(a.X)
    # what speaks is louder than the noise between
    X, spans = first[0].X, first[0].spans
    speaks = np.concatenate([X[start + 1 : end - 1] for start, end in spans])
    assert speaks.mean() > X.mean()
    with pytest.raises(DataError, match="no recordings of theo"):
        spoken_digits.make(replace(dev, speakers=dev.speakers * 0), 1, (1, 1), [1], np.random.default_rng(0))


@pytest.mark.skipif(not REAL.exists(), reason="needs the real recordings")
def test_real_recordings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    done = spoken_digits.prepare(REAL / "fsdd_v1.0.10.tar.xz", tmp_path)
    assert done.is_official
    assert done.sizes == {"train": 2400, "dev": 300, "test": 300}
    lines = (REAL / "fsdd_sha256_manifest.txt").read_text().split()
    found, _ = spoken_digits._read(REAL / "fsdd_v1.0.10.tar.xz")
    ours = {f"recordings/{d}_{who}_{i}.wav": hashlib.sha256(c).hexdigest() for (d, who, i), c in found.items()}
    assert ours == dict(zip(lines[1::2], lines[::2], strict=True))
    test = spoken_digits.load(tmp_path)["test"]
    assert np.bincount(test.digits).tolist() == [30] * 10
    assert np.bincount(test.speakers).tolist() == [50] * 6
