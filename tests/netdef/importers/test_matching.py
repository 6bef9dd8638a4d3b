"""Which array goes where."""

from __future__ import annotations

import numpy as np
import pytest

from netdef.errors import WeightsError
from netdef.importers.source import BIAS, GAMMA, MEAN, VARIANCE, WEIGHT, Tensor, Unit
from netdef.importers.weights import import_weights
from netdef.net import Net
from prototxt import parse_net

INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 dim: 3 dim: 4 } } }\n'
NET = INPUT + """
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
        convolution_param { num_output: 5 kernel_h: 2 kernel_w: 3 } }
layer { name: "norm" type: "BatchNorm" bottom: "conv" top: "conv" }
layer { name: "ip" type: "InnerProduct" bottom: "conv" top: "ip" inner_product_param { num_output: 6 } }
"""  # fmt: skip


def tensor(name: str, shape: tuple[int, ...], role: str = "", **fields) -> Tensor:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    return Tensor(name, values, role, **fields)


def units(**shapes) -> list[Unit]:
    """The source of NET, with other shapes where given."""
    sizes = {"k": (5, 2, 2, 3), "kb": (5,), "m": (5,), "v": (5,), "w": (6, 20), "wb": (6,), **shapes}
    roles = {"k": WEIGHT, "kb": BIAS, "m": MEAN, "v": VARIANCE, "w": WEIGHT, "wb": BIAS, "g": GAMMA}
    made = {name: tensor(name, shape, roles[name]) for name, shape in sizes.items() if shape}
    groups = {"a": ("k", "kb"), "b": ("g", "m", "v"), "c": ("w", "wb")}
    return [Unit(name, [made[key] for key in keys if key in made]) for name, keys in groups.items()]


def failure(text: str, source: list[Unit]) -> list[str]:
    """The lines of mismatches; nothing may have been filled."""
    with Net(parse_net(text), seed=3) as net:
        before = {name: [blob.data.copy() for blob in blobs] for name, blobs in net.params.items()}
        with pytest.raises(WeightsError) as caught:
            import_weights(net, source, "source")
        for name, blobs in net.params.items():
            assert all(np.array_equal(blob.data, old) for blob, old in zip(blobs, before[name], strict=True))
    head, *lines, last = str(caught.value).splitlines()
    number = f"{len(lines)} mismatch{'' if len(lines) == 1 else 'es'}"
    assert head == f"source: does not fit the net; {number}:"
    assert last == "Correct the net, or say with --map which values go where."
    return [line.strip() for line in lines]


def test_layer_by_layer():
    with Net(parse_net(NET)) as net:
        match = import_weights(net, units(), "source")
        assert [(slot.name, tensor and tensor.name) for slot, _, tensor in match.placed] == [
            ("conv[0]", "k"), ("conv[1]", "kb"), ("norm[0]", "m"), ("norm[1]", "v"), ("norm[2]", None),
            ("ip[0]", "w"), ("ip[1]", "wb"),
        ]  # fmt: skip
        assert np.array_equal(net.params["conv"][0].data, np.arange(60).reshape(5, 2, 2, 3))
        assert net.params["norm"][2].data.tolist() == [1]
        assert np.array_equal(net.params["ip"][0].data, np.arange(120).reshape(6, 20))


def test_arrays_without_roles_go_in_order():
    shapes = [(5, 2, 2, 3), (5,), (5,), (5,), (6, 20), (6,)]
    source = [Unit(f"arr_{i}", [tensor(f"arr_{i}", shape)]) for i, shape in enumerate(shapes)]
    with Net(parse_net(NET)) as net:
        import_weights(net, source, "source")
        assert np.array_equal(net.params["norm"][1].data, np.arange(5))
        assert net.params["norm"][2].data.tolist() == [1]
        factor = Unit("factor", [tensor("factor", (1,))])
        import_weights(net, [*source[:4], factor, *source[4:]], "source")
        assert net.params["norm"][2].data.tolist() == [0]
    assert failure(NET, source[:3]) == [
        f"{name} has no array left in the source" for name in ("norm[1]", "ip[0]", "ip[1]")
    ]
    more = [Unit(name, [tensor(name, (1,))]) for name in ("x", "y")]
    assert failure(NET, source + more) == [f"{name} of the source has no parameter left in the net" for name in "xy"]


def test_arrays_of_a_batch_normalization_without_roles():
    """Scale, shift, mean and variance as PyTorch and Keras list them; with a factor they are Caffe's own."""
    scaled = NET.replace('bottom: "conv" top: "ip"', 'bottom: "scaled" top: "ip"')
    scaled += 'layer { name: "s" type: "Scale" bottom: "conv" top: "scaled" scale_param { bias_term: true } }'
    *before, last = scaled.splitlines()
    text = "\n".join([*before[:-1], last, before[-1]])
    shapes = [(5, 2, 2, 3), (5,), (5,), (5,), (5,), (5,), (6, 20), (6,)]
    source = [Unit(f"arr_{i}", [tensor(f"arr_{i}", shape)]) for i, shape in enumerate(shapes)]
    with Net(parse_net(text)) as net:
        match = import_weights(net, source, "source")
        assert {slot.name: tensor and tensor.name for slot, _, tensor in match.placed} == {
            "conv[0]": "arr_0", "conv[1]": "arr_1", "s[0]": "arr_2", "s[1]": "arr_3", "norm[0]": "arr_4",
            "norm[1]": "arr_5", "norm[2]": None, "ip[0]": "arr_6", "ip[1]": "arr_7",
        }  # fmt: skip
        factor = Unit("factor", [tensor("factor", (1,))])
        match = import_weights(net, [*source[:4], factor, *source[4:]], "source")
        assert [tensor and tensor.name for _, _, tensor in match.placed[2:7]] == [
            "arr_2", "arr_3", "factor", "arr_4", "arr_5",
        ]  # fmt: skip


