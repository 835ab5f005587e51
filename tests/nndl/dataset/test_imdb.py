"""Preparing IMDB: the rule of the splits, what is refused, and that nothing half prepared is taken for prepared."""

import io
import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from nndl import jsonfile
from nndl.dataset import archive, imdb
from nndl.dataset.prepared import digest
from nndl.error import DataError, DownloadError, NotPreparedError, OutputError
from nndl.file import check_sum

import numpy as np
import pytest

N = 4
REAL = Path(__file__).parents[4] / "shared" / "data" / imdb.IMDB.published[0].name

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


def write_archive(path: Path, files: Files, *members: tarfile.TarInfo, top: str = "aclImdb/", kind: str = "gz") -> Path:
    with tarfile.open(path, f"w:{kind}") as file:
        for name, content in files.items():
            member = tarfile.TarInfo(top + name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
        for member in members:
            file.addfile(member)
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


KINDS = ("gz", "bz2", "xz", "")


def read(source: Path) -> dict[imdb.Key, str] | None:
    """The reviews, or None where the source is refused."""
    try:
        return imdb._read(source)[0]
    except DataError:
        return None


@pytest.mark.parametrize("kind", KINDS)
def test_truncated_archive(kind: str, tmp_path: Path) -> None:
    source = write_archive(tmp_path / "archive", corpus(), kind=kind)
    content, whole = source.read_bytes(), read(source)
    end = len(content.rstrip(b"\0")) if not kind else len(content)  # a plain archive ends in thousands of zeros
    for cut in [*range(0, end, max(1, end // 100)), *range(end - 20, end)]:
        source.write_bytes(content[:cut])
        assert read(source) is None
    for cut in range(end, len(content), 100):
        source.write_bytes(content[:cut])
        assert read(source) in (None, whole)


@pytest.mark.parametrize("kind", KINDS[:3])
def test_no_flipped_bit_changes_a_review_unnoticed(kind: str, tmp_path: Path) -> None:
    source = write_archive(tmp_path / "archive", corpus(), kind=kind)
    content, whole = source.read_bytes(), read(source)
    refused = 0
    for position in random.Random(0).sample(range(len(content) * 8), 300):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << position % 8
        source.write_bytes(damaged)
        found = read(source)
        assert found in (None, whole)
        refused += found is None
    assert refused > 270  # the rest are time, name and system in gzip's header


def test_plain_archive_with_any_byte_changed(tmp_path: Path) -> None:
    """There is no check sum but the headers'; whatever comes, it is reviews or refused in one line."""
    source = write_archive(tmp_path / "archive", corpus(), kind="")
    content, rng = source.read_bytes(), random.Random(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        header = 512 * rng.randrange(len(content) // 512)
        damaged[header + rng.randrange(160)] = rng.randrange(256)
        checksum = sum(damaged[header : header + 148]) + 8 * 32 + sum(damaged[header + 156 : header + 512])
        damaged[header + 148 : header + 156] = b"%06o\0 " % checksum  # so that it is the field itself that is looked at
        source.write_bytes(damaged)
        refused += read(source) is None
    assert 30 < refused < 300


@pytest.mark.parametrize("kind", ["gz", ""])
def test_something_behind_the_end(kind: str, tmp_path: Path) -> None:
    source = write_archive(tmp_path / "archive", corpus(), kind=kind)
    content = source.read_bytes()
    source.write_bytes(content + bytes(1_000))  # as tapes are filled up
    assert len(read(source) or ()) == 16
    for more in (b"x", content[:100], bytes(512) + b"x"):
        source.write_bytes(content + more)
        assert read(source) is None


def test_official_reviews_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plain archive or a folder has no check sum: only the known reviews can be told from damaged ones."""
    official = digest(imdb._read(write_folder(tmp_path / "f", corpus()))[0])
    monkeypatch.setattr(imdb, "IMDB", replace(imdb.IMDB, official=official))
    assert prepare(write_archive(tmp_path / "a.tar", corpus(), kind=""), tmp_path / "1").is_official
    assert prepare(None, tmp_path / "1").is_official
    content = bytearray((tmp_path / "a.tar").read_bytes())
    content[content.index(b"good film")] ^= 1
    (tmp_path / "a.tar").write_bytes(content)
    assert not prepare(tmp_path / "a.tar", tmp_path / "2").is_official


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_reviews_in_another_encoding_are_the_same(encoding: str, tmp_path: Path) -> None:
    mark = "\ufeff" if encoding == "gb18030" else ""
    recoded = {name: (mark + content.decode()).encode(encoding) for name, content in corpus().items()}
    done = prepare(write_archive(tmp_path / "b.tgz", recoded), tmp_path / "imdb")
    assert done.replaced == 0
    assert prepare(write_archive(tmp_path / "a.tgz", corpus()), tmp_path / "imdb").was_there


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
        member("aclImdb/sparse", tarfile.GNUTYPE_SPARSE),
        member("aclImdb/unknown", b"?"),
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
    monkeypatch.setattr(archive, "MAX_BYTES", 9_000)
    with pytest.raises(DataError, match="larger than any"):
        prepare(source, tmp_path / "imdb")


def test_archive_with_more_members_than_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_archive(tmp_path / "a.tgz", corpus(), *(member(f"empty{i}") for i in range(10)))
    assert len(read(source) or ()) == 16
    monkeypatch.setattr(archive, "MAX_MEMBERS", 20)
    with pytest.raises(DataError, match="larger than any"):
        prepare(source, tmp_path / "imdb")


def header(name: str, kind: bytes, size: int) -> bytes:
    """A member's header alone, whatever it says of its size."""
    info = member(name, kind)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % 512)


GNU_NAME, PAX, PAX_ALL = tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE
REVIEW = "aclImdb/train/neg/8_1.txt"


def record(name: str, value: str) -> bytes:
    """One of a PAX header: its length counts its own digits."""
    rest = f" {name}={value}\n".encode()
    length = len(rest) + 1
    while len(str(length)) + len(rest) != length:
        length += 1
    return str(length).encode() + rest


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (header("x", GNU_NAME, 1 << 30), "larger than any name"),
        (header("x", PAX, 1 << 30), "larger than any name"),
        (header("x", PAX_ALL, 1 << 30), "larger than any name"),
        (header("x", tarfile.GNUTYPE_LONGLINK, 2 << 20) + bytes(2 << 20), "larger than any name"),
        (header("x", PAX, 1 << 60), "larger than any archive"),
        (header("other", tarfile.REGTYPE, 1 << 40), "larger than any archive"),
        (header(REVIEW, tarfile.REGTYPE, imdb.MAX_REVIEW_BYTES + 1), "larger than any of these reviews"),
        (header("other", tarfile.REGTYPE, -512), "larger than any archive"),
        (header("x", PAX, 400) + bytes(100), "truncated"),
        (header("x", PAX, 20) + padded(record("path", "/etc/passwd")), "points out"),
        (header("x", GNU_NAME, 20) + padded(b"aclImdb/../../passwd"), "points out"),
        (header("x", PAX, 22) + padded(record("GNU.sparse.size", "20")), "sparse"),
        (header("x", PAX, 10) + padded(record("size", "20")), "another size"),
    ],
)
def test_header_that_is_not_to_be_trusted(start: bytes, said: str, tmp_path: Path) -> None:
    """Followed by a sound archive, so that nothing else is wrong."""
    source = write_archive(tmp_path / "a.tar", corpus(), kind="")
    source.write_bytes(start + source.read_bytes())
    with pytest.raises(DataError, match=said):
        prepare(source, tmp_path / "imdb")


def test_headers_without_end_take_no_room(tmp_path: Path) -> None:
    """Python's own reader calls itself for each."""
    source = write_archive(tmp_path / "a.tar", corpus(), kind="")
    source.write_bytes((header("x", PAX, 20) + padded(record("comment", "none"))) * 3_000 + source.read_bytes())
    assert len(read(source) or ()) == 16


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_long_names_and_odd_headers(form: int, tmp_path: Path) -> None:
    top = f"{'a' * 60}/{'b' * 60}/" if form == tarfile.USTAR_FORMAT else f"{'目录' * 60}/{'b' * 120}/"
    with tarfile.open(tmp_path / "a.tar", "w", format=form) as file:
        for name, content in corpus().items():
            info = tarfile.TarInfo(top + name)
            info.size, info.mtime = len(content), 0 if form == tarfile.USTAR_FORMAT else 1.5
            file.addfile(info, io.BytesIO(content))
    assert read(tmp_path / "a.tar") == read(write_folder(tmp_path / "folder", corpus()))


@pytest.mark.parametrize("digits", ["9" * 5_000, "9" * 10, "٣"])
def test_numbers_that_are_none_do_not_count(digits: str, tmp_path: Path) -> None:
    files = corpus() | {f"train/neg/{digits}_1.txt": b"odd"}
    assert read(write_archive(tmp_path / "a.tgz", files)) == read(write_archive(tmp_path / "b.tgz", corpus()))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipes_devices_and_links_in_circles(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to("circle")
    for source in (tmp_path / "pipe", Path("/dev/zero"), tmp_path / "circle"):
        with pytest.raises(DataError, match=f"{source}: cannot be read"):
            prepare(source, tmp_path / "imdb")
    for number, spoil in enumerate((os.mkfifo, lambda path: path.symlink_to("/dev/zero"), Path.mkdir)):
        folder = write_folder(tmp_path / str(number), without("train/neg/9_1"))
        spoil(folder / "train" / "neg" / "9_1.txt")
        with pytest.raises(DataError, match=r"9_1\.txt: (cannot be read \(a device or a pipe|a folder)"):
            prepare(folder, tmp_path / "imdb")
    folder = write_folder(tmp_path / "links", without("train/neg/9_1"))
    (folder / "train" / "neg" / "9_1.txt").symlink_to("9_1.txt")
    with pytest.raises(DataError, match=r"9_1\.txt: cannot be read"):
        prepare(folder, tmp_path / "imdb")


def test_folder_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder(tmp_path / "folder", corpus() | {"train/neg/9_1.txt": bytes(3_000)})
    monkeypatch.setattr("nndl.dataset.prepared.MAX_BYTES", 3_000)
    with pytest.raises(DataError, match="larger than these reviews could be"):
        prepare(folder, tmp_path / "imdb")
    monkeypatch.setattr(imdb, "MAX_REVIEW_BYTES", 2_999)
    with pytest.raises(DataError, match=r"9_1\.txt: 3,000 bytes, expected at most 2,999"):
        prepare(folder, tmp_path / "imdb")


def test_source_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file; expected an archive or a folder"):
        prepare(tmp_path / "nowhere", tmp_path / "imdb")
    with pytest.raises(DataError, match="holds no IMDB"):
        prepare(write_folder(tmp_path / "other", {"file": b""}), tmp_path / "imdb")
    with pytest.raises(NotPreparedError, match="data imdb"):
        imdb.load(tmp_path / "imdb", "space")


def test_prepared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        imdb, "IMDB", replace(imdb.IMDB, published=(replace(imdb.IMDB.published[0], urls=()),))
    )  # nothing is fetched where the reviews are prepared
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


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    return prepare(write_archive(tmp_path / "a.tgz", corpus()), tmp_path / "imdb").folder


NAMES = ["word.npz", "word.vocabulary.txt", "texts.bin", "texts.npz", "meta.json"]


@pytest.mark.parametrize("name", NAMES)
def test_what_changed_since_is_noticed(name: str, prepared: Path) -> None:
    path = prepared / name
    content = path.read_bytes()
    for position in random.Random(0).sample(range(len(content) * 8), 40):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=name):
            imdb.load(prepared.parent, "word")
    for cut in (0, 1, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:cut])
        with pytest.raises(DataError, match=name):
            imdb.load(prepared.parent, "word")
    path.unlink()
    with pytest.raises(DataError, match=name):
        imdb.load(prepared.parent, "word")


def sign(folder: Path, **changes: object) -> None:
    """New sums, as anyone can make them who packs the folder anew."""
    meta = jsonfile.read(folder / "meta.json")
    meta["files"] = {name: check_sum(folder / name) for name in meta["files"]}
    jsonfile.write(folder / "meta.json", meta | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": imdb.IMDB.format + 1},
        {"format": None},
        {"sizes": {"train": 8, "dev": 4}},
        {"sizes": {"train": 8, "dev": 4, "test": -4}},
        {"sizes": {"train": 8, "dev": 4, "test": 4.0}},
        {"sizes": [8, 4, 4]},
        {"sizes": 16},
        {"sizes": {"train": 9, "dev": 4, "test": 4}},
        {"sizes": {"train": 10**30, "dev": 4, "test": 4}},
        {"replaced": "none"},
        {"replaced": True},
        {"source": 5},
        {"files": []},
        {"files": {"word.npz": 5}},
        {"files": {}},
    ],
)
def test_meta_that_says_nonsense(changes: dict[str, object], prepared: Path) -> None:
    sign(prepared, **changes)
    with pytest.raises(DataError, match="prepare it again"):
        imdb.load(prepared.parent, "word")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b"[" * 100_000,
        b'{"sha256": ' + b"9" * 5_000 + b"}",
        b"\xff\xfe{",
        b'{"sha256": null}',
    ],
)
def test_meta_that_is_none(content: bytes, prepared: Path) -> None:
    (prepared / "meta.json").write_bytes(content)
    root = prepared.parent
    for call in (lambda: imdb.load(root, "word"), lambda: prepare(None, root), lambda: imdb.fingerprint(root)):
        with pytest.raises(DataError, match=r"meta\.json: .*prepare it again"):
            call()


