"""Texts for language models (语言模型的文本): two books, Python's own documentation, any text of the reader's.

A book is prepared once, see ``prepared``, as a file a split: The Time Machine (H. G. Wells, 1895) in its order, its end
held out; of 唐诗三百首 (three hundred Tang poems, a line each) every tenth poem, as poems of a kind stand together.
Needs no Paddle.
"""

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from nndl.dataset.download import Published
from nndl.dataset.prepared import AGAIN, Preparation, Source, Texts
from nndl.dataset.reading import open_file, read_lines
from nndl.dataset.text import SPLITS
from nndl.error import DataError

TEST_SHARE, DEV_SHARE = 10, 20
"""A tenth of a text is test, of its characters the last or of its poems every tenth; a twentieth of the rest dev."""
FEWEST = 1000
"""Characters that a text must have."""
DOCUMENTATION = 150_000
"""Characters that are taken of Python's documentation."""
MAX_BYTES = 64 << 20

TIME_MACHINE = Source(
    name="The Time Machine",
    texts="characters",
    published=(
        Published(
            "timemachine.txt",
            ("http://d2l-data.s3-accelerate.amazonaws.com/timemachine.txt",),
            check_sum="8424dbd9532ac81f7e5f0b6add90e6952baea29158309d7d1bf3884f4e12c516",
            size=178_979,
        ),
    ),
    official="36688e13788e6052106bfe25e11df250d5a34571846a70f7231b89b8091353de",
    format=1,
    advice="run: python -m chapter6 data timemachine, or use --corpus python",
    offline="data timemachine --from FILE, or --corpus python",
)
_POEMS_AT = "chinese-poetry/chinese-poetry/99ebbef7e1345c0985c44b9fd96a3f9e776f117b"
TANG_POEMS = Source(
    name="唐诗三百首",
    texts="characters",
    published=(
        Published(
            "tangshi300.json",
            (
                f"https://raw.githubusercontent.com/{_POEMS_AT}/%E5%85%A8%E5%94%90%E8%AF%97/"
                "%E5%94%90%E8%AF%97%E4%B8%89%E7%99%BE%E9%A6%96.json",
            ),
            check_sum="d77a145f7470da2ed2f79515944563c062ffc43fceda07f195a36ead66b7e5c7",
            size=190_787,
        ),
    ),
    official="dff7c2b7045a6e01a463ade4b91488c8bcb3c7f37396a39b34b8ab61d21caf97",
    format=1,
    advice="run: python -m chapter6 data tangshi, or use --corpus python",
    offline="data tangshi --from FILE, or --corpus python",
)
BOOKS = {"timemachine": TIME_MACHINE, "tangshi": TANG_POEMS}

# --- any text ---


def split_text(text: str, where: str) -> dict[str, str]:
    """A text in its order; what is held out is its end.

    >>> {split: len(part) for split, part in split_text("x" * 2000, "a text").items()}
    {'train': 1710, 'dev': 90, 'test': 200}

    Args:
        text: all of it.
        where: what a message calls it.

    Raises:
        DataError: a text of less than :data:`FEWEST` characters.
    """
    if len(text) < FEWEST:
        few = f"{len(text)} character{'s' * (len(text) != 1)}" if text else "empty"
        raise DataError(f"{where}: {few}, expected a text of at least {FEWEST:,}, to learn from and to be judged by")
    test = len(text) - len(text) // TEST_SHARE
    dev = test - test // DEV_SHARE
    return {"train": text[:dev], "dev": text[dev:test], "test": text[test:]}


def read_text(path: Path) -> str:
    """A UTF-8 text of the reader's. Raises DataError: no such file, too large, or another encoding."""
    return "\n".join(read_lines(open_file(path, "expected a UTF-8 text", MAX_BYTES), str(path)))


def documentation() -> str:
    """The beginning of Python's own documentation, which is always there; each version of Python has another text."""
    from pydoc_data.topics import topics

    return "\n".join(topics.values())[:DOCUMENTATION]


def mark_of_text(text: str) -> str:
    """Changes with the text."""
    return hashlib.sha256(text.encode()).hexdigest()


# --- the books ---


