import numpy as np
import pytest

from netdef.errors import LayerError
from tests.naive.reorg import reorg
from tests.support.gradients import check_gradients
from tests.support.nets import make_layer, run_layer


def reorg_layer(fields, top="small"):
    return f'name: "re" type: "Reorg" bottom: "conv" top: "{top}" reorg_param {{ {fields} }}'


def test_hand_cases():
    """Reversed, four channels become the four pixels of each square."""
    channels = np.arange(8).reshape(1, 4, 1, 2)
    run = run_layer(reorg_layer("stride: 2 reverse: true"), [channels])
    assert run.top[0].data.tolist() == [[[[0, 2, 1, 3], [4, 6, 5, 7]]]]
    run = run_layer(reorg_layer("stride: 2"), [np.arange(16).reshape(1, 4, 2, 2)])
    assert run.top[0].data.reshape(4, 4).tolist() == [[0, 2, 8, 10], [1, 3, 9, 11], [4, 6, 12, 14], [5, 7, 13, 15]]


@pytest.mark.parametrize("reverse", ["true", "false"])
@pytest.mark.parametrize(
    "shape, stride", [((2, 8, 4, 6), 2), ((3, 9, 6, 3), 3), ((2, 3, 4, 5), 1), ((2, 64, 24, 26), 2)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_naive_twin(rng, shape, stride, reverse, dtype):
    bottom = rng.normal(size=shape).astype(dtype)
    run = run_layer(reorg_layer(f"stride: {stride} reverse: {reverse}"), [bottom], dtype=dtype)
    expected = reorg(bottom, stride, reverse == "true")
    assert run.top[0].shape == expected.shape
    assert np.array_equal(run.top[0].data, expected)


@pytest.mark.parametrize("reverse", ["true", "false"])
def test_gradients(rng, reverse):
    check_gradients(reorg_layer(f"stride: 2 reverse: {reverse}"), [rng.normal(size=(2, 4, 2, 4))])


def test_nothing_is_written_without_propagate_down(rng):
    run = run_layer(reorg_layer("stride: 2"), [rng.normal(size=(1, 4, 2, 4))])
    run.bottom[0].diff[...] = 7
    run.backward([np.ones(run.top[0].shape)], propagate_down=[False])
    assert (run.bottom[0].diff == 7).all()


ERRORS = [
    ("", (2, 4, 2, 2), "reorg_param", "stride is 0 or missing; expected at least 1 pixel. Set it."),
    (
        "stride: 2",
        (2, 4, 2),
        "bottom",
        'bottom "conv" has shape (2, 4, 2); it must have 4 axes, (num, channels, height, width).',
    ),
    (
        "stride: 2",
        (2, 6, 2, 4),
        "reorg_param.stride",
        'bottom "conv" has 6 channels and stride is 2; their number must be a multiple of 4, the stride\'s square. '
        "Change num_output before, or stride.",
    ),
    (
        "stride: 2",
        (2, 8, 2, 5),
        "reorg_param.stride",
        'bottom "conv" is 2 high and 5 wide; both must be multiples of stride, 2. Change the image\'s size or stride.',
    ),
]


@pytest.mark.parametrize("fields, shape, field, message", ERRORS)
def test_errors(fields, shape, field, message):
    with pytest.raises(LayerError) as caught:
        make_layer(reorg_layer(fields), [np.zeros(shape)])
    assert (str(caught.value), caught.value.field) == (f'layer "re" (Reorg): {message}', field)
