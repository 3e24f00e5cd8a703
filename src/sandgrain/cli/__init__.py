"""The command line: each command parses, calls one function, and prints."""

from __future__ import annotations

import sys
import traceback

import typer

from sandgrain.cli import audit, check, compare, example, netlist, prove, replay, schema
from sandgrain.errors import SandgrainError

app = typer.Typer(
    name="sandgrain",
    help="Verify chips suspected of functions nobody declared.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for _command in (audit.audit, prove.prove, check.check, replay.replay, example.example, schema.schema):
    app.command()(_command)
app.add_typer(compare.app)
app.add_typer(netlist.app)


def _version(wanted: bool) -> None:
    if wanted:
        from sandgrain import __version__

        typer.echo(f"sandgrain {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Verify chips suspected of functions nobody declared."""


def main() -> None:
    """Run the command line; errors a user can act on end with their own exit status and no traceback."""
    try:
        app()
    except SandgrainError as error:
        print(f"sandgrain: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("sandgrain: interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
    except Exception:
        # Python's own status for this is 1, which says "refuted".
        traceback.print_exc()
        sys.exit(70)
