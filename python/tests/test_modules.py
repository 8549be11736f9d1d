"""Modules: compiled, refused, kept as artifacts."""

from __future__ import annotations

from pathlib import Path

import pytest
import touchstone as t

ADD = '(module $m (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'


def add(engine: t.Engine, module: t.Module) -> int:
    store = t.Store(engine)
    result: int = t.Instance(store, module, []).exports(store)["add"](store, 20, 22)
    return result


def test_text_and_bytes_compile(engine: t.Engine) -> None:
    assert add(engine, t.Module(engine, ADD)) == 42
    assert add(engine, t.Module(engine, ADD.encode())) == 42
    assert add(engine, t.Module(engine, bytearray(ADD.encode()))) == 42
    assert t.Module(engine, b"\0asm\1\0\0\0").name is None


def test_artifacts_load(engine: t.Engine, tmp_path: Path) -> None:
    module = t.Module(engine, ADD)
    artifact = module.serialize()
    assert artifact.startswith(b"\x7fELF")
    assert add(engine, t.Module.deserialize(engine, artifact)) == 42
    file = tmp_path / "add.cwasm"
    file.write_bytes(artifact)
    assert add(engine, t.Module.deserialize_file(engine, file)) == 42
    (tmp_path / "add.wat").write_text(ADD)
    assert add(engine, t.Module.from_file(engine, tmp_path / "add.wat")) == 42


def test_a_damaged_artifact_is_refused(engine: t.Engine) -> None:
    artifact = bytearray(t.Module(engine, ADD).serialize())
    artifact[-100] ^= 1
    with pytest.raises(t.TouchstoneError) as error:
        t.Module.deserialize(engine, bytes(artifact))
    assert error.value.kind == "artifact"


def test_an_artifact_of_another_key_is_refused() -> None:
    config = t.Config()
    config.artifact_key = bytes(32)
    artifact = t.Module(t.Engine(config), ADD).serialize()
    config.artifact_key = bytes([1] * 32)
    with pytest.raises(t.TouchstoneError) as error:
        t.Module.deserialize(t.Engine(config), artifact)
    assert error.value.kind == "artifact"


def test_a_cache_is_used_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "secrets"))
    config = t.Config()
    assert config.cache is False
    config.cache = tmp_path / "cache"
    for _ in range(2):
        t.Module(t.Engine(config), ADD)
        (entry,) = (tmp_path / "cache").glob("*.sealed")
    whole = entry.read_bytes()
    entry.write_bytes(whole[:-1])
    with pytest.warns(RuntimeWarning, match="is damaged"):
        t.Module(t.Engine(config), ADD)
    assert entry.read_bytes() == whole
    config.cache = entry
    with pytest.raises(OSError):
        t.Engine(config)


@pytest.mark.parametrize(
    ("wasm", "kind"),
    [("(module", "malformed"), (b"\0asm\2\0\0\0", "malformed"), ("(module (func (result i32)))", "invalid")],
)
def test_wrong_modules_are_refused(engine: t.Engine, wasm: str | bytes, kind: str) -> None:
    for check in (t.Module, t.Module.validate):
        with pytest.raises(t.TouchstoneError) as error:
            check(engine, wasm)
        assert error.value.kind == kind
    t.Module.validate(engine, ADD)


def test_an_unreadable_file_is_an_os_error(engine: t.Engine, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        t.Module.from_file(engine, tmp_path / "nothing.wasm")


def test_imports_and_exports_have_types(engine: t.Engine) -> None:
    text = """(module $m
        (import "a" "f" (func (param i32) (result f64 v128)))
        (import "a" "t" (table 1 5 externref))
        (import "b" "m" (memory i64 2))
        (export "global" (global 0)) (global (mut i64) (i64.const 0))
        (tag (export "tag") (param f32)))"""
    module = t.Module(engine, text)
    assert module.name == "m"
    i32, f64, v128 = t.ValType.i32(), t.ValType.f64(), t.ValType.v128()
    assert [(item.module, item.name, item.type) for item in module.imports] == [
        ("a", "f", t.FuncType([i32], [f64, v128])),
        ("a", "t", t.TableType(t.ValType.externref(), t.Limits(1, 5))),
        ("b", "m", t.MemoryType(t.Limits(2), is_64=True)),
    ]
    assert [(item.name, item.type) for item in module.exports] == [
        ("global", t.GlobalType(t.ValType.i64(), True)),
        ("tag", t.TagType([t.ValType.f32()])),
    ]
    assert repr(module.imports[0]) == "ImportType('a', 'f', FuncType([i32] -> [f64 v128]))"


def test_wrong_configurations_are_refused() -> None:
    config = t.Config()
    config.tier = "fast"
    with pytest.raises(ValueError, match="speed.*quick"):
        t.Engine(config)
    config.tier, config.features = "quick", "simdd"
    with pytest.raises(ValueError, match="did you mean `simd`"):
        t.Engine(config)


def test_features_decide_what_is_valid() -> None:
    config = t.Config()
    config.features = "3.0,-simd"
    with pytest.raises(t.TouchstoneError):
        t.Module.validate(t.Engine(config), "(module (func (param v128)))")
    assert "simd" in t.Config().features