Arrays = dict[str, np.ndarray]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("word.npz", lambda arrays: arrays.pop("dev_ids")),
        ("word.npz", lambda arrays: arrays.update(dev_ids=arrays["dev_ids"] + 10_000)),
        ("word.npz", lambda arrays: arrays.update(dev_ids=arrays["dev_ids"].astype("int64"))),
        ("word.npz", lambda arrays: arrays.update(dev_ids=arrays["dev_ids"].astype(">i4"))),
        ("word.npz", lambda arrays: arrays.update(dev_ids=np.array(["a", "b"]))),
        ("word.npz", lambda arrays: arrays.update(dev_ids=np.array([{}, []], dtype=object))),
        ("word.npz", lambda arrays: arrays.update(dev_labels=arrays["dev_labels"] + 1)),
        ("word.npz", lambda arrays: arrays.update(dev_labels=arrays["dev_labels"][:-1])),
        ("word.npz", lambda arrays: arrays.update(dev_offsets=arrays["dev_offsets"][::-1])),
        ("word.npz", lambda arrays: arrays.update(dev_offsets=np.int64(3))),
        ("texts.npz", lambda arrays: arrays.pop("dev_numbers")),
        ("texts.npz", lambda arrays: arrays.update(dev=arrays["dev"][::-1])),
        ("texts.npz", lambda arrays: arrays.update(dev=arrays["dev"] + 1)),
        ("texts.npz", lambda arrays: arrays.update(dev=arrays["dev"].astype("float64"))),
        ("texts.npz", lambda arrays: arrays.update(test=arrays["test"] - (np.arange(5) == 4))),
        ("texts.npz", lambda arrays: arrays.update(dev_numbers=arrays["dev_numbers"][:1])),
    ],
)
def test_arrays_packed_anew(name: str, change: Callable[[Arrays], object], prepared: Path) -> None:
    with np.load(prepared / name) as file:
        arrays = dict(file)
    np.savez(prepared / name, **arrays)
    sign(prepared)
    imdb.load(prepared.parent, "word")
    change(arrays)
    np.savez(prepared / name, **arrays)
    sign(prepared)
    with pytest.raises(DataError, match=rf"{name}: .*prepare it again"):
        imdb.load(prepared.parent, "word")


