"""``--trust *.pub`` as a shell spells it out: one option, and further names among the arguments."""

from __future__ import annotations

from pathlib import Path

import typer


def split_trusted(arguments: list[Path], trust: list[Path], *, most: int | None = 1) -> tuple[list[Path], list[Path]]:
    """What is named, and all that is trusted: an argument that ends in ``.pub`` is a public key.

    Raises:
        typer.BadParameter: nothing is named, or more than ``most``.
    """
    named = [path for path in arguments if path.suffix != ".pub"]
    if not named or (most is not None and len(named) > most):
        raise typer.BadParameter(f"{len(named)} things are named beside public keys; name one")
    return named, [*trust, *(path for path in arguments if path.suffix == ".pub")]
