"""The models, one a file; the book's names are kept."""

from nndl.model.classifier import Model_RNN4SeqClass
from nndl.model.recogniser import Recogniser
from nndl.model.seq2seq import Seq2Seq
from nndl.model.tagger import Tagger
from nndl.model.text import Model_BiLSTM_FC

__all__ = ["Model_BiLSTM_FC", "Model_RNN4SeqClass", "Recogniser", "Seq2Seq", "Tagger"]
