"""Vector code for other CPUs of the same family gives the same results: half and quarter vectors, fewer registers."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numba
import pytest

ROOT = Path(__file__).resolve().parents[3]
TESTS = ["test_gemm.py", "test_tap_rows.py", "test_sums.py", "test_exponential.py", "test_strided_rows.py"]
CPUS = {
    "haswell": ("+avx,+avx2,+fma,+bmi,+bmi2,+popcnt,+sse4.2", 32),
    "nehalem": ("+popcnt,+sse4.2", 16),
}
FLAGS = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="compiles")
@pytest.mark.skipif(platform.machine() != "x86_64" or " avx2 " not in FLAGS, reason="a CPU with AVX2 can run these")
@pytest.mark.parametrize("name", CPUS)
def test_kernels_of_another_cpu(name):
    features, size = CPUS[name]
    environment = {**os.environ, "NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": features, "PYTHONPATH": str(ROOT)}
    code = (
        "import sys, pytest; from netdef.kernels._emitter import VECTOR_BYTES; "
        f"sys.exit(VECTOR_BYTES != {size} or pytest.main(sys.argv[1:]))"
    )
    files = [str(Path(__file__).parent / test) for test in TESTS]
    command = [sys.executable, "-c", code, "-q", "-p", "no:xdist", "-p", "no:cacheprovider", *files]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
