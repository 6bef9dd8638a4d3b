"""Convolution: a drawn case, the naive twin, gradients, recorded values, threads, errors."""

import numba
import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.convolution import convolution, convolution_backward
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer


def text(fields, tops='bottom: "data" top: "conv1"'):
    return f'name: "conv1" type: "Convolution" {tops} convolution_param {{ {fields} }}'


def test_drawn_case():
    # 1 2 3      filter 1 0     1 - 5 = -4   2 - 6 = -4
    # 4 5 6             0 -1    and a bias of 10
    bottom = np.array([[[[1, 2, 3], [4, 5, 6]]]])
    run = run_layer(text("num_output: 1 kernel_size: 2"), [bottom], params=[[[[[1, 0], [0, -1]]]], [10]])
    assert np.array_equal(run.top[0].data, [[[[6, 6]]]])


# fields, shape of the bottom, kernel, stride, pad, dilation, group, num_output
CASES = {
    "plain": ("kernel_size: 3", (2, 3, 6, 5), (3, 3), (1, 1), (0, 0), (1, 1), 1, 4),
    "stride_pad": ("kernel_size: 3 stride: 2 pad: 1", (2, 3, 7, 6), (3, 3), (2, 2), (1, 1), (1, 1), 1, 2),
    "rectangle": (
        "kernel_h: 2 kernel_w: 4 stride_h: 3 stride_w: 1 pad_h: 0 pad_w: 2",
        (3, 2, 8, 5), (2, 4), (3, 1), (0, 2), (1, 1), 1, 3,
    ),
    "dilation": ("kernel_size: 3 dilation: 2 dilation: 1 pad: 2", (1, 2, 6, 7), (3, 3), (1, 1), (2, 2), (2, 1), 1, 5),
    "dilation_stride": (
        "kernel_size: 2 dilation: 3 stride: 2 pad: 1", (2, 1, 7, 8), (2, 2), (2, 2), (1, 1), (3, 3), 1, 2,
    ),
    "even_dilation_stride": (
        "kernel_size: 3 dilation: 2 stride: 2 pad: 1", (2, 1, 9, 38), (3, 3), (2, 2), (1, 1), (2, 2), 1, 2,
    ),
    "even_dilation_stride_no_pad": (
        "kernel_size: 2 dilation: 2 stride: 2", (1, 2, 5, 37), (2, 2), (2, 2), (0, 0), (2, 2), 1, 2,
    ),
    "group": ("kernel_size: 2 group: 3", (2, 6, 4, 5), (2, 2), (1, 1), (0, 0), (1, 1), 3, 9),
    "group_wide": ("kernel_size: 2 group: 2", (2, 4, 4, 5), (2, 2), (1, 1), (0, 0), (1, 1), 2, 80),
    "winograd_5x5": ("kernel_size: 5 pad: 1", (19, 9, 5, 7), (5, 5), (1, 1), (1, 1), (1, 1), 1, 8),
    "winograd_3x3": ("kernel_size: 3 pad: 1", (17, 8, 3, 5), (3, 3), (1, 1), (1, 1), (1, 1), 1, 10),
    "winograd_bare": ("kernel_size: 3", (16, 9, 6, 10), (3, 3), (1, 1), (0, 0), (1, 1), 1, 8),
    "chunks": ("kernel_size: 2 pad: 1 group: 2", (3, 4, 4, 5), (2, 2), (1, 1), (1, 1), (1, 1), 2, 66),
    "chunks_of_pixels": ("kernel_size: 2 stride: 2", (2, 1, 24, 26), (2, 2), (2, 2), (0, 0), (1, 1), 1, 33),
    "1x1": ("kernel_size: 1", (2, 5, 3, 4), (1, 1), (1, 1), (0, 0), (1, 1), 1, 7),
    "1x1_group": ("kernel_size: 1 group: 2", (2, 6, 3, 4), (1, 1), (1, 1), (0, 0), (1, 1), 2, 68),
    "1x1_of_one_channel": ("kernel_size: 1 group: 2", (3, 2, 4, 5), (1, 1), (1, 1), (0, 0), (1, 1), 2, 66),
    "1x1_stride": ("kernel_size: 1 stride: 2", (2, 5, 3, 4), (1, 1), (2, 2), (0, 0), (1, 1), 1, 3),
    "large_stride": ("kernel_size: 1 stride: 3 pad: 4", (1, 2, 3, 5), (1, 1), (3, 3), (4, 4), (1, 1), 1, 2),
    "many_filters": ("kernel_size: 3 pad: 1", (2, 3, 5, 4), (3, 3), (1, 1), (1, 1), (1, 1), 1, 50),
    "deep": ("kernel_size: 1", (1, 600, 2, 3), (1, 1), (1, 1), (0, 0), (1, 1), 1, 2),
    "one_axis": ("kernel_size: 3 stride: 2 pad: 1", (2, 3, 8), (3,), (2,), (1,), (1,), 1, 4),
    "three_axes": (
        "kernel_size: 2 stride: 2 pad: 1 dilation: 2", (2, 2, 5, 4, 3), (2,) * 3, (2,) * 3, (1,) * 3, (2,) * 3, 1, 3,
    ),
    "forced": (
        "kernel_size: 3 pad: 1 group: 2 force_nd_im2col: true", (2, 4, 5, 3), (3, 3), (1, 1), (1, 1), (1, 1), 2, 6,
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case, bias", [(case, True) for case in CASES] + [("plain", False), ("forced", False)])
def test_naive_twin(rng, case, bias, dtype):
    fields, shape, kernel, stride, pad, dilation, group, num_output = CASES[case]
    fields += f" num_output: {num_output} bias_term: {str(bias).lower()}"
    bottom = rng.normal(size=shape).astype(dtype)
    params = [rng.normal(size=(num_output, shape[1] // group, *kernel)), rng.normal(size=num_output)][: 1 + bias]
    params = [values.astype(dtype) for values in params]
    run = run_layer(text(fields), [bottom], dtype=dtype, params=params)
    window = stride, pad, dilation, group
    top = convolution(bottom, params[0], params[1] if bias else None, *window)
    assert run.top[0].shape == top.shape
    rounding = 4 if case.startswith("winograd") else 1  # more images, and products of larger numbers
    close = {"rtol": 0, "atol": rounding * (5e-5 if dtype == np.float32 else 1e-12)}
    np.testing.assert_allclose(run.top[0].data, top, **close)
    top_diff = rng.normal(size=top.shape).astype(dtype)
    run.backward([top_diff])
    bottom_diff, *param_diffs = convolution_backward(bottom, params[0], top_diff, *window)
    np.testing.assert_allclose(run.bottom[0].diff, bottom_diff, **close)
    for blob, diff in zip(run.layer.blobs, param_diffs):
        np.testing.assert_allclose(blob.diff, diff, **close)
    assert np.array_equal(run.bottom[0].data, bottom)
    assert np.array_equal(run.layer.blobs[0].data, params[0])


@pytest.mark.parametrize(
    "name",
    ["1x1", "3x3_s2_p1", "5x5", "depthwise", "dilated", "group3", "nd3", "nobias", "rect", "two_bottoms"],
)
def test_recorded_values(name):
    golden_layer(f"conv_{name}")


@pytest.mark.parametrize(
    "fields, shape",
    [
        ("kernel_size: 2 stride: 2 pad: 1 group: 2 num_output: 4", (2, 4, 3, 5)),
        ("kernel_size: 2 dilation: 2 num_output: 2", (1, 3, 4, 3)),
        ("kernel_size: 2 num_output: 2", (2, 1, 2, 3, 4)),
        ("kernel_size: 3 pad: 1 num_output: 8", (5, 8, 2, 3)),
        ("kernel_size: 5 pad: 2 num_output: 9", (4, 8, 2, 1)),
    ],
)
def test_gradients(rng, fields, shape):
    check_gradients(text(fields), [rng.normal(size=shape)])


def test_bottoms_share_the_filters(rng):
    bottoms = rng.normal(size=(2, 2, 3, 4, 5)).astype(np.float32)
    layer = text("kernel_size: 2 num_output: 3", 'bottom: "a" bottom: "b" top: "c" top: "d"')
    run = run_layer(layer, bottoms)
    weight, bias = (blob.data for blob in run.layer.blobs)
    for bottom, top in zip(bottoms, run.top):
        np.testing.assert_allclose(top.data, convolution(bottom, weight, bias, (1, 1), (0, 0), (1, 1)), atol=1e-5)
    both = run.backward([np.ones(blob.shape) for blob in run.top]).layer.blobs[0].diff.copy()
    alone = [run_layer(layer.replace('bottom: "b"', "").replace('top: "d"', ""), [b]) for b in bottoms]
    sums = sum(one.backward([np.ones(one.top[0].shape)]).layer.blobs[0].diff for one in alone)
    np.testing.assert_allclose(both, sums, atol=1e-4)


def test_axis_moves_the_channels(rng):
    bottom = rng.normal(size=(2, 3, 4, 5, 6)).astype(np.float32)
    run = run_layer(text("kernel_size: 3 num_output: 2 axis: -3"), [bottom])
    assert run.top[0].shape == (2, 3, 2, 3, 4)
    flat = run_layer(
        text("kernel_size: 3 num_output: 2"), [bottom.reshape(6, 4, 5, 6)], params=[b.data for b in run.layer.blobs]
    )
    assert np.array_equal(run.top[0].data.reshape(-1), flat.top[0].data.reshape(-1))


def test_param_diffs_are_added_and_only_what_is_asked_for_is_written(rng):
    run = run_layer(text("kernel_size: 2 num_output: 3"), [rng.normal(size=(2, 2, 3, 4))])
    run.backward([np.ones(run.top[0].shape)])
    once = [blob.diff.copy() for blob in run.layer.blobs]
    run.bottom[0].diff[...] = 7
    run.layer.param_propagate_down[:] = [True, False]
    run.layer.backward(run.top, [False], run.bottom)
    assert (run.bottom[0].diff == 7).all()
    np.testing.assert_allclose(run.layer.blobs[0].diff, 2 * once[0], rtol=1e-5)
    assert np.array_equal(run.layer.blobs[1].diff, once[1])


@pytest.mark.parametrize(
    "fields, shape",
    [
        ("kernel_size: 5 num_output: 20", (9, 1, 28, 28)),
        ("kernel_size: 5 num_output: 50", (7, 20, 12, 12)),
        ("kernel_size: 5 num_output: 50", (70, 20, 12, 12)),
        ("kernel_size: 3 pad: 1 num_output: 33", (40, 24, 13, 14)),
        ("kernel_size: 1 num_output: 40", (9, 30, 28, 14)),
        ("kernel_size: 3 pad: 1 num_output: 70", (1, 64, 40, 30)),
    ],
)
def test_same_bits_on_one_thread_and_on_all(rng, fields, shape):
    bottom = rng.normal(size=shape).astype(np.float32)
    results = []
    for threads in (1, numba.config.NUMBA_NUM_THREADS):
        numba.set_num_threads(threads)
        run = run_layer(text(fields + ' weight_filler { type: "xavier" }'), [bottom])
        run.backward([np.sin(np.arange(run.top[0].count)).reshape(run.top[0].shape)])
        results.append([run.top[0].data, run.bottom[0].diff, *(blob.diff for blob in run.layer.blobs)])
    for first, second in zip(*results):
        assert np.array_equal(first, second)


def test_shape_may_change_later_and_back(rng):
    run = run_layer(text("kernel_size: 3 num_output: 2"), [rng.normal(size=(2, 3, 5, 4))])
    for shape in ((4, 3, 7, 9), (1, 3, 3, 3), (2, 3, 5, 4)):
        bottom = rng.normal(size=shape).astype(np.float32)
        run.bottom[0].reshape(shape)
        run.bottom[0].data[...] = bottom
        run.forward()
        weight, bias = (blob.data for blob in run.layer.blobs)
        top = convolution(bottom, weight, bias, (1, 1), (0, 0), (1, 1))
        np.testing.assert_allclose(run.top[0].data, top, atol=1e-5)


SHAPE = (2, 3, 5, 4)
ERRORS = [
    ("kernel_size: 3", "num_output is missing; it must say how many filters there are, at least 1. Set num_output."),
    (
        "kernel_size: 3 num_output: 0",
        "num_output is 0; it must say how many filters there are, at least 1. Set num_output.",
    ),
    (
        "num_output: 2",
        "has no kernel_size; it must say how many pixels a filter covers. Add kernel_size, or kernel_h and kernel_w.",
    ),
    ("num_output: 2 kernel_size: 0", "kernel_size is 0; it must be at least 1 pixel. Raise it."),
    ("num_output: 2 kernel_h: 2 kernel_w: 0", "kernel_w is 0; it must be at least 1 pixel. Raise it."),
    ("num_output: 2 kernel_size: 3 stride: 0", "stride is 0; it must be at least 1 pixel. Raise it."),
    ("num_output: 2 kernel_size: 3 dilation: 0", "dilation is 0; it must be at least 1 pixel. Raise it."),
    ("num_output: 2 kernel_h: 2", "has kernel_h but no kernel_w; both are needed. Add kernel_w."),
    (
        "num_output: 2 kernel_size: 3 kernel_h: 2 kernel_w: 2",
        "has both kernel_size and kernel_h; only one of the two ways may be used. Keep kernel_size, or kernel_h and "
        "kernel_w.",
    ),
    (
        "num_output: 2 kernel_size: 3 kernel_size: 3 kernel_size: 3",
        "has 3 kernel_size for 2 spatial axes; give one for all axes or one for each.",
    ),
    (
        "num_output: 2 kernel_size: 3 group: 2",
        'group is 2 but bottom "data" has 3 channels; they must divide evenly into groups. Change group or the '
        "channels.",
    ),
    (
        "num_output: 2 kernel_size: 3 group: 3",
        "group is 3 but num_output is 2; the filters must divide evenly into groups. Change group or num_output.",
    ),
    ("num_output: 2 kernel_size: 3 group: 0", "group is 0; it must be at least 1. Raise it."),
    (
        "num_output: 2 kernel_size: 5",
        'the window covers 5 pixels along axis 3 of bottom "data", shape (2, 3, 5, 4), but there are 4 with padding; '
        "it must not be larger. Lower the kernel or raise pad.",
    ),
    (
        "num_output: 2 kernel_size: 3 axis: 4",
        'axis is 4 but bottom "data" has shape (2, 3, 5, 4); axis must be from -4 to 3. Name an axis that it has.',
    ),
    (
        "num_output: 2 kernel_h: 2 kernel_w: 2 axis: 2",
        "has kernel_h but 1 spatial axis; kernel_h and kernel_w need 2. Use kernel_size.",
    ),
]


@pytest.mark.parametrize("fields, message", ERRORS)
def test_errors(fields, message):
    with pytest.raises(LayerError) as caught:
        make_layer(text(fields), [np.zeros(SHAPE)])
    assert caught.value.message == message


def test_error_for_bottoms_that_differ():
    with pytest.raises(LayerError) as caught:
        make_layer(
            text("kernel_size: 2 num_output: 1", 'bottom: "a" bottom: "b" top: "c" top: "d"'),
            [np.zeros((1, 2, 3, 4)), np.zeros((2, 2, 3, 4))],
        )
    assert caught.value.message == (
        'bottom "b" has shape (2, 2, 3, 4) but bottom "a" has shape (1, 2, 3, 4); all bottoms must have one shape. '
        "Make them equal."
    )


def test_error_for_channels_that_change():
    run = make_layer(text("kernel_size: 2 num_output: 1"), [np.zeros((1, 2, 3, 4))])
    run.bottom[0].reshape(1, 3, 3, 4)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert caught.value.message == (
        'bottom "data" now has shape (1, 3, 3, 4); the filters were made for 4 axes with 2 channels at axis 1. '
        "Change only the other axes."
    )


def test_in_place_is_refused():
    with pytest.raises(LayerError) as caught:
        make_layer(text("kernel_size: 1 num_output: 2", 'bottom: "a" top: "a"'), [np.zeros((1, 2, 3, 4))])
    assert caught.value.message == (
        'bottom "a" is also a top; this type cannot compute in place. Give the top a name of its own.'
    )


# Rows: the three channels; columns: the four filters.
TABLE = ["X.XX", ".XX.", "XX.."]
CONNECTED = np.array([[letter == "X" for letter in row] for row in TABLE]).T


def with_table(rows=TABLE, fields="num_output: 4 kernel_size: 2"):
    return text(f"{fields} " + " ".join(f'connection_table: "{row}"' for row in rows))


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (9, 3, 40, 30)])
def test_connection_table_is_a_convolution_with_zeros(rng, shape):
    bottom, weight, bias = rng.normal(size=shape), rng.normal(size=(4, 3, 2, 2)), rng.normal(size=4)
    zeros = np.where(CONNECTED[:, :, None, None], weight, 0)
    plain = run_layer(text("num_output: 4 kernel_size: 2"), [bottom], dtype=np.float64, params=[zeros, bias])
    run = run_layer(with_table(), [bottom], dtype=np.float64, params=[weight, bias])  # as a file might bring them
    assert np.array_equal(run.top[0].data, plain.top[0].data)
    assert np.array_equal(run.layer.blobs[0].data, zeros)
    top_diff = rng.normal(size=run.top[0].shape)
    for each in (run, plain):
        each.backward([top_diff])
    assert np.array_equal(run.bottom[0].diff, plain.bottom[0].diff)
    assert np.array_equal(run.layer.blobs[0].diff, np.where(CONNECTED[:, :, None, None], plain.layer.blobs[0].diff, 0))
    assert run.layer.blobs[0].diff[CONNECTED].all()
    assert [run.layer.unused_count(index) for index in (0, 1)] == [5 * 4, 0]
    assert plain.layer.unused_count(0) == 0


def test_what_is_not_connected_begins_as_0():
    fields = 'num_output: 4 kernel_size: 2 weight_filler { type: "xavier" }'
    run = make_layer(with_table(fields=fields), [np.ones((1, 3, 4, 5))])
    assert run.layer.blobs[0].data[CONNECTED].all() and not run.layer.blobs[0].data[~CONNECTED].any()


def test_gradients_with_a_connection_table(rng):
    check_gradients(with_table(), [rng.normal(size=(2, 3, 3, 4))])


@pytest.mark.parametrize(
    "rows, fields, field, message",
    [
        (
            TABLE[:2],
            "num_output: 4",
            "",
            'connection_table has 2 rows but bottom "data" has 3 channels; there must be one row for each channel. '
            "Add or take away rows.",
        ),
        (
            ["X.XX", ".XX", "XX.."],
            "num_output: 4",
            "[1]",
            "row 1 of connection_table has 3 letters but num_output is 4; there must be one for each output. Correct "
            "the row.",
        ),
        (
            ["X.XX", ".XX.", "X1.."],
            "num_output: 4",
            "[2]",
            'row 2 of connection_table has "1"; expected X where the output reads the channel and . where not. '
            "Correct the row.",
        ),
        (
            ["XX.X", ".X..", "XX.."],
            "num_output: 4",
            "",
            "output 2 of connection_table reads no channel; each must read at least one. Put an X into column 3.",
        ),
        (
            TABLE,
            "num_output: 6 group: 3",
            "",
            "has both group 3 and connection_table; only one may say which channels a filter reads. Take one away.",
        ),
    ],
)
def test_bad_connection_tables(rows, fields, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(with_table(rows, fields + " kernel_size: 2"), [np.zeros((2, 3, 5, 4))])
    assert str(caught.value) == f'layer "conv1" (Convolution): {message}'
    assert caught.value.field == f"convolution_param.connection_table{field}"


@pytest.mark.parametrize("kind", ["Deconvolution", "ConvolutionDepthwise"])
def test_other_types_have_no_connection_table(kind):
    definition = with_table().replace('"Convolution"', f'"{kind}"')
    with pytest.raises(LayerError) as caught:
        make_layer(definition, [np.zeros((2, 3, 5, 4))])
    assert str(caught.value) == (f'layer "conv1" ({kind}): connection_table is for Convolution alone. Take it away.')
