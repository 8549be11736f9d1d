"""Calls in both directions, traps, and exceptions."""

from __future__ import annotations

import re
from typing import Any

import pytest
import touchstone as t
from conftest import Load

I32, EXTERN = t.ValType.i32(), t.ValType.externref()

DIVIDE = """(module $divide
    (func $checked (param i32) (result i32) (i32.div_u (i32.const 6) (local.get 0)))
    (func (export "run") (param i32) (result i32) (call $checked (local.get 0))))"""


def test_a_trap_has_frames(store: t.Store, load: Load) -> None:
    run = load(DIVIDE)["run"]
    assert run(store, 2) == 3
    with pytest.raises(t.Trap) as caught:
        run(store, 0)
    trap = caught.value
    assert trap.trap_code is t.TrapCode.INTEGER_DIVIDE_BY_ZERO
    assert (trap.message, trap.kind) == ("integer divide by zero", "trap")
    assert [(frame.func_index, frame.func_name, frame.module_name) for frame in trap.frames] == [
        (0, "checked", "divide"),
        (1, None, "divide"),
    ]
    assert str(trap).splitlines()[1:] == [f"   {depth}: {frame}" for depth, frame in enumerate(trap.frames)]
    assert str(trap.frames[0]) == f"divide!0 $checked @{trap.frames[0].module_offset:#x}"


def test_a_deep_trap_prints_its_ends(store: t.Store, load: Load) -> None:
    with pytest.raises(t.Trap) as caught:
        load('(module (func $f (export "f") (call $f)))')["f"](store)
    assert caught.value.trap_code is t.TrapCode.CALL_STACK_EXHAUSTED
    assert len(caught.value.frames) > 1000
    assert len(str(caught.value).splitlines()) == 66


def test_the_codes_of_traps_are_complete() -> None:
    from touchstone import _native

    assert {code.value: code for code in t.TrapCode}.keys() == dict(_native.traps()).keys()
    for code, text in _native.traps():
        words = text.removeprefix("out of bounds ").removesuffix(" access").replace(" ", "_").upper()
        assert words in t.TrapCode(code).name


def test_a_start_function_may_trap(engine: t.Engine, store: t.Store) -> None:
    with pytest.raises(t.Trap):
        t.Instance(store, t.Module(engine, "(module (func unreachable) (start 0))"), [])


def host(store: t.Store, load: Load, ty: t.FuncType, callable: Any, access_caller: bool = False) -> Any:
    """Returns a WebAssembly function that calls a Python function of the same type."""
    params, results = (" ".join(map(str, types)) for types in (ty.params, ty.results))
    signature = f"(param {params}) (result {results})"
    arguments = " ".join(f"(local.get {index})" for index in range(len(ty.params)))
    text = f"""(module $outer (import "m" "f" (func $f {signature})) (memory (export "memory") 1)
        (func $call (export "call") {signature} (call $f {arguments})))"""
    return load(text, t.Func(store, ty, callable, access_caller))["call"]


def test_python_functions_are_called(store: t.Store, load: Load) -> None:
    seen = []

    def swap(first: int, second: object) -> tuple[object, int]:
        seen.append((first, second))
        return second, first + 1

    call = host(store, load, t.FuncType([I32, EXTERN], [EXTERN, I32]), swap)
    thing = object()
    assert call(store, 5, thing) == (thing, 6)
    assert seen == [(5, thing)]


@pytest.mark.parametrize(
    ("results", "returned", "error"),
    [([I32], None, TypeError), ([I32], 2**40, OverflowError), ([], 1, TypeError), ([I32, I32], (1,), TypeError)],
)
def test_wrong_results_are_refused(
    store: t.Store, load: Load, results: list[t.ValType], returned: object, error: type[Exception]
) -> None:
    call = host(store, load, t.FuncType([], results), lambda: returned)
    with pytest.raises(error):
        call(store)


def test_an_exception_arrives_unchanged(store: t.Store, load: Load) -> None:
    raised = LookupError("not there")

    def fail() -> None:
        raise raised

    with pytest.raises(LookupError) as caught:
        host(store, load, t.FuncType([], []), fail)(store)
    assert caught.value is raised
    [note] = caught.value.__notes__
    assert re.fullmatch(r"WebAssembly frames, innermost first:\n   0: outer!1 \$call @0x[0-9a-f]+\n", note)
    assert any(entry.name == "fail" for entry in caught.traceback)


