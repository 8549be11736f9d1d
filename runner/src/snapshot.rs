//! Trap snapshots: `x.traps` beside `x.wast` holds, for each directive that trapped, its line, the trap's kind and its
//! frames, the innermost first. An exception that nothing caught stands there like a trap of the kind `exception`.
//!
//! ```text
//! # Traps of deep.wast. Written by `runner --bless`; review every change against the script.
//! 12 integer-divide-by-zero
//!   m!2 $div @0x4f
//!   m!3 $main @0x5a
//! 20 stack-overflow
//! ```
//!
//! A frame is `MODULE!INDEX $NAME @OFFSET`: the module's and the function's names from the name section, where there are
//! any, the function's index, and the byte offset of its instruction in the binary. A stack overflow has no frames here:
//! their number depends on the tier. Empty lines and lines that begin with `#` are ignored.
//!
//! Where the file exists, every lane must show exactly these traps, at these lines, in this order; a lane that cannot
//! show frames must show the kinds. Of another engine's frames the places are compared, as `lanes::compare` does it, and
//! not the names. Directives of one line stand in the script's order.

use crate::execute::Step;
use crate::script::Script;
use lanes::compare::frames_agree;
use lanes::{Failure, Frame, LaneInfo, Outcome, TrapKind};
use std::cmp::Ordering;
use std::fmt::Write;

/// A snapshot file, parsed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    traps: Vec<Entry>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Entry {
    line: u32,
    kind: String,
    /// What the lane means by it; none of a file's.
    kinds: Vec<TrapKind>,
    /// `None` if the lane cannot tell, or on stack overflow.
    frames: Option<Vec<String>>,
}

/// A snapshot that is not what a lane showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// The line of the script.
    pub line: u32,
    /// What differs.
    pub message: String,
}

impl Snapshot {
    /// Reads a snapshot file; the error names its line.
    pub fn parse(text: &str) -> Result<Snapshot, String> {
        let mut traps: Vec<Entry> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = || format!("line {}: expected `LINE KIND` or an indented frame", number + 1);
            if line.starts_with(' ') {
                let entry = traps.last_mut().ok_or_else(malformed)?;
                entry.frames.get_or_insert_default().push(line.trim().to_string());
                continue;
            }
            let (at, kind) = line.trim_end().split_once(' ').ok_or_else(malformed)?;
            let at = at.parse().map_err(|_| malformed())?;
            let frames = (kind != TrapKind::StackOverflow.name()).then(Vec::new);
            traps.push(Entry { line: at, kind: kind.to_string(), kinds: Vec::new(), frames });
        }
        Ok(Snapshot { traps })
    }

    /// What a lane showed.
    pub fn of(script: &Script, steps: &[Step]) -> Snapshot {
        let traps = script.directives.iter().zip(steps).filter_map(|(directive, step)| stopped(directive.line, step));
        Snapshot { traps: traps.collect() }
    }

    /// Whether nothing trapped.
    pub fn is_empty(&self) -> bool {
        self.traps.is_empty()
    }

    /// The file's text, for a script of this file name.
    pub fn to_text(&self, script: &str) -> String {
        let mut text =
            format!("# Traps of {script}. Written by `runner --bless`; review every change against the script.\n");
        for entry in &self.traps {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {}", entry.line, entry.kind);
            for frame in entry.frames.iter().flatten() {
                let _ = writeln!(text, "  {frame}");
            }
        }
        text
    }

    /// Compares this snapshot, as the file has it, with what a lane showed: every word of it, or, if the lane is not one
    /// of our own, the places.
    pub fn compare(&self, shown: &Snapshot, lane: &LaneInfo) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        let (mut expected, mut shown) = (self.traps.as_slice(), shown.traps.as_slice());
        loop {
            let order = match (expected.first(), shown.first()) {
                (None, None) => return mismatches,
                (Some(want), Some(got)) => want.line.cmp(&got.line),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
            };
            let want = if order.is_gt() { None } else { take(&mut expected) };
            let got = if order.is_lt() { None } else { take(&mut shown) };
            if want.zip(got).is_some_and(|(want, got)| equal(want, got, lane)) {
                continue;
            }
            let line = want.or(got).map_or(0, |entry| entry.line);
            let message = format!("expected {}, got {}", describe(want), describe(got));
            mismatches.push(Mismatch { line, message: format!("trap snapshot: {message}") });
        }
    }
}

/// The entry of a directive that trapped, or threw an exception that nothing caught.
fn stopped(line: u32, step: &Step) -> Option<Entry> {
    let texts = |frames: &Vec<Frame>| frames.iter().map(ToString::to_string).collect();
    match &step.observation.as_ref()?.outcome {
        Outcome::Failed(Failure::Trap(trap)) => {
            let frames = trap.frames.as_ref().filter(|_| trap.kind != TrapKind::StackOverflow).map(texts);
            Some(Entry { line, kind: trap.kind.name().to_string(), kinds: trap.kinds().collect(), frames })
        }
        Outcome::Failed(Failure::Exception(exception)) => {
            let frames = exception.frames.as_ref().map(texts);
            Some(Entry { line, kind: "exception".to_string(), kinds: Vec::new(), frames })
        }
        _ => None,
    }
}

