"""The training loop: what it does when, what it logs, how it is stopped."""

from __future__ import annotations

import re

import numpy as np
import pytest

from netdef.errors import NetdefError, SolverError, WeightsError
from prototxt import parse_solver
from solvers import Action, SGDSolver, get_solver
from tests.support.solvers import TINY_NET, RecordedLog, everything, tiny_solver

SPEED = re.compile(r"\([\d.e+]+ iter/s, [\d.e-]+s/")


def test_solving_is_logged_line_for_line():
    log = RecordedLog()
    with tiny_solver(
        "max_iter: 4 display: 2 test_iter: 3 test_interval: 2 gamma: 0.5 stepsize: 3 lr_policy: 'step'", log=log
    ) as solver:
        log.stream.truncate(0)
        log.stream.seek(0)
        solver.solve()
    number = r"[\d.e+-]+"
    loss = rf"loss = {number} \(\* 1 = {number} loss\)"
    test = [
        r"solver.cpp:414\]     Test net output #0: accuracy = " + number,
        rf"solver.cpp:414\]     Test net output #1: {loss}",
    ]
    display = rf"\({number} iter/s, {number}s/2 iters\), loss = {number}"
    wanted = [
        r"solver.cpp:289\] Solving tiny",
        r"solver.cpp:290\] Learning Rate Policy: step",
        r"solver.cpp:347\] Iteration 0, Testing net \(#0\)",
        *test,
        rf"solver.cpp:239\] Iteration 0 {display}",
        rf"solver.cpp:258\]     Train net output #0: {loss}",
        r"sgd_solver.cpp:112\] Iteration 0, lr = 0.1",
        r"solver.cpp:347\] Iteration 2, Testing net \(#0\)",
        *test,
        rf"solver.cpp:239\] Iteration 2 {display}",
        rf"solver.cpp:258\]     Train net output #0: {loss}",
        r"sgd_solver.cpp:112\] Iteration 2, lr = 0.1",
        rf"solver.cpp:327\] Iteration 4, loss = {number}",
        r"solver.cpp:347\] Iteration 4, Testing net \(#0\)",
        *test,
        r"solver.cpp:332\] Optimization Done.",
    ]
    found = log.text().splitlines()
    assert len(found) == len(wanted)
    for line, pattern in zip(found, wanted, strict=True):
        assert re.fullmatch(pattern, line), (pattern, line)


def test_scaffolding_is_logged():
    log = RecordedLog()
    tiny_solver("max_iter: 4 test_iter: 3 test_interval: 2", log=log).close()
    text = log.text()
    assert text.startswith("solver.cpp:45] Initializing solver from parameters: \n")
    assert "\nmax_iter: 4\n" in text
    assert log.messages("solver.cpp:102") == ["Creating training net specified in net_param."]
    assert log.messages("solver.cpp:190") == ["Creating test net (#0) specified by net_param"]
    assert text.endswith("solver.cpp:57] Solver scaffolding done.\n")


def test_training_learns():
    with tiny_solver("display: 0") as solver:
        solver.step(1)
        first = solver.smoothed_loss
        solver.step(60)
        assert solver.iter == 61
        assert solver.smoothed_loss < first / 2


def test_same_seed_same_bits():
    runs = []
    for seed in (3, 3, 4):
        with tiny_solver(f"momentum: 0.9 random_seed: {seed}") as solver:
            solver.step(5)
            runs.append(everything(solver))
    assert runs[0] == runs[1] != runs[2]


def test_test_nets_use_the_memory_of_the_train_net():
    with tiny_solver("test_iter: 1 test_interval: 1") as solver:
        solver.step(1)
        for name in ("ip1", "ip2"):
            assert np.shares_memory(solver.net.params[name][0].data, solver.test_nets[0].params[name][0].data)


def test_average_loss():
    with tiny_solver("average_loss: 3") as solver:
        losses = []
        for _ in range(5):
            solver.step(1)
            losses.append(float(solver.net.blobs["loss"].data))
        assert solver.smoothed_loss == pytest.approx(np.mean(losses[-3:]), rel=1e-6)


