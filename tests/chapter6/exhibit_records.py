"""Records as the lessons leave them, small and made by hand, for the tests of the exhibits."""

import json
from pathlib import Path
from typing import Any

import nndl
from chapter6 import sec_6_7_exhibits
from chapter6.contents import SECTIONS
from chapter6.extras import (
    ctc_exhibits,
    gradient_exhibits,
    gradient_lab,
    language_exhibits,
    slot_exhibits,
    translation_exhibits,
)
from chapter6.lab.record import Record
from chapter6.sec_6_5_lstm_memory import watch_gates
from nndl import runtime
from nndl.dataset import digit_sum

import numpy as np
import paddle

M, D = 5, 7
LAYERS = {"LSTM": nndl.LSTM, "SRN": nndl.SRN}
DIGITS = [6, 7, 0, 0, 1, 0, 0, 0]
HOSTILE = "<script>document.title = 'taken'</script>"


def record_of(section: str, settings: dict[str, Any], **metrics: Any) -> Record:
    preset = SECTIONS[section].presets["quick"]
    every = json.loads(json.dumps(vars(preset) | settings))
    return Record(section, "quick", every, [0], 1.0, runtime.describe(), metrics)


# --- gates ---


def model_of(name: str) -> nndl.Model_RNN4SeqClass:
    return nndl.Model_RNN4SeqClass(LAYERS[name](M, D), digit_sum.NUM_DIGITS, M, D, digit_sum.NUM_CLASSES)


def gates(out: Path) -> Record:
    """Two models of each kind, with large weights, as trainings leave them below ``out``; the second is the better."""
    paddle.seed(0)
    trainings = []
    for name in LAYERS:
        for seed in range(2):
            folder, model = out / f"{name}-{seed}", model_of(name)
            folder.mkdir()
            for parameter in model.parameters():
                parameter.set_value(2 * paddle.randn(parameter.shape) / parameter.shape[0] ** 0.5)
            nndl.RunnerV3(model, None, None, None).save_model(folder / "best.pdparams")
            own = {"model": name, "seed": seed, "length": 10, "folder": str(folder), "backend": "stepwise"}
            scores = {"dev_accuracy": 0.5 + 0.1 * seed, "test_accuracy": 0.6}
            trainings.append({"input_size": M, "hidden_size": D, **own, **scores})
    watched = [watch_gates(found, tuple(DIGITS)) for found in trainings if found["model"] == "LSTM"]
    return record_of("6.5", {"digits": DIGITS}, trainings=trainings, gates=watched)


# --- the others ---


def gradients() -> Record:
    return record_of("gradients", {}, wall=gradient_lab.wall())


def reviews() -> Record:
    def log_odds(*left_out: int) -> float:
        return round(1.0 - sum((0.5, -0.25, 2.0)[i] for i in left_out) + 0.125 * len(left_out) ** 2, 4)

    tokens = ["good", HOSTILE, "film"]
    singles, pairs = [log_odds(i) for i in range(3)], [[log_odds(0, 1), log_odds(0, 2)], [log_odds(1, 2)], []]
    short = {"which": "surest", "tokens": tokens, "without": singles, "pairs": pairs}
    long = {"which": "yours", "tokens": tokens, "without": singles, "pairs": None}
    common = {"label": "positive", "speaks_for": "positive", "whole": log_odds()}
    trainings = [{"labels": ["negative", "positive"], "seed": 0}]
    return record_of("6.7", {}, trainings=trainings, left_out=[common | short, common | long])


def sentences() -> Record:
    true = ["O", "B-to_city", "I-to_city", "B-day"]
    wrong = ["B-day", "B-to_city", "O", "O"]
    sentence = {"words": ["to", "new", HOSTILE, "monday"], "true": true, "tags": {"right": true, "wrong": wrong}}
    return record_of("slots", {}, sentences=[sentence])


def maps() -> Record:
    weights = [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]]
    kept = [{"kind": kind, "source": ["十", HOSTILE], "answer": ["1", "0", "[EOS]"]} for kind in ("additive", "dot")]
    return record_of("translation", {}, maps=[each | {"weights": weights} for each in kept])


def strings() -> Record:
    symbols = [0, 4, 4, 0, 4, 0]  # φ33φ3φ
    p = np.full((6, 11), 0.02)
    p[np.arange(6), symbols] = 0.8
    X = np.random.default_rng(0).random((6, 4)).tolist()
    string = {"X": X, "p": p.tolist(), "wanted": "33", "read": "33", "spans": [[1, 3], [4, 5]]}
    return record_of("ctc", {}, spikes=[[{"direction": "forward", **string}]])


def written() -> Record:
    text = "abcdefghijkl abcdefghijkl" + HOSTILE
    return record_of("language", {}, prefix="Once", written=dict.fromkeys(language_exhibits.NAMES, text))


OTHERS = {
    "gradients": (gradient_exhibits, gradients, ["powers", "wall"]),
    "6.7": (sec_6_7_exhibits, reviews, ["words"]),
    "slots": (slot_exhibits, sentences, ["tags"]),
    "translation": (translation_exhibits, maps, ["attention"]),
    "ctc": (ctc_exhibits, strings, ["spikes"]),
    "language": (language_exhibits, written, ["writing"]),
}
