import numpy as np
import pytest

from netdef.data.datum import decode_datum
from netdef.data.level_source import LevelSource
from netdef.data.lmdb_source import LmdbSource
from netdef.data.shuffled_source import ShuffledSource
from netdef.errors import DataError
from netdef.random import Stream
from prototxt import schema
from tests.support.databases import pictures, write_level, write_lmdb, write_records
from tests.support.nets import make_layer

KINDS = [(LmdbSource, write_lmdb, "LMDB"), (LevelSource, write_level, "LEVELDB")]
every_kind = pytest.mark.parametrize("source_class, write, backend", KINDS, ids=["lmdb", "leveldb"])


def labels(records):
    return [decode_datum(record)[1] for record in records]


@every_kind
def test_each_epoch_has_all_records_in_another_order(tmp_path, source_class, write, backend):
    write(tmp_path / "db", pictures(6))
    with source_class(tmp_path / "db") as source:
        shuffled = ShuffledSource(source, Stream(3))
        epochs = [labels(shuffled.read(6)) for _ in range(5)]
        assert all(sorted(epoch) == list(range(6)) for epoch in epochs)
        assert len({tuple(epoch) for epoch in epochs}) > 3
        assert shuffled.restarts == 4
        assert labels([shuffled.first()]) == [0]


@every_kind
@pytest.mark.parametrize("before", [0, 1, 5])
def test_resume_is_exact(tmp_path, source_class, write, backend, before):
    write(tmp_path / "db", pictures(7))
    text = (
        f'name: "d" type: "Data" top: "data" top: "label" data_param {{ source: "{tmp_path}/db" backend: {backend} '
        "batch_size: 3 shuffle: true rand_skip: 3 } transform_param { mirror: true }"
    )
    run = make_layer(text, [], schema.TRAIN, tops=2, seed=1)
    for _ in range(before):
        run.forward()
    state = run.layer.state()
    expected = [[blob.data.copy() for blob in run.forward().top] for _ in range(5)]
    other = make_layer(text, [], schema.TRAIN, tops=2, seed=2)
    for again in (run, other):
        again.layer.restore(state)
        for values in expected:
            assert all(np.array_equal(got.data, want) for got, want in zip(again.forward().top, values))
        again.layer.close()


def test_a_bad_record_is_named_by_its_key(tmp_path):
    write_records(tmp_path / "db", [b"\xff"])
    text = (
        f'name: "d" type: "Data" top: "data" data_param {{ source: "{tmp_path}/db" backend: LMDB '
        "batch_size: 3 shuffle: true }"
    )
    with pytest.raises(DataError) as caught:
        make_layer(text, [])
    assert caught.value.message.startswith(f'record 0 (key "00000000") of LMDB "{tmp_path}/db" holds 1 bytes')


def test_another_database(tmp_path):
    write_lmdb(tmp_path / "five", pictures(5))
    write_lmdb(tmp_path / "six", pictures(6))
    with LmdbSource(tmp_path / "five") as five, LmdbSource(tmp_path / "six") as six:
        position = ShuffledSource(five, Stream(1)).position()
        with pytest.raises(DataError) as caught:
            ShuffledSource(six, Stream(1)).seek(position)
    assert caught.value.message == (
        f'LMDB "{tmp_path}/six" has 6 items, but had 5 when the snapshot was made; expected what was read then. '
        "Name that one, or start without the snapshot."
    )
