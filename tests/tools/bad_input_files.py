"""Makes the files of bad input that are not text; each function writes at the path it is given."""

from __future__ import annotations

import struct
from math import prod
from pathlib import Path

import numpy as np
from PIL import Image

from netdef import TEST, Net, parse_net
from netdef.data.datum import encode_datum
from netdef.data.lmdb_writer import LmdbWriter
from prototxt import schema

INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 1 dim: 4 dim: 5 } } }'
CLASSIFIER = INPUT + (
    'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"'
    " inner_product_param { num_output: NUM } }"
    'layer { name: "prob" type: "Softmax" bottom: "ip" top: "prob" }'
)
NET_RECORDS = 6


# -- definitions ---------------------------------------------------------------------------------------------


def binary_text(path: Path) -> None:
    path.write_bytes(b"\x0a\x05LeNet\x00\x01")


def latin_text(path: Path) -> None:
    path.write_bytes(b'name: "caf\xe9"\n')


# -- databases -----------------------------------------------------------------------------------------------


def image(seed: int, shape=(1, 4, 5)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def write_records(path: Path, records: list[bytes]) -> None:
    with LmdbWriter(path) as writer:
        for index, record in enumerate(records):
            writer.put(f"{index:08d}", record)


def good_lmdb(path: Path) -> None:
    write_records(path, [encode_datum(image(index), index % 2) for index in range(NET_RECORDS)])


def empty_lmdb(path: Path) -> None:
    write_records(path, [])


def cut_lmdb(path: Path) -> None:
    write_records(path, [encode_datum(image(index, (3, 40, 50)), 0) for index in range(NET_RECORDS)])
    data = path / "data.mdb"
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])


def lmdb_of_rubbish(path: Path) -> None:
    path.mkdir()
    (path / "data.mdb").write_bytes(b"This is no database.\n" * 1000)


def empty_folder(path: Path) -> None:
    path.mkdir()


def leveldb(path: Path) -> None:
    path.mkdir()
    (path / "CURRENT").write_text("MANIFEST-000004\n")


def lmdb_of_other_records(path: Path) -> None:
    write_records(path, [b"\xff\xff\xff not a Datum"])


def lmdb_of_short_data(path: Path) -> None:
    datum = schema.Datum(channels=1, height=4, width=5, data=b"\0" * 19, label=1)
    write_records(path, [datum.SerializeToString()])


def lmdb_of_two_sizes(path: Path) -> None:
    write_records(path, [encode_datum(image(0), 0), encode_datum(image(1, (1, 5, 4)), 0)])


def lmdb_of_broken_png(path: Path) -> None:
    datum = schema.Datum(data=b"\x89PNG\r\n\x1a\n and then nothing", encoded=True)
    write_records(path, [datum.SerializeToString()])


def lmdb_with_label_7(path: Path) -> None:
    write_records(path, [encode_datum(image(0), 7), encode_datum(image(1), 0)])


def lmdb_of_nan(path: Path) -> None:
    write_records(path, [encode_datum(np.full((1, 4, 5), np.nan, np.float32), 0)] * 2)


def mean_of_other_size(path: Path) -> None:
    blob = schema.BlobProto(num=1, channels=3, height=4, width=5, data=[0.0] * 60)
    path.write_bytes(blob.SerializeToString())


def rubbish(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\xfd rubbish")


def empty_file(path: Path) -> None:
    path.write_bytes(b"")


# -- MNIST's files -------------------------------------------------------------------------------------------


def three_labels_idx(path: Path) -> None:
    path.write_bytes(struct.pack(">II", 2049, 3) + bytes(3))


def three_images_idx(path: Path) -> None:
    path.write_bytes(struct.pack(">IIII", 2051, 3, 4, 5) + bytes(60))


def two_labels_idx(path: Path) -> None:
    path.write_bytes(struct.pack(">II", 2049, 2) + bytes(2))


def cut_idx(path: Path) -> None:
    path.write_bytes(struct.pack(">IIII", 2051, 3, 4, 5) + bytes(59))


def cut_gzip(path: Path) -> None:
    path.write_bytes(b"\x1f\x8b\x08\x00\x00")


# -- weights and solver states -------------------------------------------------------------------------------


def saved(num_output: int, path: Path) -> None:
    document = parse_net(CLASSIFIER.replace("NUM", str(num_output)), "classifier.prototxt")
    Net(document, TEST, seed=1).save(path)


def good_caffemodel(path: Path) -> None:
    saved(2, path)


def caffemodel_of_3_classes(path: Path) -> None:
    saved(3, path)


def cut_caffemodel(path: Path) -> None:
    saved(2, path)
    path.write_bytes(path.read_bytes()[:-20])


def lfs_pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1725025\n")


def web_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html><html><body>404</body></html>\n")


def zip_archive(path: Path) -> None:
    path.write_bytes(b"PK\x03\x04" + bytes(100))


def solverstate(path: Path, **fields) -> None:
    path.write_bytes(schema.SolverState(**fields).SerializeToString())


def lonely_solverstate(path: Path) -> None:
    history = [schema.BlobProto(shape={"dim": shape}, data=[0.0] * prod(shape)) for shape in ((2, 20), (2,))]
    solverstate(path, iter=2, learned_net="gone_iter_2.caffemodel", history=history)


def solverstate_without_history(path: Path) -> None:
    solverstate(path, iter=2, learned_net="net.caffemodel")


# -- images --------------------------------------------------------------------------------------------------


def good_png(path: Path) -> None:
    Image.fromarray(image(3)[0]).save(path)


def wide_png(path: Path) -> None:
    Image.fromarray(image(3, (1, 4, 9))[0]).save(path)


def cut_png(path: Path) -> None:
    Image.fromarray(image(3, (1, 40, 50))[0]).save(path)
    path.write_bytes(path.read_bytes()[:300])


def text_as_png(path: Path) -> None:
    path.write_text("not an image\n")
