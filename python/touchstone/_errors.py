"""The exceptions. The native part makes them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._native import ExnRef


@dataclass(frozen=True)
class Frame:
    """A frame of WebAssembly that was active. It prints as `MODULE!INDEX $NAME @OFFSET`."""

    func_index: int
    """The index of the function in its module; imports come first."""
    func_name: str | None
    """The name of the function, from the name section."""
    module_name: str | None
    """The name of the module, from the name section."""
    module_offset: int | None
    """The offset of the instruction in the binary: the one that trapped, or the call."""

    def __str__(self) -> str:
        name = "" if self.func_name is None else f" ${self.func_name}"
        offset = "" if self.module_offset is None else f" @{self.module_offset:#x}"
        return f"{self.module_name or ''}!{self.func_index}{name}{offset}"


class TrapCode(enum.IntEnum):
    """The reason of a trap."""

    UNREACHABLE = 1
    MEMORY_OUT_OF_BOUNDS = 2
    TABLE_OUT_OF_BOUNDS = 3
    UNDEFINED_ELEMENT = 4
    UNINITIALIZED_ELEMENT = 5
    INDIRECT_CALL_TYPE_MISMATCH = 6
    INTEGER_OVERFLOW = 7
    INTEGER_DIVIDE_BY_ZERO = 8
    INVALID_CONVERSION_TO_INTEGER = 9
    CALL_STACK_EXHAUSTED = 10
    ALL_FUEL_CONSUMED = 11
    INTERRUPTED = 12
    NULL_REFERENCE = 13
    CAST_FAILURE = 14
    ARRAY_OUT_OF_BOUNDS = 15
    HEAP_EXHAUSTED = 16
    UNALIGNED_ATOMIC = 17
    EXPECTED_SHARED_MEMORY = 18


class TouchstoneError(Exception):
    """An error of the engine: a module that is refused, a limit, a wrong use. The base of all exceptions here."""

    message: str
    """The description."""
    kind: str
    """The phase or rule: "malformed", "invalid", "unsupported", "too-large", "link", "trap", "exception", "exit",
    "host", "artifact", "resource", "io" or "usage"."""
    offset: int | None
    """The byte of the module or artifact that the error is about, if it is about one."""
    frames: list[Frame]
    """The frames of WebAssembly that were active, innermost first."""

    def __init__(
        self, message: str, kind: str = "usage", offset: int | None = None, frames: list[Frame] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.offset = offset
        self.frames = frames or []

    def __str__(self) -> str:
        lines = [f"{depth:>4}: {frame}" for depth, frame in enumerate(self.frames)]
        if len(lines) > 64:
            lines[32:-32] = [f"      ... {len(lines) - 64} more frames"]
        return "\n".join([self.message, *lines])


class Trap(TouchstoneError):
    """A trap: code could not go on."""

    trap_code: TrapCode
    """The reason."""

    def __init__(self, message: str, trap_code: int, frames: list[Frame] | None = None) -> None:
        super().__init__(message, "trap", None, frames)
        self.trap_code = TrapCode(trap_code)


class ExitTrap(TouchstoneError):
    """The end of a program of WASI by `proc_exit`."""

    code: int
    """The exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the program exits with code {code}", "exit")
        self.code = code


class WasmException(TouchstoneError):
    """An exception of WebAssembly that nothing caught. A host function that raises one throws it in its caller."""

    exception: ExnRef
    """The exception, with its tag and values."""

    def __init__(self, exception: ExnRef, frames: list[Frame] | None = None) -> None:
        super().__init__("uncaught exception", "exception", None, frames)
        self.exception = exception
