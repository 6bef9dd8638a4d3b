"""MNIST: its files, where to get them, and a stand-in where there is no network.

Sources: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", file formats;
Caffe examples/mnist/convert_mnist_data.cpp.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from netdef.data.datum import encode_datum
from netdef.data.digits import Digits, small_digits
from netdef.data.lmdb_writer import LmdbWriter
from netdef.errors import DataError, NetdefError
from netdef.weights.atomic import write_atomically

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
# md5 of the files as they are after unpacking
CHECKSUMS = {
    TRAIN_IMAGES: "6bbc9ace898e44ae57da46a324031adb",
    TRAIN_LABELS: "a25bea736e30d166cdddb491f175f624",
    TEST_IMAGES: "2646ac647ad5339dbf082846283269ea",
    TEST_LABELS: "27ae3e4e09519cfbb04c329615203637",
}
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)
TIMEOUT = 10.0  # seconds without an answer from a mirror
IMAGE_MAGIC, LABEL_MAGIC = 2051, 2049


# -- IDX files ---------------------------------------------------------------------------------------------------


def read_idx(path: str | Path) -> np.ndarray:
    """The array in an IDX file of unsigned bytes, plain or gzipped: uint8, images ``(N, H, W)`` or labels ``(N,)``.

    Raises
    ------
    DataError
        When the file is missing, is no such file, or is shorter or longer than its header says.
    """
    path = Path(path)
    return parse_idx(_unpack(_read_bytes(path), path), f'MNIST file "{path}"')


def parse_idx(content: bytes, what: str) -> np.ndarray:
    """The array in the bytes of an IDX file; ``what`` names it in errors."""
    if len(content) < 8:
        raise DataError(f"{what} has {len(content)} bytes; a header needs 8. Download it again.")
    magic, count = struct.unpack_from(">II", content)
    if magic == LABEL_MAGIC:
        header, shape = 8, (count,)
    elif magic == IMAGE_MAGIC:
        if len(content) < 16:
            raise DataError(f"{what} has {len(content)} bytes; a header of images needs 16. Download it again.")
        header, shape = 16, struct.unpack_from(">III", content, 4)
    else:
        raise DataError(
            f"{what} begins with the number {magic}; expected {IMAGE_MAGIC} (images) or {LABEL_MAGIC} (labels). "
            "Name one of MNIST's IDX files."
        )
    expected = header + int(np.prod(shape, dtype=np.int64))
    if len(content) != expected:
        raise DataError(f"{what} has {len(content)} bytes; its header announces {expected}. Download it again.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f'MNIST file "{path}" cannot be read: {error.strerror}. Correct the path.') from error


def _unpack(content: bytes, path: Path | str) -> bytes:
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(f'MNIST file "{path}" is damaged: it cannot be unpacked. Download it again.') from error


def read_mnist(directory: str | Path) -> Digits:
    """MNIST out of a folder with its four files, plain or gzipped.

    Raises
    ------
    DataError
        When one is missing or damaged, or images and labels differ in number.
    """
    directory = Path(directory)
    train_images, train_labels = _read_pair(directory, TRAIN_IMAGES, TRAIN_LABELS)
    test_images, test_labels = _read_pair(directory, TEST_IMAGES, TEST_LABELS)
    origin = f'MNIST from "{directory}": {len(train_images)} training and {len(test_images)} test images.'
    return Digits(train_images, train_labels, test_images, test_labels, True, origin)


def _read_pair(directory: Path, images_name: str, labels_name: str) -> tuple[np.ndarray, np.ndarray]:
    images = read_idx(_find(directory, images_name))
    labels = read_idx(_find(directory, labels_name))
    check_pair(images, labels)
    return images, labels


def check_pair(images: np.ndarray, labels: np.ndarray) -> None:
    """DataError unless these are images, labels, and as many of each."""
    if images.ndim != 3:
        raise DataError("the file of images holds labels. Exchange the two file names.")
    if labels.ndim != 1:
        raise DataError("the file of labels holds images. Exchange the two file names.")
    if len(images) != len(labels):
        raise DataError(f"there are {len(images)} images and {len(labels)} labels. Take both files from one set.")


def find_file(directory: Path, name: str) -> Path | None:
    """The file called ``name`` in a folder, with or without ``.gz``, also as ``train-images.idx3-ubyte``."""
    dotted = name.replace("-idx", ".idx")
    candidates = [directory / f"{stem}{suffix}" for stem in (name, dotted) for suffix in ("", ".gz")]
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _find(directory: Path, name: str) -> Path:
    found = find_file(directory, name)
    if found is None:
        raise DataError(
            f'"{directory}" has neither {name} nor {name}.gz; expected the four files of MNIST. '
            "Correct the path or download them."
        )
    return found


# -- where to get them -------------------------------------------------------------------------------------------


def find_mnist(
    directory: str | Path | None = None,
    cache: str | Path | None = None,
    mirrors: Sequence[str] = MIRRORS,
    tell: Callable[[str], None] = lambda line: None,
) -> Digits:
    """MNIST from the first place that has it, or handwritten digits in its stead.

    In this order: ``directory``, else the folder in the environment variable ``MNIST_DIR`` (an error if it is named
    and unusable); the ``cache``, a folder of earlier downloads (by default ``netdef/mnist`` in the user's cache);
    the public mirrors, checked by their md5 sums and kept in the cache; the digits that scikit-learn carries.

    ``tell`` is called with a line of progress now and then.
    """
    named = directory or os.environ.get("MNIST_DIR")
    if named:
        return read_mnist(named)
    cache = Path(cache) if cache else default_cache()
    if all((cache / f"{name}.gz").is_file() for name in CHECKSUMS):
        try:
            return read_mnist(cache)
        except DataError as error:
            tell(error.message)
    return _from_mirrors(cache, mirrors, tell) or small_digits()


def default_cache() -> Path:
    """``$XDG_CACHE_HOME/netdef/mnist``, by default ``~/.cache/netdef/mnist``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netdef" / "mnist"


def _from_mirrors(cache: Path, mirrors: Sequence[str], tell: Callable[[str], None]) -> Digits | None:
    """MNIST from the first mirror that has all of it, or None; what came is kept in ``cache`` where possible."""
    for mirror in mirrors:
        tell(f"Downloading MNIST from {mirror}")
        try:
            files = {name: _download(f"{mirror}/{name}.gz", name) for name in CHECKSUMS}
        except (OSError, DataError) as error:  # a URLError is an OSError with a reason
            tell(f"MNIST could not be downloaded from {mirror}: {getattr(error, 'reason', None) or error}")
            continue
        _keep(cache, files, tell)
        arrays = [parse_idx(_unpack(files[name], mirror), f'"{mirror}/{name}.gz"') for name in CHECKSUMS]
        return Digits(*arrays, True, f"MNIST from {mirror}.")
    return None


def _download(url: str, name: str) -> bytes:
    """The gzipped file at ``url``, its contents checked."""
    with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
        content = answer.read()
    found = hashlib.md5(_unpack(content, url), usedforsecurity=False).hexdigest()
    if found != CHECKSUMS[name]:
        raise DataError(f"{name}.gz has the md5 sum {found} after unpacking; expected {CHECKSUMS[name]}.")
    return content


def _keep(cache: Path, files: dict[str, bytes], tell: Callable[[str], None]) -> None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomically(cache / f"{name}.gz", content)
    except (OSError, NetdefError) as error:
        tell(f"The download could not be kept: {error}")


# -- what is made of them ----------------------------------------------------------------------------------------


def convert_mnist(images: np.ndarray, labels: np.ndarray, path: str | Path, overwrite: bool = False) -> None:
    """Write an LMDB of images, uint8 ``(N, H, W)``, and labels, ``(N,)``.

    Keys are the images' numbers in 8 digits; keys and records are byte for byte those of Caffe's convert_mnist_data.
    Raises DataError where the numbers differ or the database cannot be written.
    """
    check_pair(images, labels)
    with LmdbWriter(path, overwrite) as writer:
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            writer.put(f"{number:08d}", encode_datum(image[None], label))


def convert_pairs(images: np.ndarray, labels: np.ndarray, path: str | Path, seed: int, overwrite: bool = False) -> None:
    """Write an LMDB of as many pairs as there are images: two random ones as channels, label 1 if of one class, else 0.

    The same seed gives the same pairs. Raises as `convert_mnist`. Source: Caffe
    examples/siamese/convert_mnist_siamese_data.cpp, whose pairs no seed repeats.
    """
    check_pair(images, labels)
    chosen = np.random.Generator(np.random.Philox(key=seed)).integers(0, len(images), (len(images), 2))
    with LmdbWriter(path, overwrite) as writer:
        for number, (first, second) in enumerate(chosen):
            pair = np.stack([images[first], images[second]])
            writer.put(f"{number:08d}", encode_datum(pair, int(labels[first] == labels[second])))


def export_samples(digits: Digits, directory: str | Path, count: int = 10) -> list[Path]:
    """Write the first ``count`` test images as ``NNNNN_labelD.png``; NNNNN is the image's place among all.

    Returns the paths. Raises DataError or WeightsError where they cannot be written.
    """
    directory = Path(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f'folder "{directory}" cannot be made: {error.strerror}. Choose another place.') from error
    paths = []
    for number, (image, label) in enumerate(zip(digits.test_images[:count], digits.test_labels[:count], strict=True)):
        png = io.BytesIO()
        Image.fromarray(image).save(png, "PNG")
        paths.append(directory / f"{len(digits.train_images) + number:05d}_label{label}.png")
        write_atomically(paths[-1], png.getvalue())
    return paths