fn equal(want: &Entry, got: &Entry, lane: &LaneInfo) -> bool {
    let same_kind = want.kind == got.kind || got.kinds.iter().any(|kind| kind.name() == want.kind);
    let moved = got.kinds.iter().any(|&kind| lane.moves.may_move(kind));
    let same_frames = match (&want.frames, &got.frames) {
        (_, None) => true,
        (Some(want), Some(got)) if !lane.is_own() => {
            let places = places(want).zip(places(got));
            places.is_some_and(|(want, got)| frames_agree(&want, &got, moved))
        }
        (want, got) => want == got,
    };
    same_kind && same_frames
}

/// Frames by their texts, without the names; `None` if one has another form.
fn places(frames: &[String]) -> Option<Vec<Frame>> {
    frames.iter().map(|frame| place(frame)).collect()
}

/// `MODULE!INDEX $NAME @OFFSET`; names may hold any of these marks.
fn place(frame: &str) -> Option<Frame> {
    let (func_index, rest) = frame.match_indices('!').find_map(|(mark, _)| {
        let digits = frame[mark + 1..].split(' ').next()?;
        Some((digits.parse().ok()?, &frame[mark + 1 + digits.len()..]))
    })?;
    let module_offset = match rest.rsplit_once(" @0x") {
        Some((_, offset)) => Some(u64::from_str_radix(offset, 16).ok()?),
        None => None,
    };
    Some(Frame { func_index, func_name: None, module_name: None, module_offset })
}

fn describe(entry: Option<&Entry>) -> String {
    match entry {
        None => "no trap".to_string(),
        Some(Entry { kind, frames: Some(frames), .. }) => format!("{kind} [{}]", frames.join(", ")),
        Some(Entry { kind, frames: None, .. }) => kind.clone(),
    }
}

fn take<'a>(entries: &mut &'a [Entry]) -> Option<&'a Entry> {
    let (first, rest) = entries.split_first()?;
    *entries = rest;
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Traps of x.wast. Written by `runner --bless`; review every change against the script.\n\
        3 unreachable\n  m!0 $f @0x2a\n  m!1 @0x30\n9 stack-overflow\n";

    use lanes::Moves;

    fn lane(family: &str) -> LaneInfo {
        let text = || family.to_string();
        LaneInfo { name: text(), family: text(), code: text(), descent: text(), moves: Moves::Nothing }
    }

    #[test]
    fn round_trip() {
        let snapshot = Snapshot::parse(TEXT).expect("the text parses");
        assert_eq!(snapshot.to_text("x.wast"), TEXT);
        assert_eq!(snapshot.compare(&snapshot, &lane(lanes::OWN_FAMILY)), []);
    }

    #[test]
    fn every_difference_is_found() {
        let snapshot = Snapshot::parse(TEXT).expect("the text parses");
        let lines = |text: &str| -> Vec<u32> {
            let shown = Snapshot::parse(text).expect("the text parses");
            snapshot.compare(&shown, &lane(lanes::OWN_FAMILY)).iter().map(|mismatch| mismatch.line).collect()
        };
        assert_eq!(lines("3 unreachable\n  m!0 $f @0x2a\n  m!1 @0x31\n9 stack-overflow\n"), [3]);
        assert_eq!(lines("3 unreachable\n  m!0 $f @0x2a\n9 stack-overflow\n"), [3]);
        assert_eq!(lines("3 integer-overflow\n  m!0 $f @0x2a\n  m!1 @0x30\n9 stack-overflow\n"), [3]);
        assert_eq!(lines("3 unreachable\n  m!0 $f @0x2a\n  m!1 @0x30\n"), [9]);
        assert_eq!(lines("5 unreachable\n9 stack-overflow\n12 unreachable\n"), [3, 5, 12]);
        assert_eq!(lines(""), [3, 9]);
    }

    #[test]
    fn of_another_engine_the_places_are_compared() {
        let snapshot = Snapshot::parse("3 undefined-element\n  m!0 $f @0x2a\n  m!1 @0x30\n").expect("the text parses");
        let agrees = |text: &str| {
            let mut shown = Snapshot::parse(text).expect("the text parses");
            shown.traps[0].kinds = vec![TrapKind::TableOutOfBounds, TrapKind::UndefinedElement];
            snapshot.compare(&shown, &lane("other")).is_empty()
        };
        assert!(agrees("3 table-out-of-bounds\n  !0 @0x2a\n  other!1 $g @0x30\n"));
        assert!(!agrees("3 table-out-of-bounds\n  !0 @0x2a\n  !1 @0x31\n"));
        assert!(!agrees("3 table-out-of-bounds\n  !0 @0x2a\n"));
        assert!(!agrees("3 table-out-of-bounds\n  nonsense\n  !1 @0x30\n"));
    }

    #[test]
    fn places_of_frames() {
        let place = |text| place(text).map(|frame| (frame.func_index, frame.module_offset));
        assert_eq!(place("m!2 $div @0x4f"), Some((2, Some(0x4f))));
        assert_eq!(place("a!b $ @0x1!7 $x!9 @0x3 @0x10"), Some((7, Some(0x10))));
        assert_eq!(place("!12"), Some((12, None)));
        assert_eq!(place("nonsense"), None);
    }

    #[test]
    fn malformed_files() {
        assert!(Snapshot::parse("  m!0 @0x1\n").is_err());
        assert!(Snapshot::parse("x unreachable\n").is_err());
        assert!(Snapshot::parse("12\n").is_err());
    }
}
