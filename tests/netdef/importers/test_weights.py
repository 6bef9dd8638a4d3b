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
    ("answer", "blob"),
    [(lambda batches: [softmax(2 * batches[0])], "prob"), (lambda batches: [2 * batches[0]], "double")],
)
def test_probabilities_or_what_they_are_made_of(answer, blob):
    with Net(parse_net(NET)) as net:
        (found,) = compare(net, answer, "source")
    assert (found.blob, found.difference < 1e-6) == (blob, True)
    assert found.greatest > 0.5


def test_other_answers():
    with Net(parse_net(NET)) as net, pytest.raises(WeightsError) as caught:
        compare(net, lambda batches: [2 * batches[0] + np.eye(len(batches[0]), 4)], "source")
    assert "source: answers otherwise than the net: values up to " in str(caught.value)
    assert '"double" differs by up to 1; expected at most 0.001 of them.' in str(caught.value)


def test_what_is_no_number_differs():
    with Net(parse_net(NET)) as net, pytest.raises(WeightsError, match="differs by up to nan"):
        compare(net, lambda batches: [2 * batches[0] * np.nan], "source")


def test_answers_of_another_shape():
    with Net(parse_net(NET)) as net, pytest.raises(WeightsError) as caught:
        compare(net, lambda batches: [batches[0][:, :2]], "source")
    assert str(caught.value) == (
        'source: answers with shape (2, 2); "prob" has (2, 4), "double" has (2, 4). Correct the net.'
    )


TWO = """
layer { name: "data" type: "Input" top: "a" top: "b" input_param { shape { dim: 3 dim: 4 } shape { dim: 3 dim: 2 } } }
layer { name: "double" type: "Power" bottom: "a" top: "double" power_param { scale: 2 } }
layer { name: "prob" type: "Softmax" bottom: "double" top: "prob" }
layer { name: "third" type: "Power" bottom: "b" top: "third" power_param { scale: 3 } }
layer { name: "fourth" type: "Power" bottom: "b" top: "fourth" power_param { scale: 4 } }
"""


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_several_inputs_and_outputs(order):
    """Answers come in any order: each belongs to the output that is most like it."""

    def answer(batches):
        answers = [2 * batches[0], 3 * batches[1], 4 * batches[1]]
        return [answers[place] for place in order]

    with Net(parse_net(TWO)) as net:
        found = compare(net, answer, "source")
    names = ["double", "third", "fourth"]
    assert [each.blob for each in found] == [names[place] for place in order]
    assert max(each.difference for each in found) < 1e-6


def test_one_wrong_answer_of_several():
    with Net(parse_net(TWO)) as net, pytest.raises(WeightsError, match='"third" differs by up to '):
        compare(net, lambda batches: [2 * batches[0], 4 * batches[1], 2.5 * batches[1]], "source")


def test_answers_of_another_number():
    with Net(parse_net(TWO)) as net, pytest.raises(WeightsError) as caught:
        compare(net, lambda batches: batches, "source")
    assert str(caught.value) == (
        'source: answers with 2 blobs; the net has 3 ("fourth", "prob", "third"). Correct the net, or leave the check '
        "away."
    )
