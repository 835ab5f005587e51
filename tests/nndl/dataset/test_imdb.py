"""Preparing IMDB: the rule of the splits, what is refused, and that nothing half prepared is taken for prepared."""

import io
import json
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nndl.dataset import imdb
from nndl.error import DataError, DownloadError, NotPreparedError, OutputError

N = 4
REAL = Path(__file__).parents[4] / "shared" / "data" / imdb.ARCHIVE

Files = dict[str, bytes]


def corpus(number: int = N) -> Files:
    """Names and contents of a miniature: numbers out of order, and other files that do not count."""
    words = {"neg": "a bad film, really", "pos": "a good film<br />indeed"}
    files = {
        f"{part}/{kind}/{n}_{1 if kind == 'neg' else 9}.txt": f"{text} {part} {n}".encode()
        for part in ("train", "test")
        for kind, text in words.items()
        for n in range(8, 8 + number)  # 8, 9, 10, 11: their order as text is another
    }
    return files | {"README": b"about", "train/unsup/0_0.txt": b"no label", "train/urls_pos.txt": b"http"}


def write_folder(root: Path, files: Files) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def write_archive(path: Path, files: Files, *members: tarfile.TarInfo, top: str = "aclImdb/") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(top + name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in members:
            archive.addfile(member)
    return path


def prepare(source: Path | None, root: Path, number: int = N) -> imdb.Preparation:
    return imdb.prepare(source, root, reviews_per_class=number)


def everything(root: Path) -> Files:
    return {path.name: path.read_bytes() for path in (root / "prepared").iterdir()}


def test_archive_and_folder_give_the_same(tmp_path: Path) -> None:
    sources = [
        write_archive(tmp_path / "top.tar.gz", corpus()),
        write_archive(tmp_path / "bare.tgz", corpus(), top=""),
        write_archive(tmp_path / "dot.tgz", corpus(), top="./aclImdb/"),
        write_folder(tmp_path / "itself", corpus()),
        write_folder(tmp_path / "around" / "aclImdb", corpus()).parent,
    ]
    results = []
    for i, source in enumerate(sources):
        done = prepare(source, tmp_path / str(i))
        assert (done.sizes, done.replaced, done.was_there) == ({"train": 8, "dev": 4, "test": 4}, 0, False)
        results.append(everything(tmp_path / str(i)))
    arrays = {name for name in results[0] if name.endswith(".npz")}  # zip files: they hold the time of their making
    for other in results[1:]:
        assert {n: c for n, c in other.items() if n not in arrays | {"meta.json"}} == {
            n: c for n, c in results[0].items() if n not in arrays | {"meta.json"}
        }
    assert len({json.loads(result["meta.json"])["source"] for result in results}) == 1


@pytest.mark.parametrize("tokenizer", ["space", "word"])
def test_splits_follow_the_rule_and_texts_come_back(tokenizer: str, tmp_path: Path) -> None:
    files = corpus()
    prepare(write_archive(tmp_path / "a.tgz", files), tmp_path / "imdb")
    found = imdb.load(tmp_path / "imdb", tokenizer)
    rule = {"train": ("train", [8, 9, 10, 11]), "dev": ("test", [8, 9]), "test": ("test", [10, 11])}
    for split, (part, numbers) in rule.items():
        expected = [
            files[f"{part}/{kind}/{n}_{rating}.txt"].decode()
            for kind, rating in (("neg", 1), ("pos", 9))
            for n in numbers
        ]
        assert list(found.texts[split]) == expected
        assert found.reviews[split].labels.tolist() == [0] * len(numbers) + [1] * len(numbers)
        for i, text in enumerate(expected):
            words = text.split() if tokenizer == "space" else text.replace("<br />", " ").replace(",", " ,").split()
            decoded = [found.vocabulary.words[id_] for id_ in found.reviews[split][i][0]]
            known = set(found.vocabulary.words)
            assert decoded == [word if word in known else "[UNK]" for word in words]


def test_vocabulary_is_that_of_train_alone(tmp_path: Path) -> None:
    files = corpus() | {"test/pos/8_9.txt": b"onlyhere onlyhere film"}
    prepare(write_archive(tmp_path / "a.tgz", files), tmp_path / "imdb")
    found = imdb.load(tmp_path / "imdb", "space")
    assert "onlyhere" not in found.vocabulary.words
    assert found.reviews["dev"][2][0].tolist()[:2] == [1, 1]


def test_odd_reviews(tmp_path: Path) -> None:
    files = corpus() | {
        "train/neg/8_1.txt": b"caf\xe9 bad",
        "train/neg/9_1.txt": b"",
        "train/pos/8_9.txt": b"good",
        "train/pos/9_9.txt": b"long " * 200_000,
        "test/neg/8_1.txt": "a true \N{REPLACEMENT CHARACTER} sign".encode(),
    }
    done = prepare(write_archive(tmp_path / "a.tgz", files), tmp_path / "imdb")
    assert done.replaced == 1
    found = imdb.load(tmp_path / "imdb", "word")
    assert found.texts["train"][0] == "caf\N{REPLACEMENT CHARACTER} bad"
    assert found.reviews["train"][1][0].tolist() == [1]
    assert len(found.reviews["train"][4][0]) == 1
    assert len(found.reviews["train"][5][0]) == 200_000


def without(*names: str) -> Files:
    return {name: content for name, content in corpus().items() if not name.startswith(names)}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (without("train/neg"), "0 reviews in train/neg, expected 4"),
        (without("test/pos/11_9"), "3 reviews in test/pos, expected 4"),
        (corpus() | {"test/pos/99_9.txt": b"one more"}, "5 reviews in test/pos, expected 4"),
        (corpus() | {"train/neg/8_2.txt": b"again"}, "review 8 twice"),
    ],
)
def test_another_corpus_is_refused(files: Files, said: str, tmp_path: Path) -> None:
    for source in (write_archive(tmp_path / "a.tgz", files), write_folder(tmp_path / "folder", files)):
        with pytest.raises(DataError, match=said) as error:
            prepare(source, tmp_path / "imdb")
        assert str(source) in str(error.value)
        assert not imdb.is_prepared(tmp_path / "imdb")


