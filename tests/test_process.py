"""Children under limits: results, crashes, kills, and nothing left behind."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from neurosolve import process
from neurosolve.errors import EngineError, UsageError


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _gone(pid: int, within_s: float = 3.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not _alive(pid):
            return True
        time.sleep(0.01)
    return False


def _array(size: int) -> np.ndarray:
    return np.arange(size, dtype=np.int32)


def _spin(seconds: float) -> int:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass
    return os.getpid()


def _stubborn() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process.send(os.getpid())
    time.sleep(60)


def _hungry() -> int:
    return len([bytearray(1 << 20) for _ in range(4000)])


def _tell_and_sleep() -> None:
    process.send("incumbent")
    process.send(os.getpid())
    time.sleep(60)


def _segfault() -> None:
    faulthandler.disable()
    ctypes.string_at(0)


def _usage() -> None:
    raise UsageError("no such thing")


def _bug() -> None:
    raise KeyError("oops")


def _noisy() -> str:
    print("from Python")
    os.write(2, b"from C\n")
    return "done"


def test_large_arrays_come_back_and_the_cost_is_accounted() -> None:
    run = process.run_in_child(_array, 5_000_000)
    assert run.reason is None and run.exit_code == 0
    assert np.array_equal(run.value, np.arange(5_000_000, dtype=np.int32))
    spun = process.run_in_child(_spin, 0.2)
    assert spun.value != os.getpid()
    assert 0.19 < spun.cpu_time_s < 1.0 and spun.wall_time_s >= 0.2 and spun.memory_bytes > 1 << 20


def test_time_limit_kills_within_the_grace_and_keeps_the_messages() -> None:
    run = process.run_in_child(_tell_and_sleep, time_s=0.2)
    assert run.reason == "time limit" and run.value is None
    assert run.messages[0] == "incumbent" and not _alive(run.messages[1])
    assert 0.2 <= run.wall_time_s < 0.9


def test_a_child_that_ignores_sigterm_is_killed_a_second_later() -> None:
    run = process.run_in_child(_stubborn, time_s=0.1)
    assert run.reason == "time limit" and run.exit_code == -signal.SIGKILL
    assert 1.0 <= run.wall_time_s < 2.0 and not _alive(run.messages[0])


def test_messages_stream_while_the_child_runs() -> None:
    seen: list[object] = []
    run = process.run_in_child(_tell_and_sleep, time_s=0.2, on_message=seen.append)
    assert seen[0] == "incumbent" and run.messages == []


def test_memory_limit_is_a_reason_not_an_error() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10  # the child is forked with what is loaded here
    run = process.run_in_child(_hungry, memory_bytes=200 << 20)
    assert run.reason == "memory limit" and run.value is None
    assert run.memory_bytes < before + (400 << 20)


def test_errors_cross_the_pipe_with_their_class() -> None:
    with pytest.raises(UsageError, match="no such thing"):
        process.run_in_child(_usage)
    with pytest.raises(EngineError, match="KeyError: 'oops'"):
        process.run_in_child(_bug)


def test_a_crash_is_an_engine_error_that_names_the_signal() -> None:
    with pytest.raises(EngineError, match="SIGSEGV"):
        process.run_in_child(_segfault)


def test_what_a_child_prints_never_reaches_our_output(capfd: pytest.CaptureFixture[str]) -> None:
    run = process.run_in_child(_noisy)
    assert run.value == "done" and b"from Python" in run.output and b"from C" in run.output
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_parent_ends_the_child_and_the_parent_goes_on(number: int) -> None:
    before = signal.getsignal(number)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), number))
    timer.start()
    run = process.run_in_child(_tell_and_sleep, time_s=30)
    timer.join()
    assert run.reason == "signal" and not _alive(run.messages[1])
    assert signal.getsignal(number) is before


def test_kill_9_of_the_parent_leaves_no_child() -> None:
    program = (
        "import os, time\nfrom neurosolve import process\n"
        "def inner():\n process.send(os.getpid())\n time.sleep(60)\n"
        "process.run_in_child(inner, on_message=lambda pid: print(pid, flush=True))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _alive(pid)
        parent.kill()
    assert _gone(pid)


def test_race_takes_the_first_definite_answer_and_kills_the_rest() -> None:
    winner, runs = process.race(
        [(time.sleep, 60), (_spin, 0.1), (_usage,)], definite=lambda run: run.value is not None
    )
    assert winner == 1 and runs[0].reason == "beaten" and runs[0].wall_time_s < 5
    assert isinstance(runs[2].error, UsageError)


def test_race_without_an_answer_has_no_winner() -> None:
    winner, runs = process.race(
        [(_usage,), (time.sleep, 60)], definite=lambda run: run.value is not None, time_s=0.2
    )
    assert winner is None and runs[1].reason == "time limit"


def test_children_started_from_threads_do_not_hold_each_other_up() -> None:
    runs: list[process.ChildRun] = []
    threads = [
        threading.Thread(target=lambda s=s: runs.append(process.run_binary(["sleep", s])))
        for s in ("0.1", "1.5")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert runs[0].wall_time_s < 1.0 < runs[1].wall_time_s


def test_binary_output_exit_code_and_limits() -> None:
    run = process.run_binary(["sh", "-c", "echo s UNKNOWN; exit 10"])
    assert run.output == b"s UNKNOWN\n" and run.exit_code == 10 and run.reason is None
    slow = process.run_binary(["sh", "-c", "echo begun; sleep 60 & sleep 60"], time_s=0.2)
    assert slow.reason == "time limit" and slow.output == b"begun\n" and slow.wall_time_s < 1.5
    with pytest.raises(EngineError, match="cannot run"):
        process.run_binary(["/nonexistent/solver"])


def test_binary_that_runs_out_of_memory() -> None:
    code = "x = bytearray(500 << 20)"
    run = process.run_binary([sys.executable, "-S", "-c", code], memory_bytes=200 << 20)
    assert run.exit_code != 0 and b"MemoryError" in run.output


def test_binary_killed_by_a_signal_is_a_crash() -> None:
    with pytest.raises(EngineError, match="SIGSEGV"):
        process.run_binary(["sh", "-c", "kill -SEGV $$"])
