"""The file that says which values go where."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.errors import WeightsError
from netdef.importers.weights import import_weights
from netdef.net import Net
from prototxt import parse_net
from tests.netdef.importers.test_matching import NET, units

GOOD = """\
# from : to
c.w = wrong  # is replaced below
w = ip[0]
wb = ip[1]

a = conv  # a whole layer
b = norm
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(text: str):
        (tmp_path / "map.txt").write_text(text)
        with Net(parse_net(NET), seed=3) as net:
            return net, import_weights(net, units(), "source", "map.txt")

    return write


def test_whole_layers_and_single_arrays(place):
    net, match = place(GOOD.replace("c.w = wrong  # is replaced below\n", ""))
    assert [slot.name for slot, _, _ in match.placed] == [
        "ip[0]", "ip[1]", "conv[0]", "conv[1]", "norm[0]", "norm[1]", "norm[2]"
    ]  # fmt: skip
    assert np.array_equal(net.params["ip"][0].data, np.arange(120).reshape(6, 20))


def test_the_factor_is_1_where_no_line_fills_it(place):
    net, match = place("a = conv\nc = ip\nm = norm[0]\nv = norm[1]\n")
    assert net.params["norm"][2].data.tolist() == [1]
    assert match.placed[-1][0].name == "norm[2]"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (GOOD.replace("a = conv", "a = cony"),
         ['map.txt:2: the source has no "c.w".', 'map.txt:6: the net has no "cony". Did you mean "conv"?']),
        ("a = conv\nb = norm\nw = ip[0]\n", ["ip[1] (InnerProduct) is filled by no line"]),
        ("a = conv\nb = norm\nc = ip\nw = ip[0]\n", ["ip[0] is filled 2 times"]),
        ("a = conv\nb = norm\nc = ip\nwbc = ip[2]\n", ['map.txt:4: the source has no "wbc". Did you mean "wb"?']),
        ("a = conv\nb = norm\nc = ip\nw = ip[2]\n", ['map.txt:4: the net has no "ip[2]". Did you mean "ip[1]"?']),
        ("w = conv[0]\nwb = conv[1]\nb = norm\nc = ip\n",
         ["w has shape (6, 20); conv[0] (Convolution) has (5, 2, 2, 3)",
          "wb has shape (6,); conv[1] (Convolution) has (5,)"]),
    ],
)  # fmt: skip
def test_lines_that_do_not_fit(place, text, lines):
    with pytest.raises(WeightsError) as caught:
        place(text)
    head, *found, last = str(caught.value).splitlines()
    assert [line.strip() for line in found] == lines
    assert head.endswith(f"{len(lines)} mismatch{'' if len(lines) == 1 else 'es'}:")
    assert last == "Correct the map."


@pytest.mark.parametrize("line", ["w ip[0]", "= ip", "w ="])
def test_lines_that_cannot_be_read(place, line):
    with pytest.raises(WeightsError) as caught:
        place(f"# first\n{line}\n")
    assert str(caught.value) == (
        f'map.txt:2:1: found "{line}"; expected "source = layer[blob]" or "source layer = layer". Correct the line.'
    )


def test_a_map_that_is_not_there(tmp_path):
    with Net(parse_net(NET)) as net, pytest.raises(WeightsError, match="nowhere: cannot be read: .*Correct the path."):
        import_weights(net, units(), "source", "nowhere")
