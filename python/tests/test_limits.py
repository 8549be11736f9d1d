"""Limits of a guest, threads, and the interpreter lock."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import touchstone as t

LOOP = '(module (func (export "run") (loop (br 0))))'


def store_with(text: str, *imports: Any, **options: bool) -> tuple[t.Engine, t.Store, Callable[[], Any]]:
    """Returns an engine with options, a store, and the export `run` of a module in it."""
    config = t.Config()
    for name, value in options.items():
        setattr(config, name, value)
    engine = t.Engine(config)
    store = t.Store(engine)
    linker = t.Linker(engine)
    for name, ty, callable in imports:
        linker.define_func("m", name, ty, callable)
    run = linker.instantiate(store, t.Module(engine, text)).exports(store)["run"]
    return engine, store, lambda: run(store)


@contextmanager
def ticking(engine: t.Engine) -> Iterator[None]:
    """Advances the epoch every few milliseconds."""
    done = threading.Event()

    def tick() -> None:
        while not done.wait(0.005):
            engine.increment_epoch()

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_fuel_ends_a_loop() -> None:
    _engine, store, run = store_with(LOOP, consume_fuel=True)
    store.set_fuel(1000)
    with pytest.raises(t.Trap) as caught:
        run()
    assert caught.value.trap_code is t.TrapCode.ALL_FUEL_CONSUMED
    assert store.get_fuel() == 0
    with pytest.raises(t.TouchstoneError, match="consume_fuel"):
        t.Store(t.Engine()).set_fuel(1)


def test_a_deadline_ends_a_loop() -> None:
    """This also shows that the lock is released: the thread that ticks needs it."""
    engine, store, run = store_with(LOOP, epoch_interruption=True)
    store.set_epoch_deadline(3)
    with ticking(engine), pytest.raises(t.Trap) as caught:
        run()
    assert caught.value.trap_code is t.TrapCode.INTERRUPTED
    with pytest.raises(t.TouchstoneError, match="epoch_interruption"):
        t.Store(t.Engine()).set_epoch_deadline(1)


def test_a_function_decides_at_the_deadline() -> None:
    engine, store, run = store_with(LOOP, epoch_interruption=True)
    answers: list[int | None] = [1, 2, None]
    store.epoch_deadline_callback(lambda: answers.pop(0))
    store.set_epoch_deadline(1)
    with ticking(engine), pytest.raises(t.Trap, match="interrupted"):
        run()
    assert answers == []

    def refuse() -> int:
        with pytest.raises(t.TouchstoneError, match="in use"):
            store.set_fuel(1)
        raise TimeoutError

    store.epoch_deadline_callback(refuse)
    store.set_epoch_deadline(1)
    with ticking(engine), pytest.raises(TimeoutError):
        run()
    store.epoch_deadline_callback(None)
    store.set_epoch_deadline(1)
    with ticking(engine), pytest.raises(t.Trap, match="interrupted"):
        run()


def test_control_c_interrupts_a_guest() -> None:
    # A process that was started in the background ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    engine, store, run = store_with(LOOP, epoch_interruption=True)
    store.epoch_deadline_callback(lambda: 1)
    store.set_epoch_deadline(1)
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with ticking(engine), pytest.raises(KeyboardInterrupt):
            run()
    finally:
        signal.signal(signal.SIGINT, before)


def test_limits_hold(engine: t.Engine) -> None:
    store = t.Store(engine)
    store.set_limits(memory_size=2 * 65536, table_elements=5, instances=1, memories=2, tables=1)
    memory = t.Memory(store, t.MemoryType(t.Limits(1)))
    memory.grow(store, 1)
    t.Table(store, t.TableType(t.ValType.funcref(), t.Limits(5)), None)
    t.Instance(store, t.Module(engine, "(module)"), [])
    for refused in (
        lambda: memory.grow(store, 1),
        lambda: t.Memory(store, t.MemoryType(t.Limits(3))),
        lambda: t.Table(store, t.TableType(t.ValType.funcref(), t.Limits(1)), None),
        lambda: t.Instance(store, t.Module(engine, "(module)"), []),
    ):
        with pytest.raises(t.TouchstoneError) as error:
            refused()
        assert error.value.kind == "resource"
    store.set_limits()
    memory.grow(store, 1)


def test_data_is_the_object_that_was_given(engine: t.Engine) -> None:
    data = ["mine"]
    assert t.Store(engine, data).data() is data
    assert t.Store(engine).data() is None


def is_in_use(store: t.Store) -> bool:
    try:
        store.gc()
    except t.TouchstoneError as error:
        assert str(error) == "the store is in use: give each thread a store of its own"
        return True
    return False


def test_two_stores_run_at_once() -> None:
    """Two guests that never call the host are both inside WebAssembly while this thread looks."""
    guests = [store_with(LOOP, epoch_interruption=True) for _ in range(2)]
    threads = []
    for _engine, store, run in guests:
        store.set_epoch_deadline(1)
        threads.append(threading.Thread(target=pytest.raises, args=(t.Trap, run)))
        threads[-1].start()
    while not all(is_in_use(store) for _engine, store, _run in guests):
        time.sleep(0.001)
    assert all(thread.is_alive() for thread in threads)
    for engine, _store, _run in guests:
        engine.increment_epoch()
    for thread in threads:
        thread.join()
    assert not any(is_in_use(store) for _engine, store, _run in guests)


def python_runs_beside(call: Callable[[], object]) -> bool:
    """Returns whether another thread runs Python code during a call."""
    count, done = 0, threading.Event()

    def work() -> None:
        nonlocal count
        while not done.wait(0.001):
            count += 1

    thread = threading.Thread(target=work)
    thread.start()
    while count == 0:
        time.sleep(0.001)
    before = count
    call()
    after = count
    done.set()
    thread.join()
    return after - before > 5


def test_the_lock_is_released_while_webassembly_runs() -> None:
    text = """(module (func (export "run") (local $n i32)
        (loop $l (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 500000000))))))"""
    _engine, _store, run = store_with(text)
    assert python_runs_beside(run)


def test_a_lock_that_is_held_is_noticed() -> None:
    """The check of the lock can fail: `PyDLL` holds it, `CDLL` does not."""
    assert python_runs_beside(lambda: ctypes.CDLL(None).usleep(100_000))
    assert not python_runs_beside(lambda: ctypes.PyDLL(None).usleep(100_000))


def test_a_store_in_use_refuses_other_threads() -> None:
    engine, store, run = store_with(LOOP, epoch_interruption=True)
    store.set_epoch_deadline(1)
    thread = threading.Thread(target=pytest.raises, args=(t.Trap, run))
    thread.start()
    while not is_in_use(store):
        time.sleep(0.001)
    engine.increment_epoch()
    thread.join(30)
    assert not is_in_use(store)


def test_a_callback_does_not_lend_its_store_to_other_threads() -> None:
    errors: list[str] = []

    def other() -> None:
        try:
            store.gc()
        except t.TouchstoneError as error:
            errors.append(str(error))

    def callback() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        store.gc()

    text = '(module (import "m" "f" (func $f)) (func (export "run") (call $f)))'
    _engine, store, run = store_with(text, ("f", t.FuncType([], []), callback))
    run()
    assert errors == ["the store is in use by a call on another thread: give each thread a store of its own"]


def test_a_store_may_move_between_threads(engine: t.Engine) -> None:
    store = t.Store(engine)
    made: list[t.Memory] = []
    thread = threading.Thread(target=lambda: made.append(t.Memory(store, t.MemoryType(t.Limits(1)))))
    thread.start()
    thread.join()
    assert made[0].size(store) == 1
