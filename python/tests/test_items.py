"""Memories with their views, tables, globals, tags, and linkers."""

from __future__ import annotations

import gc
from typing import Any

import pytest
import touchstone as t
from conftest import Load

I32, EXTERN = t.ValType.i32(), t.ValType.externref()
PAGE = 65536


@pytest.fixture
def memory(store: t.Store) -> t.Memory:
    """A memory of one page, which may grow to three."""
    return t.Memory(store, t.MemoryType(t.Limits(1, 3)))


def test_memories_are_read_and_written(store: t.Store, memory: t.Memory) -> None:
    assert memory.write(store, b"hello", PAGE - 5) == 5
    assert memory.read(store, PAGE - 6) == b"\0hello"
    assert memory.read(store, PAGE - 5, PAGE - 3) == b"he"
    assert memory.read(store) == bytes(PAGE - 5) + b"hello"
    assert memory.read(store, PAGE, PAGE) == b""
    for start, stop in [(0, PAGE + 1), (2, 1), (PAGE + 1, None)]:
        with pytest.raises(IndexError, match="is no part of the 65536 bytes"):
            memory.read(store, start, stop)
    for start in (PAGE - 4, 2**64 - 1):
        with pytest.raises(IndexError, match="5 bytes from"):
            memory.write(store, b"HELLO", start)
    assert memory.read(store, PAGE - 5) == b"hello"


def test_memories_grow(store: t.Store, memory: t.Memory) -> None:
    assert (memory.grow(store, 2), memory.size(store), memory.data_len(store)) == (1, 3, 3 * PAGE)
    with pytest.raises(t.TouchstoneError, match="cannot grow by 1 pages") as error:
        memory.grow(store, 1)
    assert error.value.kind == "resource"
    assert memory.type(store) == t.MemoryType(t.Limits(1, 3))


def test_a_view_shows_the_memory(store: t.Store, memory: t.Memory) -> None:
    with memoryview(memory) as view:
        assert (len(view), view.readonly, view.format) == (PAGE, False, "B")
        view[3:6] = b"abc"
    assert memory.read(store, 2, 7) == b"\0abc\0"
    memory.write(store, b"xyz")
    assert bytes(memory)[:6] == b"xyzabc"


def test_no_view_is_ever_stale(engine: t.Engine, store: t.Store, load: Load) -> None:
    """As long as there is a view, the store does nothing that could change what the view shows."""
    exports = load('(module (memory (export "m") 1) (func (export "f") (drop (memory.grow (i32.const 1)))))')
    memory, grow = exports["m"], exports["f"]
    first, second = memoryview(memory), memoryview(memory)
    for use in (
        lambda: memory.grow(store, 1),
        lambda: grow(store),
        lambda: memory.read(store),
        lambda: memory.write(store, b"x"),
        lambda: t.Instance(store, t.Module(engine, "(module)"), []),
    ):
        with pytest.raises(BufferError, match="views of the store's memories"):
            use()
    first.release()
    with pytest.raises(BufferError):
        grow(store)
    del second
    grow(store)
    assert len(memoryview(memory)) == 2 * PAGE


def test_a_view_keeps_its_store(engine: t.Engine) -> None:
    store = t.Store(engine)
    memory = t.Memory(store, t.MemoryType(t.Limits(1)))
    memory.write(store, b"alive")
    view = memoryview(memory)
    del store, memory
    gc.collect()
    # Memories that are dropped leave their addresses to new ones.
    others = [t.Memory(t.Store(engine), t.MemoryType(t.Limits(1))) for _ in range(8)]
    assert bytes(view[:5]) == b"alive"
    assert len(others) == 8


def test_a_view_that_a_callback_leaves_is_an_error(store: t.Store, load: Load) -> None:
    left = []

    def leave(caller: t.Caller) -> None:
        left.append(memoryview(caller["memory"]))

    text = '(module (import "m" "f" (func $f)) (memory (export "memory") 1) (func (export "run") (call $f)))'
    run = load(text, t.Func(store, t.FuncType([], []), leave, access_caller=True))["run"]
    with pytest.raises(BufferError):
        run(store)
    left.clear()
    with pytest.raises(BufferError):
        run(store)


def test_shared_memories_have_no_views(store: t.Store) -> None:
    config = t.Config()
    config.features = "3.0,threads"
    store = t.Store(t.Engine(config))
    memory = t.Memory(store, t.MemoryType(t.Limits(1, 1), shared=True))
    assert memory.write(store, b"abc") == 3
    assert memory.read(store, 0, 3) == b"abc"
    with pytest.raises(BufferError, match="shared"):
        memoryview(memory)


