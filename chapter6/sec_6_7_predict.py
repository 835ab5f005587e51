"""Reviews in, labels out (预测影评的情感), by a model that section 6.7 trained."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import nndl
from chapter6 import presets
from chapter6.lab import interruption, predicting, result
from chapter6.lab.lesson import Asked
from chapter6.lab.predicting import say
from chapter6.lab.settings import check_whole
from chapter6.sec_6_7_findings import CORPORA
from nndl import runtime
from nndl.dataset.own_reviews import check_labels
from nndl.dataset.reading import TOKENIZERS
from nndl.dataset.text import LABELS, UNK

import numpy as np

PRESETS = ("best", "book", "quick")
"""Whose model is taken, the first that is there."""
AT_ONCE = 512
"""Reviews read and computed together."""


EMPTY, UNKNOWN = "-", "unknown"
"""In the place of a label: a text without any word, and one of which the model knows no word."""

Answer = tuple[str, float | None]
"""A label and its probability; no probability where there is no label."""


class Predictor:
    """A trained text model with its vocabulary.

    Args:
        folder: what a training of section 6.7 left.

    Raises:
        CheckpointError: a file is missing or damaged, or they do not belong together.
    """

    def __init__(self, folder: Path) -> None:
        from chapter6.sec_6_7_text_classification import make_model  # loads Paddle

        found = predicting.load_result(folder, "runs/6.7/quick/checkpoints/imdb-LSTM1-...", has="tokenizer")
        vocabulary = predicting.load_vocabulary(folder, found.get("vocabulary"))
        parameters = predicting.load_parameters(folder)
        if found.get("backend") == "onednn":  # 早先版本的算子, 参数相同   an earlier version's, of the same parameters
            found = {**found, "backend": "native"}
        with predicting.trusting_nothing(folder):
            settings, num_layers, self.corpus = presets.of_one_training(found), found["num_layers"], found["corpus"]
            check_whole("num_layers", num_layers, 0, presets.MAX_LAYERS)
            predicting.check_memory(_numbers(settings, num_layers, len(vocabulary)), parameters)
            if self.corpus not in CORPORA:
                raise ValueError(f"corpus {self.corpus!r}")
            self.labels = check_labels(found.get("labels", LABELS))  # 早先版本不写   an earlier version did not say
            model = make_model(settings, num_layers, len(vocabulary), len(self.labels))
        nndl.checkpoint.restore(model, parameters, folder / result.MODEL)
        self.vocabulary, self.max_seq_len = vocabulary, settings.max_seq_len
        self.tokenize = TOKENIZERS[settings.tokenizer]
        self.runner = nndl.RunnerV3(model, None, None, None)

    def __call__(self, texts: Iterable[str]) -> list[Answer]:
        """Label and its probability for each text, or what stands for them."""
        from chapter6.sec_6_7_inspection import predict  # loads Paddle

        # A megabyte of text is as long as its first tokens.
        tokens = [self.tokenize(text)[: self.max_seq_len] for text in texts]
        ids = [self.vocabulary.encode(words) for words in tokens]
        answers: list[Answer] = [(self._why_not(*pair), None) for pair in zip(tokens, ids, strict=True)]
        given = [i for i, (why_not, _) in enumerate(answers) if not why_not]
        if given:
            logits = predict(self.runner, [ids[i] for i in given], self.max_seq_len).astype("float64")
            # softmax
            shares = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
            for i, p in zip(given, shares, strict=True):
                answers[i] = self.labels[int(p.argmax())], float(p.max())
        return answers

    def _why_not(self, tokens: Sequence[str], ids: np.ndarray) -> str:
        """Why there is nothing to label; empty where there is. A known mark beside unknown words says nothing."""
        is_word = [any(map(str.isalnum, token)) for token in tokens]
        if not any(is_word):
            return EMPTY
        return "" if any(ids[is_word] != UNK) else UNKNOWN


def _numbers(settings: presets.TextSettings, num_layers: int, vocabulary_size: int) -> int:
    """How many a model of these sizes holds at least, in its embedding and its LSTM."""
    M, D = settings.input_size, settings.hidden_size
    num_directions = 1 + (settings.direction == "bidirectional")
    first, others = M + D, (num_layers - 1) * (num_directions * D + D)
    return vocabulary_size * M + (4 * D * num_directions * (first + others) if num_layers else 0)


def answer(predictor: Predictor, reviews: Iterable[str], is_live: bool = False) -> Iterator[str]:
    """A line for each review: label, a tab, its probability; :data:`EMPTY` or :data:`UNKNOWN` and ``-`` for no label.

    How many have none is said on the standard error stream at the end.

    Args:
        predictor: the model.
        reviews: one by one.
        is_live: whether each is to be answered at once, rather than many together.
    """
    reviews, trained_on = iter(reviews), CORPORA[predictor.corpus]
    without = Counter[str]()
    while answers := predictor(islice(reviews, 1 if is_live else AT_ONCE)):
        for label, probability in answers:
            without[label] += probability is None
            yield f"{label}\t{EMPTY if probability is None else f'{probability:.4f}'}"
    if without[EMPTY]:
        say(f"{without[EMPTY]} review(s) without any word: no label", f"{without[EMPTY]} 条影评没有词，不作判断")
    if without[UNKNOWN]:
        say(
            f"{without[UNKNOWN]} review(s) of which the model knows no word (it read {trained_on.en}): no label",
            f"{without[UNKNOWN]} 条影评的词模型全不认识（训练语料：{trained_on.zh}），不作判断",
        )


def predict(asked: Asked) -> None:
    """The command: answer the reviews given, or those of a file, or of the standard input; one line each.

    Raises:
        DataError: no such file, one that is no text, or an empty review on the command line.
        CheckpointError: no model, or not a whole one.
    """
    reviews = predicting.texts(asked, "review")
    folder = asked.model or predicting.find_model(asked.out, "6.7", PRESETS, "dev_accuracy")
    with interruption.leaving():
        runtime.start(asked.device)
    predictor = Predictor(folder)
    trained_on, labels = CORPORA[predictor.corpus], ", ".join(predictor.labels)
    say(
        f"model: {folder}, trained on {trained_on.en}, labels {labels}",
        f"模型：{folder}，训练语料：{trained_on.zh}，标签：{labels}",
    )
    if predictor.corpus == "small":
        words = len(predictor.vocabulary)
        say(
            f"it knows {words} words only; for real reviews: python -m chapter6 data imdb, then run 6.7",
            f"它只认识 {words} 个词；要判断真实影评，请先运行 python -m chapter6 data imdb，再运行 6.7",
        )
    is_live = predicting.is_live(asked)
    if is_live:
        say("one review a line, Ctrl-D ends", "每行一条影评，Ctrl-D 结束")
    for line in answer(predictor, reviews, is_live):
        print(line, flush=True)
