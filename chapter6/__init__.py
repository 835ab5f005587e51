"""Chapter 6, recurrent neural networks (循环神经网络): one module a section. ``python -m chapter6`` lists them."""

import sys
from os.path import dirname

from chapter6.lab import interruption

# Imported by another program, such as a notebook, the chapter leaves its Ctrl-C alone.
if dirname(sys.argv[0]) == dirname(__file__) or (sys.argv[0] == "-m" and "chapter6" in sys.orig_argv):
    interruption.leave_from_now_on()
