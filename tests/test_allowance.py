"""Work ends when its time or its memory is used up."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from sandgrain.allowance import Allowance, resident_bytes
from sandgrain.errors import LimitExceeded


def test_time_is_used_up() -> None:
    left = Allowance(time.monotonic() + 60)
    assert not left.used_up and left.seconds > 50
    left.check()
    gone = Allowance(time.monotonic() - 1)
    assert gone.used_up and not gone.out_of_memory
    with pytest.raises(LimitExceeded, match="time"):
        gone.check()
    assert not gone.later(60).used_up


def test_memory_is_used_up() -> None:
    small = Allowance(time.monotonic() + 60, 1 << 20)
    assert small.used_up and small.out_of_memory
    with pytest.raises(LimitExceeded, match="memory"):
        small.check()
    assert not Allowance(time.monotonic() + 60, 1 << 50).used_up


def test_children_count() -> None:
    held = 100 << 20
    before = resident_bytes()
    child = subprocess.Popen(
        [sys.executable, "-c", f"x = b'x' * {held}; print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None and child.stdin is not None
        child.stdout.readline()
        assert resident_bytes() - before > held * 0.9
        child.stdin.close()