def shape_in_header(shape: str) -> bytes:
    head = f"{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head + bytes(8)


@pytest.mark.parametrize("shape", ["(10**18,)", "(1000000000000,)", "(3,)", "(2, 2)", "(-5,)", "'x'", "(" * 500])
def test_shapes_that_ask_for_more_than_there_is(shape: str, prepared: Path) -> None:
    with zipfile.ZipFile(prepared / "word.npz", "w") as file:
        for split in ("train", "dev", "test"):
            for name in ("ids", "offsets", "labels"):
                file.writestr(f"{split}_{name}.npy", shape_in_header(shape))
    sign(prepared)
    with pytest.raises(DataError, match=r"word\.npz"):
        imdb.load(prepared.parent, "word")


def test_compressed_arrays_are_refused(prepared: Path) -> None:
    """A small file could hold any number of zeros."""
    with np.load(prepared / "word.npz") as file:
        np.savez_compressed(prepared / "word.npz", **dict(file))
    sign(prepared)
    with pytest.raises(DataError, match=r"word\.npz: no arrays as NumPy writes them \(compressed\)"):
        imdb.load(prepared.parent, "word")


def test_texts_that_are_no_text(prepared: Path) -> None:
    content = (prepared / "texts.bin").read_bytes()
    (prepared / "texts.bin").write_bytes(b"\xff" + content[1:])
    sign(prepared)
    texts = imdb.load(prepared.parent, "word").texts["train"]
    assert texts[1] == "a bad film, really train 9"
    with pytest.raises(DataError, match=r"texts\.bin: text 0"):
        texts[0]


