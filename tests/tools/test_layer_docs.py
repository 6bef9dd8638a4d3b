"""The page of all layers says what the code says."""

from __future__ import annotations

import re

import pytest

import netdef.layers  # noqa: F401  (registers the layer types)
from netdef.layer import LAYERS
from tools import layer_docs


def test_the_page_is_up_to_date():
    written = layer_docs.PAGE.read_text(encoding="utf-8")
    assert written == layer_docs.page(), "run python -m tools.layer_docs"


@pytest.mark.parametrize("name", LAYERS.names())
def test_every_type_is_told_of(name):
    text = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", layer_docs.page(), re.M | re.S).group(1)
    assert "- **Fields**: " in text and "- **Source**: " in text and "Top**: " in text


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("Caffe relu_layer.cpp:8-40; Nair and Hinton (2010).", "Caffe"),
        ("SSD's Caffe fork, permute_layer.cpp:9-142.", "SSD"),
        ("PSPNet's and SegNet's Caffe forks, bn_layer.cpp in both.", "PSPNet, SegNet"),
        ("caffe-face, a Caffe fork, center_loss_layer.cpp.", "caffe-face"),
    ],
)
def test_origin(source, wanted):
    assert layer_docs.origin(source) == wanted


def test_docstrings_become_markdown():
    class Example:
        """Does a thing: ``a|b``.

        Formula
            ``top =
            bottom``.
        Bottom / Top
            1 → 1.
        """

    parts = layer_docs.read_docstring(Example)
    assert parts["Formula"] == "``top = bottom``." and parts["Bottom / Top"] == "1 → 1."
    assert layer_docs.section("Example", {"": parts[""], "Formula": parts["Formula"]}) == (
        "## Example\n\nDoes a thing: `a\\|b`.\n\n- **Formula**: `top = bottom`.\n"
    )


def test_writes_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(layer_docs, "PAGE", tmp_path / "layers.md")
    assert layer_docs.main() == 0
    assert capsys.readouterr().out == f"{tmp_path / 'layers.md'}: written.\n"
    assert (tmp_path / "layers.md").read_text(encoding="utf-8") == layer_docs.page()
