"""The settings of the extras (练习与拓展的设置与预设), as ../presets.py has those of the chapter.

``quick`` takes less than a minute on two cores, ``full`` decides what quick has no time for.
"""

from dataclasses import replace

from chapter6.presets import MEMORY, Memory

# --- cells 循环单元对比 ---

CELLS = {
    "quick": Memory(lengths=(5, 15)),
    "full": replace(MEMORY["book"], lengths=(10, 20, 30)),
}
