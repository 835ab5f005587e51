"""ATIS, SNIPS, and a reader's own folder: what is read, what is refused, and where the message points."""

from functools import partial
from pathlib import Path

from nndl.dataset import slots
from nndl.dataset.prepared import digest
from nndl.dataset.tags import Sentence
from nndl.error import DataError, NotPreparedError, OutputError

import pytest

REAL = Path(__file__).parents[4] / "shared" / "data" / "slot_filling"
SPLITS = {"train": "train", "valid": "dev", "test": "test"}


def write(top: Path, between: str = "/", **changed: str) -> Path:
    """A miniature in the published form; ``changed``: other content of a file, such as train_in."""
    for split in SPLITS:
        files = {"in": f"fly to {split} city \nhello\n", "out": "O O B-to I-to \nO\n"}
        for kind, text in files.items():
            path = top / f"{split}{between}seq.{kind}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(changed.get(f"{split}_{kind}", text), encoding="utf-8")
    return top


@pytest.mark.parametrize("between", ["/", "."])
def test_prepare_and_load(between: str, tmp_path: Path) -> None:
    done = slots.prepare_atis(write(tmp_path / "own", between), tmp_path / "atis")
    assert (done.sizes, done.is_official, done.was_there) == ({"train": 2, "dev": 2, "test": 2}, False, False)
    corpus = slots.load("atis", tmp_path / "atis")
    for name, split in SPLITS.items():
        first = Sentence(("fly", "to", name, "city"), ("O", "O", "B-to", "I-to"))
        assert corpus[split] == [first, Sentence(("hello",), ("O",))]
    assert slots.prepare_atis(tmp_path / "own", tmp_path / "atis").was_there
    other = write(tmp_path / "other", train_in="fly to new city\nhello\n")
    with pytest.raises(OutputError, match="prepared from other sentences"):
        slots.prepare_atis(other, tmp_path / "atis")


def test_dev_may_be_called_dev(tmp_path: Path) -> None:
    own = write(tmp_path / "own")
    (own / "valid").rename(own / "dev")
    assert slots.prepare_snips(own, tmp_path / "snips").sizes["dev"] == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"train_out": "O O B-to I-to\nO O\n"}, "seq.out, line 2: 1 words and 2 tags"),
        ({"test_out": "O O B-to\nO\n"}, "test/seq.out, line 1: 4 words and 3 tags"),
        ({"valid_out": "O O S-to E-to\nO\n"}, "valid/seq.out, line 1: tag 3, 'S-to': expected IOB2"),
        ({"train_out": "O O I-to I-to\nO\n"}, "line 1: tag 3, 'I-to' after 'O'"),
        ({"train_out": "O O B-to I-to\n"}, "2 lines, and seq.out 1"),
        ({"train_in": "", "train_out": ""}, "at least one"),
        ({"train_in": "fly to x city\n\n", "train_out": "O O B-to I-to\n\n"}, "line 2: 0 words"),
    ],
)
def test_refused(changed: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        slots.prepare_atis(write(tmp_path / "own", **changed), tmp_path / "atis")
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "atis" / "prepared").exists()


def test_another_encoding_and_a_missing_file(tmp_path: Path) -> None:
    own = write(tmp_path / "own")
    (own / "train" / "seq.in").write_bytes("fly to 台北 city\nhello\n".encode("gbk"))
    with pytest.raises(DataError, match=r"seq\.in, line 1: byte 0x.. at character 9 is no text"):
        slots.prepare_atis(own, tmp_path / "atis")
    (own / "test" / "seq.out").unlink()
    (own / "train" / "seq.in").write_text("fly to x city\nhello\n")
    with pytest.raises(DataError, match=r"expected a folder with test/seq\.out or test\.seq\.out"):
        slots.prepare_atis(own, tmp_path / "atis")
    with pytest.raises(DataError, match="expected a folder"):
        slots.prepare_atis(tmp_path / "nowhere", tmp_path / "atis")


def test_nothing_is_cut(tmp_path: Path) -> None:
    n = 5000
    own = write(tmp_path / "own", train_in="w " * n + "\n", train_out="O " * n + "\n")
    slots.prepare_atis(own, tmp_path / "atis")
    assert len(slots.load("atis", tmp_path / "atis")["train"][0].words) == n


def test_what_was_prepared_is_checked(tmp_path: Path) -> None:
    root = tmp_path / "atis"
    with pytest.raises(NotPreparedError, match="data atis"):
        slots.load("atis", root)
    slots.prepare_atis(write(tmp_path / "own"), root)
    file = root / "prepared" / "train.seq.in"
    file.write_text(file.read_text().replace("fly", "run"))
    with pytest.raises(DataError, match=r"train\.seq\.in: missing, or changed"):
        slots.load("atis", root)


def test_published_files_become_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As downloaded, to the corpus' own folder."""
    write(tmp_path / "atis")
    monkeypatch.setattr("nndl.dataset.prepared.download", partial(pytest.fail, "everything is there"))
    assert slots.prepare_atis(None, tmp_path / "atis").sizes == {"train": 2, "dev": 2, "test": 2}


@pytest.mark.parametrize(("name", "sizes"), [("atis", (4478, 500, 893)), ("snips", (13084, 700, 700))])
def test_the_real_ones(name: str, sizes: tuple[int, ...], tmp_path: Path) -> None:
    if not (REAL / name).exists():
        pytest.skip(f"{REAL / name} is not there")
    done = slots.prepare(name, REAL / name, tmp_path)
    assert done.is_official
    assert tuple(done.sizes.values()) == sizes
    corpus = slots.load(name, tmp_path)
    texts = {  # read in the plainest way
        (split, kind): "".join(
            " ".join(line.split()) + "\n"
            for line in (REAL / name / f"{file}.{kind}").read_text(encoding="utf-8").splitlines()
        )
        for file, split in SPLITS.items()
        for kind in ("seq.in", "seq.out")
    }
    assert digest(texts) == slots.SOURCES[name].official
    tags = [tag for sentence in corpus["test"] for tag in sentence.tags]
    assert 0.45 < tags.count("O") / len(tags) < 0.65
