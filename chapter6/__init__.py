"""Chapter 6, recurrent neural networks (循环神经网络): one module a section. ``python -m chapter6`` lists them."""
