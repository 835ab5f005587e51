"""A beginning in, a text out (续写与藏头诗), by a language model that the lesson ``language`` trained."""

from pathlib import Path
from types import SimpleNamespace

import nndl
from chapter6.extras.language_writing import acrostic, continue_text
from chapter6.extras.presets.language import CORPORA, Continuing, Language
from chapter6.lab import interruption, predicting, result
from chapter6.lab.lesson import Asked
from chapter6.lab.predicting import say
from nndl import runtime
from nndl.generate import Choose, Sampler, greedy

PRESETS = ("full", "quick")
"""Whose model is taken, the first that is there."""
INPUTS = ("embedding", "one-hot")


class Writer:
    """A trained language model with its vocabulary.

    Args:
        folder: what a training of the lesson left.

    Raises:
        CheckpointError: a file is missing or damaged, or they do not belong together.
    """

    def __init__(self, folder: Path) -> None:
        from chapter6.extras.cells_compared import class_of  # loads Paddle
        from chapter6.extras.language_model import make_model

        found = predicting.load_result(folder, "runs/language/quick/checkpoints/python-GRU1x128-...", has="inputs")
        self.vocabulary = predicting.load_vocabulary(folder, found.get("vocabulary"))
        parameters = predicting.load_parameters(folder)
        with predicting.trusting_nothing(folder):
            self.corpus, cell = found["corpus"], class_of(found["cell"])
            if self.corpus not in (*CORPORA, "text") or found["inputs"] not in INPUTS:
                raise ValueError(f"corpus {self.corpus!r}, inputs {found['inputs']!r}")
            Language(**{name: found[name] for name in ("cell", "num_layers", "hidden_size", "dropout", "input_size")})
            V, M, D = len(self.vocabulary), found["input_size"], found["hidden_size"]
            embedding = V * M if found["inputs"] == "embedding" else 0
            # 每层的 U, 以及输出层   U of each layer, and the output layer
            predicting.check_memory(embedding + found["num_layers"] * D * D + D * V, parameters)
            self.model = make_model(SimpleNamespace(**found), cell, V)
        nndl.checkpoint.restore(self.model, parameters, folder / result.MODEL)
        self.model.eval()

    def __call__(self, text: str, settings: Continuing) -> str:
        """The text, and how it goes on; or a line for each of its characters, which begins with it.

        Raises:
            DataError: a character that the model has not learnt.
        """
        choose: Choose = greedy
        if not settings.greedy:
            choose = Sampler(settings.seed, settings.temperature, settings.top_k, settings.top_p)
        if settings.acrostic:
            return "\n".join(acrostic(self.model, self.vocabulary, text, settings.length, choose))
        return text + continue_text(self.model, self.vocabulary, text, settings.length, choose)


def predict(asked: Asked) -> None:
    """The command: continue the beginnings given, or those of a file, or of the standard input.

    Raises:
        DataError: no such file, one that is no text, an empty beginning, or a character that the model has not learnt.
        CheckpointError: no model, or not a whole one.
    """
    beginnings = predicting.texts(asked, "text")
    folder = asked.model or predicting.find_model(asked.out, "language", PRESETS, "dev_perplexity", lowest=True)
    with interruption.leaving():
        runtime.start(asked.device)
    writer = Writer(folder)
    say(f"model: {folder}, trained on {writer.corpus}", f"模型：{folder}，训练语料：{writer.corpus}")
    if predicting.is_live(asked):
        say("one beginning a line, Ctrl-D ends", "每行一个开头，Ctrl-D 结束")
    for number, text in enumerate(beginnings):
        if number:
            print()
        print(writer(text, asked.settings), flush=True)
