import numpy as np
import pytest

from netdef.errors import LayerError
from netdef.net import Net
from prototxt import parse_net, schema
from tests.naive import recurrent as naive
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer

STEPS, STREAMS, SIZE = 4, 3, 2
X = (STEPS, STREAMS, 5)
STILL = (STREAMS, 2, 3)
STATE = (1, STREAMS, SIZE)


def text(bottoms=2, fields="", kind="LSTM", tops=1):
    names = "".join(f' bottom: "b{i}"' for i in range(bottoms)) + "".join(f' top: "t{i}"' for i in range(tops))
    size = "" if "num_output" in fields else f"num_output: {SIZE}"
    return (
        f'layer {{ name: "L" type: "{kind}"{names} recurrent_param {{ {size} {fields} '
        'weight_filler { type: "gaussian" std: 0.5 } } }'
    )


def draw(shape, seed=1701):
    return np.random.default_rng(seed).normal(0, 1, shape)


def cont(seed=3):
    flags = np.random.default_rng(seed).integers(0, 2, (STEPS, STREAMS)).astype(float)
    flags[0, 0], flags[1, 1] = 1, 0.5  # Caffe takes any number
    return flags


def weights(run, seed=7):
    return {
        name: draw(blob.shape, seed + i) / 2
        for i, (name, blob) in enumerate(zip(run.layer.blob_names, run.layer.blobs))
    }


