"""SIGINT and SIGTERM while engines run: the race hears them, ends its children, and whoever called hears them after."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

_heard: list[int] = []  # signals that ended a race
_keeps = False


@contextlib.contextmanager
def hearing() -> Iterator[int]:
    """A descriptor that becomes readable on SIGINT or SIGTERM, instead of what they did before."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)

    def note(number: int, frame: Any) -> None:
        _heard.append(number)
        with contextlib.suppress(BlockingIOError):
            os.write(write_end, bytes([number]))

    before: dict[int, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                before[number] = signal.signal(number, note)
        yield read_end
    finally:
        for saved, handler in before.items():
            signal.signal(saved, handler)
        os.close(read_end)
        os.close(write_end)


@contextlib.contextmanager
def keeping_signals() -> Iterator[None]:
    """In here, children included, a signal that ends a race does no more than that: the command line's way."""
    global _keeps
    before, _keeps = _keeps, True
    try:
        yield
    finally:
        _keeps = before


@contextlib.contextmanager
def passing_signals_on() -> Iterator[None]:
    """A SIGINT or SIGTERM that ends a race within reaches the caller's own handler at the end: KeyboardInterrupt, say.

    Not within `keeping_signals`, and not in another thread than the main one, where no race hears a signal.
    """
    if _keeps or threading.current_thread() is not threading.main_thread():
        yield
        return
    _heard.clear()
    try:
        yield
    finally:
        while _heard:
            signal.raise_signal(_heard.pop(0))
