"""``sandgrain keygen``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def keygen(
    role: Annotated[str, typer.Option(help="vendor, examiner, auditor, witness or log.", show_default=False)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Private key file to write.", show_default=False)],
    name: Annotated[
        str | None, typer.Option(help="Name in signatures; of a log, its origin. The role when left out.")
    ] = None,
    algorithm: Annotated[str, typer.Option(help="ed25519 or ecdsa-p256.")] = "ed25519",
    module: Annotated[
        str | None,
        typer.Option(help="Use the ECDSA key with id 2 on the PKCS#11 token of this label.", show_default=False),
    ] = None,
) -> None:
    """Make a key: the private half with mode 0600, the public half beside it as .pub.

    Exit status: 0 written, 2 there is something at that place, or the usage is wrong.
    """
    from sandgrain.transparency.keys import Algorithm, Role, generate, write_key
    from sandgrain.transparency.module_keys import import_module_key

    try:
        chosen, how = Role(role), Algorithm(algorithm)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if module is not None:
        public, private = import_module_key(chosen, name or role, module)
    else:
        public, private = generate(chosen, name or role, how)
    beside = write_key(out, public, private)
    typer.echo(f"{beside}: {public.role} {public.name}, {public.algorithm}, key {public.keyid}")
