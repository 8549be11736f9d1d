//! Checks that compare an outcome, or the text of a module, with what a directive expects. They are pure: whether a
//! failed check is the engine's mistake is for [`Support`](super::support::Support) to say.

use super::trap_text::{names_text, names_trap};
use crate::settings::TrapText;
use lanes::{Failure, Features, Outcome, Phase, TrapKind, Value};
use script::Encoded;
use script::pattern::Pattern;

/// Nothing, or a message that says what was expected and what came instead.
pub(super) type Checked = Result<(), String>;

/// Checks that an action returned, whatever its results.
pub(super) fn check_success(outcome: &Outcome) -> Checked {
    match outcome {
        Outcome::Values(_) => Ok(()),
        other => Err(format!("expected success, got {other}")),
    }
}

/// Checks that a module was accepted, and instantiated if the directive asks for that.
pub(super) fn check_accepted(outcome: &Outcome) -> Checked {
    match outcome {
        Outcome::Values(_) => Ok(()),
        other => Err(format!("expected the module to be accepted, got {other}")),
    }
}

/// Checks that a module was refused in this phase, by a lane that lacks these of the script's features.
pub(super) fn check_refused(outcome: &Outcome, expected: Phase, lacks: Features) -> Checked {
    match outcome {
        Outcome::Refused(refusal) if refusal.phase.may_be(expected) => {
            if lacks.is_empty() {
                return Ok(());
            }
            // The lane may have stopped at a feature that it lacks, before it came to the mistake.
            Err(format!("refused, which proves nothing: the lane lacks {lacks}"))
        }
        Outcome::Values(_) => Err(format!("expected {expected}, but the module was accepted")),
        other => Err(format!("expected {expected}, got {other}")),
    }
}

/// Checks that a module's text is malformed, and would not be without its annotations. No lane sees either.
pub(super) fn check_malformed_custom(module: &Encoded, plain: Option<&Encoded>) -> Checked {
    match (module, plain) {
        (Ok(_), _) => Err("expected a malformed annotation, but the text was accepted".to_string()),
        (Err(_), Some(Ok(_))) => Ok(()),
        (Err(error), None) => Err(format!("expected a malformed annotation, but there is none: {error}")),
        (Err(_), Some(Err(error))) => {
            Err(format!("expected a malformed annotation, but the text is malformed without it: {error}"))
        }
    }
}

/// Checks that a custom section of a module is invalid, and that the lane accepts the module all the same.
pub(super) fn check_invalid_custom(outcome: &Outcome, fault: Option<&str>) -> Checked {
    match fault {
        Some(_) => check_accepted(outcome),
        None => Err("expected an invalid custom section, but there is none".to_string()),
    }
}

/// Checks that an action returned values that match these patterns.
pub(super) fn check_results(outcome: &Outcome, patterns: &[Pattern]) -> Checked {
    match outcome {
        Outcome::Values(values) if match_all(patterns, values) => Ok(()),
        Outcome::Values(values) if values.is_empty() => Err(format!("expected {}, got no result", list(patterns))),
        other => Err(format!("expected {}, got {other}", list(patterns))),
    }
}

fn match_all(patterns: &[Pattern], values: &[Value]) -> bool {
    values.len() == patterns.len() && patterns.iter().zip(values).all(|(pattern, value)| pattern.matches(*value))
}

fn list(patterns: &[Pattern]) -> String {
    if patterns.is_empty() {
        return "no result".to_string();
    }
    let patterns: Vec<String> = patterns.iter().map(Pattern::to_string).collect();
    format!("[{}]", patterns.join(", "))
}

/// Checks that an action threw an exception that nothing caught.
pub(super) fn check_exception(outcome: &Outcome) -> Checked {
    match outcome {
        Outcome::Failed(Failure::Exception(_)) => Ok(()),
        other => Err(format!("expected an exception, got {other}")),
    }
}

/// Checks that an outcome is the trap that `message` names. A trap is matched by its kind, an error of a host function
/// by its text. An exhausted call stack is no trap, and neither is a suspension that nothing handles.
pub(super) fn check_trap(outcome: &Outcome, message: &str, accepts: TrapText) -> Checked {
    let matches = match outcome {
        Outcome::Failed(Failure::Trap(trap)) => {
            let mut kinds =
                trap.kinds().filter(|kind| !matches!(kind, TrapKind::StackOverflow | TrapKind::UnhandledTag));
            kinds.any(|kind| names_trap(message, kind, accepts))
        }
        Outcome::Failed(Failure::Host(text) | Failure::Panic(text)) => names_text(message, text, accepts),
        _ => false,
    };
    if matches { Ok(()) } else { Err(format!("expected trap \"{message}\", got {outcome}")) }
}

