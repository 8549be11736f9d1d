//! The script oracle: the grammar of scripts reads any text, and a mistake costs the directive that has it and no
//! other.
//!
//! Four promises hold for each text. What precedes it is read as if it were not there. What it consists of is read as
//! if a mistake after it were not there. It is read alike at once and piece by piece, as long scripts are. And each
//! directive is where its position says. A panic or a stack overflow is a finding, too.

use super::{Oracle, Reduced, Registration, Report, Verdict};
use crate::generate::script::{self as generator, CHOICES};
use crate::triage::cause::Cause;
use script::{Batches, Directive, DirectiveKind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// The entry in the list of oracles.
pub const REGISTRATION: Registration = Registration {
    name: "script",
    summary: "a mistake in a script costs one directive, and all others are read as if it were not there",
    choices: CHOICES,
    make: |_| Box::new(ScriptOracle::default()),
};

/// Directives that stand before each text.
const BEFORE: &str = "(module $first (func (export \"f\")))\n(invoke $first \"f\")\n";
/// A directive that does not parse, which stands after each text.
const AFTER: &str = "\n(module (func";
/// The length of a piece that holds any text.
const WHOLE: usize = usize::MAX;
/// The length of a piece where a text is read in pieces: each holds one directive.
const PIECE: usize = 1;

/// A grammar: the directives of a text that it reads in pieces of at least this length. It is that of the crate
/// [`script`], or a test double that breaks a promise.
pub type Grammar = fn(&str, usize) -> Vec<Directive>;

/// Holds what a grammar reads against what it promises.
pub struct ScriptOracle {
    grammar: Grammar,
    /// Counts of the inputs so far.
    pub counts: Counts,
}

/// Counts of texts and of what was read of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Texts without a mistake.
    pub sound: u64,
    /// Texts with a mistake.
    pub mistaken: u64,
    /// The directives of both.
    pub directives: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { sound, mistaken, directives } = self;
        write!(f, "scripts: {sound} without a mistake, {mistaken} with one; {directives} directives")
    }
}

impl Default for ScriptOracle {
    fn default() -> ScriptOracle {
        ScriptOracle::new(|text, piece| Batches::with_pieces(text, piece).flatten().collect())
    }
}

impl ScriptOracle {
    /// Makes an oracle for this grammar.
    pub fn new(grammar: Grammar) -> ScriptOracle {
        ScriptOracle { grammar, counts: Counts::default() }
    }

    /// Holds what is read of a text against the promises.
    pub fn check_text(&mut self, text: &str) -> Verdict {
        let text = format!("{BEFORE}{text}");
        let directives = (self.grammar)(&text, WHOLE);
        if let Some(promise) = self.find_broken_promise(&text, &directives) {
            return Verdict::Found(Box::new(Broken { promise, text }));
        }
        let is_sound = !directives.iter().any(is_unsupported);
        self.counts.sound += u64::from(is_sound);
        self.counts.mistaken += u64::from(!is_sound);
        self.counts.directives += directives.len() as u64;
        Verdict::Passed(Box::new(format!("{} directives", directives.len())))
    }

    fn find_broken_promise(&self, text: &str, directives: &[Directive]) -> Option<&'static str> {
        let shown = show(directives);
        if !shown.starts_with(&show(&(self.grammar)(BEFORE, WHOLE))) {
            return Some("what precedes a text is not read");
        }
        if shown != show(&(self.grammar)(text, PIECE)) {
            return Some("a text is read otherwise in pieces");
        }
        if !directives.iter().any(is_unsupported) {
            let followed = show(&(self.grammar)(&format!("{text}{AFTER}"), WHOLE));
            if !followed.starts_with(&shown) || followed.len() != shown.len() + 1 {
                return Some("a text is read otherwise before a mistake");
            }
        }
        (!directives.iter().all(|directive| is_at_its_position(directive, text)))
            .then_some("a directive is not at its position")
    }

    /// Removes words of a text, several at once first, as long as the same promise is broken.
    fn shrink(&mut self, text: &str, promise: &str) -> String {
        let mut words: Vec<&str> = text.split_inclusive([' ', '\n', ')']).collect();
        let mut length = words.len().next_power_of_two() / 2;
        while length > 0 {
            let mut end = words.len();
            while end > 0 {
                let start = end.saturating_sub(length);
                let smaller = [&words[..start], &words[end..]].concat();
                match self.check_text(&smaller.concat()) {
                    Verdict::Found(report) if report.signature() == promise => words = smaller,
                    _ => {}
                }
                end = start;
            }
            length /= 2;
        }
        words.concat()
    }
}

/// Returns each directive with all that is read of it, so that two can be compared.
fn show(directives: &[Directive]) -> Vec<String> {
    let show = |directive: &Directive| {
        let Directive { line, column, name, .. } = directive;
        format!("{line}:{column} {name} {:?}", *directive.kind())
    };
    directives.iter().map(show).collect()
}

fn is_unsupported(directive: &Directive) -> bool {
    matches!(*directive.kind(), DirectiveKind::Unsupported { .. })
}

/// Returns whether a directive that can be executed begins at its position, with its name.
fn is_at_its_position(directive: &Directive, text: &str) -> bool {
    let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX).wrapping_sub(1);
    let line = text.split('\n').nth(number(directive.line)).unwrap_or_default();
    let Some(rest) = line.get(number(directive.column)..) else { return false };
    // Blanks and comments may stand before the name.
    let begins = rest.strip_prefix('(').is_some_and(|rest| {
        rest.starts_with(directive.name) || rest.is_empty() || rest.starts_with([' ', '\t', '\r', ';', '('])
    });
    begins || is_unsupported(directive)
}

impl Oracle for ScriptOracle {
    fn check(&mut self, input: &[u8]) -> Verdict {
        match generator::generate(input) {
            Ok(text) => self.check_text(&text),
            Err(_) => Verdict::NoCase,
        }
    }

    fn reduce(&mut self, input: &[u8]) -> Option<Reduced> {
        let text = generator::generate(input).ok()?;
        let Verdict::Found(report) = self.check_text(&text) else { return None };
        let small = self.shrink(&text, &report.signature());
        let Verdict::Found(report) = self.check_text(&small) else { return None };
        Some(Reduced { cause: Cause::Signature(report.signature()), report })
    }

    fn is_explained(&self, input: &[u8], cause: &Cause) -> bool {
        let mut oracle = ScriptOracle::new(self.grammar);
        let Verdict::Found(report) = oracle.check(input) else { return false };
        *cause == Cause::Signature(report.signature())
    }

    fn executed(&self) -> u64 {
        self.counts.sound + self.counts.mistaken
    }

    fn statistics(&self) -> &dyn fmt::Display {
        &self.counts
    }

    fn counts(&self) -> Value {
        serde_json::to_value(self.counts).expect("names and numbers always serialize")
    }

    fn set_counts(&mut self, counts: Value) -> Result<(), serde_json::Error> {
        self.counts = serde_json::from_value(counts)?;
        Ok(())
    }
}

/// A finding: the grammar broke a promise.
struct Broken {
    promise: &'static str,
    text: String,
}

impl Report for Broken {
    fn signature(&self) -> String {
        self.promise.to_string()
    }

    fn summary(&self) -> String {
        format!("{}:\n{}", self.promise, self.text)
    }

    fn script(&self) -> Option<String> {
        Some(format!(";; {}\n{}\n", self.promise, self.text))
    }
}
