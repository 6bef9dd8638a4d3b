import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive import recurrent as naive
from tests.netdef.layers.test_lstm import SIZE, STATE, STEPS, STILL, STREAMS, X, cont, draw, text, weights
from tests.support.gradients import check_gradients
from tests.support.nets import golden_layer, make_layer, run_layer


def test_by_hand():
    """The state is tanh of twice itself plus 1; the output doubles it."""
    run = run_layer(
        'layer { name: "L" type: "RNN" bottom: "x" bottom: "cont" top: "o" recurrent_param { num_output: 1 } }',
        [np.ones((2, 1, 1)), [[0], [1]]],
        params=[[[1]], [0], [[2]], [[2]], [0.5]],
    )
    first = np.tanh(1)
    second = np.tanh(2 * first + 1)
    np.testing.assert_allclose(run.top[0].data.reshape(-1), np.tanh([2 * first + 0.5, 2 * second + 0.5]), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("still", [False, True])
def test_twin(still, dtype):
    bottoms = [draw(X), cont(), *([draw(STILL, 2)] if still else [])]
    definition = text(2 + still, kind="RNN")
    run = make_layer(definition, bottoms, dtype=dtype)
    columns = [5, 6, SIZE] if still else [5, SIZE]
    shapes = [(2, columns[0]), (2,), *((2, c) for c in columns[1:]), (2, 2), (2,)]
    assert [blob.shape for blob in run.layer.blobs] == shapes
    params = weights(run)
    run = run_layer(definition, bottoms, dtype=dtype, params=list(params.values()))
    static = bottoms[2] if still else None
    wanted, hidden = naive.rnn(*bottoms[:2], static, params, np.zeros((STREAMS, SIZE)))
    tolerance = 1e-5 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(run.top[0].data, wanted, tolerance, tolerance)
    wanted, _ = naive.rnn(*bottoms[:2], static, params, hidden)
    np.testing.assert_allclose(run.forward().top[0].data, wanted, tolerance, tolerance)


def test_exposed_state():
    bottoms = [draw(X), cont(), draw(STATE, 4)]
    definition = text(3, "expose_hidden: true", "RNN", tops=2)
    params = weights(make_layer(definition, bottoms))
    run = run_layer(definition, bottoms, dtype=np.float64, params=list(params.values()))
    wanted, hidden = naive.rnn(*bottoms[:2], None, params, bottoms[2][0])
    np.testing.assert_allclose(run.top[0].data, wanted, 1e-10)
    np.testing.assert_allclose(run.top[1].data[0], hidden, 1e-10)
    assert run.top[0].shape == (STEPS, STREAMS, SIZE)


def test_a_later_layer_in_place_does_not_spoil_the_gradient():
    run, other = (run_layer(text(kind="RNN"), [draw(X), cont()], dtype=np.float64) for _ in range(2))
    other.top[0].data[...] = 0
    top_diff = draw(run.top[0].shape, 2)
    np.testing.assert_array_equal(run.backward([top_diff]).bottom[0].diff, other.backward([top_diff]).bottom[0].diff)


@pytest.mark.parametrize("still", [False, True])
def test_gradients(still):
    check_gradients(text(2 + still, kind="RNN"), [draw((3, 3, 2)), cont()[:3], draw((3, 2), 2)][: 2 + still])


def test_golden():
    golden_layer("rnn")


def test_errors():
    with pytest.raises(LayerError) as caught:
        make_layer(text(2, "expose_hidden: true", "RNN", tops=2), [np.zeros(X), np.zeros((STEPS, STREAMS))])
    assert str(caught.value) == 'layer "L" (RNN): has 2 bottom blobs; this type takes 3 to 4. Add 1.'
