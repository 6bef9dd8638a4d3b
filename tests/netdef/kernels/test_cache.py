"""Compiled kernels on disk: by state, types and CPU; whole or not at all; where they can be written."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numba
import numpy as np
import pytest

from netdef.kernels import _cache
from netdef.kernels._jit import kernel
from netdef.kernels.random import hash_bits

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import sys
import numpy as np
from netdef import notices
notices.on_first_compilation = lambda: print("compiling")
from tests.netdef.kernels.cached_kernel import running_sum
for dtype in sys.argv[1:]:
    print(running_sum(np.arange(100).astype(dtype)))
"""

compiled_only = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is cached without compilation")


def start(folder, *dtypes, **environment):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(folder), "NUMBA_DISABLE_JIT": "0", **environment}
    command = [sys.executable, "-c", PROGRAM, *dtypes]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def lines(process) -> list[str]:
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out.split()


@pytest.fixture
def folders(monkeypatch):
    """Lets a test say which folders are looked at."""

    def use(*paths):
        monkeypatch.setattr(_cache, "cache_folders", lambda: list(paths))
        for memory in (_cache.writable_folder, _cache._tell_of_failure, _cache._keep_young):
            memory.cache_clear()

    yield use
    for memory in (_cache.writable_folder, _cache._tell_of_failure, _cache._keep_young):
        memory.cache_clear()


def fresh_kernel():
    @kernel
    def fresh(value):
        return value + 1

    return fresh


@compiled_only
def test_cache_of_its_own():
    assert Path(hash_bits.stats.cache_path) in _cache.cache_folders()


@compiled_only
def test_named_folder_is_the_only_one(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert _cache.cache_folders() == [tmp_path / f"kernels-{_cache.state_of_kernels()}"]


def test_the_users_cache_comes_after_the_one_beside_the_kernels(monkeypatch, tmp_path):
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    state = f"kernels-{_cache.state_of_kernels()}"
    assert _cache.cache_folders() == [ROOT / "netdef" / "kernels" / "__pycache__" / state, tmp_path / "netdef" / state]


def test_another_state_of_any_kernel_is_another_cache(tmp_path):
    states = []
    for change in ("", "# one more line\n"):
        copy = tmp_path / str(len(states)) / "netdef"
        shutil.copytree(ROOT / "netdef", copy, ignore=shutil.ignore_patterns("__pycache__"))
        with open(copy / "kernels" / "softmax.py", "a", encoding="utf-8") as file:
            file.write(change)
        code = "from netdef.kernels._cache import state_of_kernels; print(state_of_kernels())"
        path = [str(copy.parent), str(ROOT)]
        run = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {path}; {code}"],
            capture_output=True,
            text=True,
            cwd="/",
        )
        assert run.returncode == 0, run.stderr
        states.append(run.stdout.strip())
    assert states[0] != states[1]


def test_types_that_are_compiled_at_once_keep_apart(tmp_path):
    sums = {"float32": "4950.0", "float64": "4950.0", "int32": "4950", "complex64": "(4950+0j)"}
    started = {dtype: start(tmp_path, dtype) for dtype in sums}
    for dtype, process in started.items():
        assert lines(process) == ["compiling", sums[dtype]]
    assert lines(start(tmp_path, *sums)) == list(sums.values())
    assert not list(tmp_path.rglob("*.part"))


def test_another_cpu_compiles_its_own(tmp_path):
    other = {"NUMBA_CPU_NAME": "generic"}
    assert lines(start(tmp_path, "float32")) == ["compiling", "4950.0"]
    assert lines(start(tmp_path, "float32", **other)) == ["compiling", "4950.0"]
    assert lines(start(tmp_path, "float32", **other)) == ["4950.0"]
    assert lines(start(tmp_path, "float32")) == ["4950.0"]


@pytest.mark.parametrize("damage", [lambda content: content[: len(content) // 2], lambda content: content[:-1] + b"?"])
def test_a_damaged_entry_is_compiled_anew(tmp_path, damage):
    assert lines(start(tmp_path, "float32")) == ["compiling", "4950.0"]
    (entry,) = tmp_path.rglob("cached_kernel.running_sum-*")
    entry.write_bytes(damage(entry.read_bytes()))
    assert lines(start(tmp_path, "float32")) == ["compiling", "4950.0"]
    assert lines(start(tmp_path, "float32")) == ["4950.0"]


@compiled_only
def test_what_cannot_be_written_goes_into_the_next_folder(folders, tmp_path):
    (tmp_path / "file").write_text("in the way")
    folders(tmp_path / "file" / "kernels", tmp_path / "second" / "kernels")
    assert fresh_kernel()(np.float32(1)) == 2
    assert len(list((tmp_path / "second" / "kernels").iterdir())) == 1


@compiled_only
def test_what_cannot_be_written_at_all_is_told_once(folders, tmp_path):
    (tmp_path / "file").write_text("in the way")
    folders(tmp_path / "file" / "kernels")
    with pytest.warns(UserWarning) as told:
        assert fresh_kernel()(np.float32(1)) == 2
        assert fresh_kernel()(np.float64(1)) == 2
    assert [str(one.message) for one in told] == [
        f"compiled kernels cannot be kept in {tmp_path / 'file' / 'kernels'}: Not a directory. They will be compiled "
        "anew at each start, which takes many seconds. Set NUMBA_CACHE_DIR to a folder that you can write."
    ]


@compiled_only
def test_a_disk_that_fills_up_is_told_and_leaves_nothing_half(folders, tmp_path, monkeypatch):
    folders(tmp_path / "kernels")
    _cache.writable_folder()

    def full(self, content):
        self.open("wb").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        assert fresh_kernel()(np.float32(1)) == 2
    assert list((tmp_path / "kernels").iterdir()) == []


@compiled_only
def test_old_states_are_removed_but_for_the_last_few(folders, tmp_path):
    now = time.time()
    for age in range(8):
        old = tmp_path / f"kernels-{age:012x}"
        old.mkdir()
        os.utime(old, (now - age * 100, now - age * 100))
    for name in ("kernels-of-someone", "other"):
        (tmp_path / name).mkdir()
    folders(tmp_path / "kernels-abcdefabcdef")
    fresh_kernel()(np.float32(1))
    kept = [f"kernels-{age:012x}" for age in range(_cache.KEPT)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*kept, "kernels-abcdefabcdef", "kernels-of-someone", "other"]
    )


@compiled_only
def test_a_state_in_use_stays_young(folders, tmp_path):
    folder = tmp_path / "kernels"
    folders(folder)
    fresh_kernel()(np.float32(1))
    os.utime(folder, (0, 0))
    _cache._keep_young.cache_clear()
    fresh_kernel()(np.float32(1))
    assert folder.stat().st_mtime > 0
