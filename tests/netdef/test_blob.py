import numpy as np
import pytest

from netdef.blob import Blob
from netdef.errors import NetError


def test_memory_appears_at_the_first_touch_and_is_zero():
    blob = Blob((2, 3, 4, 5))
    assert not blob.has_data and not blob.has_diff
    assert blob.count == 120 and blob.nbytes == 480
    assert blob.data.shape == (2, 3, 4, 5) and not blob.data.any()
    assert blob.has_data and not blob.has_diff
    assert blob.diff.dtype == np.float32


def test_writing_into_data_writes_into_the_blob():
    blob = Blob((2, 3))
    blob.data[...] = 7
    assert (blob.data == 7).all()


def test_a_scalar_has_one_element():
    blob = Blob()
    assert blob.shape == () and blob.count == 1
    blob.data[...] = 3
    assert float(blob.data) == 3


def test_reshape_keeps_values_where_memory_suffices():
    blob = Blob((2, 3))
    blob.data[...] = np.arange(6).reshape(2, 3)
    blob.reshape(3, 2)
    assert blob.data.tolist() == [[0, 1], [2, 3], [4, 5]]
    blob.reshape((4,))
    assert blob.data.tolist() == [0, 1, 2, 3]
    blob.reshape(7)
    assert blob.data.tolist() == [0] * 7


def test_shared_data_is_one_memory_with_two_shapes():
    first, second = Blob((2, 3)), Blob((6,))
    second.share_data(first)
    first.data[1, 2] = 5
    assert second.data[5] == 5
    second.diff[...] = 1
    assert not first.diff.any()
    second.share_diff(first)
    first.diff[...] = 2
    assert (second.diff == 2).all()


def test_sharing_survives_growth_of_the_owner():
    first, second = Blob((2,)), Blob((2,))
    second.share_data(first)
    first.data[...] = 1
    first.reshape(5)
    first.data[...] = 2
    second.reshape(5)
    assert second.data.tolist() == [2] * 5


def test_sharing_needs_equal_counts():
    with pytest.raises(NetError) as error:
        Blob((2, 3)).share_data(Blob((7,)))
    assert str(error.value) == (
        "a blob of shape (2, 3) cannot share memory with one of shape (7,); they have 6 and 7 elements. "
        "Give both the same number."
    )


def test_a_filler_runs_once_at_the_first_read():
    calls = []
    blob = Blob((3,))
    blob.fill_later(lambda array: calls.append(array.fill(4)))
    assert calls == []
    assert blob.data.tolist() == [4, 4, 4] and blob.data.tolist() == [4, 4, 4]
    assert len(calls) == 1


def test_a_shared_filler_reaches_both_blobs():
    owner, reader = Blob((3,)), Blob((3,))
    owner.fill_later(lambda array: array.fill(4))
    reader.share_data(owner)
    assert reader.data.tolist() == [4, 4, 4]


def test_legacy_axes():
    blob = Blob((2, 3))
    assert (blob.num, blob.channels, blob.height, blob.width) == (2, 3, 1, 1)
    with pytest.raises(NetError, match="they exist for up to 4 axes"):
        Blob((1, 2, 3, 4, 5)).num  # noqa: B018


def test_canonical_axis():
    blob = Blob((2, 3, 4))
    assert blob.canonical_axis(-1) == 2 and blob.canonical_axis(1) == 1
    with pytest.raises(NetError) as error:
        blob.canonical_axis(3)
    assert str(error.value) == (
        "axis 3 of a blob of shape (2, 3, 4) was asked for; it has 3 axes. Name one from -3 to 2."
    )


@pytest.mark.parametrize("shape", [(2, -1), (1 << 16, 1 << 16)])
def test_impossible_shapes(shape):
    with pytest.raises(NetError, match="sizes must be 0 or more and their product at most 2147483647"):
        Blob(shape)


def test_set_data_looks_at_the_array_itself():
    blob, array = Blob((2, 3)), np.ones((2, 3), np.float32)
    blob.set_data(array)
    array[0, 0] = 9
    assert blob.data[0, 0] == 9


def test_a_gradient_cleared_later_reads_as_zero():
    blob, sharer = Blob((2, 3)), Blob((3, 2))
    sharer.share_diff(blob)
    blob.diff[...] = 7
    blob.clear_diff_later()
    assert not sharer.diff.any() and not blob.diff.any()
    blob.diff[...] = 5
    assert (sharer.diff == 5).all()


def test_an_opened_gradient_counts_unless_it_was_to_be_cleared():
    blob = Blob((2, 3))
    blob.clear_diff_later()
    assert blob.open_diff()[1]  # new memory is zero
    blob.diff[...] = 7
    diff, counts = blob.open_diff()
    assert counts and (diff == 7).all()
    blob.clear_diff_later()
    assert not blob.open_diff()[1]
    assert blob.open_diff()[1]  # the first has written
    blob.clear_diff_later()
    assert not blob.diff.any() and blob.open_diff()[1]


def test_copy_data_leaves_an_array_alone_that_the_blob_looked_at():
    blob, lent = Blob((2, 3)), np.zeros((2, 3), np.float32)
    blob.set_data(lent)
    for value in (5, 6):
        blob.copy_data(np.full((2, 3), value, np.float32))
        assert (blob.data == value).all() and not lent.any()
    own = blob.data
    blob.copy_data(np.ones((2, 3), np.float32))
    assert blob.data is own
    blob.reshape(4, 5)
    blob.copy_data(np.ones((4, 5), np.float32))
    assert (blob.data == 1).all() and blob.shape == (4, 5)
