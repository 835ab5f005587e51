"""The notebooks that follow the videos: texts in source/, made into .ipynb by :mod:`chapter6.notebooks.build`."""
