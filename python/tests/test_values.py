"""Values: each type goes to WebAssembly and comes back."""

from __future__ import annotations

import gc
import math
import weakref
from typing import Any

import pytest
import touchstone as t
from conftest import Load


def identity(load: Load, ty: str) -> Any:
    return load(f'(module (func (export "f") (param {ty}) (result {ty}) (local.get 0)))')["f"]


@pytest.mark.parametrize(
    ("ty", "given", "returned"),
    [
        ("i32", 2**31 - 1, 2**31 - 1),
        ("i32", 2**32 - 1, -1),
        ("i32", -(2**31), -(2**31)),
        ("i64", 2**63 - 1, 2**63 - 1),
        ("i64", 2**64 - 1, -1),
        ("f32", 0.1, 0.10000000149011612),
        ("f32", 3, 3.0),
        ("f64", 0.1, 0.1),
        ("f64", -math.inf, -math.inf),
        ("v128", 2**128 - 2, 2**128 - 2),
        ("v128", bytes(range(16)), int.from_bytes(bytes(range(16)), "little")),
        ("externref", None, None),
        ("funcref", None, None),
        ("exnref", None, None),
        ("anyref", None, None),
        ("anyref", -(2**30), -(2**30)),
        ("(ref i31)", 5, 5),
    ],
)
def test_values_come_back(store: t.Store, load: Load, ty: str, given: object, returned: object) -> None:
    result = identity(load, ty)(store, given)
    assert result == returned
    assert type(result) is type(returned)


@pytest.mark.parametrize(
    ("ty", "wrong", "error"),
    [
        ("i32", 2**32, OverflowError),
        ("i32", -(2**31) - 1, OverflowError),
        ("i32", 1.5, TypeError),
        ("i32", "1", TypeError),
        ("i64", 2**64, OverflowError),
        ("f32", "x", TypeError),
        ("v128", -1, OverflowError),
        ("v128", bytes(15), ValueError),
        ("funcref", 1, TypeError),
        ("exnref", 1, TypeError),
        ("anyref", 2**30, OverflowError),
        ("(ref extern)", None, t.TouchstoneError),
    ],
)
def test_wrong_values_are_refused(
    store: t.Store, load: Load, ty: str, wrong: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        identity(load, ty)(store, wrong)


def test_wrong_counts_are_refused(store: t.Store, load: Load) -> None:
    with pytest.raises(TypeError, match="expected 1 values, got 2"):
        identity(load, "i32")(store, 1, 2)


def test_nan_stays_nan(store: t.Store, load: Load) -> None:
    assert math.isnan(identity(load, "f32")(store, math.nan))


def test_several_results_are_a_tuple(store: t.Store, load: Load) -> None:
    swap = load('(module (func (export "f") (param i32 f64) (result f64 i32) (local.get 1) (local.get 0)))')["f"]
    assert swap(store, 1, 2.5) == (2.5, 1)
    assert load('(module (func (export "f")))')["f"](store) is None


class Thing:
    """An object without any meaning."""


def test_an_externref_is_the_object_itself(store: t.Store, load: Load) -> None:
    thing = Thing()
    assert identity(load, "externref")(store, thing) is thing
    convert = load(
        '(module (func (export "f") (param externref) (result anyref) (any.convert_extern (local.get 0))))'
    )
    assert convert["f"](store, thing) is thing
    assert identity(load, "anyref")(store, thing) is thing


def test_webassembly_keeps_an_object_alive(store: t.Store, load: Load) -> None:
    exports = load('(module (global (export "g") (mut externref) (ref.null extern)))')
    held, thing = exports["g"], Thing()
    watch = weakref.ref(thing)
    held.set_value(store, thing)
    del thing
    gc.collect()
    store.gc()
    assert held.value(store) is watch()
    held.set_value(store, None)
    store.gc()
    assert watch() is None


def test_a_cycle_through_a_store_is_collected(engine: t.Engine) -> None:
    watches = []
    for cycle in ("externref", "host function", "data", "linker"):
        thing: Any = Thing()
        watches.append((cycle, weakref.ref(thing)))
        thing.store = t.Store(engine, thing if cycle == "data" else None)
        if cycle == "externref":
            kind = t.GlobalType(t.ValType.externref(), True)
            thing.item = t.Global(thing.store, kind, thing)
        elif cycle == "host function":
            thing.item = t.Func(thing.store, t.FuncType([], []), lambda thing=thing: None)
        elif cycle == "linker":
            thing.linker = t.Linker(engine)
            thing.linker.define_func("m", "f", t.FuncType([], []), lambda thing=thing: None)
            module = t.Module(engine, '(module (import "m" "f" (func)))')
            thing.item = thing.linker.instantiate(thing.store, module)
        del thing
    gc.collect()
    assert [cycle for cycle, watch in watches if watch() is not None] == []


def test_structs_are_opaque_references(store: t.Store, load: Load) -> None:
    exports = load(
        """(module (type $p (struct (field i32)))
            (func (export "new") (param i32) (result anyref) (struct.new $p (local.get 0)))
            (func (export "get") (param anyref) (result i32) (struct.get $p 0 (ref.cast (ref $p) (local.get 0))))
            (func (export "extern") (param anyref) (result externref) (extern.convert_any (local.get 0))))"""
    )
    point = exports["new"](store, 7)
    store.gc()
    assert isinstance(point, t.AnyRef)
    assert exports["get"](store, point) == 7
    outside = exports["extern"](store, point)
    assert exports["get"](store, outside) == 7
    assert isinstance(identity(load, "externref")(store, point), t.AnyRef)
    with pytest.raises(t.TouchstoneError, match="another store"):
        exports["get"](t.Store(t.Engine()), point)
