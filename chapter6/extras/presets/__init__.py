"""The settings of the extras (练习与拓展), a file for each lesson, as ../../presets.py has those of the chapter.

``quick`` takes about a minute on two cores, ``full`` decides what quick has no time for. Nothing here needs Paddle.
"""
