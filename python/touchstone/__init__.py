"""WebAssembly for Python: compile modules, run them, and run `.wast` scripts in several engines.

>>> import touchstone
>>> engine = touchstone.Engine()
>>> module = touchstone.Module(engine, '(module (func (export "answer") (result i32) (i32.const 42)))')
>>> store = touchstone.Store(engine)
>>> instance = touchstone.Instance(store, module, [])
>>> instance.exports(store)["answer"](store)
42
"""

from ._errors import ExitTrap, Frame, TouchstoneError, Trap, TrapCode, WasmException
from ._native import (
    AnyRef,
    Caller,
    Config,
    Engine,
    ExnRef,
    ExportType,
    Func,
    FuncType,
    Global,
    GlobalType,
    ImportType,
    Instance,
    Limits,
    Linker,
    Memory,
    MemoryType,
    Module,
    Store,
    Table,
    TableType,
    Tag,
    TagType,
    ValType,
    WasiConfig,
)
from ._scripts import Failure, Report, run_scripts

__all__ = [
    "AnyRef",
    "Caller",
    "Config",
    "Engine",
    "ExitTrap",
    "ExnRef",
    "ExportType",
    "Failure",
    "Frame",
    "Func",
    "FuncType",
    "Global",
    "GlobalType",
    "ImportType",
    "Instance",
    "Limits",
    "Linker",
    "Memory",
    "MemoryType",
    "Module",
    "Report",
    "Store",
    "Table",
    "TableType",
    "Tag",
    "TagType",
    "TouchstoneError",
    "Trap",
    "TrapCode",
    "ValType",
    "WasiConfig",
    "WasmException",
    "run_scripts",
]
