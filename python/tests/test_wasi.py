"""WASI: a guest has what its configuration grants, and nothing else."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
import touchstone as t

# Copies standard input to standard output and standard error, and exits with the number of its arguments.
ECHO = """(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (i64.store (i32.const 0) (i64.const 0x1000000040))
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i32.store (i32.const 4) (i32.load (i32.const 8)))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 12)))
      (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 12)))
      (drop (call $args (i32.const 16) (i32.const 20)))
      (drop (call $environ (i32.const 24) (i32.const 20)))
      (call $exit (i32.add (i32.load (i32.const 16)) (i32.mul (i32.const 10) (i32.load (i32.const 24)))))))"""

# Opens the file "a" in the first directory, and returns the error number.
OPEN = """(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1) (data (i32.const 0) "a")
    (func (export "run") (result i32)
      (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)
        (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8))))"""


def instantiate(engine: t.Engine, store: t.Store, text: str) -> t.Instance:
    linker = t.Linker(engine)
    linker.define_wasi()
    return linker.instantiate(store, t.Module(engine, text))


def echo(engine: t.Engine, config: t.WasiConfig) -> int:
    store = t.Store(engine)
    store.set_wasi(config)
    with pytest.raises(t.ExitTrap) as caught:
        instantiate(engine, store, ECHO).exports(store)["_start"](store)
    return caught.value.code


def test_streams_arguments_and_variables(engine: t.Engine) -> None:
    out: list[bytes] = []
    err: list[bytes] = []
    config = t.WasiConfig()
    config.argv = ["echo", "a", "b"]
    config.env = [("NAME", "value")]
    config.stdin_bytes = b"hello"
    config.stdout_custom = out.append
    config.stderr_custom = err.append
    assert echo(engine, config) == 13
    assert b"".join(out) == b"".join(err) == b"hello"
    assert echo(engine, t.WasiConfig()) == 0


def test_streams_to_files(engine: t.Engine, tmp_path: Path) -> None:
    names = ["in", "out", "err"]
    source, out, err = (tmp_path / name for name in names)
    source.write_bytes(b"from a file")
    config = t.WasiConfig()
    config.stdin_file, config.stdout_file, config.stderr_file = source, out, err
    assert echo(engine, config) == 0
    assert out.read_bytes() == err.read_bytes() == b"from a file"
    config.stdin_file = tmp_path / "nothing"
    with pytest.raises(FileNotFoundError):
        t.Store(engine).set_wasi(config)


def test_inherited_streams(engine: t.Engine, capfd: pytest.CaptureFixture[str]) -> None:
    config = t.WasiConfig()
    config.stdin_bytes = b"shown"
    config.inherit_stdout()
    config.inherit_stderr()
    assert echo(engine, config) == 0
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("shown", "shown")


def test_an_exception_of_an_output_arrives_unchanged(engine: t.Engine) -> None:
    raised = ValueError("no room")

    def fail(_bytes: bytes) -> None:
        raise raised

    store, config = t.Store(engine), t.WasiConfig()
    config.stdin_bytes, config.stdout_custom = b"x", fail
    store.set_wasi(config)
    start = instantiate(engine, store, ECHO).exports(store)["_start"]
    with pytest.raises(ValueError, match="no room") as caught:
        start(store)
    assert caught.value is raised
    assert len(raised.__notes__) == 1


def test_directories(engine: t.Engine, tmp_path: Path) -> None:
    def opened(config: t.WasiConfig) -> int:
        store = t.Store(engine)
        store.set_wasi(config)
        result: int = instantiate(engine, store, OPEN).exports(store)["run"](store)
        return result

    config = t.WasiConfig()
    bad_descriptor, no_entry = 8, 44
    assert opened(config) == bad_descriptor
    config.preopen_dir(tmp_path, "/")
    assert opened(config) == no_entry
    (tmp_path / "a").write_text("")
    assert opened(config) == 0
    config.preopen_dir(tmp_path / "nothing", "/nothing")
    with pytest.raises(ValueError, match="cannot open the directory"):
        t.Store(engine).set_wasi(config)


def test_what_is_missing_is_said(engine: t.Engine, store: t.Store) -> None:
    with pytest.raises(t.TouchstoneError, match="Store.set_wasi"):
        instantiate(engine, store, ECHO)
    store.set_wasi(t.WasiConfig())
    with pytest.raises(t.TouchstoneError, match="unknown import wasi_snapshot_preview1.nothing"):
        instantiate(engine, store, '(module (import "wasi_snapshot_preview1" "nothing" (func)))')
    with pytest.raises(t.TouchstoneError, match="unknown import env.f"):
        instantiate(engine, store, '(module (import "env" "f" (func)))')
    config = t.WasiConfig()
    config.argv = ["a\0b"]
    with pytest.raises(ValueError, match="NUL"):
        store.set_wasi(config)


def test_a_cycle_through_an_output_is_collected(engine: t.Engine) -> None:
    class Log:
        """A receiver of output that holds the store whose output it receives."""

        def write(self, _bytes: bytes) -> None:
            """Receives output."""

        store: t.Store

    log, config = Log(), t.WasiConfig()
    config.stdout_custom = log.write
    log.store = t.Store(engine)
    log.store.set_wasi(config)
    watch = weakref.ref(log)
    del log, config
    gc.collect()
    assert watch() is None
