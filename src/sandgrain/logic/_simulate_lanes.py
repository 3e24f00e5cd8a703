"""The innermost steps of simulation as vector instructions: and-gates on ``LANES`` words, counted or not.

Written as LLVM vector code because a compiled loop over a few words per gate would test for overlap of its arrays at
every gate. Offsets are in words and are not checked; the plan they come from is.

A tally is three counts in one word: ones in bits 0-20, unknowns in bits 21-41, toggles in bits 42-62. Where a count
covers only some of the stimuli a mask word says which.
"""

# ruff: noqa: ARG001  (numba reads the parameters of an intrinsic off its definition)
from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import types

intrinsic: Any = extending.intrinsic

LANES = 8
"""Words that one step handles: one AVX-512 register, or two of AVX2."""

FIELD_BITS = 21
"""Width of one count in a tally."""

_WORD = ir.IntType(64)
_INDEX = ir.IntType(32)
_VECTOR = ir.VectorType(_WORD, LANES)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [offset]), _VECTOR.as_pointer())


def _load(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    return builder.load(_pointer(context, builder, kind, array, offset), align=8)


def _store(context: Any, builder: Any, kind: Any, array: Any, offset: Any, value: Any) -> None:
    builder.store(value, _pointer(context, builder, kind, array, offset), align=8)


def _splat(builder: Any, word: Any) -> Any:
    nothing = ir.Constant(_VECTOR, ir.Undefined)
    single = builder.insert_element(nothing, word, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(single, nothing, ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES))


def _function(builder: Any, name: str, result: Any, argument: Any) -> Any:
    module = builder.module
    return module.globals.get(name) or ir.Function(module, ir.FunctionType(result, [argument]), name)


def _ones(builder: Any, vector: Any) -> Any:
    """Ones of each lane."""
    return builder.call(_function(builder, f"llvm.ctpop.v{LANES}i64", _VECTOR, _VECTOR), [vector])


def _packed(builder: Any, ones: Any, unknowns: Any, toggles: Any) -> Any:
    """Sum over the lanes of the three counts, in one word; lanes are added once for all three."""
    counts = _ones(builder, ones)
    for place, vector in ((1, unknowns), (2, toggles)):
        if vector is not None:
            shift = ir.Constant(_VECTOR, [FIELD_BITS * place] * LANES)
            counts = builder.or_(counts, builder.shl(_ones(builder, vector), shift))
    return builder.call(_function(builder, f"llvm.vector.reduce.add.v{LANES}i64", _WORD, _VECTOR), [counts])


def _tally2(builder: Any, old: Any, new: Any, mask: Any) -> Any:
    return _packed(builder, builder.and_(new, mask), None, builder.and_(builder.xor(new, old), mask))


def _tally3(builder: Any, old: Any, new: Any, mask: Any) -> Any:
    """Of (is 1, is 0) before and after; only a change from known to known is a toggle."""
    changed = builder.or_(builder.and_(old[0], new[1]), builder.and_(old[1], new[0]))
    unknown = builder.and_(builder.not_(builder.or_(new[0], new[1])), mask)
    return _packed(builder, builder.and_(new[0], mask), unknown, builder.and_(changed, mask))


def _and2(context: Any, builder: Any, kind: Any, args: Any) -> Any:
    values, _, left, right, flip0, flip1 = args[:6]
    a = builder.xor(_load(context, builder, kind, values, left), _splat(builder, flip0))
    b = builder.xor(_load(context, builder, kind, values, right), _splat(builder, flip1))
    return builder.and_(a, b)


def _and3(context: Any, builder: Any, kind: Any, args: Any) -> tuple[Any, Any]:
    """Kleene's and: 1 where both are 1, 0 where either is 0."""
    a1, a0, b1, b0 = (_load(context, builder, kind, args[0], offset) for offset in args[3:7])
    return builder.and_(a1, b1), builder.or_(a0, b0)


@intrinsic
def and_lanes(_context, values, out, left, right, flip0, flip1):  # type: ignore[no-untyped-def]
    """``values[out:] = (values[left:] ^ flip0) & (values[right:] ^ flip1)`` on ``LANES`` words."""
    signature = types.void(values, types.intp, types.intp, types.intp, types.uint64, types.uint64)

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kind = signature.args[0]
        _store(context, builder, kind, args[0], args[1], _and2(context, builder, kind, args))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def and_lanes_tally(_context, values, out, left, right, flip0, flip1, mask, mask_at):  # type: ignore[no-untyped-def]
    """`and_lanes`; returns the tally against what ``values[out:]`` was before."""
    word, place = types.uint64, types.intp
    signature = word(values, place, place, place, word, word, mask, place)

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kind = signature.args[0]
        new = _and2(context, builder, kind, args)
        old = _load(context, builder, kind, args[0], args[1])
        _store(context, builder, kind, args[0], args[1], new)
        return _tally2(builder, old, new, _load(context, builder, signature.args[6], args[6], args[7]))

    return signature, generate


@intrinsic
def kleene_lanes(_context, values, out1, out0, left1, left0, right1, right0):  # type: ignore[no-untyped-def]
    """The and of two three-valued rows, each given by its row of ones and its row of zeros."""
    place = types.intp
    signature = types.void(values, place, place, place, place, place, place)

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kind = signature.args[0]
        ones, zeros = _and3(context, builder, kind, args)
        _store(context, builder, kind, args[0], args[1], ones)
        _store(context, builder, kind, args[0], args[2], zeros)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def kleene_lanes_tally(  # type: ignore[no-untyped-def]
    _context, values, out1, out0, left1, left0, right1, right0, mask, mask_at
):
    """`kleene_lanes`; returns the tally against what the row was before."""
    place = types.intp
    signature = types.uint64(values, place, place, place, place, place, place, mask, place)

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kind = signature.args[0]
        new = _and3(context, builder, kind, args)
        old = tuple(_load(context, builder, kind, args[0], offset) for offset in args[1:3])
        for offset, value in zip(args[1:3], new, strict=True):
            _store(context, builder, kind, args[0], offset, value)
        return _tally3(builder, old, new, _load(context, builder, signature.args[7], args[7], args[8]))

    return signature, generate


@intrinsic
def move_lanes(_context, target, target_at, source, source_at, flip):  # type: ignore[no-untyped-def]
    """``target[target_at:] = source[source_at:] ^ flip`` on ``LANES`` words."""
    signature = types.void(target, types.intp, source, types.intp, types.uint64)

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        value = _load(context, builder, signature.args[2], args[2], args[3])
        value = builder.xor(value, _splat(builder, args[4]))
        _store(context, builder, signature.args[0], args[0], args[1], value)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def draw_lanes(_context, target, at, counter, step, either):  # type: ignore[no-untyped-def]
    """Or (where ``either`` is all ones) or and (where it is zero) ``LANES`` random words into ``target[at:]``.

    Word ``i`` is the SplitMix64 finaliser of ``counter + i * step``; ``step`` is a constant.
    """
    word = types.uint64
    signature = types.void(target, types.intp, word, word, word)

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        def shifted(vector: Any, bits: int) -> Any:
            return builder.xor(vector, builder.lshr(vector, ir.Constant(_VECTOR, [bits] * LANES)))

        steps = builder.mul(_splat(builder, args[3]), ir.Constant(_VECTOR, list(range(LANES))))
        drawn = builder.add(_splat(builder, args[2]), steps)
        drawn = builder.mul(shifted(drawn, 30), ir.Constant(_VECTOR, [0xBF58476D1CE4E5B9] * LANES))
        drawn = builder.mul(shifted(drawn, 27), ir.Constant(_VECTOR, [0x94D049BB133111EB] * LANES))
        drawn = shifted(drawn, 31)
        kind = signature.args[0]
        old = _load(context, builder, kind, args[0], args[1])
        either = builder.and_(builder.or_(old, drawn), _splat(builder, args[4]))
        _store(context, builder, kind, args[0], args[1], builder.or_(builder.and_(old, drawn), either))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def tally_lanes(_context, old, old_at, new, new_at, mask, mask_at):  # type: ignore[no-untyped-def]
    """The tally of ``LANES`` words of a row before and after."""
    place = types.intp
    signature = types.uint64(old, place, new, place, mask, place)

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        before, after, mask = (_load(context, builder, signature.args[at], args[at], args[at + 1]) for at in (0, 2, 4))
        return _tally2(builder, before, after, mask)

    return signature, generate


@intrinsic
def kleene_tally_lanes(  # type: ignore[no-untyped-def]
    _context, old, old1, old0, new, new1, new0, mask, mask_at
):
    """The tally of ``LANES`` words of a three-valued row before and after."""
    place = types.intp
    signature = types.uint64(old, place, place, new, place, place, mask, place)

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kinds = signature.args
        before = tuple(_load(context, builder, kinds[0], args[0], offset) for offset in args[1:3])
        after = tuple(_load(context, builder, kinds[3], args[3], offset) for offset in args[4:6])
        return _tally3(builder, before, after, _load(context, builder, kinds[6], args[6], args[7]))

    return signature, generate
