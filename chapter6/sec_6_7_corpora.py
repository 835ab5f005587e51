"""Which reviews sections 6.7 and 6.8 read (语料): IMDB, the small corpus, or a file of the reader's own."""

from pathlib import Path

from chapter6 import presets
from chapter6.lab import terminal
from chapter6.lab.lesson import Run
from nndl.dataset import imdb, own_reviews, small_reviews
from nndl.dataset.reading import OF_ENGLISH, TOKENIZERS, is_chinese
from nndl.dataset.text import Corpus
from nndl.error import SettingError


def check_data(run: Run) -> None:
    """Look at the reviews that a run would ask for, before anything is trained.

    Raises:
        NotPreparedError: IMDB is asked for and not prepared.
        DataError: what is prepared is damaged, or the reader's file is not what it must be.
        SettingError: a tokeniser that these reviews cannot be split with.
    """
    tokenizer, name = run.settings.tokenizer, _name(run)
    if name == "imdb":
        imdb.fingerprint(run.data_dir / "imdb")
        if tokenizer != "auto":
            imdb.check_tokenizer(tokenizer)
    elif name == "own":
        texts = [text for text, _ in own_reviews.read(file_of(run)).examples]
        if tokenizer in OF_ENGLISH and is_chinese(texts):
            raise SettingError(
                f"tokenizer {tokenizer}: would leave the Chinese of {file_of(run)} whole; "
                "add --tokenizer char or --tokenizer jieba 请加 --tokenizer char 或 jieba"
            )
        if tokenizer == "jieba":
            TOKENIZERS[tokenizer](texts[0])  # which says if it is not installed


def choose_corpus(run: Run) -> str:
    """The corpus asked for; "auto" takes IMDB where it is prepared. Says which, and how to get the other."""
    name = _name(run)
    if run.settings.corpus == "auto" and name == "imdb":
        terminal.say_of(run.number, "on IMDB; the small corpus: --corpus small", "使用 IMDB；小型语料：--corpus small")
    elif run.settings.corpus == "auto":
        terminal.say_of(
            run.number,
            "IMDB is not prepared, so the small synthetic corpus serves; to get IMDB: python -m chapter6 data imdb",
            "未准备 IMDB，改用小型合成语料；准备 IMDB：python -m chapter6 data imdb",
        )
    return name


def choose_tokenizer(run: Run) -> str:
    """The tokeniser asked for; "auto" splits words and marks, or Chinese into characters, and says so (按字或按词)."""
    if run.settings.tokenizer != "auto":
        return run.settings.tokenizer
    if _name(run) != "own" or not is_chinese(text for text, _ in own_reviews.read(file_of(run)).examples):
        return "word"
    terminal.say_of(
        run.number,
        "Chinese, so each character is a token; words instead: --tokenizer jieba",
        "语料为中文，按字切分；按词切分：--tokenizer jieba",
    )
    return "char"


def source(run: Run, name: str) -> tuple[Path, str]:
    """Where a corpus lies, and the mark of its content (数据指纹); the small one is code, which counts anyway."""
    if name == "own":
        return file_of(run), own_reviews.fingerprint(file_of(run))
    root = run.data_dir / "imdb"
    return root, imdb.fingerprint(root) if name == "imdb" else ""


def load(name: str, tokenizer: str, data: Path, mark: str) -> Corpus:
    """The reviews, in words and in ids. Raises NotPreparedError or DataError."""
    if name == "small":
        return small_reviews.load(tokenizer)
    if name == "own":
        return own_reviews.load(data, tokenizer, mark)
    return imdb.load(data, tokenizer)


def file_of(run: Run) -> Path:
    """The reader's own, as an absolute path."""
    return Path(run.settings.corpus).absolute()


def _name(run: Run) -> str:
    asked = run.settings.corpus
    if asked == "auto":
        return "imdb" if imdb.is_prepared(run.data_dir / "imdb") else "small"
    return asked if asked in presets.CORPORA else "own"
