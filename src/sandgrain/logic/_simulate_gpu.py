"""The combinational pass on a GPU: one thread per word of stimuli, each through all gates. Needs the package CuPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandgrain.errors import NetworkError
from sandgrain.logic._simulate_plan import Plan

_BYTES = 4 << 30
_SOURCE = r"""
typedef unsigned long long word;
extern "C" __global__ void settle(word* values, long words, const unsigned* out, const unsigned* left,
                                  const unsigned* right, long gates) {
    long at = blockIdx.x * (long)blockDim.x + threadIdx.x;
    if (at >= words) return;
    for (long gate = 0; gate < gates; gate++) {
        unsigned a = left[gate], b = right[gate];
        word x = values[(a >> 1) * words + at] ^ (0ULL - (a & 1));
        word y = values[(b >> 1) * words + at] ^ (0ULL - (b & 1));
        values[out[gate] * words + at] = x & y;
    }
}
"""
_THREADS = 128


def settle_on_gpu(plan: Plan, sources: NDArray[np.uint64], places: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """As `sandgrain.logic.simulate.evaluate`, two-valued.

    Args:
        sources: uint64 (inputs + latches, words).
        places: uint32 (literals,), ``2 * row + negated``.

    Raises:
        NetworkError: no CuPy, or no GPU it can use.
    """
    cupy = _cupy()
    words = sources.shape[1]
    result = np.zeros((len(places), words), np.uint64)
    used = np.flatnonzero(plan.gates.sources >= 0)
    rows = plan.gates.sources[used]
    gates = [cupy.asarray(array) for array in (plan.gates.out, plan.gates.left, plan.gates.right)]
    kernel = cupy.RawKernel(_SOURCE, "settle")
    step = max(1, _BYTES // (8 * plan.rows))
    flips = np.where(places & np.uint32(1), np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0))[:, None]
    for start in range(0, words, step):
        width = min(step, words - start)
        values = cupy.zeros((plan.rows, width), cupy.uint64)
        values[cupy.asarray(rows)] = cupy.asarray(sources[used, start : start + width])
        grid = (-(-width // _THREADS),)
        kernel(grid, (_THREADS,), (values, np.int64(width), *gates, np.int64(plan.gates.out.size)))
        result[:, start : start + width] = cupy.asnumpy(values[cupy.asarray(places >> np.uint32(1))]) ^ flips
    return result


def _cupy() -> Any:
    try:
        import cupy

        cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # CuPy's own errors tell of a driver that does not fit
        raise NetworkError(
            f"no GPU can be used: {error}",
            expected="a CUDA device and the package CuPy",
            remedy='install CuPy for the CUDA version of this machine, or use device="cpu"',
        ) from error
    return cupy
