"""debug_info: Caffe's lines about every blob of a displayed step, with the values that the arrays have."""

from __future__ import annotations

import re

import numpy as np

from tests.support.solvers import TINY_NET, RecordedLog, everything, tiny_solver

SHARED = TINY_NET.replace("num_output: 2", "num_output: 3").replace("num_output: 5", "num_output: 3")
SHARED = SHARED.replace("param { lr_mult: 1 }", 'param { name: "w" }').replace(
    'top: "ip2"\n', 'top: "ip2" param { name: "w" }\n'
)


def lines(fields: str = "display: 2 debug_info: true", net: str = TINY_NET, steps: int = 1) -> list[str]:
    log = RecordedLog()
    with tiny_solver(fields, net, log=log) as solver:
        solver.step(steps)
    return [line for line in log.text().splitlines() if re.search(r"\] {5}\[(Forward|Backward|Update)\]", line)]


def test_every_blob_is_logged():
    number = r"[\d.e+-]+"
    wanted = [
        rf"net.cpp:593]     [Forward] Layer data, top blob data data: {number}",
        rf"net.cpp:593]     [Forward] Layer data, top blob label data: {number}",
        rf"net.cpp:593]     [Forward] Layer ip1, top blob ip1 data: {number}",
        rf"net.cpp:605]     [Forward] Layer ip1, param blob 0 data: {number}",
        r"net.cpp:605]     [Forward] Layer ip1, param blob 1 data: 0",
        rf"net.cpp:593]     [Forward] Layer drop, top blob ip1 data: {number}",
        rf"net.cpp:593]     [Forward] Layer ip2, top blob ip2 data: {number}",
        rf"net.cpp:605]     [Forward] Layer ip2, param blob 0 data: {number}",
        r"net.cpp:605]     [Forward] Layer ip2, param blob 1 data: 0",
        rf"net.cpp:593]     [Forward] Layer loss, top blob loss data: {number}",
        rf"net.cpp:621]     [Backward] Layer loss, bottom blob ip2 diff: {number}",
        rf"net.cpp:621]     [Backward] Layer ip2, bottom blob ip1 diff: {number}",
        rf"net.cpp:632]     [Backward] Layer ip2, param blob 0 diff: {number}",
        rf"net.cpp:632]     [Backward] Layer ip2, param blob 1 diff: {number}",
        rf"net.cpp:621]     [Backward] Layer drop, bottom blob ip1 diff: {number}",
        rf"net.cpp:632]     [Backward] Layer ip1, param blob 0 diff: {number}",
        rf"net.cpp:632]     [Backward] Layer ip1, param blob 1 diff: {number}",
        rf"net.cpp:721]     [Backward] All net params (data, diff): "
        rf"L1 norm = ({number}, {number}); L2 norm = ({number}, {number})",
    ]
    found = lines()
    assert len(found) == len(wanted)
    for line, pattern in zip(found, wanted, strict=True):
        escaped = "".join(
            part if part == number else re.escape(part) for part in re.split(f"({re.escape(number)})", pattern)
        )
        assert re.fullmatch(escaped, line), (pattern, line)


def test_only_displayed_steps_are_logged():
    assert len(lines(steps=3)) == 2 * len(lines(steps=2))
    assert lines("debug_info: true") == []


def test_values():
    log = RecordedLog()
    with tiny_solver("display: 1 debug_info: true", log=log) as solver:
        weight = solver.net.params["ip1"][0]
        before = np.abs(weight.data).mean(dtype=np.float64)
        solver.step(1)
    assert f"    [Forward] Layer ip1, param blob 0 data: {before:g}" in log.messages("net.cpp:605")


def test_tests_are_logged_at_any_display():
    found = lines("debug_info: true test_iter: 2 test_interval: 1")
    layers = [re.search(r"\[Forward\] Layer (\w+),", line).group(1) for line in found]
    once = ["data"] * 2 + ["label_data_1_split"] * 2 + ["ip1"] * 3 + ["ip2"] * 3 + ["ip2_ip2_0_split"] * 2
    assert layers == [*once, "loss", "accuracy"] * 2


def test_the_last_pass_is_logged_where_the_last_iteration_was():
    def forward_lines(display: int) -> int:
        log = RecordedLog()
        with tiny_solver(f"display: {display} debug_info: true max_iter: 4 snapshot_after_train: false", log=log) as it:
            it.solve()
        return len(log.messages("net.cpp:593"))

    assert forward_lines(display=1) == 5 * forward_lines(display=4)
    assert forward_lines(display=2) == 2 * forward_lines(display=4)


def test_looking_changes_nothing():
    def run(fields):
        with tiny_solver("momentum: 0.9 iter_size: 2 " + fields) as solver:
            solver.step(3)
            return everything(solver)

    assert run("display: 1 debug_info: true") == run("")


def test_shared_parameters_have_their_names():
    found = lines(net=SHARED)
    assert "net.cpp:605]     [Forward] Layer ip2, param blob w data: " in "\n".join(found)
