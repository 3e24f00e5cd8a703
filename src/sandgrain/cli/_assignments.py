"""Options of the form NAME=VALUE."""

from __future__ import annotations

import typer

from sandgrain.logic.assemble import Clock


def assignments(option: str, texts: list[str]) -> dict[str, int]:
    """``NAME=VALUE`` with a whole number, also as ``0x1f``.

    Raises:
        typer.BadParameter: something else.
    """
    found = {}
    for text in texts:
        name, _, value = text.rpartition("=")
        try:
            found[name] = int(value, 0)
        except ValueError:
            raise typer.BadParameter(f"{text!r} is not NAME=NUMBER", param_hint=option) from None
        if not name:
            raise typer.BadParameter(f"{text!r} names nothing", param_hint=option)
    return found


def resets(texts: list[str]) -> dict[str, tuple[int, int]]:
    """``PORT=VALUE:CYCLES``.

    Raises:
        typer.BadParameter: something else.
    """
    found = {}
    for text in texts:
        name, _, rest = text.rpartition("=")
        value, _, cycles = rest.partition(":")
        if not name or value not in ("0", "1") or not cycles.isdecimal():
            raise typer.BadParameter(f"{text!r} is not PORT=0:CYCLES or PORT=1:CYCLES", param_hint="--reset")
        found[name] = (int(value), int(cycles))
    return found


def clocks(texts: list[str]) -> tuple[Clock, ...]:
    """``PORT`` or ``PORT:falling``.

    Raises:
        typer.BadParameter: something else.
    """
    found = []
    for text in texts:
        name, _, edge = text.partition(":")
        if edge not in ("", "rising", "falling"):
            raise typer.BadParameter(f"{text!r} is not PORT, PORT:rising or PORT:falling", param_hint="--clock")
        found.append(Clock(name, edge or "rising"))
    return tuple(found)
