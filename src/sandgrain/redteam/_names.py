"""Names that a planted signal could bear without being noticed, none of them telling."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

_STEMS = (
    "xfer", "burst", "beat", "lane", "phase", "slot", "queue", "stage", "pipe", "align", "merge", "split", "shadow",
    "hist", "track", "snoop", "probe", "credit", "token", "window", "epoch", "frame", "parity", "guard", "drain",
    "flush", "replay", "retry", "order", "hint", "level", "mark", "depth", "stride", "page", "bank", "port", "skid",
)  # fmt: skip
_ENDS = ("q", "r", "reg", "sel", "en", "vld", "rdy", "idx", "pend", "busy", "last", "hold", "tag", "mode", "ok", "ff")
_STRAPS = ("strap_cfg", "pkg_strap", "bond_opt", "boot_strap", "trim_sel", "pad_cfg", "sku_strap", "pin_cfg")


def innocent_names(roles: Iterable[str], ports: frozenset[str], text: str, rng: random.Random) -> dict[str, str]:
    """A name for each of ``roles``, of which ``ports`` are inputs, that is no identifier in ``text``."""
    taken = set(re.findall(r"[A-Za-z_][A-Za-z0-9_$]*", text))
    names = {}
    for role in roles:
        pool = _STRAPS if role in ports else [f"{stem}_{end}" for stem in _STEMS for end in _ENDS]
        names[role] = rng.choice([name for name in pool if name not in taken])
        taken.add(names[role])
    return names