IN_A_PROCESS = """
import sys; from pathlib import Path; from nndl import jsonfile
from nndl.dataset import archive, imdb, prepared
{}
imdb.prepare(Path(sys.argv[1]), Path(sys.argv[2]), 4)
"""


def in_a_process(source: Path, root: Path, before: str = "pass") -> subprocess.Popen:
    command = [sys.executable, "-c", IN_A_PROCESS.format(before), str(source), str(root)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, **pipes, text=True)


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
    slow = "read = imdb._read; imdb._read = lambda source: (print('reads', flush=True), input(), read(source))[2]"
    first = in_a_process(source, tmp_path / "imdb", slow)
    assert first.stdout.readline() == "reads\n"
    second = in_a_process(source, tmp_path / "imdb")
    assert "another preparation is at work" in second.stdout.readline()
    outputs = [first.communicate("\n", timeout=60), second.communicate(timeout=60)]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    imdb.load(tmp_path / "imdb", "word")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills as Unix does")
def test_killed_while_writing(tmp_path: Path) -> None:
    source = write_archive(tmp_path / "a.tgz", corpus())
    stop = "import time; prepared.check_sum = lambda path: time.sleep(60)"
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
    assert done.is_official
    assert (done.sizes, done.replaced) == ({"train": 25_000, "dev": 12_500, "test": 12_500}, 0)
    found = imdb.load(tmp_path, "space")
    for reviews in found.reviews.values():
        assert np.bincount(reviews.labels).tolist() == [len(reviews) // 2] * 2
    assert found.vocabulary.words[:4] == ("[PAD]", "[UNK]", "the", "a")
    assert np.median(found.reviews["train"].lengths) == 174  # 173 in a tokenisation that leaves out a mark
    assert len(set(found.texts["dev"]) & set(found.texts["test"])) < 100
