//! Trap snapshots. The file `x.traps` beside `x.wast` holds, for each directive that trapped, its line, the kind of the
//! trap and the frames, innermost first. An exception that nothing caught is listed like a trap, with the kind
//! `exception`.
//!
//! ```text
//! # Traps of deep.wast. Written by `touchstone --bless`; review every change against the script.
//! 12 integer-divide-by-zero
//!   m!2 $div @0x4f
//!   m!3 $main @0x5a
//! 20 stack-overflow
//! ```
//!
//! A frame is `MODULE!INDEX $NAME @OFFSET`: the name of the module, the index and the name of the function, and the
//! byte offset of the instruction in the binary. Names come from the name section, if it has them. A stack overflow has
//! no frames, because their number depends on the tier. Empty lines and lines that begin with `#` are ignored.
//!
//! If the file exists, every lane must show exactly these traps, at these lines, in this order. A lane that cannot show
//! frames must show the kinds. Of another engine's frames the functions and offsets are compared, by the rules of
//! `lanes::compare`, and not the names. Directives of one line are in the order of the script. A directive that failed
//! by itself, was not supported, or did not run is not compared.

use crate::execute::Step;
use lanes::compare::frames_agree;
use lanes::{Failure, Frame, LaneInfo, Outcome, TrapKind};
use script::Directive;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// The traps of a snapshot file, or those that a lane showed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    traps: Vec<TrapEntry>,
}

/// A trap, or an exception that nothing caught.
#[derive(Clone, PartialEq, Eq, Debug)]
struct TrapEntry {
    line: u32,
    kind: String,
    /// All kinds that the lane's answer may mean. Empty in a file.
    kinds: Vec<TrapKind>,
    /// The frames; `None` if the lane cannot tell, or on stack overflow.
    frames: Option<Vec<String>>,
    /// True if the entry has all that a snapshot should have: a single kind, and an offset in every frame.
    is_complete: bool,
}

/// The use of the trap snapshot of a script.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum SnapshotUse {
    /// There is none.
    #[default]
    None,
    /// Every lane has to show these traps.
    Check(Snapshot),
    /// A snapshot is made of the traps that the lanes show.
    Make,
}

/// The outcome of a directive, as far as snapshots record it.
#[derive(Clone, Debug)]
struct ShownDirective {
    line: u32,
    column: u32,
    /// True if the directive passed. A snapshot is not compared with the others.
    passed: bool,
    /// The trap, if there was one.
    entry: Option<Box<TrapEntry>>,
}

/// The outcomes of a script's directives, in order.
#[derive(Clone, Debug)]
pub(crate) struct ShownTraps {
    /// The lines on which a snapshot expects traps.
    expected: BTreeSet<u32>,
    /// The directives that trapped, and all that begin on these lines.
    directives: Vec<ShownDirective>,
    /// True if the lane supported all directives, and showed each trap completely.
    is_complete: bool,
}

/// A difference between a snapshot and what a lane showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Mismatch {
    /// The line of the script.
    pub(crate) line: u32,
    /// The column of the directive; `None` if no directive on the line could have this trap.
    pub(crate) column: Option<u32>,
    /// The expected trap, and the actual one.
    pub(crate) message: String,
}

/// Returns the path of a script's trap snapshot; `None` for built-in scripts.
pub(crate) fn snapshot_path(script: &str) -> Option<PathBuf> {
    (!script.starts_with("spec:")).then(|| Path::new(script).with_extension("traps"))
}

impl Snapshot {
    /// Reads the snapshot beside a script, if there is one.
    ///
    /// # Errors
    ///
    /// Says which file cannot be read, or which of its lines is malformed.
    pub fn beside(script: &str) -> Result<Option<Snapshot>, String> {
        let Some(path) = snapshot_path(script).filter(|path| path.exists()) else { return Ok(None) };
        let text = fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        let snapshot = Snapshot::parse(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Some(snapshot))
    }

