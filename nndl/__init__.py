"""nndl: the utility package of the course, for chapter 6 (recurrent neural networks, 循环神经网络).

``import nndl`` takes milliseconds: it chooses threads and CPU kernels (:mod:`nndl.runtime`), which must
happen before Paddle is loaded, and nothing more. Each public name is imported when it is first used, and
the first that needs Paddle loads it. So import ``nndl`` before ``paddle``.

    >>> import nndl
    >>> from nndl import RunnerV3, Accuracy, plot_training_loss, plot_training_loss_acc
"""

from importlib import import_module
from typing import Any

from nndl import runtime

_HOME = {
    "RunnerV3": "nndl.runner",
    "Accuracy": "nndl.metric",
    "CrossEntropy": "nndl.metric",
    "Perplexity": "nndl.metric",
    "MeanSquaredError": "nndl.metric",
    "ChunkF1": "nndl.metric",
    "LabelErrorRate": "nndl.metric",
    "WholeAccuracy": "nndl.metric",
    "Adam": "nndl.adam",
    "plot_training_loss": "nndl.plot",
    "plot_training_loss_acc": "nndl.plot",
    "Embedding": "nndl.op",
    "SRNCell": "nndl.op",
    "LSTMCell": "nndl.op",
    "GRUCell": "nndl.op",
    "Recurrent": "nndl.op",
    "SRN": "nndl.op",
    "LSTM": "nndl.op",
    "GRU": "nndl.op",
    "AveragePooling": "nndl.op",
    "Model_RNN4SeqClass": "nndl.model",
    "Model_BiLSTM_FC": "nndl.model",
    "Tagger": "nndl.model",
    "Recogniser": "nndl.model",
    "CTCLoss": "nndl.ctc",
    "Seq2Seq": "nndl.model",
    "Callback": "nndl.callback",
    "GradientNormRecorder": "nndl.callback",
    "LearningRateSchedule": "nndl.callback",
    "StepTimer": "nndl.callback",
    "VisualDLLogger": "nndl.callback",
}
_MODULES = (
    "adam",
    "callback",
    "checkpoint",
    "ctc",
    "dataset",
    "distributed",
    "error",
    "file",
    "metric",
    "model",
    "op",
    "plot",
    "resume",
    "runner",
)

_OTHER_CHAPTERS = {
    *("RunnerV1", "RunnerV2", "accuracy", "activation", "make_moons", "make_multiclass_classification"),
    *("opitimizer", "optimizer", "tools"),  # the first spelling is the book's
}

__all__ = [*_HOME, "runtime"]

runtime.prepare()


def __getattr__(name: str) -> Any:
    if name in _OTHER_CHAPTERS:  # an ImportError, for that of ``from nndl import`` would drop the message
        raise ImportError(f"{name} is not for chapter 6, which {__file__} is for; it has {', '.join(_HOME)}")
    if name not in _HOME and name not in _MODULES:
        raise AttributeError(f"module 'nndl' has no attribute {name!r}")
    if name in _MODULES:
        return import_module(f"nndl.{name}")
    runtime.load_paddle()
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *_MODULES})
