"""Sources in, translations out (翻译日期或英文句子), by a model that the lesson translation trained."""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import nndl
from chapter6.extras.presets.translation import CORPORA, KINDS, LONGEST
from chapter6.lab import interruption, predicting, result
from chapter6.lab.lesson import Asked
from chapter6.lab.predicting import say
from chapter6.lab.settings import check_whole
from nndl import runtime
from nndl.dataset import dates
from nndl.dataset.pairs import SPECIAL_OF_TARGET
from nndl.dataset.text import UNK, Vocabulary

PRESETS = ("full", "quick")
"""Whose model is taken, the first that has one of the corpus asked for."""
AT_ONCE = 250
EMPTY = "-"
"""In the place of an answer: a line without anything to translate."""
LIKE = " · ".join(dates.write(date(2026, 11, 24), way).text for way in dates.FORMATS[::6])
"""Some of the ways of writing a date."""


class Translator:
    """A trained translation model with its vocabularies.

    Args:
        folder: what a training left.

    Raises:
        CheckpointError: a file is missing or damaged, or they do not belong together.
    """

    def __init__(self, folder: Path) -> None:
        from chapter6.extras.cells_compared import class_of  # loads Paddle
        from chapter6.extras.translation_attention import make_model

        found = predicting.load_result(
            folder, "runs/translation/quick/checkpoints/dates-additive-seed0-...", has="source_vocabulary"
        )
        self.source = predicting.load_vocabulary(folder, found.get("source_vocabulary"))
        written = result.TARGET_VOCABULARY, SPECIAL_OF_TARGET
        self.target = predicting.load_vocabulary(folder, found.get("target_vocabulary"), *written)
        parameters = predicting.load_parameters(folder)
        with predicting.trusting_nothing(folder):
            self.corpus = found["corpus"]
            if self.corpus not in CORPORA or found["kind"] not in KINDS:
                raise ValueError(f"corpus {self.corpus!r}, kind {found['kind']!r}")
            for name in ("input_size", "hidden_size"):
                check_whole(name, found[name], 1, 4096)
            words, M, D = len(self.source) + len(self.target), found["input_size"], found["hidden_size"]
            # 嵌入与 U 至少有这么多   the embeddings and one U have as many at least
            predicting.check_memory(words * M + D * D, parameters)
            settings = SimpleNamespace(**found, make=class_of(found["cell"]))
            self.model = make_model(settings, len(self.source), len(self.target))
        nndl.checkpoint.restore(self.model, parameters, folder / result.MODEL)
        self.model.eval()

    def split(self, text: str) -> list[str]:
        """The tokens of a text, as in training; of a date, fullwidth characters (全角) will do."""
        from chapter6.extras.translation_attention import split  # loads Paddle

        return split(self.corpus, unicodedata.normalize("NFKC", text).strip() if self.corpus == "dates" else text)

    def __call__(self, texts: Iterable[list[str]], beam: int) -> list[str]:
        """The translation of each, given by its tokens; :data:`EMPTY` where there are none."""
        from chapter6.extras.translation_writing import write  # loads Paddle

        tokens = list(texts)
        given = [n for n, words in enumerate(tokens) if words]
        answers = [EMPTY] * len(tokens)
        if given:
            sources = [self.source.encode(tokens[n]) for n in given]
            for n, words in zip(given, write(self.model, sources, self.target, beam), strict=True):
                answers[n] = "".join(words)
        return answers


def answer(translator: Translator, texts: Iterable[str], beam: int, is_live: bool = False) -> Iterator[str]:
    """A line for each text: its translation. What the model does not know, or cannot read, is said beside it."""
    texts, number = iter(texts), 0
    while some := list(islice(texts, 1 if is_live else AT_ONCE)):
        tokens = [translator.split(text) for text in some]
        answers = translator([words[:LONGEST] for words in tokens], beam)
        for words, line in zip(tokens, answers, strict=True):
            number += 1
            _say_what_is_odd(number, words, translator.source)
            if translator.corpus == "dates" and words:
                _say_if_no_such_date(number, "".join(words), line)
            yield line


def _say_what_is_odd(number: int, words: list[str], vocabulary: Vocabulary) -> None:
    unknown = [word for word in dict.fromkeys(words[:LONGEST]) if vocabulary.index.get(word, UNK) == UNK]
    if unknown:
        shown = " ".join(unknown[:10])
        say(f"text {number}: unknown to the model: {shown}", f"第 {number} 条：模型不认识：{shown}")
    if len(words) > LONGEST:
        en = f"text {number}: {len(words)} tokens, the first {LONGEST} are read"
        say(en, f"第 {number} 条：有 {len(words)} 个词元，只读前 {LONGEST} 个")


def _say_if_no_such_date(number: int, text: str, answer: str) -> None:
    """A model answers anything with a date; whether the text tells that one can be checked."""
    if not dates.tells(text, answer):
        en = f"text {number}: the answer is wrong, or the date is not written in a way that the model learnt: {LIKE}"
        say(en, f"第 {number} 条：答案有误，或者日期的写法模型没有学过：{LIKE}")


def predict(asked: Asked) -> None:
    """The command: translate the texts given, or those of a file, or of the standard input; one line each.

    Raises:
        DataError: no such file, one that is no text, or an empty text on the command line.
        CheckpointError: no model, or not a whole one.
    """
    texts, corpus = predicting.texts(asked, "text"), asked.settings.corpus
    score, lowest = ("dev_accuracy", False) if corpus == "dates" else ("dev_perplexity", True)
    folder = asked.model or predicting.find_model(asked.out, "translation", PRESETS, score, lowest, corpus=corpus)
    with interruption.leaving():
        runtime.start(asked.device)
    translator = Translator(folder)
    en, zh = ("dates", "日期") if translator.corpus == "dates" else ("Tatoeba, English to Chinese", "Tatoeba 英译中")
    say(f"model: {folder}, trained on {en}", f"模型：{folder}，训练语料：{zh}")
    is_live = predicting.is_live(asked)
    if is_live:
        say("one text a line, Ctrl-D ends", "每行一条，Ctrl-D 结束")
    for line in answer(translator, texts, asked.settings.beam, is_live):
        print(line, flush=True)