    /// Parses the text of a snapshot file.
    ///
    /// # Errors
    ///
    /// Says which line is malformed.
    pub fn parse(text: &str) -> Result<Snapshot, String> {
        let mut traps: Vec<TrapEntry> = Vec::new();
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
            traps.push(TrapEntry { line: at, kind: kind.to_string(), kinds: Vec::new(), frames, is_complete: true });
        }
        Ok(Snapshot { traps })
    }

    /// Returns the text of the file beside a script: empty if nothing trapped, for which there is no file. `None` for
    /// built-in scripts.
    pub(crate) fn file_text(&self, script: &str) -> Option<String> {
        snapshot_path(script)?;
        if self.traps.is_empty() {
            return Some(String::new());
        }
        Some(self.to_text(&Path::new(script).with_extension("wast").file_name()?.to_string_lossy()))
    }

    /// Returns the file's text, for a script of this file name.
    fn to_text(&self, script: &str) -> String {
        let mut text =
            format!("# Traps of {script}. Written by `touchstone --bless`; review every change against the script.\n");
        for entry in &self.traps {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} {}", entry.line, entry.kind);
            for frame in entry.frames.iter().flatten() {
                let _ = writeln!(text, "  {frame}");
            }
        }
        text
    }

    /// Compares this snapshot of a file with what a lane showed.
    pub(crate) fn compare(&self, showing: &ShownTraps, lane: &LaneInfo) -> Vec<Mismatch> {
        let mut lines: BTreeMap<u32, Line<'_>> = BTreeMap::new();
        for entry in &self.traps {
            lines.entry(entry.line).or_default().expected.push(entry);
        }
        for shown in &showing.directives {
            lines.entry(shown.line).or_default().directives.push(shown);
        }
        lines.into_iter().flat_map(|(number, line)| line.compare(number, lane)).collect()
    }
}

impl ShownTraps {
    /// Makes a collection of nothing yet, for a use of snapshots; `None` if there is none.
    pub(crate) fn for_use(snapshot: &SnapshotUse) -> Option<ShownTraps> {
        let expected = match snapshot {
            SnapshotUse::None => return None,
            SnapshotUse::Check(snapshot) => snapshot.traps.iter().map(|entry| entry.line).collect(),
            SnapshotUse::Make => BTreeSet::new(),
        };
        Some(ShownTraps { expected, directives: Vec::new(), is_complete: true })
    }

    /// Adds what a lane showed of the next directives. Those without a step did not run.
    pub(crate) fn add(&mut self, directives: &[Directive], steps: &[Step]) {
        for (position, &Directive { line, column, .. }) in directives.iter().enumerate() {
            let step = steps.get(position);
            let entry = step.and_then(Step::failed).and_then(|outcome| trap_entry(line, outcome)).map(Box::new);
            let supported = !step.is_some_and(Step::is_unsupported);
            self.is_complete &= supported && entry.as_ref().is_none_or(|entry| entry.is_complete);
            if entry.is_some() || self.expected.contains(&line) {
                let passed = step.is_some_and(Step::has_passed);
                self.directives.push(ShownDirective { line, column, passed, entry });
            }
        }
    }

    /// Returns the snapshot to write; `None` if the lane does not show all that should be in it.
    pub(crate) fn snapshot(self) -> Option<Snapshot> {
        let traps = self.directives.into_iter().filter_map(|shown| shown.entry).map(|entry| *entry);
        self.is_complete.then(|| Snapshot { traps: traps.collect() })
    }
}

/// A line of a script, with what the snapshot and the lane say about it.
#[derive(Default)]
struct Line<'a> {
    /// The entries of the snapshot.
    expected: Vec<&'a TrapEntry>,
    /// The directives that begin on the line.
    directives: Vec<&'a ShownDirective>,
}

impl Line<'_> {
    /// Compares the entries with the directives, in order. A directive that did not pass may have an entry, which is
    /// not looked at: up to that many entries may be skipped.
    fn compare(&self, line: u32, lane: &LaneInfo) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        let mut mismatch = |column: Option<u32>, want: Option<&TrapEntry>, got: Option<&TrapEntry>| {
            let message = format!("expected {}, got {}", describe(want), describe(got));
            mismatches.push(Mismatch { line, column, message });
        };
        // `spare` entries of `left` may belong to directives that did not pass.
        let (mut left, mut spare) = (self.expected.as_slice(), 0);
        let mut untrapped = Vec::new();
        for shown in &self.directives {
            match shown.entry.as_deref() {
                _ if !shown.passed => spare += 1,
                None => untrapped.push(shown.column),
                Some(got) => {
                    // The entries before its own belong to directives that did not pass.
                    let own = left.iter().take(spare + 1).position(|want| is_match(want, got, lane));
                    let before = own.unwrap_or_else(|| spare.min(left.len().saturating_sub(1)));
                    if own.is_none() {
                        mismatch(Some(shown.column), left.get(before).copied(), Some(got));
                    }
                    left = left.get(before + 1..).unwrap_or_default();
                    spare -= before;
                }
            }
        }
        let mut untrapped = untrapped.into_iter();
        left.iter().skip(spare).for_each(|want| mismatch(untrapped.next(), Some(want), None));
        mismatches
    }
}

