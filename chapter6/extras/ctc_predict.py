"""Digits read by a network that lesson ctc trained: a strip drawn of unseen images, or a WAV file (识别数字串)."""

from dataclasses import fields
from math import exp
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nndl
from chapter6.extras.presets.ctc import Ctc
from chapter6.lab import interruption, predicting, result
from chapter6.lab.lesson import Asked
from chapter6.lab.predicting import say
from nndl import runtime
from nndl.dataset.reading import open_file
from nndl.error import CheckpointError, SettingError

PRESETS = ("full", "quick")
"""Whose model is taken, the first that is there."""
MOST_SECONDS = 60
NOTHING = "-"
"""In the place of the digits where nothing is read."""


class Reader:
    """A trained network.

    Args:
        folder: what a training of lesson ctc left.
        beam: beginnings that prefix beam search keeps.
        draw: random seed of the strips.

    Raises:
        CheckpointError: a file is missing or damaged, or they do not belong together.
    """

    def __init__(self, folder: Path, beam: int, draw: int) -> None:
        from chapter6.extras.cells_compared import class_of  # loads Paddle
        from chapter6.extras.ctc_recognition import make_model

        import numpy as np

        found = predicting.load_result(folder, "runs/ctc/quick/checkpoints/strips-GRU-...", has="strings")
        parameters = predicting.load_parameters(folder)
        with predicting.trusting_nothing(folder):
            known = {f.name: found[f.name] for f in fields(Ctc) if f.name != "directions"}
            Ctc(**known | {"directions": (found["direction"],), "digits": tuple(found["digits"])})
            # 每层至少有 U   each layer has a U at least
            predicting.check_memory(found["num_layers"] * found["hidden_size"] ** 2, parameters)
            model = make_model(SimpleNamespace(**found), class_of(found["cell"]))
        nndl.checkpoint.restore(model, parameters, folder / result.MODEL)
        self.runner = nndl.RunnerV3(model, None, None, None)
        self.corpus, self.beam, self.random = found["corpus"], beam, np.random.default_rng(draw)

    def __call__(self, X: Any) -> tuple[str, float]:
        """The digits of a sequence, float [T, M], and the probability of this labelling."""
        from chapter6.extras.ctc_recognition import logits_of
        from nndl.ctc import prefix_beam
        from nndl.dataset.unaligned import Example, written

        (z,) = logits_of(self.runner, [Example.of(X, "", [])])
        labels, log_p = prefix_beam(z, self.beam)[0]
        return written(labels), exp(log_p)

    def features(self, given: str) -> Any:
        """What the network reads, float [T, M]. Raises SettingError or DataError for what it cannot read."""
        from nndl.dataset import audio, digit_strips

        if self.corpus == "strips":
            return digit_strips.draw("test", given, self.random).X
        with open_file(Path(given), "expected a WAV file", 2 * audio.RATE * MOST_SECONDS + 44) as file:
            return audio.log_mel(audio.read_wav(file.read(), given) / 32768)


def corpus_of(given: str) -> str:
    """Digits are drawn; anything else is the name of a file."""
    return "strips" if given.isdecimal() else "fsdd"


def predict(asked: Asked) -> None:
    """The command: for each text a line, what was given, a tab, the digits read, a tab, their probability.

    Raises:
        DataError: a file that is no WAV file of this kind.
        SettingError: neither digits nor a file; digits for a model of spoken digits, or the other way round.
        CheckpointError: no model, or not a whole one.
    """
    given = (text.strip() for text in predicting.texts(asked, "string of digits, or name of a WAV file"))
    if predicting.is_live(asked):
        say("digits or the name of a WAV file a line, Ctrl-D ends", "每行一串数字或一个 WAV 文件名，Ctrl-D 结束")
    reader = None
    for text in filter(None, given):
        reader = reader or _open(asked, text)
        if corpus_of(text) != reader.corpus:
            kind = "digits, such as 3141" if reader.corpus == "strips" else "a WAV file"
            raise SettingError(f"predict: {text[:80]!r}: the model was trained on {reader.corpus}, expected {kind}")
        digits, p = reader(reader.features(text))
        print(f"{text}\t{digits or NOTHING}\t{p:.4f}", flush=True)


def _open(asked: Asked, text: str) -> Reader:
    """The model that was asked for, or the best of those that read such input."""
    corpus = corpus_of(text)
    try:
        wanted = {"lowest": True, "corpus": corpus}
        folder = asked.model or predicting.find_model(asked.out, "ctc", PRESETS, "dev_error", **wanted)
    except CheckpointError as error:
        if corpus == "fsdd" and not Path(text).exists():
            raise SettingError(
                f"predict: {text[:80]!r}: expected digits, such as 3141, or the name of a WAV file"
            ) from None
        more = " (a WAV file is read by a model trained with --corpus fsdd)" if corpus == "fsdd" else ""
        raise CheckpointError(f"{error}{more}") from None
    with interruption.leaving():
        runtime.start(asked.device)
    reader = Reader(folder, asked.settings.beam, asked.settings.draw)
    say(f"model: {folder}, trained on {reader.corpus}", f"模型：{folder}，训练数据：{reader.corpus}")
    return reader