def test_test_without_initialization_and_with_loss():
    log = RecordedLog()
    fields = "max_iter: 2 test_iter: 2 test_interval: 1 test_initialization: false test_compute_loss: true"
    with tiny_solver(fields, log=log) as solver:
        solver.solve()
    assert log.messages("solver.cpp:347") == [f"Iteration {i}, Testing net (#0)" for i in (1, 2)]
    means = [line.split(" = ")[1].split()[0] for line in log.messages("solver.cpp:414") if "loss" in line]
    assert log.messages("solver.cpp:401") == [f"Test loss: {mean}" for mean in means]


def test_several_test_nets_with_their_states(tmp_path):
    path = tmp_path / "net.prototxt"
    extra = 'layer { name: "more" type: "Silence" bottom: "data" include { phase: TEST stage: "more" } }'
    path.write_text(TINY_NET + extra)
    fields = (
        f'net: "{path}" test_net_param {{ {TINY_NET} }} test_net: "{path}" test_interval: 1 '
        'test_iter: 1 test_iter: 2 test_iter: 3 test_state {} test_state { stage: "more" } test_state { level: 1 }'
    )
    log = RecordedLog()
    with tiny_solver(fields, log=log) as solver:
        assert ["more" in net.layer_names for net in solver.test_nets] == [False, True, False]
        assert [net.graph.state.level for net in solver.test_nets] == [0, 0, 1]
    assert log.messages("solver.cpp:190") == [
        "Creating test net (#0) specified by test_net_param",
        f"Creating test net (#1) specified by test_net file: {path}",
        f"Creating test net (#2) specified by net file: {path}",
    ]


def test_train_net_and_its_state(tmp_path):
    path = tmp_path / "net.prototxt"
    path.write_text(TINY_NET + 'layer { name: "more" type: "Silence" bottom: "data" include { stage: "more" } }')
    for fields, words in (
        (f'train_net: "{path}"', f"Creating training net from train_net file: {path}"),
        (f"train_net_param {{ {path.read_text()} }}", "Creating training net specified in train_net_param."),
        (f'net: "{path}"', f"Creating training net from net file: {path}"),
    ):
        log = RecordedLog()
        text = fields + ' train_state { stage: "more" } base_lr: 1 lr_policy: "fixed"'
        with get_solver(parse_solver(text), log=log) as solver:
            assert "more" in solver.net.layer_names
        assert log.messages("solver.cpp:102") == [words]


def test_parameters_with_lr_mult_0_stay():
    net = TINY_NET.replace("lr_mult: 1", "lr_mult: 0")
    with tiny_solver("momentum: 0.9 weight_decay: 0.1", net) as solver:
        before = everything(solver)
        solver.step(3)
        after = everything(solver)
    assert [name for name in before if before[name] == after[name]] == ["ip1[0]", "history[0]"]


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("SGD", "", lambda g: [0 * g]),
        ("Nesterov", "momentum: 0.9", lambda g: [0 * g]),
        ("AdaGrad", "", lambda g: [3 * g**2]),
        ("RMSProp", "rms_decay: 0.5", lambda g: [0.875 * g**2]),
        ("Adam", "momentum: 0.5 momentum2: 0.75", lambda g: [0.875 * g, 0.578125 * g**2]),
    ],
)
def test_history_of_parameters_with_lr_mult_0(kind, fields, expected):
    """Three steps at rate 0 of a parameter whose gradient is its weight decay alone."""
    net = TINY_NET.replace("lr_mult: 1", "lr_mult: 0")
    with tiny_solver(f'type: "{kind}" weight_decay: 0.5 {fields}', net) as solver:
        weight = solver.net.params["ip1"][0]
        before = weight.data.copy()
        solver.step(3)
        found = solver.history[:: len(solver.net.learnable_params)]
        np.testing.assert_array_equal(weight.data, before)
        np.testing.assert_array_equal(weight.diff, 0 * before)
        for history, wanted in zip(found, expected(0.5 * before), strict=True):
            np.testing.assert_allclose(history, wanted, rtol=1e-5)


