"""A sentence in, its slots out (预测句中的槽位), by a model that ``run slots`` trained."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import nndl
from chapter6.extras.presets.slots import Slots
from chapter6.lab import interruption, predicting, result
from chapter6.lab.lesson import Asked
from chapter6.lab.predicting import say
from nndl import runtime
from nndl.dataset.reading import is_chinese
from nndl.dataset.tags import normal

PRESETS = ("full", "quick")
"""Whose model is taken, the first that is there."""


class Predictor:
    """A trained tagger with its vocabulary.

    Args:
        folder: what a training of ``run slots`` left.

    Raises:
        CheckpointError: a file is missing or damaged, or they do not belong together.
    """

    def __init__(self, folder: Path) -> None:
        from chapter6.extras import slot_filling, slot_inspection  # load Paddle

        found = predicting.load_result(folder, "runs/slots/quick/checkpoints/flights-BiLSTM-...", has="tags")
        self.vocabulary = predicting.load_vocabulary(folder, found.get("vocabulary"))
        parameters = predicting.load_parameters(folder)
        with predicting.trusting_nothing(folder):
            # 各项设置逐一检查   every setting is checked, as those of a run are
            Slots(**{f.name: found[f.name] for f in fields(Slots) if f.name not in ("models", "cell")})
            self.name, self.corpus, self.tags = found["model"], found["corpus"], found["tags"]
            if not isinstance(self.tags, list) or not all(isinstance(tag, str) for tag in self.tags):
                raise ValueError("tags that are no list of names")
            if slot_filling.MODELS.get(self.name, slot_filling.Model(self.name)) != slot_filling.model_of(found):
                raise ValueError(f"model {self.name!r} of other layers than it has")
            V, T, M, D = len(self.vocabulary), len(self.tags), found["input_size"], found["hidden_size"]
            # 嵌入与输出层至少有这么多   the embedding and the output layer alone have as many
            predicting.check_memory(V * M + T * D, parameters)
            cell = slot_filling.class_of(found["cell"])
            model = slot_filling.make_model(SimpleNamespace(**found), cell, V, T)
        nndl.checkpoint.restore(model, parameters, folder / result.MODEL)
        self.runner = nndl.RunnerV3(model, None, None, None)
        self._read, self._ask = slot_inspection.read, slot_inspection.ask
        self.between = " " if slot_inspection.units_of(self.corpus) == "words" else ""

    def __call__(self, text: str) -> tuple[list[str], list[str]]:
        """The words of a text, and the tag of each; none of a text without words."""
        words = self._read(text, self.corpus, self.vocabulary)
        return words, self._ask(self.runner, words, self.vocabulary, self.tags) if words else []

    def unknown(self, words: Iterable[str]) -> list[str]:
        """The words that the model does not know."""
        return [word for word in words if normal(word) not in self.vocabulary.index]


def answer(predictor: Predictor, texts: Iterable[str]) -> Iterator[str]:
    """A line for each text, its slots in brackets; "-" for one without words. The unknown words are said beside it."""
    from chapter6.extras.slot_findings import marked

    for text in texts:
        words, tags = predictor(text)
        if unknown := predictor.unknown(words):
            listed = ", ".join(unknown[:10]) + (", ..." if len(unknown) > 10 else "")
            say(f"unknown words, read as [UNK]: {listed}", f"不认识的词（按 [UNK] 处理）：{listed}")
            if predictor.between and is_chinese([text]):
                say(
                    "Chinese is for a model of --corpus flights_zh: python -m chapter6 run slots --corpus flights_zh",
                    "中文句子请用 --corpus flights_zh 训练的模型：python -m chapter6 run slots --corpus flights_zh",
                )
        yield marked(words, tags, predictor.between) or "-"


def predict(asked: Asked) -> None:
    """The command: answer the sentences given, or those of a file, or of the standard input; one line each.

    Raises:
        DataError: no such file, one that is no text, or an empty sentence on the command line.
        CheckpointError: no model, or not a whole one.
    """
    texts = predicting.texts(asked, "sentence")
    folder = asked.model or predicting.find_model(asked.out, "slots", PRESETS, "dev_f1")
    with interruption.leaving():
        runtime.start(asked.device)
    predictor = Predictor(folder)
    say(
        f"model: {folder}, {predictor.name}, trained on {predictor.corpus}",
        f"模型：{folder}，{predictor.name}，训练语料：{predictor.corpus}",
    )
    if predicting.is_live(asked):
        say("one sentence a line, Ctrl-D ends", "每行一句，Ctrl-D 结束")
    for line in answer(predictor, texts):
        print(line, flush=True)
