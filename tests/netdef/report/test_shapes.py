"""Nets for shapes alone: no file is opened."""

from __future__ import annotations

import pytest

from netdef.errors import LayerError, UsageError
from netdef.report.shapes import shape_net
from prototxt import parse_net, schema

NET = """
layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TRAIN }
        data_param { source: "gone" batch_size: 7 } }
layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TEST }
        data_param { source: "gone" batch_size: 9 } }
layer { name: "flat" type: "Flatten" bottom: "data" top: "flat" }
layer { name: "quiet" type: "Silence" bottom: "label" }
"""


def shapes(text: str, phase: int = schema.TEST, **options) -> dict:
    return {
        name: blob.shape for name, blob in shape_net(parse_net(text, "net.prototxt"), phase, **options).blobs.items()
    }


def test_data_are_stood_in_for():
    assert shapes(NET, shape=(3, 4, 5)) == {"data": (9, 3, 4, 5), "label": (9,), "flat": (9, 60)}
    assert shapes(NET, schema.TRAIN, shape={"data": (3, 4, 5)})["data"] == (7, 3, 4, 5)
    assert shapes(NET, shape=(3, 4, 5), batch=2)["label"] == (2,)


def test_the_document_is_not_changed():
    document = parse_net(NET)
    before = document.message.SerializeToString()
    shape_net(document, schema.TEST, shape=(1, 2, 3))
    assert document.message.SerializeToString() == before


def test_inputs_take_another_batch_and_shape():
    text = 'layer { name: "d" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 4 } } }'
    assert shapes(text, batch=5) == {"data": (5, 3, 4)}
    assert shapes(text, shape=(6, 7)) == {"data": (1, 6, 7)}
    with pytest.raises(UsageError) as error:
        shapes(text, shape={"date": (3,)})
    assert str(error.value) == 'a shape is given for "date", which is not an input. Did you mean "data"? Inputs: data.'


def test_rows_of_an_hdf5_source_need_a_shape_for_each_top():
    text = (
        'layer { name: "d" type: "HDF5Data" top: "data" top: "mask" hdf5_data_param { source: "gone" batch_size: 2 } }'
    )
    assert shapes(text, shape={"data": (3,), "mask": (4, 5)}) == {"data": (2, 3), "mask": (2, 4, 5)}


def test_an_unknown_shape():
    with pytest.raises(LayerError) as error:
        shapes(NET)
    assert error.value.sentence() == (
        'net.prototxt:4:1: layer "d" (Data): the shape of "data" is not known: source "gone" does not exist here, and '
        "transform_param has no crop_size. Give it without the batch: --shape C,H,W."
    )
