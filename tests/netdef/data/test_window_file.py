import numpy as np
import pytest

from netdef.data.window_file import Cut, cut_window, read_window_file
from netdef.errors import DataError

TEXT = """\
# 0
a.jpg
3
20
30
3
2 0.5 1 2 3 4
1 0.3 5 6 7 8
7 0.2 0 0 9 9
# 1
b c.jpg
3
7
8
1
15 1.0 2 2 4 6
"""


def read(tmp_path, text, *thresholds):
    (tmp_path / "windows.txt").write_text(text)
    return read_window_file(tmp_path / "windows.txt", *(thresholds or (0.5, 0.3)))


def test_objects_and_background(tmp_path):
    windows = read(tmp_path, TEXT)
    assert windows.names == ["a.jpg", "b c.jpg"]
    assert windows.foreground.tolist() == [[0, 2, 1, 2, 3, 4], [1, 15, 2, 2, 4, 6]]
    assert windows.background.tolist() == [[0, 0, 0, 0, 9, 9]]
    assert len(read(tmp_path, TEXT, 0.2, 0.5).background) == 0


@pytest.mark.parametrize(
    "old, new, message",
    [
        (TEXT, "", 'window file "FILE" is empty; expected images and their windows. Fill it.'),
        (
            "# 1",
            "# 2",
            'line 10 of window file "FILE" is "# 2"; expected "# 1", the start of the next image, counted from 0. '
            "Correct the line.",
        ),
        (
            "a.jpg\n3",
            "a.jpg\n1",
            'line 3 of window file "FILE" is "1"; expected 3 channels, for images are read in colour. '
            "Correct the line.",
        ),
        ("\n20\n", "\nx\n", 'line 4 of window file "FILE" is "x"; expected the image\'s height. Correct the line.'),
        (
            "5 6 7 8",
            "5 6 7",
            'line 8 of window file "FILE" is "1 0.3 5 6 7"; expected "class overlap x1 y1 x2 y2", six numbers. '
            "Correct the line.",
        ),
        ("15 1.0 2 2 4 6", "", 'window file "FILE" ends in the middle of an image. Make it again.'),
        (
            "15 1.0",
            "0 1.0",
            'window file "FILE" has an object of class 0 in image 1; classes of objects count from 1, 0 is the '
            "background. Correct the class, or its overlap.",
        ),
    ],
)
def test_files_that_cannot_be_used(tmp_path, old, new, message):
    with pytest.raises(DataError) as caught:
        read(tmp_path, TEXT.replace(old, new, 1))
    assert caught.value.message == message.replace("FILE", str(tmp_path / "windows.txt"))


def test_a_box_as_it_is():
    assert cut_window((2, 3, 5, 9), (20, 30), 8, 0, False, False) == Cut(3, 10, 2, 6, 8, 8, 0, 0)


def test_context_inside_the_image():
    """4 pixels and 2 of context to either side of the crop: twice as large a box, and one pixel more."""
    assert cut_window((10, 10, 13, 13), (30, 40), 8, 2, False, False) == Cut(8, 17, 8, 17, 8, 8, 0, 0)


def test_what_lies_beyond_the_image_stays_empty():
    # x from -2 to 6, y from 8 to 16: 7 of 9 columns exist, 6 of 8 pixels; 2 are empty.
    assert cut_window((0, 10, 3, 13), (30, 40), 8, 2, False, False) == Cut(8, 17, 0, 7, 8, 6, 0, 2)
    assert cut_window((0, 10, 3, 13), (30, 40), 8, 2, False, True) == Cut(8, 17, 0, 7, 8, 6, 0, 0)
    # y up to 16 of 12: 4 of 9 rows exist, 4 of 8 pixels.
    assert cut_window((10, 10, 13, 13), (12, 40), 8, 2, False, False) == Cut(8, 12, 8, 17, 4, 8, 0, 0)


def test_square():
    # 2 x 6 pixels about (9, 13) become 6 x 6, and one pixel more.
    assert cut_window((8, 10, 9, 15), (30, 40), 14, 0, True, False) == Cut(10, 17, 6, 13, 14, 14, 0, 0)


def test_numbers_are_whole():
    cut = cut_window(np.array([0, 10, 3, 13]), (30, 40), 8, 2, False, False)
    assert all(type(value) is int for value in vars(cut).values())
