"""The chapter's operators (算子), one idea a file. Each is imported when it is first used: the table of backends,
:mod:`nndl.op.backend`, is there without Paddle."""

from importlib import import_module
from typing import Any

_HOME = {
    "Cell": "cell",
    "SRNCell": "cell",
    "LSTMCell": "cell",
    "GRUCell": "cell",
    "recording": "cell",
    "JordanCell": "cell_variants",
    "ResidualSRNCell": "cell_variants",
    "LayerNormSRNCell": "cell_variants",
    "BatchNormSRNCell": "cell_variants",
    "IRNNCell": "cell_variants",
    "ResetBeforeGRUCell": "cell_variants",
    "PeepholeLSTMCell": "cell_variants",
    "CoupledLSTMCell": "cell_variants",
    "SCRNCell": "cell_variants",
    "ClockworkCell": "cell_variants",
    "unroll": "unroller",
    "Recurrent": "recurrent",
    "SRN": "recurrent",
    "LSTM": "recurrent",
    "GRU": "recurrent",
    "Embedding": "embedding",
    "AdditiveAttention": "attention",
    "DotAttention": "attention",
    "AveragePooling": "pooling",
    "masked_max": "pooling",
    "masked_mean": "pooling",
}

__all__ = [*_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
