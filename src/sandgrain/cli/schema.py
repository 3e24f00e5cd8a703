"""``sandgrain schema``."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer


class SchemaName(StrEnum):
    """The files that have a schema."""

    submission = "submission"
    case = "case"


def schema(name: Annotated[SchemaName, typer.Argument(help="Which file.", show_default=False)]) -> None:
    """Print the JSON Schema of submission.toml or case.json."""
    if name is SchemaName.submission:
        from sandgrain.submission import manifest_json_schema

        typer.echo(json.dumps(manifest_json_schema(), indent=2))
    else:
        from sandgrain.case import case_json_schema

        typer.echo(json.dumps(case_json_schema(), indent=2))
