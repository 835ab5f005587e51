"""Tatoeba, English sentences and their Chinese translations (英汉句对): what is its own; the rest is in ``prepared``.

A line is a pair: English, a tab, Chinese, and perhaps another tab and whom they are from, which is kept. They are by
the contributors of tatoeba.org, CC BY 2.0 FR: whoever shows one names them.

Train, dev and test are split by the ENGLISH sentence: no English of dev or test is in train, whatever its case and
marks, with whichever translation. The rule: the English sentences in the order of their SHA-256; the first twentieth is
dev, the next is test. All translations of a sentence are references (参考译文).

Half of the sentences are in simplified characters, half in traditional ones: simplified is what GB 2312 can write,
traditional what Big5 can. 你好 is both.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nndl.dataset import prepared
from nndl.dataset.download import Published
from nndl.dataset.prepared import AGAIN, Preparation, Source, Texts
from nndl.dataset.reading import open_file, read_lines, tokenize_word
from nndl.dataset.text import SPLITS
from nndl.error import DataError, SettingError

TATOEBA = Source(
    name="Tatoeba",
    texts="sentences",
    published=(
        Published(
            "cmn.txt",
            (
                "https://raw.githubusercontent.com/ekinakyurek/lexical/"
                "3956fa2a2dd976d99a94e8ad9ed8d3a6f65a5c78/TRANSLATE/cmn.txt",
            ),
            check_sum="6d9734ce952db2b694ac8a6abae52b445f8dbc6a599959b0971a2bc74eec1918",
            size=3_424_599,
        ),
    ),
    official="15c7dc85a475088cf0eb0a725f3aafc69b5226a2c012a0a3a433e70ad8500776",
    format=1,
    advice="run: python -m chapter6 data tatoeba",
    offline="data tatoeba --from FILE, one pair a line, with a tab between",
)
HELD_OUT = 20
"""One English sentence of so many is in dev, and one in test."""
MAX_BYTES = 256 << 20
SCRIPTS = {"simplified": "gb2312", "traditional": "big5", "any": "utf-8"}
"""Which characters (简体、繁体), and the encoding that has them and not the others."""

is_prepared = prepared.is_prepared
fingerprint = TATOEBA.fingerprint


class Pair(NamedTuple):
    """An English sentence, a Chinese translation of it, and whom they are from (empty where nobody is named)."""

    english: str
    chinese: str
    attribution: str = ""

    @property
    def source(self) -> list[str]:
        """The English words and marks, lower-cased.

        >>> Pair("I won!", "我赢了。").source
        ['i', 'won', '!']
        """
        return tokenize_word(self.english)

    @property
    def target(self) -> list[str]:
        """The Chinese characters; a blank between two of them says nothing.

        >>> Pair("I won!", "我赢了。").target
        ['我', '赢', '了', '。']
        """
        return list("".join(self.chinese.split()))


def prepare(source: Path | None, root: Path) -> Preparation:
    """Read all pairs, split them, and leave ``root/prepared``; see :meth:`nndl.dataset.prepared.Source.prepare`.

    Args:
        source: a file of pairs, or a folder with ``cmn.txt``; None for the published one.
        root: the folder of the corpus, such as ``data/tatoeba``.
    """
    return TATOEBA.prepare(source, root, _read, _write)


def load(root: Path, most_words: int = 0, script: str = "any") -> dict[str, list[Pair]]:
    """The pairs of each split.

    Args:
        root: the folder of the corpus.
        most_words: only English sentences of at most so many words; 0 for all.
        script: a key of :data:`SCRIPTS`.

    Raises:
        NotPreparedError: nothing is prepared in ``root``.
        DataError: a file is damaged, or was changed since; or a split holds no such sentence.
        SettingError: another script, or a negative number.
    """
    if script not in SCRIPTS or most_words < 0:
        found = f"script {script!r}, most_words {most_words}"
        raise SettingError(f"{found}: expected one of {', '.join(SCRIPTS)}, and a whole number from 0")
    sizes = TATOEBA.load_sizes(root, [f"{split}.tsv" for split in SPLITS])
    folder, splits = TATOEBA.folder(root), {}
    for split in SPLITS:
        path = folder / f"{split}.tsv"
        pairs = read_pairs(path)
        if len(pairs) != sizes[split]:
            raise DataError(f"{path}: {len(pairs):,} pairs, expected {sizes[split]:,}; {AGAIN.format(folder)}")
        fits = [pair for pair in pairs if _is_in(pair.chinese, script)]
        splits[split] = [pair for pair in fits if not most_words or len(pair.english.split()) <= most_words]
        if not splits[split]:
            raise DataError(f"{path}: no sentence of at most {most_words} words, {script}; expected one or more")
    return splits


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a file; lines without anything are left out.

    Raises:
        DataError: names the file and the line without a tab, or with nothing before or after it.
    """
    pairs = []
    for number, line in enumerate(read_lines(open_file(path, _EXPECTED, MAX_BYTES), str(path)), start=1):
        if line.strip():
            english, tab, rest = line.partition("\t")
            chinese, _, attribution = rest.partition("\t")
            chinese = _clean(chinese)
            if not (tab and tokenize_word(english) and chinese):
                raise DataError(f"{path}, line {number}: {line[:40]!r}; {_EXPECTED}")
            pairs.append(Pair(english.strip(), chinese, attribution.strip()))
    return pairs


_EXPECTED = "expected a pair a line: English, a tab, Chinese"
_INVISIBLE = re.compile("[\u200b-\u200f\u2060]")


def _clean(text: str) -> str:
    """Without characters that nobody sees, which some sentences hold."""
    return _INVISIBLE.sub("", text).strip()


def _is_in(text: str, script: str) -> bool:
    try:
        text.encode(SCRIPTS[script])
    except UnicodeEncodeError:
        return False
    return True


def _read(source: Path) -> tuple[Texts, int]:
    pairs = read_pairs(source / TATOEBA.published[0].name if source.is_dir() else source)
    return {(number,): "\t".join(pair) for number, pair in enumerate(pairs)}, 0


def _write(texts: Texts, folder: Path) -> dict[str, int]:
    lines: dict[str, list[str]] = {split: [] for split in SPLITS}
    part = _split([_key(line) for line in texts.values()])
    for line in texts.values():
        lines[part[_key(line)]].append(f"{line}\n")
    for split in SPLITS:
        (folder / f"{split}.tsv").write_text("".join(lines[split]), encoding="utf-8", newline="\n")
    return {split: len(lines[split]) for split in SPLITS}


def _key(line: str) -> str:
    """The words of the English sentence, without marks and case: "I won!" and "I won." are one sentence."""
    words = tokenize_word(line.partition("\t")[0])
    return " ".join(word for word in words if word[0].isalnum()) or " ".join(words)


def _split(keys: Sequence[str]) -> dict[str, str]:
    """To which split each sentence goes. Raises DataError where there are too few to split."""
    order = sorted(set(keys), key=lambda key: hashlib.sha256(key.encode()).digest())
    if len(order) < len(SPLITS):
        raise DataError(
            f"{len(order)} different English sentences: expected at least {len(SPLITS)}, one for each split"
        )
    held_out = max(1, len(order) // HELD_OUT)
    return {key: "dev" if n < held_out else "test" if n < 2 * held_out else "train" for n, key in enumerate(order)}
