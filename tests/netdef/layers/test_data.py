import gc
import os
import threading

import numpy as np
import pytest

from netdef.blob import Blob
from netdef.errors import DataError, LayerError, NetdefError
from netdef.kernels.calls import CAN_REPEAT
from netdef.layers import _prefetching
from netdef.net import Net
from prototxt import parse_net, schema
from tests.support.databases import pictures, write_lmdb
from tests.support.nets import make_layer

RECORDED_CASES = ["lmdb_plain", "lmdb_scale_meanvalue", "lmdb_crop", "lmdb_gray", "lmdb_encoded", "leveldb"]


def data_layer(source, more="batch_size: 3", transform="", tops='top: "data" top: "label"'):
    return (
        f'name: "d" type: "Data" {tops} data_param {{ source: "{source}" backend: LMDB {more} }} '
        f"transform_param {{ {transform} }}"
    )


@pytest.fixture
def source(tmp_path):
    write_lmdb(tmp_path / "db", pictures(5))
    return tmp_path / "db"


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    gc.collect()
    assert not [thread for thread in threading.enumerate() if thread.name == "netdef-prefetch"]


def step(run):
    """One more forward pass; copies of the tops."""
    run.layer.forward(run.bottom, run.top)
    return [blob.data.copy() for blob in run.top]


@pytest.mark.parametrize("case", RECORDED_CASES)
def test_recorded_batches(recorded_dir, monkeypatch, case):
    if case == "leveldb":
        pytest.importorskip("plyvel")
    recorded = np.load(recorded_dir / "data" / "batches.npz")
    monkeypatch.chdir(recorded_dir / "data")
    run = make_layer(str(recorded[f"{case}/prototxt"]), [], schema.TEST)
    for number in range(sum(key.startswith(f"{case}/") and key.endswith("/data") for key in recorded)):
        data, label = step(run)
        assert np.array_equal(data, recorded[f"{case}/{number}/data"])
        assert np.array_equal(label, recorded[f"{case}/{number}/label"])
    run.layer.close()


def test_shapes_are_known_before_any_batch_and_no_thread_runs(source):
    run = make_layer(data_layer(source, transform="crop_size: 4"), [])
    assert [blob.shape for blob in run.top] == [(3, 3, 4, 4), (3,)]
    assert not run.top[0].has_data
    run = make_layer(data_layer(source, tops='top: "data"'), [])
    assert [blob.shape for blob in run.top] == [(3, 3, 7, 5)]
    assert [blob.shape for blob in run.top] == [top.shape for top in step(run)]
    run.layer.close()


def test_epochs_wrap_and_each_restart_is_told(source):
    run = make_layer(data_layer(source, "batch_size: 3 prefetch: 2"), [])
    told = []
    run.layer.on_restart = lambda: told.append(len(labels))
    labels = []
    for _ in range(5):
        labels += step(run)[1].tolist()
    assert labels == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4]
    assert told == [3, 9]
    run.layer.close()


@pytest.mark.parametrize(("copied", "places"), [(0, 2), (1 << 22, 1)])
def test_large_batches_go_round_and_blobs_that_share_them_follow(source, monkeypatch, copied, places):
    monkeypatch.setattr(_prefetching, "COPIED", copied)
    run = make_layer(data_layer(source, "batch_size: 1 prefetch: 2"), [])
    step(run)
    sharing = Blob((105,))
    sharing.share_data(run.top[0])
    addresses = set()
    for label in range(1, 5):
        data, labels = step(run)
        assert labels == [label]
        assert np.array_equal(sharing.data, data.ravel())
        addresses.add(run.top[0].data.ctypes.data)
    assert len(addresses) == places
    run.layer.close()


def test_rand_skip(source):
    first = set()
    for seed in range(30):
        run = make_layer(data_layer(source, "batch_size: 1 rand_skip: 3"), [], seed=seed)
        first.add(float(step(run)[1][0]))
        run.layer.close()
    assert first == {0, 1, 2}


@pytest.mark.parametrize("prefetch", [1, 4])
@pytest.mark.parametrize("before", [0, 1, 4])
def test_resume_is_exact(source, prefetch, before):
    distorted = "mirror: true crop_size: 4 pad: 1 affine_param { rotation: 20 shift: 1 scaling: 0.1 shear: 0.2 }"
    text = data_layer(source, f"batch_size: 3 prefetch: {prefetch} rand_skip: 4", distorted)
    run = make_layer(text, [], schema.TRAIN, seed=1)
    for _ in range(before):
        step(run)
    state = run.layer.state()
    expected = [step(run) for _ in range(4)]
    other = make_layer(text, [], schema.TRAIN, seed=2)
    step(other)
    for layer_run in (other, run):
        layer_run.layer.restore(state)
        for data, label in expected:
            got = step(layer_run)
            assert np.array_equal(got[0], data)
            assert np.array_equal(got[1], label)
        layer_run.layer.close()


def test_restoring_forgets_restarts_that_were_only_read_ahead(source):
    run = make_layer(data_layer(source, "batch_size: 2"), [])
    told = []
    run.layer.on_restart = lambda: told.append(True)
    step(run)
    run.layer.restore(run.layer.state())
    step(run)
    assert told == []
    assert step(run)[1].tolist() == [4, 0]
    assert told == [True]
    run.layer.close()