def test_even_an_exit_arrives_unchanged(store: t.Store, load: Load) -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit, match="3"):
        host(store, load, t.FuncType([], []), leave)(store)


def test_a_callback_uses_its_store(store: t.Store, load: Load) -> None:
    """The store is usable in a callback, by its own name and through the caller, to any depth."""
    seen = []

    def count(caller: t.Caller, depth: int) -> int:
        memory = caller["memory"]
        memory.write(caller, bytes([depth]), depth)
        seen.append(memory.read(store, depth, depth + 1))
        assert caller.get("nothing") is None
        with pytest.raises(KeyError, match="nothing"):
            caller["nothing"]
        if depth == 0:
            return 0
        deeper: int = caller["call"](caller, depth - 1)
        memory.read(caller)
        return deeper + 1

    call = host(store, load, t.FuncType([I32], [I32]), count, access_caller=True)
    assert call(store, 5) == 5
    assert seen == [bytes([depth]) for depth in (5, 4, 3, 2, 1, 0)]


def test_a_caller_ends_with_its_call(store: t.Store, load: Load) -> None:
    kept: list[t.Caller] = []
    call = host(store, load, t.FuncType([], []), kept.append, access_caller=True)
    call(store)
    with pytest.raises(t.TouchstoneError, match="has ended"):
        kept[0].get("memory")


def test_a_trap_inside_a_callback_is_seen_outside(store: t.Store, load: Load) -> None:
    run = load(DIVIDE)["run"]
    call = host(store, load, t.FuncType([I32], [I32]), lambda number: run(store, number))
    assert call(store, 3) == 2
    with pytest.raises(t.Trap) as caught:
        call(store, 0)
    # The backtrace was taken at the trap, so it has the frames on both sides of Python.
    assert [frame.module_name for frame in caught.value.frames] == ["divide", "divide", "outer"]


def test_functions_are_values(store: t.Store, load: Load) -> None:
    double = t.Func(store, t.FuncType([I32], [I32]), lambda number: 2 * number)
    apply = load(
        """(module (type $t (func (param i32) (result i32))) (table 1 funcref)
            (func (export "f") (param funcref) (result i32)
              (table.set (i32.const 0) (local.get 0)) (call_indirect (type $t) (i32.const 21) (i32.const 0))))"""
    )["f"]
    assert apply(store, double) == 42
    assert double(store, 4) == 8
    assert double.type(store) == t.FuncType([I32], [I32])


def test_a_type_of_another_engine_is_refused(store: t.Store) -> None:
    text = '(module (type $s (struct)) (import "m" "f" (func (param (ref null $s)))))'
    [imported] = t.Module(t.Engine(), text).imports
    assert isinstance(imported.type, t.FuncType)
    with pytest.raises(t.TouchstoneError):
        t.Func(store, imported.type, print)


THROW = """(module (tag $e (export "e") (param i32 externref))
    (import "m" "f" (func $f))
    (func (export "throw") (param i32 externref) (throw $e (local.get 0) (local.get 1)))
    (func (export "catch") (result i32 externref) (block $h (result i32 externref)
      (try_table (catch $e $h) (call $f)) (i32.const -1) (ref.null extern))))"""


def test_exceptions_cross_in_both_directions(store: t.Store, load: Load) -> None:
    def throw() -> None:
        raise t.WasmException(t.ExnRef(store, exports["e"], [8, thing]))

    thing = object()
    exports = load(THROW, t.Func(store, t.FuncType([], []), throw))
    with pytest.raises(t.WasmException) as caught:
        exports["throw"](store, 7, thing)
    exception = caught.value.exception
    assert exception.fields(store) == [7, thing]
    assert exception.tag(store) == exports["e"]
    assert hash(exception.tag(store)) == hash(exports["e"])
    assert exports["catch"](store) == (8, thing)


def test_other_exceptions_are_not_caught_by_webassembly(store: t.Store, load: Load) -> None:
    def fail() -> None:
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        load(THROW, t.Func(store, t.FuncType([], []), fail))["catch"](store)
