"""What every layer does besides its own work."""

import numpy as np
import pytest

from tests.support.nets import run_layer


def test_numbers_of_few_bits_are_ignored_with_a_notice():
    text = (
        'name: "r" type: "ReLU" bottom: "a" top: "b" engine: "MKLDNN:CPU" relu_param { engine: MKL2017 } '
        "quantization_param { precision: DYNAMIC_FIXED_POINT bw_layer_in: 8 bw_layer_out: 8 fl_layer_in: 3 }"
    )
    with pytest.warns(UserWarning) as caught:
        run = run_layer(text, [np.array([[-1.0, 2.0]])])
    assert str(caught[0].message) == ('layer "r" (ReLU): quantization_param is ignored; netdef computes in float32.')
    assert run.top[0].data.tolist() == [[0, 2]]
