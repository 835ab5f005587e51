"""The chapter's operators (算子), one idea a file."""

from nndl.op.cell import Cell, LSTMCell, SRNCell, recording
from nndl.op.embedding import Embedding
from nndl.op.pooling import AveragePooling, masked_max, masked_mean
from nndl.op.recurrent import LSTM, SRN, Recurrent, unroll

__all__ = [
    "LSTM",
    "SRN",
    "AveragePooling",
    "Cell",
    "Embedding",
    "LSTMCell",
    "Recurrent",
    "SRNCell",
    "masked_max",
    "masked_mean",
    "recording",
    "unroll",
]
