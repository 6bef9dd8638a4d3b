"""Ten digits of 7x12 pixels, drawn for this project: the targets of LeNet-5's output units.

Source of the idea: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
Proc. IEEE 86 (1998), figure 3. Their bitmaps are of all printable ASCII characters; these are drawn anew.
"""

from __future__ import annotations

import numpy as np

WIDTH, HEIGHT = 7, 12

# Lines of a row stand side by side; # is ink.
_DRAWN = """
.......  .......  .......  .......  .......
..###..  ...#...  .#####.  .#####.  .....#.
.#...#.  ..##...  #.....#  #.....#  ....##.
#.....#  .#.#...  #.....#  ......#  ...#.#.
#.....#  ...#...  ......#  ......#  ..#..#.
#.....#  ...#...  .....#.  ..####.  .#...#.
#.....#  ...#...  ...##..  ......#  #....#.
#.....#  ...#...  ..#....  ......#  #######
#.....#  ...#...  .#.....  ......#  .....#.
.#...#.  ...#...  #......  #.....#  .....#.
..###..  .#####.  #######  .#####.  .....#.
.......  .......  .......  .......  .......

.......  .......  .......  .......  .......
#######  ..####.  #######  .#####.  .#####.
#......  .#.....  ......#  #.....#  #.....#
#......  #......  .....#.  #.....#  #.....#
#......  #......  .....#.  #.....#  #.....#
######.  #.####.  ....#..  .#####.  .######
......#  ##....#  ....#..  #.....#  ......#
......#  #.....#  ...#...  #.....#  ......#
......#  #.....#  ...#...  #.....#  ......#
#.....#  #.....#  ..#....  #.....#  .....#.
.#####.  .#####.  ..#....  .#####.  .####..
.......  .......  .......  .......  .......
"""


def digit_bitmaps() -> np.ndarray:
    """float32 ``(10, 84)``: 12 rows of 7 pixels, 1 where there is ink and -1 where there is none."""
    digits = []
    for block in _DRAWN.strip().split("\n\n"):
        rows = [line.split() for line in block.splitlines()]
        digits += ["".join(column) for column in zip(*rows)]
    return np.array([[1 if pixel == "#" else -1 for pixel in digit] for digit in digits], np.float32)
