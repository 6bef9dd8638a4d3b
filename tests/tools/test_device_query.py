"""What device_query tells."""

from __future__ import annotations

import numba
import pytest

TITLES = ["processor", "cores", "threads", "threading layer", "BLAS", "GPU", "kernel cache", "versions"]


@pytest.fixture(autouse=True)
def same_threads_afterwards():
    before = numba.get_num_threads()
    yield
    numba.set_num_threads(before)


def table(out: str) -> dict[str, str]:
    return {title: value.strip() for title, _, value in (line.partition(":") for line in out.splitlines())}


def test_one_line_for_each_fact(run):
    result = run("device_query")
    assert (result.status, result.err) == (0, "")
    facts = table(result.out)
    assert list(facts) == TITLES
    assert all(facts.values())
    assert facts["GPU"] == "not used: netdef computes on the CPU"
    assert facts["threading layer"] in ("tbb", "omp", "workqueue")
    assert facts["versions"].startswith("netdef 0.")


def test_threads_are_chosen(run):
    assert table(run("device_query", "-threads", "1").out)["threads"].startswith("1 (")


def test_more_threads_than_cores(run):
    most = numba.config.NUMBA_NUM_THREADS
    result = run("device_query", "--threads", most + 1)
    assert result.status == 2
    assert result.err == f"--threads is {most + 1}; this machine has {most}. Give 1 to {most}.\n"


def test_a_gpu_is_not_used(run):
    result = run("device_query", "-gpu", "all")
    assert result.status == 0
    assert result.err == "--gpu all: netdef has no GPU code; it computes on the CPU.\n"
