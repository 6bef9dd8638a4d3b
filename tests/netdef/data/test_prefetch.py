import gc
import os
import subprocess
import sys
import threading
import time
import weakref

import pytest

from netdef.data.prefetch import Prefetcher
from netdef.errors import DataError


class Counting:
    """Fills batches, which are lists, with 1, 2, 3 …; fails at ``bad``."""

    def __init__(self, bad=0):
        self.count = 0
        self.bad = bad

    def fill(self, batch):
        self.count += 1
        if self.count == self.bad:
            raise DataError("record 7 is bad")
        batch[:] = [self.count]


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "netdef-prefetch"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    assert not threads()
    yield
    assert not threads()


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_batches_come_in_order(depth):
    prefetcher = Prefetcher(Counting().fill, [[] for _ in range(depth)])
    assert [prefetcher.next()[0] for _ in range(20)] == list(range(1, 21))
    prefetcher.close()


def test_it_reads_ahead_but_not_into_the_batch_in_use():
    counting = Counting()
    prefetcher = Prefetcher(counting.fill, [[] for _ in range(3)])
    batch = prefetcher.next()
    deadline = time.monotonic() + 10
    while counting.count < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.02)
    assert (batch, counting.count) == ([1], 3)
    prefetcher.close()


def test_an_error_is_raised_in_its_turn_and_ever_after():
    prefetcher = Prefetcher(Counting(bad=3).fill, [[] for _ in range(4)])
    assert [prefetcher.next()[0], prefetcher.next()[0]] == [1, 2]
    for _ in range(2):
        with pytest.raises(DataError, match="^record 7 is bad$"):
            prefetcher.next()
    prefetcher.close()


def test_close_twice_and_alive():
    prefetcher = Prefetcher(Counting().fill, [[], []])
    assert prefetcher.alive
    prefetcher.close()
    prefetcher.close()
    assert not prefetcher.alive


def test_being_forgotten_ends_the_thread_and_frees_the_batches():
    class Batch(list):
        pass

    prefetcher = Prefetcher(Counting().fill, [Batch(), Batch()])
    batch = weakref.ref(prefetcher.next())
    del prefetcher
    gc.collect()
    assert not threads()
    assert batch() is None


def test_the_interpreter_ends_while_batches_are_made():
    program = (
        "import time\n"
        "from netdef.data.prefetch import Prefetcher\n"
        "prefetcher = Prefetcher(lambda batch: time.sleep(0.05), [[] for _ in range(50)])\n"
        "prefetcher.next()\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_ctrl_c_while_waiting():
    program = (
        "import os, signal, threading, time\n"
        "from netdef.data.prefetch import Prefetcher\n"
        "threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "try:\n"
        "    Prefetcher(lambda batch: time.sleep(3), [[]]).next()\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"interrupted\n", b"")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_copy_knows_that_it_has_no_thread():
    program = (
        "import os\n"
        "from netdef.data.prefetch import Prefetcher\n"
        "prefetcher = Prefetcher(lambda batch: None, [[], []])\n"
        "prefetcher.next()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    alive = prefetcher.alive\n"
        "    prefetcher.close()\n"
        "    os._exit(3 if alive else 4)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), prefetcher.alive)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=20, text=True, check=True)
    assert done.stdout == "4 True\n"
