"""Dropout: the mask's share, the naive twin, in place, both phases, the state of a resume, gradients, errors."""

import numpy as np
import pytest

from netdef.errors import LayerError
from prototxt import schema
from tests.naive.dropout import dropout
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer

TEXT = 'name: "drop6" type: "Dropout" bottom: "fc6" top: "drop6"'
IN_PLACE = TEXT.replace('top: "drop6"', 'top: "fc6"')


def with_ratio(ratio):
    return f"{TEXT} dropout_param {{ dropout_ratio: {ratio} }}"


@pytest.mark.parametrize("ratio", [0, 0.1, 0.5, 0.9])
def test_share_and_scale(ratio):
    run = run_layer(with_ratio(ratio), [np.ones((40, 50, 30))])
    values, counts = np.unique(run.top[0].data, return_counts=True)
    assert values[-1] == pytest.approx(1 / (1 - ratio))
    assert counts[-1] / 60000 == pytest.approx(1 - ratio, abs=0.006)
    assert np.array_equal(values[:-1], [0] if ratio else [])
    assert run.top[0].data.mean() == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ratio", [0.5, 0.75])
def test_naive_twin(rng, dtype, ratio):
    bottom, top_diff = rng.normal(size=(2, 2, 3, 4, 5)).astype(dtype)
    given = bottom.copy()
    run = make_layer(with_ratio(ratio), [bottom], dtype=dtype)
    for _ in range(2):
        first = run.layer.stream.counter
        run.forward().backward([top_diff])
        assert np.allclose(run.top[0].data, dropout(bottom, run.layer.stream.key, first, ratio), rtol=1e-6)
        assert np.allclose(run.bottom[0].diff, dropout(top_diff, run.layer.stream.key, first, ratio), rtol=1e-6)
    assert np.array_equal(run.bottom[0].data, given)


def test_mask_changes_from_pass_to_pass_and_with_the_seed():
    ones = np.ones((20, 30))
    run = run_layer(TEXT, [ones])
    first = run.top[0].data.copy()
    assert not np.array_equal(run.forward().top[0].data, first)
    assert np.array_equal(run_layer(TEXT, [ones]).top[0].data, first)
    assert not np.array_equal(run_layer(TEXT, [ones], seed=2).top[0].data, first)


def test_masks_go_on_after_a_resume():
    ones = np.ones((20, 30))
    run = run_layer(TEXT, [ones])
    state = run.layer.state()
    second = run.forward().top[0].data.copy()
    resumed = make_layer(TEXT, [ones], seed=99)
    resumed.layer.restore(state)
    assert np.array_equal(resumed.forward().top[0].data, second)


def test_in_place(rng):
    bottom, top_diff = rng.normal(size=(2, 4, 5))
    apart = run_layer(TEXT, [bottom]).backward([top_diff])
    in_place = run_layer(IN_PLACE, [bottom]).backward([top_diff])
    assert in_place.top[0] is in_place.bottom[0]
    assert np.array_equal(in_place.top[0].data, apart.top[0].data)
    assert np.array_equal(in_place.bottom[0].diff, apart.bottom[0].diff)


@pytest.mark.parametrize("text", [TEXT, IN_PLACE])
def test_identity_in_test_phase(rng, text):
    bottom, top_diff = rng.normal(size=(2, 4, 5)).astype(np.float32)
    run = run_layer(text, [bottom], phase=schema.TEST).backward([top_diff])
    assert np.array_equal(run.top[0].data, bottom)
    assert np.array_equal(run.bottom[0].diff, top_diff)


def test_nothing_is_written_without_propagate_down():
    run = run_layer(TEXT, [np.ones((2, 3))])
    run.bottom[0].diff[...] = 7
    run.backward([np.ones((2, 3))], propagate_down=[False])
    assert (run.bottom[0].diff == 7).all()


@pytest.mark.parametrize("phase", [schema.TRAIN, schema.TEST])
@pytest.mark.parametrize("text", [TEXT, IN_PLACE])
def test_gradients(rng, text, phase):
    check_gradients(text, [rng.normal(size=(2, 3, 4))], phase=phase)


@pytest.mark.parametrize("ratio", [1, -0.25, "nan"])
def test_ratio_out_of_range(ratio):
    with pytest.raises(LayerError) as caught:
        make_layer(with_ratio(ratio), [np.ones((2, 3))])
    assert str(caught.value) == (
        f'layer "drop6" (Dropout): dropout_ratio is {ratio}; it must be at least 0 and less than 1, '
        "the probability that a unit is switched off."
    )
    assert caught.value.field == "dropout_param.dropout_ratio"


@pytest.mark.parametrize("text", [TEXT, IN_PLACE])
def test_without_scale_train_test_makes_up_for_it(text):
    text += " dropout_param { dropout_ratio: 0.75 scale_train: false }"
    ones = np.ones((20, 30))
    run = run_layer(text, [ones])
    assert set(np.unique(run.top[0].data)) == {0, 1}
    tested = run_layer(text, [ones], phase=schema.TEST)
    assert (tested.top[0].data == 0.25).all()
    assert (tested.backward([ones]).bottom[0].diff == 0.25).all()
