import numpy as np
import pytest

from netdef.data.mean import read_mean, write_mean
from netdef.errors import DataError
from prototxt import schema


def test_a_mean_survives_and_is_what_caffe_writes(tmp_path):
    mean = np.random.default_rng(2).random((3, 4, 5), np.float32)
    write_mean(tmp_path / "mean.binaryproto", mean)
    assert np.array_equal(read_mean(tmp_path / "mean.binaryproto"), mean)
    blob = schema.BlobProto.FromString((tmp_path / "mean.binaryproto").read_bytes())
    assert (blob.num, blob.channels, blob.height, blob.width, len(blob.data)) == (1, 3, 4, 5, 60)


@pytest.mark.parametrize(
    "shape, expected",
    [((2, 3), (1, 2, 3)), ((1, 2, 3), (1, 2, 3)), ((1, 4, 2, 3), (4, 2, 3)), ((1, 1, 2, 3), (1, 2, 3))],
)
def test_shapes_of_newer_files(tmp_path, shape, expected):
    blob = schema.BlobProto(double_data=range(int(np.prod(shape))))
    blob.shape.dim.extend(shape)
    (tmp_path / "mean").write_bytes(blob.SerializeToString())
    mean = read_mean(tmp_path / "mean")
    assert (mean.dtype, mean.shape, mean.flat[-1]) == (np.float32, expected, np.prod(shape) - 1)


def test_the_recorded_mean(recorded_dir):
    mean = read_mean(recorded_dir / "data" / "mean.binaryproto")
    assert mean.shape == (3, 32, 32)
    assert 50 < mean.mean() < 200


@pytest.mark.parametrize(
    "content, message",
    [
        (b"\xff\xff", ' is not a BlobProto (2 bytes). Name a .binaryproto file made by compute_image_mean.'),
        (
            b"",
            " holds 0 numbers for shape (0, 0, 0, 0), which needs 0. Make it again with compute_image_mean.",
        ),
        (
            schema.BlobProto(num=1, channels=3, height=2, width=2, data=[1] * 5).SerializeToString(),
            " holds 5 numbers for shape (1, 3, 2, 2), which needs 12. Make it again with compute_image_mean.",
        ),
        (
            schema.BlobProto(num=2, channels=1, height=1, width=3, data=[1] * 6).SerializeToString(),
            " has shape (2, 1, 1, 3); expected one image, (1, channels, height, width). "
            "Make it again with compute_image_mean.",
        ),
    ],
)
def test_bad_files(tmp_path, content, message):
    path = tmp_path / "mean.binaryproto"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_mean(path)
    assert caught.value.message == f'mean file "{path}"{message}'