@pytest.mark.parametrize("cut", [0, 1, 20, 200, -1, -8])
def test_truncated_archive(cut: int, tmp_path: Path) -> None:
    source = write_archive(tmp_path / "a.tgz", corpus())
    content = source.read_bytes()
    source.write_bytes(content[:cut])
    if cut < 0:  # only the end of the stream is missing: every review came through, or it is refused
        try:
            assert prepare(source, tmp_path / "imdb").sizes["train"] == 8
        except DataError:
            assert not imdb.is_prepared(tmp_path / "imdb")
        return
    with pytest.raises(DataError, match="truncated or damaged"):
        prepare(source, tmp_path / "imdb")
    assert not imdb.is_prepared(tmp_path / "imdb")


def damaged_gzip(path: Path) -> None:
    content = bytearray(write_archive(path, corpus()).read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    "make",
    [lambda path: path.write_bytes(b"no archive at all" * 100), lambda path: path.write_text(""), damaged_gzip],
)
def test_wrong_archive(make: Callable[[Path], object], tmp_path: Path) -> None:
    make(tmp_path / "a.tgz")
    with pytest.raises(DataError):
        prepare(tmp_path / "a.tgz", tmp_path / "imdb")
    assert not imdb.is_prepared(tmp_path / "imdb")


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "evil",
    [
        member("../train/neg/1_1.txt"),
        member("aclImdb/../../etc/passwd"),
        member("/etc/passwd"),
        member("C:\\windows\\system.ini"),
        member("aclImdb\\..\\..\\up.txt"),
        member("aclImdb/link", tarfile.SYMTYPE, "/etc/passwd"),
        member("aclImdb/train/neg/12_1.txt", tarfile.LNKTYPE, "../../secret"),
        member("aclImdb/device", tarfile.CHRTYPE),
        member("aclImdb/pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda info: info.name,
)
def test_archive_that_is_not_to_be_trusted(evil: tarfile.TarInfo, tmp_path: Path) -> None:
    source = write_archive(tmp_path / "a.tgz", corpus(), evil)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="refused"):
        prepare(source, tmp_path / "imdb")
    assert {path.name for path in set(tmp_path.rglob("*")) - before} <= {"imdb", ".lock"}


def test_archive_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_archive(tmp_path / "a.tgz", corpus() | {"bomb": b"\0" * 10_000})
    monkeypatch.setattr(imdb, "MAX_ARCHIVE_BYTES", 9_000)
    with pytest.raises(DataError, match="larger than any"):
        prepare(source, tmp_path / "imdb")


