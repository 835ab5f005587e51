"""The sections on settings that take seconds, for the end-to-end tests."""

import json
from pathlib import Path
from typing import Any

from chapter6.__main__ import main

import pytest

REDUCED = {
    "6.1": ["--examples", "200", "--epochs", "2", "--eval-steps", "2", "--hidden-size", "8"],
    "6.2": ["--lengths", "5,10", "--epochs", "3"],
    "6.3": ["--epochs", "3", "--batch-size", "20", "--input-size", "4", "--hidden-size", "6"],
    "6.4": ["--length", "10", "--epochs", "6", "--gentle-epochs", "8"],
    "6.5": ["--lengths", "5,10", "--epochs", "3", "--digits", "6,7,0,0,1,0,0,0"],
    "6.6": ["--epochs", "3", "--batch-size", "60", "--input-size", "4", "--hidden-size", "6", "--digits", "6,7,0,1"],
    "6.8": [
        "--corpus", "small", "--train-reviews", "60", "--dev-reviews", "20", "--batch-size", "20", "--eval-steps", "3",
        "--input-size", "4", "--hidden-size", "4", "--max-seq-len", "20", "--shapes", "2x3x4 3x4x5",
        "--steps", "2,4,8", "--sizes", "3,5", "--repeats", "2",
    ],
    "addition": [
        "--digits", "2", "--examples", "128", "--steps", "4", "--eval-steps", "2", "--batch-size", "32",
        "--input-size", "4", "--hidden-size", "4",
    ],
    "audit": [
        "--addition-steps", "4", "--dates-steps", "4", "--memorised-epochs", "1", "--language-steps", "4",
        "--adding-examples", "1000", "--hidden-size", "4", "--distance", "10",
    ],
    "autoencoder": [
        "--pairs", "64", "--steps", "4", "--eval-steps", "2", "--batch-size", "32", "--input-size", "4",
        "--hidden-size", "4",
    ],
    "by_hand": ["--lengths", "5", "--epochs", "3", "--x", "2,1,0 9,0,1"],
    "cells": [
        "--cells", "SRN,BatchNormSRN,GRU,LSTM", "--lengths", "5", "--adding-lengths", "4", "--copying-lengths", "3",
        "--tasks", "DigitSum,adding,copying", "--steps", "4", "--examples", "64", "--eval-steps", "2",
        "--parameters", "1500",
    ],
    "language": [
        "--text", str(Path(__file__).parents[2] / "LICENSE"), "--cells", "SRN,GRU", "--hidden-size", "6",
        "--compared-size", "5", "--epochs", "1", "--compared-epochs", "1", "--memorised", "2000",
        "--memorised-epochs", "2", "--input-size", "4", "--length", "20", "--eval-steps", "20",
    ],
    "ctc": [
        "--strings", "32", "--held-out", "4", "--epochs", "2", "--hidden-size", "4", "--eval-steps", "2",
    ],
    "gradients": [
        "--distance", "10", "--scales", "1,8", "--surface-points", "21", "--surface-steps", "20", "--length", "5",
        "--epochs", "2", "--truncations", "1,4", "--gentle-epochs", "2", "--explosion-epochs", "2", "--l1", "0.01",
        "--l2", "0.01",
    ],
    "slots": [
        "--models", "feed-forward,Elman,Elman-5", "--cell", "Clockwork", "--epochs", "1", "--batch-size", "400",
        "--input-size", "4", "--hidden-size", "4",
    ],
    "translation": [
        "--examples", "128", "--steps", "4", "--eval-steps", "2", "--input-size", "4", "--hidden-size", "8",
        "--beam", "2",
    ],
}  # fmt: skip
"""Settings that take seconds, for each section."""


def run_section(number: str, out: Path, *more: object, data_dir: Path | None = None) -> dict[str, Any]:
    """Run a section with the reduced settings and return its record."""
    data = ["--data-dir", str(data_dir)] if data_dir else []
    with pytest.raises(SystemExit) as exit_:
        main(["run", number, *REDUCED[number], "--seeds", "2", "--out", str(out), *data, *map(str, more)])
    assert exit_.value.code == 0
    return json.loads((out / number / "quick" / "record.json").read_text(encoding="utf-8"))


def without_times(value: Any) -> Any:
    """A record's metrics without what no two runs share: seconds, speeds and paths."""
    if isinstance(value, dict):
        skip = ("seconds", "epoch_seconds", "speed", "folder", "forward", "both", "memory")
        return {name: without_times(item) for name, item in value.items() if name not in skip}
    return [without_times(item) for item in value] if isinstance(value, list) else value
