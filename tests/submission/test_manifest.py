from __future__ import annotations

import tomllib
from datetime import date
from typing import Any

import jsonschema  # type: ignore[import-untyped,unused-ignore]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from sandgrain.errors import LimitExceeded, SubmissionError
from sandgrain.submission import manifest as module
from sandgrain.submission._manifest_text import read_manifest
from sandgrain.submission.expression import Constant, Signal
from sandgrain.submission.limits import IntakeLimits
from sandgrain.submission.manifest import Manifest, manifest_json_schema

LIMITS = IntakeLimits()


def _read(text: str) -> Manifest:
    return read_manifest(text.encode(), LIMITS)[0]


def _refused(text: str) -> SubmissionError:
    with pytest.raises(SubmissionError) as caught:
        _read(text)
    error = caught.value
    assert error.file == "submission.toml"
    assert error.expected
    assert error.remedy
    return error


def _line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def _plain(value: Any) -> Any:
    """What the TOML is in JSON: dates become text."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def test_reads_the_example(example: str) -> None:
    manifest = _read(example)
    assert manifest.chip.date == date(2026, 11, 23)
    assert manifest.files[0].role is module.FileRole.RTL
    assert manifest.elaboration.parameters == {"ENABLE_IRQ": 0}
    assert manifest.clocks[0].edge is module.Edge.RISING
    assert manifest.resets[0].active is module.Level.LOW
    assert manifest.recovery.inputs == {"mem_ready": Constant(1, 1), "mem_rdata": Constant(32, 0x13)}
    assert manifest.declared[0].kind is module.DeclaredKind.HALT
    assert manifest.declared[0].parsed() == Signal("trap")
    assert manifest.services[0].parsed()
    assert manifest.flows[0].sinks == ("uid_out",)


def test_models_are_frozen(example: str) -> None:
    manifest = _read(example)
    with pytest.raises(ValidationError, match="frozen"):
        manifest.chip.name = "other"  # type: ignore[misc]


def test_every_key_is_described() -> None:
    for model in vars(module).values():
        if isinstance(model, type) and issubclass(model, BaseModel):
            assert all(field.description for field in model.model_fields.values()), model


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", Constant(None, 0)),
        ("true", Constant(1, 1)),
        ('"8\'hA5"', Constant(8, 0xA5)),
        ('"5"', Constant(None, 5)),
        ('[0, 1, "2\'b11"]', (Constant(None, 0), Constant(None, 1), Constant(2, 3))),
        ('"free"', "free"),
    ],
)
def test_recovery_inputs_are_normalised(example: str, text: str, value: object) -> None:
    changed = example.replace('"1\'b1"', text)
    assert _read(changed).recovery.inputs["mem_ready"] == value
    document = _plain(tomllib.loads(changed))
    jsonschema.validate(document, manifest_json_schema())
    again = _read(changed).model_dump(mode="json", by_alias=True)
    jsonschema.validate(again, manifest_json_schema())


@pytest.mark.parametrize("text", ["-1", "1.5", '"a"', '"1\'b2"', "[]", '["free"]', "[[1]]", "{ a = 1 }", "2026-01-01"])
def test_other_recovery_inputs_are_refused(example: str, text: str) -> None:
    changed = example.replace('"1\'b1"', text)
    error = _refused(changed)
    assert "recovery.inputs.mem_ready" in error.what
    assert error.line == _line(changed, "mem_ready =")


@pytest.mark.parametrize(
    ("old", "new", "what", "remedy"),
    [
        ("expression =", "expresion =", "unknown key 'expresion' in services[0]", "did you mean `expression`?"),
        ("[recovery]", "[recovry]", "unknown key 'recovry'", "did you mean `recovery`?"),
        ("top =", "colour =", "unknown key 'colour' in chip", "remove the key"),
        ('port = "clk"\n', "", "missing key `port` in clocks[0]", "add `port` to clocks[0]"),
        ("schema = 1\n", "", "missing key `schema` in the top level", "add `schema`"),
        ("schema = 1\n", "schema = 2\n", "schema", "correct"),
        ("schema = 1\n", "schema = true\n", "schema", "correct"),
        ("cycles = 4", 'cycles = "4"', "resets[0].cycles: expected a valid integer, got '4'", "correct"),
        ("cycles = 4", "cycles = 0", "resets[0].cycles", "correct"),
        ("synchronous = true", "synchronous = 1", "resets[0].synchronous", "correct"),
        ('role = "rtl"', 'role = "rlt"', "files[0].role", "correct"),
        ('edge = "rising"', 'edge = "up"', "clocks[0].edge", "correct"),
        ("date = 2026-11-23", 'date = "2026-11-23"', "chip.date", "correct"),
        ("date = 2026-11-23", "date = 2026-11-23T00:00:00", "chip.date", "correct"),
        ('"PicoRV32"', '"Pico\\u001b[2J"', "chip.name", "correct"),
        ('"PicoRV32"', '"Pico\\u202e"', "chip.name", "correct"),
        ('top = "picorv32"', 'top = "pico; shell"', "chip.top", "correct"),
        ("ENABLE_IRQ = 0", "ENABLE_IRQ = 0.5", "elaboration.parameters.ENABLE_IRQ", "correct"),
        ("ENABLE_IRQ = 0", "ENABLE_IRQ = true", "elaboration.parameters.ENABLE_IRQ", "correct"),
        ("defines = { }", "defines = { A = '\"; exec' }", "elaboration.defines.A", "correct"),
        ("defines = { }", "defines = { 'A B' = 'x' }", "elaboration.defines.'A B'", "correct"),
        ('paths = ["rtl/*.v"]', "paths = []", "files[0].paths", "correct"),
        ('name = "fetch"', 'name = "a b"', "services[0].name", "correct"),
    ],
)
def test_errors_name_line_expectation_and_remedy(example: str, old: str, new: str, what: str, remedy: str) -> None:
    changed = example.replace(old, new, 1)
    error = _refused(changed)
    assert what in error.what
    assert remedy in str(error.remedy)
    if new.strip():
        assert error.line == _line(changed, new.strip())


def test_counts_the_other_problems(example: str) -> None:
    changed = example.replace("expression =", "expresion =").replace("cycles = 4", "cycles = 0", 1)
    error = _refused(changed)
    assert error.line == _line(changed, "cycles = 0")
    assert "(and 1 more problem in this file)" in error.what


@pytest.mark.parametrize(
    ("old", "new", "what", "place"),
    [
        ('port = "resetn"', 'port = "clk"', "`clk` is already a clock or reset in line 16", 'port = "clk"\nactive'),
        ("mem_ready =", "clk =", "recovery drives `clk`", 'clk = "1\'b1"'),
        ("mem_ready =", "resetn =", "recovery drives `resetn`", "resetn ="),
        ('"mem_valid & mem_instr"', '"mem_valid &"', "services[0].expression: unexpected end", "expression ="),
        ('state = "trap"', 'state = "trap["', "declared[0].state: unexpected end", "state ="),
        (
            "[recovery]\n",
            '[[services]]\nname = "fetch"\nexpression = "b"\n[recovery]\n',
            "name `fetch` is already used in line 25",
            'name = "fetch"\nexpression = "b"',
        ),
        (
            "[[flows]]",
            '[[declared]]\nname = "trap"\nkind = "halt"\nstate = "x"\ntrigger = "t"\ndocument = "d"\n[[flows]]',
            "name `trap` is already used",
            'name = "trap"\nkind = "halt"\nstate = "x"',
        ),
    ],
)
def test_contradictions_are_refused(example: str, old: str, new: str, what: str, place: str) -> None:
    changed = example.replace(old, new, 1)
    error = _refused(changed)
    assert what in error.what
    assert error.line == _line(changed, place)


@pytest.mark.parametrize(("table", "end"), [("[[services]]", "[recovery]"), ("[[clocks]]", "[[resets]]")])
def test_services_and_clocks_are_needed(example: str, table: str, end: str) -> None:
    start = example.index(table)
    error = _refused(example[:start] + example[example.index(end) :])
    assert f"missing key `{table.strip('[]')}`" in error.what


def test_resets_declared_and_flows_are_optional(example: str) -> None:
    start, end = example.index("[[resets]]"), example.index("[[services]]")
    manifest = _read(example[:start] + example[end : example.index("[[declared]]")])
    assert (manifest.resets, manifest.declared, manifest.flows) == ((), (), ())


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (b"schema = \n", 1),
        (b"schema = 1\n[chip\n", 2),
        (b"a = 1\na = 2\n", 2),
        (b'a = "\xff"', 1),
        (b"a = 1\n# \xc3(", 2),
        (b"a = '''x\ny", 2),
        (b"a = 1\nb = " + b"9" * 5000, None),
    ],
)
def test_broken_toml(text: bytes, line: int | None) -> None:
    with pytest.raises(SubmissionError) as caught:
        read_manifest(text, LIMITS)
    assert caught.value.line == line
    assert caught.value.expected
    assert caught.value.remedy


def test_limits_on_size_and_nesting(example: str) -> None:
    for text in (
        example + "#" * LIMITS.manifest_bytes,
        "a = " + "[" * 100_000,
        "a = " + "{ a = " * 20_000,
        ".".join("a" * 100_000) + " = 1",
        "[" + ".".join("a" * 100_000) + "]",
    ):
        with pytest.raises(LimitExceeded) as caught:
            _read(text)
        assert caught.value.expected
        assert caught.value.remedy


def test_schema_accepts_the_example_and_rejects_unknown_keys(example: str) -> None:
    schema = manifest_json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    document = _plain(tomllib.loads(example))
    jsonschema.validate(document, schema)
    for table in (document, document["chip"], document["services"][0]):
        table["unknown"] = 1
        with pytest.raises(jsonschema.ValidationError, match="unknown"):
            jsonschema.validate(document, schema)
        del table["unknown"]
    document["recovery"]["inputs"]["mem_ready"] = "1'q1"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_politely(data: bytes) -> None:
    with pytest.raises((SubmissionError, LimitExceeded)):
        read_manifest(data, LIMITS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_manifests_are_read_or_refused_politely(example: str, data: st.DataObject) -> None:
    text = example.encode()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    fill = data.draw(st.binary(max_size=6) | st.sampled_from([b"[", b"]", b"=", b'"', b"\n", b"'" * 3, b"{", b"."]))
    damaged = text[:start] + fill + text[end:]
    try:
        read_manifest(damaged, LIMITS)
    except (SubmissionError, LimitExceeded) as error:
        assert error.file == "submission.toml"
        assert error.expected
        assert error.remedy
        assert error.line is None or 1 <= error.line <= damaged.count(b"\n") + 1