/// Returns the entry of a directive that trapped, or threw an exception that nothing caught.
fn trap_entry(line: u32, outcome: &Outcome) -> Option<TrapEntry> {
    let texts = |frames: &Vec<Frame>| frames.iter().map(ToString::to_string).collect();
    let exact = |frames: &Vec<Frame>| frames.iter().all(|frame| frame.module_offset.is_some());
    match outcome {
        Outcome::Failed(Failure::Trap(trap)) => {
            let kinds: Vec<TrapKind> = trap.kinds().collect();
            let overflow = trap.kind == TrapKind::StackOverflow;
            let is_complete = kinds.len() == 1 && (overflow || trap.frames.as_ref().is_some_and(exact));
            let frames = trap.frames.as_ref().filter(|_| !overflow).map(texts);
            Some(TrapEntry { line, kind: trap.kind.name().to_string(), kinds, frames, is_complete })
        }
        Outcome::Failed(Failure::Exception(exception)) => {
            let frames = exception.frames.as_ref();
            let (is_complete, frames) = (frames.is_some_and(exact), frames.map(texts));
            Some(TrapEntry { line, kind: "exception".to_string(), kinds: Vec::new(), frames, is_complete })
        }
        _ => None,
    }
}

/// Returns whether a lane shows the trap that a snapshot says: every word of it, or functions and offsets if the lane
/// is not one of our own.
fn is_match(want: &TrapEntry, got: &TrapEntry, lane: &LaneInfo) -> bool {
    let same_kind = want.kind == got.kind || got.kinds.iter().any(|kind| kind.name() == want.kind);
    let moved = got.kinds.iter().any(|&kind| lane.moves.may_move(kind));
    let same_frames = match (&want.frames, &got.frames) {
        (_, None) => true,
        (Some(want), Some(got)) if !lane.is_own() => {
            let frames = parse_frames(want).zip(parse_frames(got));
            frames.is_some_and(|(want, got)| frames_agree(&want, &got, moved))
        }
        (want, got) => want == got,
    };
    same_kind && same_frames
}

/// Parses frames, without the names; `None` if one is malformed.
fn parse_frames(frames: &[String]) -> Option<Vec<Frame>> {
    frames.iter().map(|frame| parse_frame(frame)).collect()
}

