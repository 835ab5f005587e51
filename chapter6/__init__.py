"""Chapter 6, recurrent neural networks (循环神经网络): one module a section. ``python -m chapter6`` lists them."""

# From here on Ctrl-C is one line. Only imported: what is done here would count as code of every training.
from chapter6.lab import interruption  # noqa: F401
