//! The texts by which scripts and engines name traps. docs/trap-texts.md shows the table of those of other engines.

use crate::TrapKind;

/// The official text for an exhausted call stack.
pub const EXHAUSTED: &str = "call stack exhausted";

/// The official text for a suspension that nothing handles.
pub const UNHANDLED: &str = "unhandled tag";

/// Returns what the official scripts call a trap; nothing for traps that the specification does not know.
pub fn official_texts(kind: TrapKind) -> &'static [&'static str] {
    match kind {
        TrapKind::Unreachable => &["unreachable"],
        TrapKind::MemoryOutOfBounds => &["out of bounds memory access"],
        TrapKind::TableOutOfBounds => &["out of bounds table access"],
        TrapKind::UndefinedElement => &["undefined element"],
        TrapKind::UninitializedElement => &["uninitialized element"],
        TrapKind::IndirectCallTypeMismatch => &["indirect call type mismatch"],
        TrapKind::IntegerOverflow => &["integer overflow"],
        TrapKind::IntegerDivisionByZero => &["integer divide by zero"],
        TrapKind::InvalidConversionToInteger => &["invalid conversion to integer"],
        // The scripts name the type of the reference and the kind of cast, which the instruction implies.
        TrapKind::NullReference => &[
            "null reference",
            "null function reference",
            "null structure reference",
            "null array reference",
            "null i31 reference",
            "null exception reference",
            "null descriptor reference",
            "null continuation reference",
        ],
        TrapKind::CastFailure => &["cast failure", "descriptor cast failure"],
        TrapKind::StackOverflow => &[EXHAUSTED],
        TrapKind::UnalignedAtomic => &["unaligned atomic"],
        TrapKind::ExpectedSharedMemory => &["expected shared memory"],
        TrapKind::ContinuationConsumed => &["continuation already consumed"],
        TrapKind::UnhandledTag => &[UNHANDLED],
        TrapKind::ArrayOutOfBounds => &["out of bounds array access"],
        _ => &[],
    }
}

/// The texts of other engines, by the kind of the trap: of Wasmtime, Wasmer, wasmi, wabt, V8, SpiderMonkey,
/// JavaScriptCore, and the reference interpreter before 2.0.
pub const FOREIGN: &[(TrapKind, &[&str])] = &[
    (
        TrapKind::Unreachable,
        &[
            "unreachable executed",
            "wasm `unreachable` instruction executed",
            "unreachable code executed",
            "Unreachable code should not be executed",
        ],
    ),
    (
        TrapKind::MemoryOutOfBounds,
        &[
            "memory access out of bounds",
            "Out of bounds memory access",
            "index out of bounds",
            "data segment out of bounds",
        ],
    ),
    (
        TrapKind::TableOutOfBounds,
        &[
            "undefined element: out of bounds table access",
            "table index is out of bounds",
            "table index out of bounds",
            "table access out of bounds",
            "element segment out of bounds",
            "Out of bounds table access",
        ],
    ),
    (
        TrapKind::UndefinedElement,
        &[
            "undefined element: out of bounds table access",
            "undefined table index",
            "table index is out of bounds",
            "table index out of bounds",
            "index out of bounds",
            "Out of bounds call_indirect",
        ],
    ),
    (
        TrapKind::UninitializedElement,
        &[
            "uninitialized table element",
            "null function or function signature mismatch",
            "indirect call to null",
            "call_indirect to a null table entry",
        ],
    ),
    (
        TrapKind::IndirectCallTypeMismatch,
        &[
            "indirect call signature mismatch",
            "call indirect func type mismatch",
            "null function or function signature mismatch",
            "call_indirect to a signature that does not match",
        ],
    ),
    (
        TrapKind::IntegerOverflow,
        &[
            "divide result unrepresentable",
            "float unrepresentable in integer range",
            "Integer overflow",
            "Out of bounds Trunc operation",
        ],
    ),
    (TrapKind::IntegerDivisionByZero, &["divide by zero", "remainder by zero", "division by zero", "Division by zero"]),
    (
        TrapKind::InvalidConversionToInteger,
        &["float unrepresentable in integer range", "Out of bounds Trunc operation"],
    ),
    (
        TrapKind::NullReference,
        &[
            "dereferencing a null pointer",
            "dereferencing null pointer",
            "call_ref to a null reference",
            "uninitialized exnref",
        ],
    ),
    (TrapKind::CastFailure, &["illegal cast", "bad cast"]),
    (
        TrapKind::ArrayOutOfBounds,
        &[
            "array element access out of bounds",
            "index out of bounds",
            "Out of bounds array.get",
            "Out of bounds array.set",
        ],
    ),
    (TrapKind::StackOverflow, &["Maximum call stack size exceeded", "too much recursion", "Stack overflow"]),
    (TrapKind::UnalignedAtomic, &["operation does not support unaligned accesses", "unaligned memory access"]),
    (TrapKind::ExpectedSharedMemory, &["atomic wait on non-shared memory"]),
];

/// Returns what other engines call a trap.
pub fn foreign_texts(kind: TrapKind) -> &'static [&'static str] {
    FOREIGN.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, texts)| texts)
}

/// The texts of engines for traps that no script names.
const UNOFFICIAL: &[(TrapKind, &[&str])] = &[
    (TrapKind::OutOfFuel, &["all fuel consumed by WebAssembly", "out of fuel"]),
    (TrapKind::Interrupted, &["interrupt"]),
    (TrapKind::OutOfHeap, &["GC heap out of memory", "out of heap"]),
];

/// Returns the kinds of trap that an engine's message may mean, in the order of [`TrapKind::ALL`]: those that have a
/// text with which the message begins.
pub fn kinds_of(message: &str) -> Vec<TrapKind> {
    let texts = |kind: &TrapKind| {
        let unofficial = UNOFFICIAL.iter().find(|(known, _)| known == kind).map_or(&[][..], |(_, texts)| *texts);
        official_texts(*kind).iter().chain(foreign_texts(*kind)).chain(unofficial).any(|text| message.starts_with(text))
    };
    TrapKind::ALL.iter().copied().filter(texts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_means_every_kind_that_has_the_text() {
        assert_eq!(kinds_of("integer divide by zero"), [TrapKind::IntegerDivisionByZero]);
        assert_eq!(kinds_of("wasm `unreachable` instruction executed"), [TrapKind::Unreachable]);
        let both = [TrapKind::TableOutOfBounds, TrapKind::UndefinedElement];
        assert_eq!(kinds_of("undefined element: out of bounds table access"), both);
        assert_eq!(kinds_of("interrupt"), [TrapKind::Interrupted]);
        assert_eq!(kinds_of("something else"), []);
    }
}
