"""The net's answers held against the source's."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.errors import WeightsError
from netdef.importers.weights import compare
from netdef.net import Net
from prototxt import parse_net

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 3 dim: 4 } } }
layer { name: "double" type: "Power" bottom: "data" top: "double" power_param { scale: 2 } }
layer { name: "prob" type: "Softmax" bottom: "double" top: "prob" }
"""


def softmax(values):
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("answer", "blob"), [(lambda batch: softmax(2 * batch), "prob"), (lambda batch: 2 * batch, "double")]
)
def test_probabilities_or_what_they_are_made_of(answer, blob):
    with Net(parse_net(NET)) as net:
        found = compare(net, answer, "source")
    assert (found.blob, found.difference < 1e-6) == (blob, True)
    assert found.greatest > 0.5


def test_other_answers():
    with Net(parse_net(NET)) as net, pytest.raises(WeightsError) as caught:
        compare(net, lambda batch: 2 * batch + np.eye(len(batch), 4), "source")
    assert "source: answers otherwise than the net: values up to " in str(caught.value)
    assert '"double" differs by up to 1; expected at most 0.001 of them.' in str(caught.value)


def test_what_is_no_number_differs():
    with Net(parse_net(NET)) as net, pytest.raises(WeightsError, match="differs by up to nan"):
        compare(net, lambda batch: 2 * batch * np.nan, "source")


def test_answers_of_another_shape():
    with Net(parse_net(NET)) as net, pytest.raises(WeightsError) as caught:
        compare(net, lambda batch: batch[:, :2], "source")
    assert str(caught.value) == (
        'source: answers with shape (2, 2); "prob" has (2, 4), "double" has (2, 4). Correct the net.'
    )


def test_a_net_with_two_outputs():
    two = NET + 'layer { name: "other" type: "ReLU" bottom: "double" top: "other" }'
    with Net(parse_net(two)) as net, pytest.raises(WeightsError) as caught:
        compare(net, lambda batch: batch, "source")
    assert str(caught.value) == (
        "source: cannot be compared: the net has 1 inputs and 2 outputs; expected one of each. Leave the check away."
    )