def test_all_mismatches_at_once():
    source = units(k=(5, 2, 3, 2), kb=None, w=(20, 6), g=(5,))
    source[1].epsilon = 0.001
    assert failure(NET, [*source, Unit("d", [tensor("x", (1,), WEIGHT)])]) == [
        "k has shape (5, 2, 3, 2); conv[0] (Convolution) has (5, 2, 2, 3)",
        'conv[1] (Convolution) needs a bias; "a" has none',
        'g has no place in "norm" (BatchNorm)',
        '"b" adds 0.001 to the variance; batch_norm_param of "norm" has eps: 1e-05',
        "w has shape (20, 6); ip[0] (InnerProduct) has (6, 20)",
        '"d" of the source has no layer left in the net',
    ]
    assert failure(NET, units()[:2]) == ['"ip" (InnerProduct) has no layer left in the source']


DENSE = INPUT + 'layer { name: "x" type: "%s" bottom: "data" top: "x" %s_param { num_output: 5 %s } }'
FLAT = INPUT + """
layer { name: "fold" type: "Flatten" bottom: "data" top: "flat" }
layer { name: "drop" type: "Dropout" bottom: "flat" top: "flat" }
layer { name: "x" type: "InnerProduct" bottom: "flat" top: "x" inner_product_param { num_output: 5 } }
"""  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        DENSE % ("InnerProduct", "inner_product", ""),
        DENSE % ("InnerProduct", "inner_product", "transpose: true"),
        DENSE % ("Convolution", "convolution", "kernel_h: 3 kernel_w: 4"),
        FLAT,
        FLAT.replace('type: "Dropout"', 'type: "ScaledTanH" scaled_tanh_param { amplitude: 100 slope: 0.01 }'),
    ],
)
@pytest.mark.parametrize("rows_of", ["hwc", "chw"])
def test_dense_weights_read_the_image_as_in_the_source(text, rows_of):
    weight = tensor("w", (5, 24), WEIGHT, rows_of=rows_of)
    image = np.random.default_rng(1).normal(size=(1, 2, 3, 4)).astype(np.float32)
    row = image.transpose(0, 2, 3, 1).reshape(24) if rows_of == "hwc" else image.reshape(24)
    with Net(parse_net(text)) as net:
        import_weights(net, [Unit("d", [weight, Tensor("b", np.zeros(5, np.float32), BIAS)])], "source")
        net.blobs["data"].data[...] = image
        net.forward()
        if "ScaledTanH" in text:
            row = 100 * np.tanh(row / 100)
        assert net.blobs["x"].data.reshape(5) == pytest.approx(weight.array @ row, rel=1e-5, abs=1e-4)


def test_a_row_that_was_never_an_image_stays():
    text = INPUT + """
    layer { name: "a" type: "InnerProduct" bottom: "data" top: "a" inner_product_param { num_output: 24 } }
    layer { name: "b" type: "InnerProduct" bottom: "a" top: "b" inner_product_param { num_output: 5 bias_term: false } }
    """  # fmt: skip
    first = [tensor("w", (24, 24), WEIGHT), tensor("v", (24,), BIAS)]
    second = tensor("u", (5, 24), WEIGHT, rows_of="hwc")
    with Net(parse_net(text)) as net:
        import_weights(net, [Unit("a", first), Unit("b", [second])], "source")
        assert np.array_equal(net.params["b"][0].data, second.array)


def test_other_types_of_normalization():
    text = INPUT + """
    layer { name: "bn" type: "BN" bottom: "data" top: "bn" bn_param { eps: 1e-5 } }
    layer { name: "p" type: "PReLU" bottom: "bn" top: "p" }
    layer { name: "s" type: "Scale" bottom: "p" top: "s" scale_param { bias_term: true } }
    """  # fmt: skip
    source = [
        Unit("n", [tensor("g", (2,), GAMMA), tensor("m", (2,), MEAN), tensor("v", (2,), VARIANCE)]),
        Unit("p", [tensor("a", (2,), WEIGHT)]),
        Unit("s", [tensor("w", (2,), WEIGHT), tensor("b", (2,), BIAS)]),
    ]
    with Net(parse_net(text)) as net:
        import_weights(net, source, "source")
        assert [blob.data.reshape(-1).tolist() for blob in net.params["bn"]] == [[0, 1], [0, 0], [0, 1], [0, 1]]
        assert net.params["s"][1].data.tolist() == [0, 1]