/// Parses `MODULE!INDEX $NAME @OFFSET`, without the names. They may contain each of these marks: the index follows the
/// first `!` with a number after it, and the offset the last `@`.
fn parse_frame(frame: &str) -> Option<Frame> {
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

fn describe(entry: Option<&TrapEntry>) -> String {
    match entry {
        None => "no trap".to_string(),
        Some(TrapEntry { kind, frames: Some(frames), .. }) => format!("{kind} [{}]", frames.join(", ")),
        Some(TrapEntry { kind, frames: None, .. }) => kind.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Traps of x.wast. Written by `touchstone --bless`; review every change against the script.\n\
        3 unreachable\n  m!0 $f @0x2a\n  m!1 @0x30\n9 stack-overflow\n";

    use lanes::{Moves, Trap};

    fn lane(engine: &str) -> LaneInfo {
        let text = || engine.to_string();
        LaneInfo { name: text(), engine: text(), code: text(), backend: text(), moves: Moves::Nothing }
    }

    /// Returns the outcomes of passing directives, one for each trap of a text.
    fn showing(text: &str) -> ShownTraps {
        let traps = Snapshot::parse(text).expect("the text parses").traps.into_iter();
        let directives = (0..).zip(traps).map(|(column, entry)| {
            let (line, entry) = (entry.line, Some(Box::new(entry)));
            ShownDirective { line, column, passed: true, entry }
        });
        ShownTraps { expected: BTreeSet::new(), directives: directives.collect(), is_complete: true }
    }

    #[test]
    fn round_trip() {
        let snapshot = Snapshot::parse(TEXT).expect("the text parses");
        assert_eq!(snapshot.to_text("x.wast"), TEXT);
        assert_eq!(snapshot.compare(&showing(TEXT), &lane(lanes::OWN_ENGINE)), []);
    }

    #[test]
    fn a_directive_that_fails_by_itself_hides_no_other_of_its_line() {
        let two = "3 unreachable\n  m!0 @0x2a\n3 integer-overflow\n  m!1 @0x30\n";
        let columns = |expected: &str, shown: &str, failed: &[usize]| -> Vec<Option<u32>> {
            let mut showing = showing(shown);
            failed.iter().for_each(|&position| showing.directives[position].passed = false);
            let snapshot = Snapshot::parse(expected).expect("the text parses");
            let mismatches = snapshot.compare(&showing, &lane(lanes::OWN_ENGINE));
            mismatches.into_iter().map(|mismatch| mismatch.column).collect()
        };
        let (first, second) = two.split_at(two.find("3 integer").expect("the second entry"));
        assert_eq!(columns(two, two, &[0]), []);
        assert_eq!(columns(second, two, &[0]), []);
        assert_eq!(columns(two, &two.replace("0x30", "0x31"), &[0]), [Some(1)]);
        assert_eq!(columns(second, &two.replace("0x30", "0x31"), &[0]), [Some(1)]);
        assert_eq!(columns(first, two, &[0]), [Some(1)]);
        assert_eq!(columns(&two.replace("0x", "0x1"), two, &[]), [Some(0), Some(1)]);
        assert_eq!(columns(two, first, &[]), [None]);
    }

    #[test]
    fn a_trap_is_complete_with_one_kind_and_every_offset() {
        let frame = |module_offset| Frame { func_index: 0, func_name: None, module_name: None, module_offset };
        let is_complete = |kind, or_kinds: &[TrapKind], frames| {
            let trap = Trap { or_kinds: or_kinds.to_vec(), ..Trap::new(kind, "", frames) };
            trap_entry(1, &Outcome::Failed(Failure::Trap(trap))).expect("a trap").is_complete
        };
        assert!(is_complete(TrapKind::Unreachable, &[], Some(vec![frame(Some(1))])));
        assert!(is_complete(TrapKind::StackOverflow, &[], None));
        assert!(!is_complete(TrapKind::Unreachable, &[], None));
        assert!(!is_complete(TrapKind::Unreachable, &[], Some(vec![frame(None)])));
        assert!(!is_complete(TrapKind::TableOutOfBounds, &[TrapKind::UndefinedElement], Some(Vec::new())));
    }

    #[test]
    fn every_difference_is_found() {
        let snapshot = Snapshot::parse(TEXT).expect("the text parses");
        let lines = |text: &str| -> Vec<u32> {
            let mismatches = snapshot.compare(&showing(text), &lane(lanes::OWN_ENGINE));
            mismatches.iter().map(|mismatch| mismatch.line).collect()
        };
        assert_eq!(lines("3 unreachable\n  m!0 $f @0x2a\n  m!1 @0x31\n9 stack-overflow\n"), [3]);
        assert_eq!(lines("3 unreachable\n  m!0 $f @0x2a\n9 stack-overflow\n"), [3]);
        assert_eq!(lines("3 integer-overflow\n  m!0 $f @0x2a\n  m!1 @0x30\n9 stack-overflow\n"), [3]);
        assert_eq!(lines("3 unreachable\n  m!0 $f @0x2a\n  m!1 @0x30\n"), [9]);
        assert_eq!(lines("5 unreachable\n9 stack-overflow\n12 unreachable\n"), [3, 5, 12]);
        assert_eq!(lines(""), [3, 9]);
    }

    #[test]
    fn of_another_engine_functions_and_offsets_are_compared() {
        let snapshot = Snapshot::parse("3 undefined-element\n  m!0 $f @0x2a\n  m!1 @0x30\n").expect("the text parses");
        let agrees = |text: &str| {
            let mut showing = showing(text);
            let entry = showing.directives[0].entry.as_mut().expect("a trap");
            entry.kinds = vec![TrapKind::TableOutOfBounds, TrapKind::UndefinedElement];
            snapshot.compare(&showing, &lane("other")).is_empty()
        };
        assert!(agrees("3 table-out-of-bounds\n  !0 @0x2a\n  other!1 $g @0x30\n"));
        assert!(!agrees("3 table-out-of-bounds\n  !0 @0x2a\n  !1 @0x31\n"));
        assert!(!agrees("3 table-out-of-bounds\n  !0 @0x2a\n"));
        assert!(!agrees("3 table-out-of-bounds\n  nonsense\n  !1 @0x30\n"));
    }

    #[test]
    fn frames_are_parsed() {
        let parsed = |text| parse_frame(text).map(|frame| (frame.func_index, frame.module_offset));
        assert_eq!(parsed("m!2 $div @0x4f"), Some((2, Some(0x4f))));
        assert_eq!(parsed("a!b $ @0x1!7 $x!9 @0x3 @0x10"), Some((7, Some(0x10))));
        assert_eq!(parsed("!12"), Some((12, None)));
        assert_eq!(parsed("nonsense"), None);
    }

    #[test]
    fn malformed_files() {
        assert!(Snapshot::parse("  m!0 @0x1\n").is_err());
        assert!(Snapshot::parse("x unreachable\n").is_err());
        assert!(Snapshot::parse("12\n").is_err());
    }
}
