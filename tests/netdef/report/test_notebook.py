"""A net in Jupyter: a picture and a table, without a touch of its blobs."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from netdef import TEST, Net, parse_net

NET = """\
name: "<small>"
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 dim: 3 dim: 8 dim: 9 } } }
layer { name: "a" type: "Convolution" bottom: "data" top: "a" convolution_param { num_output: 5 kernel_size: 3 } }
layer { name: "b" type: "Convolution" bottom: "data" top: "b" convolution_param { num_output: 5 kernel_size: 3 } }
layer { name: "sum" type: "Eltwise" bottom: "a" bottom: "b" top: "sum" }
"""


def test_the_picture_and_the_table():
    net = Net(parse_net(NET), TEST)
    svg, html = net._repr_svg_(), net._repr_html_()
    ElementTree.fromstring(svg)
    assert ElementTree.fromstring(html.replace("&nbsp;", " ")).tag == "div"
    for text in ("&lt;small&gt;", "TEST phase · 4 layers · 280 parameters", ">sum<"):
        assert text in svg
    for text in ("<td", ">Eltwise<", ">2x5x6x7<", ">140<", ">280<"):
        assert text in html
    assert "split" not in svg
    assert not any(blob.has_data for blob in net.blobs.values())
