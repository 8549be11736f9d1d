//! The texts by which scripts name traps. A lane's trap is matched by its kind: its own words never matter.
//!
//! The official text of a kind is that of the reference interpreter, which takes a script's text as the beginning of
//! its own. Public test suites also use the texts of the engine that they were written for. docs/trap-texts.md shows
//! the table of these; a test holds it against this file.

use crate::settings::TrapText;
use lanes::TrapKind;

/// The official text for an exhausted call stack.
pub(super) const EXHAUSTED: &str = "call stack exhausted";

/// Returns whether a script's text names a trap of this kind.
pub(super) fn names_trap(text: &str, kind: TrapKind, accepts: TrapText) -> bool {
    accepts == TrapText::Any
        || official_texts(kind).iter().any(|official| names_text(text, official, accepts))
        || (accepts == TrapText::Prefix && foreign_texts(kind).iter().any(|foreign| foreign.starts_with(text)))
}

/// Returns whether a script's text is the text of a trap or of a host's error: all of it, its beginning if `accepts`
/// allows that, or the text and the number of an element, which is not checked (`uninitialized element 2`).
pub(super) fn names_text(text: &str, own: &str, accepts: TrapText) -> bool {
    let number = text.strip_prefix(own).and_then(|rest| rest.strip_prefix(' '));
    match accepts {
        TrapText::Any => return true,
        TrapText::Prefix if own.starts_with(text) => return true,
        TrapText::Prefix | TrapText::Exact => {}
    }
    own == text || number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// Returns what the official scripts call a trap; nothing for traps that the specification does not know.
fn official_texts(kind: TrapKind) -> &'static [&'static str] {
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
        ],
        TrapKind::CastFailure => &["cast failure", "descriptor cast failure"],
        TrapKind::StackOverflow => &[EXHAUSTED],
        TrapKind::UnalignedAtomic => &["unaligned atomic"],
        TrapKind::ExpectedSharedMemory => &["expected shared memory"],
        TrapKind::ArrayOutOfBounds => &["out of bounds array access"],
        _ => &[],
    }
}

/// The texts of other engines, by the kind of the trap: of Wasmtime, wasmi, wabt, V8, SpiderMonkey, JavaScriptCore, and
/// the reference interpreter before 2.0.
const FOREIGN: &[(TrapKind, &[&str])] = &[
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
        &["dereferencing a null pointer", "dereferencing null pointer", "call_ref to a null reference"],
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
fn foreign_texts(kind: TrapKind) -> &'static [&'static str] {
    FOREIGN.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, texts)| texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn accepted(text: &str, kind: TrapKind, expected: [bool; 3]) {
        let accepts = [TrapText::Any, TrapText::Prefix, TrapText::Exact];
        assert_eq!(accepts.map(|accepts| names_trap(text, kind, accepts)), expected, "{text:?}");
    }

    #[test]
    fn texts_name_kinds() {
        accepted("integer divide by zero", TrapKind::IntegerDivisionByZero, [true, true, true]);
        accepted("integer", TrapKind::IntegerDivisionByZero, [true, true, false]);
        accepted("", TrapKind::IntegerDivisionByZero, [true, true, false]);
        accepted("unreachable", TrapKind::IntegerDivisionByZero, [true, false, false]);
        accepted("unreachable executed", TrapKind::Unreachable, [true, true, false]);
        accepted("unreachable executed", TrapKind::MemoryOutOfBounds, [true, false, false]);
        accepted("unreachable executed at once", TrapKind::Unreachable, [true, false, false]);
        accepted("uninitialized element 7", TrapKind::UninitializedElement, [true, true, true]);
        accepted("uninitialized elements", TrapKind::UninitializedElement, [true, false, false]);
        accepted("null descriptor reference", TrapKind::NullReference, [true, true, true]);
        accepted("null descriptor reference", TrapKind::CastFailure, [true, false, false]);
        accepted("descriptor cast failure", TrapKind::CastFailure, [true, true, true]);
        accepted("", TrapKind::Other, [true, false, false]);
    }

    #[test]
    fn the_document_has_the_same_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/trap-texts.md");
        let document = std::fs::read_to_string(path).expect("docs/trap-texts.md");
        let (_, after) = document.split_once("| trap | text of another engine |\n|---|---|\n").expect("the table");
        let (table, _) = after.split_once("\n\n").expect("text after the table");
        let rows = FOREIGN
            .iter()
            .flat_map(|(kind, texts)| texts.iter().map(|text| format!("| {} | {text} |", official_texts(*kind)[0])));
        assert_eq!(table, rows.collect::<Vec<_>>().join("\n"));
    }
}