def test_by_hand():
    """All gates open, nothing forgotten: the cell adds up tanh(1); a new sequence starts in the third step."""
    run = run_layer(
        'layer { name: "L" type: "LSTM" bottom: "x" bottom: "cont" top: "h" recurrent_param { num_output: 1 } }',
        [np.ones((3, 1, 1)), [[0], [1], [0]]],
        params=[np.array([[0], [0], [0], [1]]), [50, 50, 50, 0], np.zeros((4, 1))],
    )
    once = np.tanh(1)
    np.testing.assert_allclose(run.top[0].data.reshape(-1), np.tanh([once, 2 * once, once]), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("still", [False, True])
def test_twin(still, dtype):
    bottoms = [draw(X), cont(), *([draw(STILL, 2)] if still else [])]
    run = make_layer(text(2 + still), bottoms, dtype=dtype)
    columns = [5, 6, SIZE] if still else [5, SIZE]
    assert [b.shape for b in run.layer.blobs] == [(8, columns[0]), (8,), *((8, c) for c in columns[1:])]
    params = weights(run)
    run = run_layer(text(2 + still), bottoms, dtype=dtype, params=list(params.values()))
    static = bottoms[2] if still else None
    zeros = np.zeros((STREAMS, SIZE))
    wanted, hidden, cell = naive.lstm(*bottoms[:2], static, params, zeros, zeros)
    tolerance = 1e-5 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(run.top[0].data, wanted, tolerance, tolerance)
    wanted, *_ = naive.lstm(*bottoms[:2], static, params, hidden, cell)
    np.testing.assert_allclose(run.forward().top[0].data, wanted, tolerance, tolerance)
    for blob, values in zip(run.bottom, bottoms):
        np.testing.assert_array_equal(blob.data, values.astype(dtype))


def test_exposed_states():
    bottoms = [draw(X), cont(), draw(STATE, 4), draw(STATE, 5)]
    run = make_layer(text(4, "expose_hidden: true", tops=3), bottoms, dtype=np.float64)
    params = weights(run)
    run = run_layer(text(4, "expose_hidden: true", tops=3), bottoms, dtype=np.float64, params=list(params.values()))
    for _ in range(2):  # nothing is carried on
        wanted = naive.lstm(*bottoms[:2], None, params, bottoms[2][0], bottoms[3][0])
        for blob, values in zip(run.top, wanted):
            np.testing.assert_allclose(blob.data.reshape(values.shape), values, 1e-10)
        run.forward()
    for blob in run.bottom:
        blob.diff[...] = 7
    run.backward([draw(run.top[0].shape, 6), None, None], [True, False, True, False])
    assert not run.bottom[2].diff.any() and (run.bottom[3].diff == 7).all() and run.layer.state() is None


def test_exposed_states_and_a_still_input():
    bottoms = [draw(X), cont(), draw(STILL, 2), draw(STATE, 4), draw(STATE, 5)]
    run = run_layer(text(5, "expose_hidden: true", tops=3), bottoms, dtype=np.float64)
    assert [blob.shape for blob in run.top] == [(STEPS, STREAMS, SIZE), STATE, STATE]
    np.testing.assert_array_equal(run.top[1].data[0], run.top[0].data[-1])


def test_fewer_streams_start_anew():
    run = run_layer(text(), [draw(X), cont()], dtype=np.float64)
    run.bottom[0].reshape(STEPS, 1, 5)
    run.bottom[1].reshape(STEPS, 1)
    x, flags = run.bottom[0].data.copy(), run.bottom[1].data.copy()
    first = run.forward().top[0].data.copy()
    params = [blob.data for blob in run.layer.blobs]
    np.testing.assert_array_equal(first, run_layer(text(), [x, flags], dtype=np.float64, params=params).top[0].data)


def test_a_snapshot_keeps_the_state():
    run = run_layer(text(), [draw(X), cont()])
    kept = run.layer.state()
    wanted = run.forward().top[0].data.copy()
    run.forward()
    run.layer.restore(kept)
    np.testing.assert_array_equal(run.forward().top[0].data, wanted)
    with pytest.raises(LayerError) as caught:
        run.layer.restore(kept[:8])
    assert str(caught.value) == (
        'layer "L" (LSTM): cannot go on from a state of 2 numbers; this net\'s has 12. '
        "Use the net that the snapshot was made with."
    )


def test_what_wants_no_gradient_gets_none():
    run = run_layer(text(3), [draw(X), cont(), draw(STILL, 2)])
    run.layer.param_propagate_down = [False] * 4
    run.backward([draw(run.top[0].shape)], [False] * 3)
    assert not any(blob.diff.any() for blob in [*run.bottom, *run.layer.blobs])


def test_nothing_is_allocated_after_the_first_step():
    run = run_layer(text(3), [draw(X), cont(), draw(STILL, 2)])
    run.backward([draw(run.top[0].shape)])
    kept = dict(run.layer._scratch)
    run.forward().backward([draw(run.top[0].shape)])
    assert run.layer._scratch.keys() == kept.keys()
    assert all(run.layer._scratch[name] is array for name, array in kept.items())


@pytest.mark.parametrize("still", [False, True])
def test_gradients(still):
    flags = (cont() > 0).astype(float)
    check_gradients(text(2 + still), [draw((3, 3, 2)), flags[:3], draw((3, 2), 2)][: 2 + still])


@pytest.mark.parametrize("name", ["lstm", "lstm_static", "lstmunit"])
def test_golden(name):
    golden_layer(name)


def test_trains_in_a_net():
    net = Net(
        parse_net(
            'layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 4 dim: 3 dim: 5 } } }'
            'layer { name: "cont" type: "Input" top: "cont" input_param { shape { dim: 4 dim: 3 } } }'
            'layer { name: "L" type: "LSTM" bottom: "x" bottom: "cont" top: "h" recurrent_param { num_output: 2 } }'
            'layer { name: "loss" type: "EuclideanLoss" bottom: "h" bottom: "h" top: "loss" }'
        ),
        schema.TRAIN,
    )
    assert [blob.shape for blob in net.params["L"]] == [(8, 5), (8,), (8, 2)]
    assert net.run() == 0
    net.run_backward()


SCENE = [np.zeros(X), np.zeros((STEPS, STREAMS))]


@pytest.mark.parametrize(
    "fields, bottoms, message",
    [
        ("num_output: 0", SCENE, "num_output is 0; it must say how long the state is, at least 1. Set num_output."),
        (
            "",
            [np.zeros(4), np.zeros(4)],
            'bottom "b0" has shape (4,); it must have two axes or more, (steps, streams, …). Reshape it.',
        ),
        (
            "",
            [SCENE[0], np.zeros((3, 4))],
            'bottom "b1", which says where sequences go on, has shape (3, 4); it must be (4, 3), the steps and '
            'streams of bottom "b0". Reshape it.',
        ),
        (
            "",
            [*SCENE, np.zeros((4, 2))],
            'bottom "b2", the input that stays the same, has shape (4, 2); its first axis must be 3, the streams of '
            'bottom "b0". Reshape it.',
        ),
        (
            "expose_hidden: true",
            [*SCENE, np.zeros(STATE), np.zeros((1, 2, 3))],
            'bottom "b3", a state before the first step, has shape (1, 2, 3); it must be (1, 3, 2). Reshape it.',
        ),
        ("expose_hidden: true", SCENE, "has 2 bottom blobs; this type takes 4 to 5. Add 2."),
        ("", [*SCENE, np.zeros(STILL), np.zeros(STATE)], "has 4 bottom blobs; this type takes 2 to 3. Take away 1."),
    ],
)
def test_errors(fields, bottoms, message):
    with pytest.raises(LayerError) as caught:
        make_layer(text(len(bottoms), fields, tops=3 if "expose" in fields else 1), bottoms)
    assert str(caught.value) == f'layer "L" (LSTM): {message}'


@pytest.mark.parametrize(
    "index, shape, message",
    [
        (
            0,
            (5, 3, 5),
            'bottom "b1", which says where sequences go on, has shape (4, 3); it must be (5, 3), the steps and '
            'streams of bottom "b0". Reshape it.',
        ),
        (
            0,
            (4, 3, 6),
            'bottom "b0" now has 6 values an item; the weights were made for 5. Change only the streams.',
        ),
        (
            2,
            (3, 7),
            'bottom "b2" now has 7 values an item; the weights were made for 6. Change only the streams.',
        ),
    ],
)
def test_new_shapes_that_do_not_fit(index, shape, message):
    run = run_layer(text(3), [*SCENE, np.zeros(STILL)])
    run.bottom[index].reshape(shape)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert str(caught.value) == f'layer "L" (LSTM): {message}'


def test_the_number_of_steps_may_not_change():
    run = run_layer(text(), SCENE)
    run.bottom[0].reshape(2, 3, 5)
    run.bottom[1].reshape(2, 3)
    with pytest.raises(LayerError) as caught:
        run.forward()
    assert str(caught.value) == (
        'layer "L" (LSTM): bottom "b0" now has 2 steps; the layer was set up for 4. '
        "Change only the streams, or build another net."
    )


UNIT = 'layer { name: "L" type: "LSTMUnit" bottom: "c" bottom: "a" bottom: "cont" top: "c1" top: "h1" }'


def test_unit_twin():
    cell, gates, flags = draw((1, 3, 4)), draw((1, 3, 16), 2), np.array([[0, 1, 0.5]])
    run = run_layer(UNIT, [cell, gates, flags], dtype=np.float64)
    for n in range(3):
        for blob, wanted in zip(run.top, naive.lstm_unit(cell[0, n], gates[0, n], flags[0, n])):
            np.testing.assert_allclose(blob.data[0, n], wanted, 1e-10)


def test_unit_gradients():
    check_gradients(UNIT, [draw((1, 3, 2)), draw((1, 3, 8), 2), np.array([[0, 1, 1]])], check_bottoms=[0, 1])
    run = run_layer(UNIT, [draw((1, 3, 2)), draw((1, 3, 8), 2), np.ones((1, 3))])
    run.backward([np.ones((1, 3, 2))] * 2, [False, True, False])
    assert not run.bottom[0].diff.any() and run.bottom[1].diff.any()


@pytest.mark.parametrize(
    "shapes, message",
    [
        (
            [(2, 3, 4), (1, 3, 16), (1, 3)],
            'bottom "c", the cells, has shape (2, 3, 4); it must be (1, N, D). Reshape it.',
        ),
        (
            [(1, 3, 4), (1, 3, 12), (1, 3)],
            'bottom "a", the gates\' inputs, has shape (1, 3, 12); it must be (1, 3, 16) beside cells of shape '
            "(1, 3, 4). Reshape it.",
        ),
        (
            [(1, 3, 4), (1, 3, 16), (3,)],
            'bottom "cont", which says where sequences go on, has shape (3,); it must be (1, 3) beside cells of shape '
            "(1, 3, 4). Reshape it.",
        ),
    ],
)
def test_unit_errors(shapes, message):
    with pytest.raises(LayerError) as caught:
        make_layer(UNIT, [np.zeros(shape) for shape in shapes])
    assert str(caught.value) == f'layer "L" (LSTMUnit): {message}'


@pytest.mark.parametrize("definition, bottoms, index", [
    (text(), SCENE, 1), (UNIT, [np.zeros((1, 3, 2)), np.zeros((1, 3, 8)), np.zeros((1, 3))], 2),
])  # fmt: skip
def test_no_gradient_for_cont(definition, bottoms, index):
    run = run_layer(definition, bottoms)
    assert [run.layer.allow_force_backward(i) for i in range(len(bottoms))] == [i != index for i in range(len(bottoms))]
    with pytest.raises(LayerError) as caught:
        run.backward([np.zeros(top.shape) for top in run.top], [True] * 3)
    name = run.layer.param.bottom[index]
    assert str(caught.value) == (
        f'layer "L" ({run.layer.type}): the gradient with respect to bottom "{name}", which says where sequences go '
        "on, was asked for; there is none. Set propagate_down to false for it, or take it from a layer that learns "
        "nothing."
    )
