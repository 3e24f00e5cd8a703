from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandgrain.errors import LimitExceeded, SubmissionError
from sandgrain.submission.expression import (
    BINARY_PRECEDENCE,
    UNARY_OPERATORS,
    Binary,
    Constant,
    Expression,
    ExpressionLimits,
    Signal,
    Unary,
    parse,
    parse_constant,
    signal_uses,
    signals,
    to_verilog,
)

A, B, C = Signal("a"), Signal("b"), Signal("c")


def _constants() -> st.SearchStrategy[Constant]:
    sized = st.integers(1, 80).flatmap(lambda width: st.builds(Constant, st.just(width), st.integers(0, 2**width - 1)))
    return sized | st.builds(Constant, st.none(), st.integers(0, 2**31 - 1))


def _signals() -> st.SearchStrategy[Signal]:
    part = st.from_regex(r"[A-Za-z_][A-Za-z0-9_$]{0,5}", fullmatch=True) | st.from_regex(
        r"\\[A-Za-z0-9\[\]+.]{1,5} ", fullmatch=True
    )
    index = st.sampled_from(["", "", "[3]"])
    names = st.lists(st.tuples(part, index), max_size=2).flatmap(
        lambda parts: part.map(lambda last: ".".join([*(name + i for name, i in parts), last]))
    )
    bits = st.tuples(st.integers(0, 70), st.integers(0, 70))
    return st.builds(Signal, names) | st.builds(lambda name, two: Signal(name, max(two), min(two)), names, bits)


def _expressions() -> st.SearchStrategy[Expression]:
    return st.recursive(
        _signals() | _constants(),
        lambda inner: (
            st.builds(Unary, st.sampled_from(sorted(UNARY_OPERATORS)), inner)
            | st.builds(Binary, st.sampled_from(sorted(BINARY_PRECEDENCE)), inner, inner)
        ),
        max_leaves=25,
    )


@given(_expressions())
def test_printed_expressions_read_back_the_same(expression: Expression) -> None:
    assert parse(to_verilog(expression)) == expression


@given(st.text(alphabet="ab01 'h[]():.~!&|^=\\`$x\n", max_size=40))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        expression = parse(text)
    except (SubmissionError, LimitExceeded):
        return
    assert parse(to_verilog(expression)) == expression


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", A),
        ("a[3]", Signal("a", 3, 3)),
        ("a [ 7 : 0 ]", Signal("a", 7, 0)),
        ("u0.u1.q[2]", Signal("u0.u1.q", 2, 2)),
        ("gen[3].q", Signal("gen[3].q")),
        (r"\odd+name & b", Binary("&", Signal(r"\odd+name "), B)),
        ("32'h13", Constant(32, 0x13)),
        ("5'b1_0001", Constant(5, 17)),
        ("8'd10", Constant(8, 10)),
        ("6'o17", Constant(6, 15)),
        ("10", Constant(None, 10)),
        ("a | b & c", Binary("|", A, Binary("&", B, C))),
        ("a & b | c", Binary("|", Binary("&", A, B), C)),
        ("a ^ b & c", Binary("^", A, Binary("&", B, C))),
        ("a | b ^ c", Binary("|", A, Binary("^", B, C))),
        ("a & b == c", Binary("&", A, Binary("==", B, C))),
        ("a || b && c", Binary("||", A, Binary("&&", B, C))),
        ("a && b | c", Binary("&&", A, Binary("|", B, C))),
        ("a == b != c", Binary("!=", Binary("==", A, B), C)),
        ("~a == b", Binary("==", Unary("~", A), B)),
        ("!(a | b)", Unary("!", Binary("|", A, B))),
        ("a & &b", Binary("&", A, Unary("&", B))),
        ("|a[3:0] ^ ^b", Binary("^", Unary("|", Signal("a", 3, 0)), Unary("^", B))),
    ],
)
def test_reads_with_the_precedence_of_verilog(text: str, tree: Expression) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "nothing"),
        ("   ", 1, "nothing"),
        ("a &", 4, "unexpected end"),
        ("a b", 3, "unexpected `b`"),
        ("(a", 3, "unexpected end"),
        ("a)", 2, "unexpected `)`"),
        ("a ? b", 3, "unexpected character"),
        ("a < b", 3, "unexpected character"),
        ("$random", 1, "unexpected character"),
        ("`include", 1, "unexpected character"),
        ("f(a)", 2, "unexpected `(`"),
        ("a === b", 3, "not supported"),
        ("a ~^ b", 3, "not supported"),
        ("~&a", 1, "not supported"),
        ("a[0:3]", 2, "low to high"),
        ("a[b]", 3, "unexpected `b`"),
        ("m[1][2]", 5, "second select"),
        ("a[3:0].b", 7, "unexpected `.`"),
        ("a.", 3, "unexpected end"),
        ("1'b2", 1, "bad constant"),
        ("4'bx", 1, "bad constant"),
        ("4'sd1", 1, "bad constant"),
        ("4'h", 1, "bad constant"),
        ("4'h1F", 1, "does not fit"),
        ("3000000000", 1, "needs a width"),
        ('\\a"b ', 1, "unsafe escaped name"),
        ("\\a//b ", 1, "unsafe escaped name"),
    ],
)
def test_errors_name_the_column_and_the_line(text: str, column: int, message: str) -> None:
    with pytest.raises(SubmissionError) as caught:
        parse(text, file="submission.toml", line=7, field="services[0].expression")
    assert message in caught.value.what
    assert f"at column {column} of the expression" in caught.value.what
    assert caught.value.what.startswith("services[0].expression: ")
    assert (caught.value.file, caught.value.line) == ("submission.toml", 7)
    assert caught.value.expected
    assert caught.value.remedy


def test_limits() -> None:
    limits = ExpressionLimits(characters=20, depth=4, bits=8)
    assert parse("a|b|c|d", limits=limits)
    for text in ("a" * 21, "a|b|c|d|e", "((((a))))", "~~~~a", "9'h1", "0'h0"):
        with pytest.raises(LimitExceeded) as caught:
            parse(text, limits=limits)
        assert caught.value.expected
        assert caught.value.remedy


def test_hostile_lengths_are_refused_not_crashed_on() -> None:
    for text in ("(" * 4000, "~" * 4000, "a" + "|a" * 2000, "a" + "&(b|c" * 500, "a[" + "9" * 4000):
        with pytest.raises((LimitExceeded, SubmissionError)):
            parse(text)


def test_names_come_without_escapes() -> None:
    expression = parse(r"\a[0] & u.\b+c .d | a & a[3]")
    assert signals(expression) == {"a[0]", "u.b+c.d", "a"}
    assert [use.plain for use in signal_uses(expression)] == ["a[0]", "u.b+c.d", "a", "a"]


def test_constants_alone() -> None:
    assert parse_constant(" 8'hF0 ") == Constant(8, 0xF0)
    with pytest.raises(SubmissionError, match="not a constant"):
        parse_constant("a")
