"""Compiled kernels are cached by the state of all kernels, and Numba's own setting is left as it was."""

import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from netdef.kernels import _jit
from netdef.kernels.random import hash_bits

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is cached without compilation")
def test_cache_of_its_own():
    assert hash_bits.stats.cache_path.startswith(str(_jit._cache_folder()))
    assert str(_jit._cache_folder()) != numba.config.CACHE_DIR


def test_another_state_of_any_kernel_is_another_cache(tmp_path):
    folders = []
    for change in ("", "# one more line\n"):
        copy = tmp_path / str(len(folders)) / "netdef"
        shutil.copytree(ROOT / "netdef", copy, ignore=shutil.ignore_patterns("__pycache__"))
        with open(copy / "kernels" / "softmax.py", "a", encoding="utf-8") as file:
            file.write(change)
        code = "from netdef.kernels._jit import _cache_folder; print(_cache_folder())"
        path = [str(copy.parent), str(ROOT)]
        run = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {path}; {code}"],
            capture_output=True,
            text=True,
            cwd="/",
        )
        assert run.returncode == 0, run.stderr
        folders.append(Path(run.stdout.strip()).name)
    assert folders[0] != folders[1]
