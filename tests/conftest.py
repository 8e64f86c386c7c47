"""What every test needs of the process it runs in."""

from __future__ import annotations

import signal

import pytest


@pytest.fixture(scope="session", autouse=True)
def hears_ctrl_c() -> None:
    """A shell starts its background jobs with SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