def test_lr_mult_0_and_a_history_that_moves_on():
    net = TINY_NET.replace("lr_mult: 1", "lr_mult: 0")
    with tiny_solver("momentum: 0.5", net) as solver:
        weight = solver.net.params["ip1"][0]
        before = weight.data.copy()
        solver.history[0][...] = 1
        solver.step(2)
        np.testing.assert_allclose(weight.data, before - 0.75, rtol=1e-6)


def test_clipping_is_logged():
    log = RecordedLog()
    with tiny_solver("clip_gradients: 0.01", log=log) as solver:
        solver.step(1)
        norm = np.sqrt(sum((history.astype(np.float64) ** 2).sum() for history in solver.history))
    (line,) = log.messages("sgd_solver.cpp:99")
    pattern = r"Gradient clipping: scaling down gradients \(L2 norm ([\d.e-]+) > 0.01\) by scale factor ([\d.e-]+)"
    found, factor = map(float, re.fullmatch(pattern, line).groups())
    assert found * factor == pytest.approx(0.01, rel=1e-5)
    assert norm < 0.1 * 0.01 * 2  # the rate times the limit; one lr_mult is 2


def test_multistep_is_logged():
    log = RecordedLog()
    with tiny_solver('lr_policy: "multistep" gamma: 0.5 stepvalue: 1 stepvalue: 2', log=log) as solver:
        solver.step(3)
    assert log.messages("sgd_solver.cpp:50") == [f"MultiStep Status: Iteration {i}, step = {i}" for i in (1, 2)]


def test_callbacks():
    calls = []
    with tiny_solver("iter_size: 2") as solver:
        solver.add_callback(lambda: calls.append("start"), lambda: calls.append("gradients"))
        solver.step(2)
    assert calls == ["start", "gradients"] * 2


def test_step_without_max_iter_but_not_solve():
    with tiny_solver("") as solver:
        solver.step(1)
        with pytest.raises(SolverError) as caught:
            solver.solve()
    assert caught.value.sentence() == (
        "<text>: max_iter is missing; expected the number of iterations to train. Add max_iter: 10000."
    )


def test_class_of_a_solver_may_be_named(tmp_path):
    path = tmp_path / "solver.prototxt"
    path.write_text(f'base_lr: 1 lr_policy: "fixed" type: "Adam" net_param {{ {TINY_NET} }}')
    with SGDSolver(path) as solver:
        assert len(solver.history) == 4
    with get_solver(str(path)) as solver:
        assert len(solver.history) == 8


# -- weights to start from -------------------------------------------------------------------------------------


@pytest.fixture
def two_models(tmp_path):
    paths = []
    for seed in (1, 2):
        with tiny_solver(f"random_seed: {seed}") as solver:
            solver.net.save(tmp_path / f"{seed}.caffemodel")
        paths.append(str(tmp_path / f"{seed}.caffemodel"))
    return paths


def test_weights_of_the_definition_and_of_the_call(two_models):
    def start(fields="", **options):
        with tiny_solver("random_seed: 9 " + fields, **options) as solver:
            return everything(solver)

    first, second = (start(f'weights: "{path}"') for path in two_models)
    assert first != second
    assert start(f'weights: "{two_models[0]}, {two_models[1]}"') == second
    assert start(f'weights: "{two_models[1]}"', weights=two_models[:1]) == first
    assert start(f'weights: "{two_models[1]}"', weights=[]) == start()


def test_layers_that_the_net_lacks_are_named(two_models):
    log = RecordedLog()
    net = TINY_NET.replace('name: "ip2"', 'name: "other"')
    tiny_solver("", net, weights=two_models[:1], log=log).close()
    assert log.messages("solver.cpp:72", "net.cpp:746") == [
        f"Finetuning from {two_models[0]}",
        "Ignoring source layer ip2",
    ]


def test_layers_that_do_not_fit(two_models):
    net = TINY_NET.replace("num_output: 2", "num_output: 3")
    with pytest.raises(WeightsError, match="does not fit the net in 2 places"):
        tiny_solver("", net, weights=two_models[:1])
    log = RecordedLog()
    with tiny_solver("", net, weights=two_models[:1], skip_mismatch=True, log=log) as solver:
        assert solver.net.params["ip2"][0].shape == (3, 5)
    assert log.messages("net.cpp:759") == ["Skipping source layer ip2, whose shapes differ"]


