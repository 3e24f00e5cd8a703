"""Runs of values and the JSON files of recorded runs: what a stimulus and a pair have in common."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError

from sandgrain.errors import ReplayError

MAX_CYCLES = 1_000_000
"""Most clock cycles a recorded run may have."""

REMEDY = "take the {what} from the case as the audit wrote it, or run the audit again"

# Names of the vendor's ports: anything printable, since Verilog knows escaped names; no blanks, they end one.
PortName = Annotated[str, Field(pattern=r"^[!-~]+$", max_length=256)]
BitText = Annotated[str, Field(pattern=r"^[01]+$", max_length=65_536)]
Run = tuple[Annotated[int, Field(ge=1, le=MAX_CYCLES)], BitText]
Runs = Annotated[tuple[Run, ...], Field(min_length=1, max_length=MAX_CYCLES)]
Cycle = Annotated[int, Field(ge=0, lt=MAX_CYCLES)]

_Model = TypeVar("_Model", bound=BaseModel)


def check_runs(key: str, runs: Sequence[tuple[int, str]], width: int, cycles: int) -> None:
    """Refuse runs that do not cover ``cycles`` cycles at ``width`` bits.

    Raises:
        ValueError: they do not; ``key`` is named.
    """
    covered = sum(count for count, _ in runs)
    if covered != cycles:
        raise ValueError(f"{key}: the runs cover {covered} cycles instead of {cycles}")
    if any(len(bits) != width for _, bits in runs):
        raise ValueError(f"{key}: a value that has not {width} bits")


def runs_of(bits: NDArray[np.uint8]) -> tuple[tuple[int, str], ...]:
    """Runs of equal rows of uint8 (cycles, width), least significant bit first."""
    bits = np.asarray(bits, np.uint8)
    if bits.ndim != 2 or bits.size == 0:
        return ()
    starts = np.concatenate(([0], np.flatnonzero((bits[1:] != bits[:-1]).any(axis=1)) + 1))
    counts = np.diff(np.append(starts, len(bits)))
    # Values other than 0 and 1 become characters that the model refuses.
    texts = np.ascontiguousarray(bits[starts, ::-1] + ord("0"))
    return tuple((int(count), row.tobytes().decode("latin-1")) for count, row in zip(counts, texts, strict=True))


def bits_of(runs: Sequence[tuple[int, str]]) -> NDArray[np.uint8]:
    """uint8 (cycles, width), least significant bit first: the inverse of `runs_of`."""
    rows = np.array([[*map(int, reversed(bits))] for _, bits in runs], np.uint8)
    return np.repeat(rows, [count for count, _ in runs], axis=0)


def read_bytes(path: Path, limit: int, *, what: str, limit_name: str) -> bytes:
    """The bytes of a file of at most ``limit`` bytes.

    Raises:
        ReplayError: the file is missing, cannot be read or is too large.
    """
    remedy = REMEDY.format(what=what)
    try:
        if not path.is_file():
            raise ReplayError("no such file", file=path, expected=f"the {what} of a finding", remedy=remedy)
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ReplayError(f"cannot be read: {error}", file=path, expected="a readable file", remedy=remedy) from error
    if len(data) > limit:
        raise ReplayError(
            "the file is too large", file=path, expected=f"at most {limit:,} bytes ({limit_name})", remedy=remedy
        )
    return data


def parse_model(model: type[_Model], data: bytes, *, what: str, schema: str, file: Path | str | None) -> _Model:
    """The model in JSON text; ``file`` is its name for messages.

    Raises:
        ReplayError: the text is no such model.
    """
    expected, remedy = f"a {what}, schema {schema!r}", REMEDY.format(what=what)
    try:
        # Two parsers may take different ones of two equal keys, so there must not be two.
        json.loads(data, object_pairs_hook=_unique)
        return model.model_validate_json(data)
    except ValidationError as error:
        raise refusal(error, file, what=what, schema=schema) from error
    except json.JSONDecodeError as error:
        raise ReplayError(
            f"not JSON: {error.msg}",
            file=file,
            line=error.lineno,
            column=error.colno,
            expected=expected,
            remedy=remedy,
        ) from error
    except (ValueError, RecursionError) as error:
        told = "nested too deeply" if isinstance(error, RecursionError) else f"not a {what}: {error}"
        raise ReplayError(told, file=file, expected=expected, remedy=remedy) from error


def refusal(error: ValidationError, file: Path | str | None, *, what: str, schema: str) -> ReplayError:
    """The first thing wrong, as an error of the project's own."""
    first = error.errors(include_url=False, include_input=False)[0]
    key = ".".join(str(part) for part in first["loc"][:4])
    told = first["msg"].removeprefix("Value error, ")
    return ReplayError(
        f"not a {what}: {key}: {told}" if key else f"not a {what}: {told}",
        file=file,
        expected=f"a {what}, schema {schema!r}, whose parts agree with one another",
        remedy=REMEDY.format(what=what),
    )


def json_text(value: object) -> str:
    """One line of JSON."""
    return json.dumps(value, separators=(", ", ": "))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key is there twice")
    return result