def test_source_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        prepare(tmp_path / "nowhere", tmp_path / "imdb")
    with pytest.raises(DataError, match="holds no IMDB"):
        prepare(write_folder(tmp_path / "other", {"file": b""}), tmp_path / "imdb")
    with pytest.raises(NotPreparedError, match="data imdb"):
        imdb.load(tmp_path / "imdb", "space")


def test_prepared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imdb, "URLS", ())  # nothing is fetched where the reviews are prepared
    source = write_archive(tmp_path / "a.tgz", corpus())
    with pytest.raises(DownloadError, match="--from"):
        prepare(None, tmp_path / "imdb")
    prepare(source, tmp_path / "imdb")
    before = everything(tmp_path / "imdb")
    for again in (source, None):
        assert prepare(again, tmp_path / "imdb").was_there
    other = write_archive(tmp_path / "b.tgz", corpus() | {"test/pos/8_9.txt": b"changed"})
    with pytest.raises(OutputError, match="other reviews"):
        prepare(other, tmp_path / "imdb")
    assert everything(tmp_path / "imdb") == before


@pytest.mark.parametrize("name", ["word.npz", "word.vocabulary.txt", "texts.bin", "texts.npz", "meta.json"])
def test_what_changed_since_is_noticed(name: str, tmp_path: Path) -> None:
    prepare(write_archive(tmp_path / "a.tgz", corpus()), tmp_path / "imdb")
    path = tmp_path / "imdb" / "prepared" / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    if name != "meta.json":
        with pytest.raises(DataError, match=name):
            imdb.load(tmp_path / "imdb", "word")
    path.unlink()
    with pytest.raises(DataError, match=name):
        imdb.load(tmp_path / "imdb", "word")


IN_A_PROCESS = """
import sys; from pathlib import Path; from nndl.dataset import imdb
{}
imdb.prepare(Path(sys.argv[1]), Path(sys.argv[2]), 4)
"""


def in_a_process(source: Path, root: Path, before: str = "pass") -> subprocess.Popen:
    command = [sys.executable, "-c", IN_A_PROCESS.format(before), str(source), str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as Unix does")
def test_full_disk(tmp_path: Path) -> None:
    source = write_archive(tmp_path / "a.tgz", corpus() | {"train/neg/8_1.txt": b"word " * 50_000})
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    full = in_a_process(source, tmp_path / "imdb", limit)
    _, error = full.communicate(timeout=60)
    assert full.returncode != 0
    assert "nndl.error.OutputError: cannot write" in error
    assert {path.name for path in (tmp_path / "imdb").iterdir()} == {".lock"}
    assert prepare(source, tmp_path / "imdb").sizes["train"] == 8


def test_two_at_once(tmp_path: Path) -> None:
    source = write_archive(tmp_path / "a.tgz", corpus())
    slow = "import time; read = imdb._read; imdb._read = lambda source: (time.sleep(1), read(source))[1]"
    both = [in_a_process(source, tmp_path / "imdb", slow) for _ in range(2)]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("another preparation is at work" in output for output, _ in outputs) == 1
    imdb.load(tmp_path / "imdb", "word")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as Unix does")
def test_killed_while_writing(tmp_path: Path) -> None:
    source = write_archive(tmp_path / "a.tgz", corpus())
    stop = "import time; imdb._sha256 = lambda path: time.sleep(60)"
    killed = in_a_process(source, tmp_path / "imdb", stop)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob("imdb/.writing-*/prepared/word.npz")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not imdb.is_prepared(tmp_path / "imdb")
    assert not prepare(source, tmp_path / "imdb").was_there
    assert {path.name for path in (tmp_path / "imdb").iterdir()} == {".lock", "prepared"}


@pytest.mark.skipif(not REAL.exists(), reason="needs the real archive")
def test_real_reviews(tmp_path: Path) -> None:
    done = imdb.prepare(REAL, tmp_path)
    assert (done.sizes, done.replaced) == ({"train": 25_000, "dev": 12_500, "test": 12_500}, 0)
    found = imdb.load(tmp_path, "space")
    for reviews in found.reviews.values():
        assert np.bincount(reviews.labels).tolist() == [len(reviews) // 2] * 2
    assert found.vocabulary.words[:4] == ("[PAD]", "[UNK]", "the", "a")
    assert np.median(found.reviews["train"].lengths) == 174  # 173 in a tokenisation that leaves out a mark
    assert len(set(found.texts["dev"]) & set(found.texts["test"])) < 100