def test_weights_reach_layers_that_only_test_nets_have(two_models):
    train = TINY_NET.replace('name: "ip2"', 'name: "other"')
    fields = f"train_net_param {{ {train} }} test_net_param {{ {TINY_NET} }} test_iter: 1 test_interval: 1"
    with tiny_solver(fields, weights=two_models[:1]) as solver, tiny_solver("", weights=two_models[:1]) as other:
        assert np.array_equal(solver.test_nets[0].params["ip2"][0].data, other.net.params["ip2"][0].data)


# -- being stopped ---------------------------------------------------------------------------------------------


def actions(*listed):
    left = list(listed)
    return lambda: left.pop(0) if left else Action.NONE


def test_stop_request(tmp_path):
    log = RecordedLog()
    fields = f'max_iter: 9 snapshot_after_train: true snapshot_prefix: "{tmp_path}/tiny"'
    with tiny_solver(fields, log=log) as solver:
        solver.action_function = actions(Action.NONE, Action.STOP)
        solver.solve()
        assert solver.iter == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny_iter_2.caffemodel", "tiny_iter_2.solverstate"]
    assert log.text().splitlines()[-1] == "solver.cpp:311] Optimization stopped early."


def test_snapshot_request(tmp_path):
    with tiny_solver(f'max_iter: 4 snapshot_prefix: "{tmp_path}/tiny"') as solver:
        solver.action_function = actions(Action.NONE, Action.SNAPSHOT)
        solver.solve()
        assert solver.iter == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny_iter_2.caffemodel", "tiny_iter_2.solverstate"]


def test_requests_during_a_test(tmp_path):
    log = RecordedLog()
    fields = f'max_iter: 4 test_iter: 9 test_interval: 1 snapshot_prefix: "{tmp_path}/tiny"'
    with tiny_solver(fields, log=log) as solver:
        solver.action_function = actions(Action.NONE, Action.SNAPSHOT, Action.STOP)
        solver.solve()
        assert solver.iter == 0
    assert log.messages("solver.cpp:396", "solver.cpp:311") == ["Test interrupted.", "Optimization stopped early."]
    assert (tmp_path / "tiny_iter_0.solverstate").exists()


@pytest.mark.parametrize("iter_size", [1, 2])
def test_loss_that_is_no_number(iter_size):
    with tiny_solver(f"iter_size: {iter_size} max_iter: 5") as solver:
        solver.step(2)
        solver.net.params["ip1"][0].data[3, 1] = np.nan
        with pytest.raises(SolverError) as caught:
            solver.solve()
        assert solver.iter == 2
    assert caught.value.sentence() == (
        "<text>: the loss of iteration 2 is nan; expected a finite number. The first value that is not finite is in "
        'parameter blob 0 of layer "ip1" (InnerProduct), 1 of 15 values, the first, nan, at (3, 1). '
        "Lower base_lr, set clip_gradients, or check data and labels; the snapshots so far are unharmed."
    )


def test_data_that_are_no_numbers():
    net = TINY_NET.replace('type: "DummyData"', 'type: "Input"')
    net = re.sub(
        r"dummy_data_param \{.*?\} \} \}", "input_param { shape { dim: 4 dim: 3 } shape { dim: 4 } } }", net, flags=re.S
    )
    with tiny_solver("", net) as solver:
        solver.net.blobs["data"].data[2, 0] = np.inf
        with pytest.raises(SolverError) as caught:
            solver.step(1)
    assert (
        'The first value that is not finite is in top "data" of layer "data" (Input), 1 of 12 values, the first, inf, '
        "at (2, 0). " in caught.value.sentence()
    )


def test_errors_of_the_net_keep_their_place():
    with pytest.raises(NetdefError) as caught:
        tiny_solver("\n", TINY_NET.replace('"InnerProduct"', '"InnerProdukt"'))
    assert caught.value.sentence().startswith('<text>:7:23: layer "ip1" (InnerProdukt): unknown layer type')
