"""What every test shares."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest


def _kernel_cache() -> Path:
    """A cache of compiled kernels for exactly these sources.

    Numba renews a cached kernel when its own file changes, not when a kernel it calls lives in a file that changed.
    """
    root = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted((root / "src").rglob("*.py")):
        text = path.read_bytes()
        if b"numba" in text:
            digest.update(text)
    return root / ".numba_cache" / digest.hexdigest()[:16]


os.environ.setdefault("NUMBA_CACHE_DIR", str(_kernel_cache()))


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[1]