def test_tables_hold_objects(store: t.Store) -> None:
    ty = t.TableType(EXTERN, t.Limits(2, 4))
    table = t.Table(store, ty, "a")
    table.set(store, 1, "b")
    assert (table.grow(store, 1, "c"), table.size(store)) == (2, 3)
    assert [table.get(store, index) for index in range(3)] == ["a", "b", "c"]
    for use in (lambda: table.get(store, 3), lambda: table.set(store, 3, None)):
        with pytest.raises(IndexError, match="no element 3"):
            use()
    with pytest.raises(t.TouchstoneError):
        table.grow(store, 2, None)
    assert table.type(store) == ty
    with pytest.raises(ValueError, match="i32 is no reference"):
        t.TableType(I32, t.Limits(1))


def test_globals_are_set(store: t.Store, load: Load) -> None:
    ty = t.GlobalType(I32, True)
    item = t.Global(store, ty, 5)
    get = load('(module (import "m" "g" (global (mut i32))) (func (export "f") (result i32) (global.get 0)))', item)
    item.set_value(store, 7)
    assert (item.value(store), get["f"](store), item.type(store)) == (7, 7, ty)
    with pytest.raises(t.TouchstoneError, match="immutable|cannot be set|not mutable"):
        t.Global(store, t.GlobalType(I32, False), 5).set_value(store, 6)


def test_tags_are_compared(store: t.Store) -> None:
    first, second = (t.Tag(store, t.TagType([I32])) for _ in range(2))
    assert first == first and first != second
    assert first.type(store) == t.TagType([I32])


def test_items_of_another_store_are_refused(engine: t.Engine, memory: t.Memory) -> None:
    other = t.Store(engine)
    with pytest.raises(t.TouchstoneError, match="another store"):
        memory.read(other)
    with pytest.raises(t.TouchstoneError, match="another store"):
        t.Linker(engine).define(other, "m", "memory", memory)


IMPORTS = '(module (import "m" "f" (func $f (result i32))) (func (export "run") (result i32) (call $f)))'


def run(store: t.Store, linker: t.Linker, module: t.Module) -> Any:
    return linker.instantiate(store, module).exports(store)["run"](store)


def test_a_linker_serves_many_stores(engine: t.Engine) -> None:
    linker = t.Linker(engine)
    linker.define_func("m", "f", t.FuncType([], [I32]), lambda: 42)
    module = t.Module(engine, IMPORTS)
    for _ in range(3):
        store = t.Store(engine)
        assert [run(store, linker, module) for _ in range(2)] == [42, 42]


def test_a_linker_defines_items_and_instances(engine: t.Engine, store: t.Store) -> None:
    linker, module = t.Linker(engine), t.Module(engine, IMPORTS)
    with pytest.raises(t.TouchstoneError, match=r"unknown import m.f: expected func \[\] -> \[i32\]") as error:
        linker.instantiate(store, module)
    assert error.value.kind == "link"
    linker.define(store, "m", "f", t.Func(store, t.FuncType([], [I32]), lambda: 1))
    assert run(store, linker, module) == 1
    other = t.Module(engine, '(module (func (export "f") (result i32) (i32.const 2)))')
    instance = t.Instance(store, other, [])
    with pytest.raises(t.TouchstoneError, match="m.f is defined already"):
        linker.define_instance(store, "m", instance)
    linker.allow_shadowing = True
    assert linker.allow_shadowing
    linker.define_instance(store, "m", instance)
    assert run(store, linker, module) == 2


def test_imports_of_another_type_are_refused(engine: t.Engine, store: t.Store) -> None:
    linker = t.Linker(engine)
    linker.define_func("m", "f", t.FuncType([], []), lambda: None)
    with pytest.raises(t.TouchstoneError) as error:
        linker.instantiate(store, t.Module(engine, IMPORTS))
    assert error.value.kind == "link"
    with pytest.raises(TypeError, match="expected a Func, Table, Memory, Global or Tag, got int"):
        linker.define(store, "m", "f", 1)  # type: ignore[arg-type]


def test_a_linker_of_another_engine_is_refused(store: t.Store) -> None:
    linker = t.Linker(t.Engine())
    with pytest.raises(t.TouchstoneError, match="another engine"):
        linker.instantiate(store, t.Module(t.Engine(), "(module)"))