def test_close_and_go_on(source):
    run = make_layer(data_layer(source), [])
    assert step(run)[1].tolist() == [0, 1, 2]
    run.layer.close()
    run.layer.close()
    assert step(run)[1].tolist() == [3, 4, 0]
    run.layer.close()


def test_a_forgotten_layer_ends_its_thread(source):
    step(make_layer(data_layer(source), []))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_copy_goes_on_by_itself(source):
    run = make_layer(data_layer(source, transform="mirror: true"), [])
    step(run)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if step(run)[1].tolist() == [3, 4, 0] else 2
            run.layer.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert step(run)[1].tolist() == [3, 4, 0]
    run.layer.close()


def test_float64(source):
    run = make_layer(data_layer(source, transform="scale: 0.1"), [], dtype=np.float64)
    data, label = step(run)
    assert data.dtype == label.dtype == np.float64
    assert np.allclose(data, pictures(5)[:3] * 0.1)
    run.layer.close()


def test_in_a_net_split_and_shape_changes_are_followed(tmp_path):
    write_lmdb(tmp_path / "db", [pictures(1)[0], pictures(1, height=9)[0]])
    text = (
        f"layer {{ {data_layer(tmp_path / 'db', 'batch_size: 1')} }}"
        'layer { name: "f" type: "Flatten" bottom: "data" top: "flat" }'
        'layer { name: "g" type: "Flatten" bottom: "data" top: "again" }'
    )
    with Net(parse_net(text), schema.TEST) as net:
        for image in (pictures(1)[0], pictures(1, height=9)[0], pictures(1)[0]):
            net.run()
            assert np.array_equal(net.blobs["flat"].data[0], image.ravel())
            assert np.array_equal(net.blobs["again"].data[0], image.ravel())


@pytest.mark.parametrize(
    "definition, field, message",
    [
        ('source: "SOURCE" backend: LMDB', "batch_size", "batch_size is 0 or missing; expected at least 1. Set it."),
        (
            'source: "SOURCE" backend: LMDB batch_size: 1 prefetch: 0',
            "prefetch",
            "prefetch is 0; expected at least 1. Leave it out for 4.",
        ),
        (
            'source: "SOURCE" batch_size: 1',
            "backend",
            'backend is LEVELDB, the default, but "SOURCE" is an LMDB. Add "backend: LMDB".',
        ),
    ],
)
def test_fields(source, definition, field, message):
    text = f'name: "d" type: "Data" top: "data" data_param {{ {definition.replace("SOURCE", str(source))} }}'
    with pytest.raises(LayerError) as caught:
        make_layer(text, [])
    assert caught.value.message == message.replace("SOURCE", str(source))
    assert caught.value.field == f"data_param.{field}"


def test_the_place_of_a_missing_source_is_told():
    fields = 'data_param { source: "/no" backend: LMDB batch_size: 1 }'
    text = f'layer {{\n  name: "d" type: "Data" top: "data"\n  {fields}\n}}'
    with pytest.raises(NetdefError) as caught:
        Net(parse_net(text, "train.prototxt"), schema.TRAIN)
    assert str(caught.value) == (
        'train.prototxt:3:16: layer "d" (Data): LMDB "/no" does not exist; expected a folder with data.mdb. '
        "Create it or correct the path.\n"
        '    data_param { source: "/no" backend: LMDB batch_size: 1 }\n'
        "                 ^"
    )


def test_a_record_that_is_bad_stops_the_run_in_its_turn(tmp_path):
    images = list(pictures(5))
    images[3] = pictures(1, height=6)[0]
    write_lmdb(tmp_path / "db", images)
    run = make_layer(data_layer(tmp_path / "db", "batch_size: 2"), [])
    step(run)
    for _ in range(2):
        with pytest.raises(DataError) as caught:
            step(run)
        assert caught.value.message == (
            f'record 3 (key "00000003") of LMDB "{tmp_path}/db" becomes (3, 6, 5) (channels, height, width); '
            "(3, 7, 5) was expected, as for the first of its batch. Resize the images to one size, set crop_size, "
            "or use batch_size: 1."
        )
    run.layer.close()


@pytest.mark.parametrize("copied", [0, 1 << 22])
def test_nets_repeat_their_calls_with_each_batch(source, monkeypatch, copied):
    monkeypatch.setattr(_prefetching, "COPIED", copied)
    more = (
        'layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 4 '
        'weight_filler { type: "gaussian" std: 0.1 } } }'
        'layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "ids" top: "loss" }'
    )
    ids = 'layer { name: "ids" type: "DummyData" top: "ids" dummy_data_param { shape { dim: 3 } } }'
    text = f"layer {{ {data_layer(source)} }} {ids} {more}"
    results = []
    for repeated in (True, False):
        with Net(parse_net(text), schema.TRAIN, seed=2) as net:
            results.append([])
            for _ in range(9):
                net.clear_param_diffs_later()
                last = len(net.steps) - 1
                results[-1].append(net.run() if repeated else net.run_steps(0, last))
                net.run_backward() if repeated else net.run_steps_backward(last, 0)
                results[-1] += [net.blobs["data"].data.copy(), net.params["ip"][0].diff.copy()]
            if repeated:
                assert bool(net._backward_replay._noted) is (CAN_REPEAT and copied > 0)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
