"""The decorator: twins that do not share a cache entry, and a word before the first compilation."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from netdef.kernels._jit import kernel, prange

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import numpy as np
from netdef import notices
notices.on_first_compilation = lambda: print("compiling")
from netdef.kernels.random import hash_bits, hash_uniform
hash_bits(np.uint64(1), np.uint64(2)), hash_uniform(np.uint64(1), np.uint64(2))
"""


@kernel(parallel=True)
def doubled(source, result):
    for i in prange(source.shape[0]):
        result[i] = 2 * source[i]


@pytest.mark.parametrize("twin", [doubled, doubled.parallel, doubled.serial])
def test_twins_compute_the_same(twin):
    source, result = np.arange(5.0), np.zeros(5)
    twin(source, result)
    assert result.tolist() == [0, 2, 4, 6, 8]


def test_the_first_compilation_is_told_once_and_loading_is_not(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}

    def run():
        command = [sys.executable, "-c", PROGRAM]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

    assert run() == "compiling\n"
    assert run() == ""
