//! The texts by which scripts name traps. A lane's trap is matched by its kind: its own words never matter.
//!
//! The official text of a kind is that of the reference interpreter, which takes a script's text as the beginning of
//! its own. Public test suites also use the texts of the engine that they were written for. docs/trap-texts.md shows
//! the table of these; a test holds it against [`lanes::trap_text`].

use crate::settings::TrapText;
use lanes::TrapKind;
use lanes::trap_text::{foreign_texts, official_texts};

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

#[cfg(test)]
mod tests {
    use super::*;
    use lanes::trap_text::FOREIGN;

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
