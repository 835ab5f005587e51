"""Corpora of slots (槽位填充): ATIS, SNIPS, or a reader's own folder of the same form.

A folder holds train, valid (or dev) and test; of each ``seq.in``, a sentence a line, words between blanks, and
``seq.out``, the tags, as many a line, in IOB2: in a folder of the split's name, or side by
side as ``train.seq.in``.

ATIS (Hemphill, Godfrey and Doddington, 1990), questions about flights, is the Linguistic Data Consortium's: it is
downloaded, never shipped. SNIPS (Coucke et al., 2018, arXiv:1805.10190), requests of seven kinds, is CC0. Both in the
splits of Goo et al. (2018), from whose repository they come.
"""

from functools import partial
from pathlib import Path

from nndl.dataset.download import Published
from nndl.dataset.prepared import AGAIN, Preparation, Source, Texts
from nndl.dataset.reading import open_file, read_lines
from nndl.dataset.tags import Sentence, check
from nndl.dataset.text import SPLITS
from nndl.error import DataError

MAX_BYTES = 256 << 20
_COMMIT = "https://raw.githubusercontent.com/MiuLab/SlotGated-SLU/61f0307c729b1fad479ef1de94aa5ac5dee601b0/data"
_FOLDERS = {"train": ("train",), "dev": ("valid", "dev"), "test": ("test",)}
_KINDS = ("seq.in", "seq.out")


def _source(name: str, files: dict[str, tuple[str, int]], official: str) -> Source:
    folder = name.lower()
    return Source(
        name=name,
        texts="sentences",
        published=tuple(Published(file, (f"{_COMMIT}/{folder}/{file}",), *rest) for file, rest in files.items()),
        official=official,
        format=1,
        advice=f"run: python -m chapter6 data {folder}, or use --corpus flights",
        offline=f"data {folder} --from FOLDER, or --corpus flights",
    )


SOURCES = {
    "atis": _source(
        "ATIS",
        {
            "train/seq.in": ("3a670980841b21ab39088b2595efc17d487cdc45769c075a3e5f9458bba28c7f", 289_848),
            "train/seq.out": ("14c7131bd66562f797dbd7189bc7358f0cf354c6afb0785a9ab973c35b58f34c", 415_557),
            "valid/seq.in": ("c7435b96e7948393608c34819628e863c5338f11ca68e8f896d2cc041d8e17f8", 32_761),
            "valid/seq.out": ("83ccff3e36f83a993f8e5b5b82adf3256076f234abda4d784051381d7ac76922", 47_763),
            "test/seq.in": ("4b2119fc59c37f9398c6605db435d4f467505009e6ee3e5af04fed09f39dc397", 52_122),
            "test/seq.out": ("a4690d6bceadc06876d1ff99bc401744aa981cb321e598ae12a3859d7be53254", 81_238),
        },
        official="471860322d590ec92f887b1ba00c150aaadf6c93bbb8b60ab791249556552603",
    ),
    "snips": _source(
        "SNIPS",
        {
            "train/seq.in": ("04ad1e3f2121d83c6478f9a4b17d2dbdc21d06d6127f73cb7af835ed733f9855", 617_079),
            "train/seq.out": ("fd5f2121d8055827e5d6b3d3bac30f3d7e94e82a5d437751960cbdd9e1b4f6d3", 950_926),
            "valid/seq.in": ("64e0f6d8ad8aab3a3828164d7d53731a0993d3ca1aed437ceaca6d3d568d410e", 33_629),
            "valid/seq.out": ("712e6d34feb8d52d208b820a5f8bae6e6ff990f08374507dfde22de389088319", 50_626),
            "test/seq.in": ("c1e341173fcea2951a8ca371956a6f81c76de87b9583c62eb87edd6158fa3a7c", 33_121),
            "test/seq.out": ("58c07c9097d5e1f78889765c2a535a160f6455b90b3142055c8051847afcca47", 50_918),
        },
        official="fe94ce283e9f430972f35f019fe0fb2a2eac1bfc84e78c52e920f3d893bba436",
    ),
}
"""Name, as after ``python -m chapter6 data``, to source."""


def prepare(name: str, source: Path | None, root: Path) -> Preparation:
    """Read and check all sentences, and leave ``root/prepared``; see :meth:`Source.prepare`.

    Args:
        name: a key of :data:`SOURCES`.
        source: a folder of the form above; None for what is published.
        root: the folder of the corpus, such as ``data/atis``.
    """
    return SOURCES[name].prepare(source, root, _read, _write)


prepare_atis = partial(prepare, "atis")
prepare_snips = partial(prepare, "snips")


def load(name: str, root: Path) -> dict[str, list[Sentence]]:
    """The prepared sentences of each split, checked.

    Raises:
        NotPreparedError: nothing is prepared in ``root``.
        DataError: a file is damaged, or was changed since.
    """
    files = {split: [f"{split}.{kind}" for kind in _KINDS] for split in SPLITS}
    sizes = SOURCES[name].load_sizes(root, [file for pair in files.values() for file in pair])
    folder = SOURCES[name].folder(root)
    corpus = {split: _sentences(*(folder / file for file in pair)) for split, pair in files.items()}
    if {split: len(sentences) for split, sentences in corpus.items()} != sizes:
        raise DataError(f"{folder}: not as many sentences as were prepared; {AGAIN.format(folder)}")
    return corpus


def _read(top: Path) -> tuple[Texts, int]:
    """All sentences of a folder; of each split the words and the tags, a text each."""
    texts: Texts = {}
    for split, names in _FOLDERS.items():
        sentences = _sentences(*(_find(top, names, kind) for kind in _KINDS))
        for kind, lines in zip(_KINDS, zip(*sentences, strict=True), strict=True):
            texts[split, kind] = "".join(" ".join(line) + "\n" for line in lines)
    return texts, 0


def _find(top: Path, names: tuple[str, ...], kind: str) -> Path:
    places = [top / f"{name}{between}{kind}" for name in names for between in ("/", ".")]
    if found := next((place for place in places if place.exists()), None):
        return found
    listed = " or ".join(str(place.relative_to(top)) for place in places)
    raise DataError(f"{top}: expected a folder with {listed} in it")


def _sentences(words: Path, tags: Path) -> list[Sentence]:
    """What two files hold, line by line. Raises DataError, with file and line, where it is no sentence in IOB2."""
    pair = [_lines(path) for path in (words, tags)]
    if len(pair[0]) != len(pair[1]) or not pair[0]:
        found = f"{len(pair[0]):,} lines, and {tags.name} {len(pair[1]):,}"
        raise DataError(f"{words}: {found}; expected as many, a sentence a line, and at least one")
    found = []
    for number, (line, line_of_tags) in enumerate(zip(*pair, strict=True), start=1):
        sentence = Sentence(tuple(line.split()), tuple(line_of_tags.split()))
        try:
            check(*sentence)
        except DataError as error:
            raise DataError(f"{tags}, line {number}: {error}") from None
        found.append(sentence)
    return found


def _lines(path: Path) -> list[str]:
    return list(read_lines(open_file(path, "expected a sentence a line", MAX_BYTES), str(path)))


def _write(texts: Texts, folder: Path) -> dict[str, int]:
    for (split, kind), text in texts.items():
        (folder / f"{split}.{kind}").write_text(text, encoding="utf-8", newline="\n")
    return {split: texts[split, _KINDS[0]].count("\n") for split in SPLITS}
