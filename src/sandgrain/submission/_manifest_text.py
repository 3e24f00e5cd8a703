"""From the bytes of ``submission.toml`` to a :class:`Manifest`, every error with its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from sandgrain.errors import LimitExceeded, SubmissionError
from sandgrain.submission._toml_lines import TomlLines
from sandgrain.submission.expression import parse
from sandgrain.submission.limits import IntakeLimits
from sandgrain.submission.manifest import MANIFEST_NAME, Manifest

_LINE_IN_MESSAGE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_manifest(data: bytes, limits: IntakeLimits) -> tuple[Manifest, TomlLines]:
    """The manifest in ``data``, checked as far as it can be without the files, and the lines of its keys.

    Raises:
        SubmissionError: not UTF-8, not TOML, not a manifest, or it contradicts itself.
        LimitExceeded: larger or nested deeper than ``limits`` allow.
    """
    text = _decode(data, limits)
    lines = TomlLines(text, file=MANIFEST_NAME, depth=limits.manifest_depth)
    document = _load_toml(text)
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        raise _first_error(error, lines) from error
    _check(manifest, lines)
    return manifest, lines


def refuse(what: str, line: int | None, *, expected: str, remedy: str) -> SubmissionError:
    """A SubmissionError about a line of the manifest."""
    return SubmissionError(what, file=MANIFEST_NAME, line=line, expected=expected, remedy=remedy)


def _decode(data: bytes, limits: IntakeLimits) -> str:
    if len(data) > limits.manifest_bytes:
        raise LimitExceeded(
            f"the manifest has more than {limits.manifest_bytes} bytes",
            file=MANIFEST_NAME,
            expected=f"at most {limits.manifest_bytes} bytes (manifest_bytes)",
            remedy="move lists of files into globs and long descriptions into documents",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refuse(
            "not UTF-8", data.count(b"\n", 0, error.start) + 1, expected="UTF-8 text", remedy="save the file as UTF-8"
        ) from error
    return text


def _load_toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # ValueError also from numbers Python does not convert
        message = str(error)
        match = _LINE_IN_MESSAGE.search(message)
        line = column = None
        if match is not None:
            message = message[: match.start()]
            line = int(match[1]) if match[1] else text.rstrip("\n").count("\n") + 1
            column = int(match[2]) if match[2] else None
        raise SubmissionError(
            f"not TOML: {message[:200]}",
            file=MANIFEST_NAME,
            line=line,
            column=column,
            expected="TOML 1.0 (https://toml.io)",
            remedy="correct the syntax at that place",
        ) from error


def _first_error(error: ValidationError, lines: TomlLines) -> SubmissionError:
    details = error.errors(include_url=False, include_context=False)
    # A tuple whose items are wrong is called too short as well, which says nothing.
    around = {detail["loc"][:end] for detail in details for end in range(len(detail["loc"]))}
    # A key missing beside an unknown one is most likely that one, misspelled.
    misspelled = {detail["loc"][:-1] for detail in details if detail["type"] == "extra_forbidden"}
    details = [
        detail
        for detail in details
        if detail["loc"] not in around and not (detail["type"] == "missing" and detail["loc"][:-1] in misspelled)
    ]
    # Of several complaints about one place (the arms of a union) the first will do.
    first = min(details, key=lambda detail: lines.line(detail["loc"]))
    places = {_known(detail["loc"], lines) if detail["type"] != "missing" else detail["loc"] for detail in details}
    more = len(places) - 1
    also = f" (and {more} more problem{'s' * (more > 1)} in this file)" if more else ""
    loc: tuple[int | str, ...] = first["loc"]
    line = lines.line(loc)
    table, key = _spell(loc[:-1]), str(loc[-1]) if loc else ""
    if first["type"] == "extra_forbidden":
        keys = list(_fields(loc[:-1]))
        near = difflib.get_close_matches(key[:100], keys, n=1)
        return refuse(
            f"unknown key {_quote(key)} in {table}{also}",
            line,
            expected=f"one of {', '.join(keys)}",
            remedy=f"did you mean `{near[0]}`?" if near else "remove the key",
        )
    field = _fields(loc[:-1]).get(key) if loc else None
    if first["type"] == "missing":
        return refuse(
            f"missing key `{key}` in {table}{also}",
            line,
            expected=f"`{key}`: {field.description}" if field else f"`{key}`",
            remedy=f"add `{key}` to {table}",
        )
    known = _known(loc, lines)
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if first["type"] == "string_pattern_mismatch":
        message = "a character that is not allowed here, or nothing"
    elif first["msg"].startswith("Input should be "):
        message = f"expected {message}"
    return refuse(
        f"{_spell(known)}: {message}, got {_quote(first['input'])}{also}",
        line,
        expected=_description(loc) or message.removeprefix("expected "),
        remedy="correct the value",
    )


def _known(loc: tuple[int | str, ...], lines: TomlLines) -> tuple[int | str, ...]:
    while loc and not lines.has(loc):  # pydantic appends the arm of a union, which is not in the text
        loc = loc[:-1]
    return loc


def _spell(path: Sequence[int | str]) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if re.fullmatch(r"[\w-]{1,100}", part) else _quote(part))
    return text or "the top level"


def _quote(value: object) -> str:
    text = ascii(value)  # whatever is in there, it must not drive the reader's terminal
    return text if len(text) <= 80 else text[:77] + "..."


def _models(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _fields(table: Sequence[int | str]) -> dict[str, FieldInfo]:
    """The keys of the table at ``table`` as they are spelled in the manifest, empty where any key is allowed."""
    model: type[BaseModel] = Manifest
    for part in table:
        if isinstance(part, str):
            field = _spelled(model).get(part)
            models = _models(field.annotation) if field else []
            if not models:
                return {}
            model = models[0]
    return _spelled(model)


def _spelled(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _description(loc: tuple[int | str, ...]) -> str | None:
    for end in range(len(loc), 0, -1):
        field = _fields(loc[: end - 1]).get(str(loc[end - 1]))
        if field is not None:
            return field.description
    return None


def _check_attempts(manifest: Manifest, lines: TomlLines) -> None:
    """Whether the attempts of recovery make one stimulus."""
    recovery = manifest.recovery
    for i, attempt in enumerate(recovery.attempts):
        line = lines.line(("recovery", "attempts", i))
        named, first = set(attempt.inputs), set(recovery.attempts[0].inputs)
        if named != first or named & set(recovery.inputs):
            raise refuse(
                f"attempt {i + 1} drives {', '.join(sorted(named))}",
                line,
                expected=f"the ports of the first attempt, {', '.join(sorted(first))}, and none of [recovery.inputs]",
                remedy="name a port in every attempt, or in [recovery.inputs] if it is driven alike in all of them",
            )
        free = sorted(port for port, value in attempt.inputs.items() if value == "free")
        if free:
            raise refuse(
                f"attempt {i + 1} leaves {free[0]} free",
                line,
                expected="a value, or a list of values",
                remedy="name it in [recovery.inputs], where free means in every attempt",
            )
    if recovery.within_cycles is not None and recovery.within_cycles < recovery.attempted_in:
        raise refuse(
            f"the attempts take {recovery.attempted_in} cycles, more than within_cycles, {recovery.within_cycles}",
            lines.line(("recovery", "within_cycles")),
            expected="time for every attempt",
            remedy="raise within_cycles, or shorten the attempts",
        )


def _check(manifest: Manifest, lines: TomlLines) -> None:
    """What the models cannot say one table at a time."""
    ports: dict[str, int] = {}
    for kind, driven in (
        ("clocks", [clock.port for clock in manifest.clocks]),
        ("resets", [reset.port for reset in manifest.resets]),
    ):
        for i, port in enumerate(driven):
            line = lines.line((kind, i, "port"))
            if port in ports:
                raise refuse(
                    f"port `{port}` is already a clock or reset in line {ports[port]}",
                    line,
                    expected="each port once among [[clocks]] and [[resets]]",
                    remedy="remove one of the two",
                )
            ports[port] = line
    _check_attempts(manifest, lines)
    for port in manifest.recovery.driven:
        if port in ports:
            raise refuse(
                f"recovery drives `{port}`, which is a clock or reset (line {ports[port]})",
                lines.line(("recovery", "inputs", port)),
                expected="data inputs only: clocks run and resets stay released during recovery",
                remedy=f"remove `{port}` from [recovery.inputs]",
            )
    for kind, key, entries in (
        ("services", "expression", [(entry.name, entry.expression) for entry in manifest.services]),
        ("declared", "state", [(entry.name, entry.state) for entry in manifest.declared]),
        ("sources", "signal", [(entry.name, entry.signal) for entry in manifest.sources]),
    ):
        names: dict[str, int] = {}
        for i, (name, text) in enumerate(entries):
            line = lines.line((kind, i, "name"))
            if name in names:
                raise refuse(
                    f"name `{name}` is already used in line {names[name]}",
                    line,
                    expected=f"each name once in [[{kind}]]",
                    remedy="rename one of the two",
                )
            names[name] = line
            parse(text, file=MANIFEST_NAME, line=lines.line((kind, i, key)), field=f"{kind}[{i}].{key}")
    for kind, key, texts in (
        ("declared", "only_after", [entry.only_after for entry in manifest.declared]),
        ("flows", "when", [entry.when for entry in manifest.flows]),
    ):
        for i, condition in enumerate(texts):
            if condition is not None:
                parse(condition, file=MANIFEST_NAME, line=lines.line((kind, i, key)), field=f"{kind}[{i}].{key}")
    sources = {source.name for source in manifest.sources}
    for i, flow in enumerate(manifest.flows):
        if flow.source not in sources:
            raise refuse(
                f"flow from `{flow.source}`, which is no source",
                lines.line(("flows", i, "source")),
                expected=f"the name of one of [[sources]]: {', '.join(sorted(sources)) or 'none'}",
                remedy="declare the source, or correct its name",
            )
