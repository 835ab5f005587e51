"""Metrics of the course, one idea a file.

A metric of which lower is better says so by an attribute ``lower_is_better = True``.
"""

from nndl.metric.accuracy import Accuracy
from nndl.metric.chunks import ChunkF1
from nndl.metric.edits import LabelErrorRate, edit_distance
from nndl.metric.likelihood import CrossEntropy, Perplexity
from nndl.metric.sense import lower_is_better
from nndl.metric.squared import MeanSquaredError
from nndl.metric.whole import WholeAccuracy

__all__ = [
    "Accuracy",
    "ChunkF1",
    "CrossEntropy",
    "LabelErrorRate",
    "MeanSquaredError",
    "Perplexity",
    "WholeAccuracy",
    "edit_distance",
    "lower_is_better",
]