def prepare_time_machine(source: Path | None, root: Path) -> Preparation:
    """Leave ``root/prepared``, see :meth:`Source.prepare`.

    Args:
        source: the text, or the folder it is in; None for the published one.
        root: the folder of the corpus, such as ``data/timemachine``.
    """

    def split(texts: Texts) -> dict[str, str]:
        return split_text(texts["book",], TIME_MACHINE.name)

    return _prepare(TIME_MACHINE, source, root, lambda path: {("book",): read_text(path)}, split)


def prepare_tang_poems(source: Path | None, root: Path) -> Preparation:
    """Leave ``root/prepared``, see :meth:`Source.prepare`.

    Args:
        source: the published JSON, a text with a poem a line, or the folder of ``tangshi300.json``; None for the
            published one.
        root: the folder of the corpus, such as ``data/tangshi``.
    """
    return _prepare(TANG_POEMS, source, root, _read_poems, _split_poems)


def load(name: str, root: Path) -> dict[str, str]:
    """The splits of a prepared book, every file checked.

    Args:
        name: a key of :data:`BOOKS`.
        root: its folder.

    Raises:
        NotPreparedError: nothing is prepared in ``root``.
        DataError: a file is damaged, or was changed since.
    """
    book = BOOKS[name]
    sizes, folder = book.load_sizes(root, [f"{split}.txt" for split in SPLITS]), book.folder(root)
    texts = {}
    for split, size in sizes.items():
        path = folder / f"{split}.txt"
        with open_file(path, AGAIN.format(folder), MAX_BYTES) as file:
            texts[split] = file.read().decode("utf-8", errors="replace")
        if len(texts[split]) != size or not size:
            raise DataError(f"{path}: {len(texts[split]):,} characters, expected {size:,}; {AGAIN.format(folder)}")
    return texts


def _prepare(
    book: Source,
    source: Path | None,
    root: Path,
    read: Callable[[Path], Texts],
    split: Callable[[Texts], dict[str, str]],
) -> Preparation:
    def read_all(path: Path) -> tuple[Texts, int]:
        found = read(path / book.published[0].name if os.path.isdir(path) else path)
        split(found)  # what is no such text is found before anything is written
        return found, 0

    def write(found: Texts, folder: Path) -> dict[str, int]:
        parts = split(found)
        for name, text in parts.items():
            (folder / f"{name}.txt").write_bytes(text.encode())
        return {name: len(text) for name, text in parts.items()}

    return book.prepare(source, root, read_all, write)


def _read_poems(path: Path) -> Texts:
    """The poems by number, each in one line: of the published JSON, or of a text with a poem a line."""
    text = read_text(path)
    lines = _poems_of_json(text, path) if text.lstrip().startswith("[") else text.split("\n")
    return {(number,): line for number, line in enumerate(filter(None, map(str.strip, lines)))}


def _poems_of_json(text: str, path: Path) -> list[str]:
    try:
        records = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: no JSON ({error}); expected poems, or a text with a poem a line") from None
    poems = []
    for number, record in enumerate(records, start=1):
        lines = record.get("paragraphs") if isinstance(record, dict) else None
        if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
            raise DataError(f"{path}: record {number} has no lines, expected a poem with its lines in paragraphs")
        poem = "".join("".join(lines).split())
        if any("\ud800" <= character <= "\udfff" for character in poem):  # JSON can write half a character
            raise DataError(f"{path}: record {number} holds half a character (a lone surrogate), expected text")
        poems.append(poem)
    return poems


def _split_poems(poems: Texts) -> dict[str, str]:
    """Every tenth poem is test, and of the others every twentieth dev."""
    parts: dict[str, list[str]] = {split: [] for split in SPLITS}
    learnt = 0
    for number, key in enumerate(sorted(poems), start=1):
        if number % TEST_SHARE == 0:
            parts["test"].append(poems[key])
            continue
        learnt += 1
        parts["train" if learnt % DEV_SHARE else "dev"].append(poems[key])
    if not parts["dev"] or sum(map(len, poems.values())) < FEWEST:
        raise DataError(f"{TANG_POEMS.name}: {len(poems)} poems, expected more, of at least {FEWEST:,} characters")
    return {split: "".join(f"{poem}\n" for poem in some) for split, some in parts.items()}