/// Checks that an action exhausted the call stack.
pub(super) fn check_exhaustion(outcome: &Outcome, message: &str, accepts: TrapText) -> Checked {
    let kind = TrapKind::StackOverflow;
    match outcome {
        Outcome::Failed(Failure::Trap(trap)) if trap.may_be(kind) && names_trap(message, kind, accepts) => Ok(()),
        other => Err(format!("expected exhaustion \"{message}\", got {other}")),
    }
}

/// Checks that an action suspended, and that nothing handled it.
pub(super) fn check_suspension(outcome: &Outcome, message: &str, accepts: TrapText) -> Checked {
    let kind = TrapKind::UnhandledTag;
    match outcome {
        Outcome::Failed(Failure::Trap(trap)) if trap.may_be(kind) && names_trap(message, kind, accepts) => Ok(()),
        other => Err(format!("expected a suspension \"{message}\", got {other}")),
    }
}

/// Checks that a module did not link. There are two reasons for that in the official scripts: one is not accepted for
/// the other where the lane uses the official words.
pub(super) fn check_unlinkable(outcome: &Outcome, message: &str) -> Checked {
    let Outcome::Failed(Failure::Link(text)) = outcome else {
        return Err(format!("expected a link error, got {outcome}"));
    };
    match (link_error(text), link_error(message)) {
        (Some(got), Some(expected)) if got != expected => {
            Err(format!("expected link error \"{message}\", got {outcome}"))
        }
        _ => Ok(()),
    }
}

/// Returns the official reason that a link error begins with.
fn link_error(text: &str) -> Option<&'static str> {
    ["unknown import", "incompatible import type"].into_iter().find(|reason| text.starts_with(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanes::Trap;
    use lanes::trap_text::{EXHAUSTED, UNHANDLED};

    fn trap(kind: TrapKind) -> Outcome {
        // The engine's own words say something else, and must not matter.
        Outcome::Failed(Failure::Trap(Trap::new(kind, "unreachable", None)))
    }

    #[test]
    fn traps_are_matched_by_kind() {
        let check = |kind, message| check_trap(&trap(kind), message, TrapText::Prefix);
        assert!(check(TrapKind::IntegerDivisionByZero, "integer divide by zero").is_ok());
        assert!(check(TrapKind::IntegerDivisionByZero, "unreachable").is_err());
        assert!(check(TrapKind::Unreachable, "unreachable executed").is_ok());
        assert!(check(TrapKind::TableOutOfBounds, "").is_ok());
        assert!(check_trap(&Outcome::Values(Vec::new()), "", TrapText::Any).is_err());
    }

    #[test]
    fn errors_of_the_host_are_matched_by_text() {
        let check = |message, accepts| {
            check_trap(&Outcome::Failed(Failure::Host("it failed".to_string())), message, accepts).is_ok()
        };
        assert!(check("it", TrapText::Prefix) && check("it failed", TrapText::Exact));
        assert!(!check("it", TrapText::Exact) && !check("he", TrapText::Prefix) && check("he", TrapText::Any));
    }

    #[test]
    fn exhaustion_is_no_trap() {
        let overflow = trap(TrapKind::StackOverflow);
        for accepts in [TrapText::Any, TrapText::Prefix, TrapText::Exact] {
            assert!(check_trap(&overflow, EXHAUSTED, accepts).is_err());
            assert!(check_exhaustion(&overflow, EXHAUSTED, accepts).is_ok());
            assert!(check_exhaustion(&trap(TrapKind::Unreachable), EXHAUSTED, accepts).is_err());
        }
        assert!(check_exhaustion(&overflow, "too much recursion", TrapText::Prefix).is_ok());
    }

    #[test]
    fn a_suspension_is_no_trap() {
        let suspension = trap(TrapKind::UnhandledTag);
        for accepts in [TrapText::Any, TrapText::Prefix, TrapText::Exact] {
            assert!(check_trap(&suspension, UNHANDLED, accepts).is_err());
            assert!(check_exhaustion(&suspension, UNHANDLED, accepts).is_err());
            assert!(check_suspension(&suspension, UNHANDLED, accepts).is_ok());
            assert!(check_suspension(&trap(TrapKind::Unreachable), UNHANDLED, accepts).is_err());
        }
        assert!(check_suspension(&suspension, "unhandled", TrapText::Prefix).is_ok());
        assert!(check_suspension(&suspension, "handled", TrapText::Prefix).is_err());
    }

    #[test]
    fn results_are_counted() {
        let one = Outcome::Values(vec![Value::I32(1)]);
        assert!(check_results(&one, &[Pattern::Exact(Value::I32(1))]).is_ok());
        assert!(check_results(&one, &[]).is_err());
        assert!(check_results(&Outcome::Values(Vec::new()), &[Pattern::Exact(Value::I32(1))]).is_err());
    }
}
