//! The rules by which a difference between two lanes does not count.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One row for each rule: its documentation, its name in reports, and what it allows to differ. docs/matrix.md shows
/// the last two; a test holds it against this table.
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal: $differs:literal,)*) => {
        /// A rule by which a difference between two lanes does not count.
        ///
        /// | rule | what may differ |
        /// |---|---|
        $(#[doc = concat!("| `", $name, "` | ", $differs, " |")])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// All rules.
            pub const ALL: &[Rule] = &[$(Rule::$rule),*];

            /// Returns the name that reports use.
            pub fn name(self) -> &'static str {
                match self {
                    $(Rule::$rule => $name,)*
                }
            }

            /// Returns what the rule allows to differ.
            pub fn differs(self) -> &'static str {
                match self {
                    $(Rule::$rule => $differs,)*
                }
            }
        }
    };
}

rules! {
    /// The depth at which the stack overflows depends on the sizes of frames. It applies where the lanes do not run the
    /// same code. It ends the comparison, since one of the two may overflow alone.
    StackOverflow = "stack-overflow":
        "how deep the stack goes. That it overflowed is compared, and nothing after it",
    /// The number of objects that fit into the heap depends on how long a compiler keeps a reference. It applies where
    /// the lanes do not run the same code, and ends the comparison.
    HeapExhausted = "heap-exhausted":
        "how many objects fit. That the heap was full is compared, and nothing after it",
    /// One engine does not support something, ran out of a resource or lost its process. It applies between engines and
    /// ends the comparison. Between lanes of one engine it applies where the system refuses one of them a resource.
    NotSupported = "not-supported":
        "an engine lacks something or runs out of a resource. Nothing after it is compared",
    /// Fuel is each engine's own measure. It applies between engines and ends the comparison.
    OutOfFuel = "out-of-fuel":
        "where fuel is charged. Nothing after it is compared",
    /// One lane has the same word for several kinds of traps and agrees with each of them, or does not tell malformed
    /// from invalid and agrees with both.
    LessExact = "less-exact":
        "an engine has one word for several kinds of traps, or for malformed and invalid",
    /// An atomic access can be unaligned, out of bounds, and a wait on a memory that is not shared, all at once. It
    /// traps, and each engine looks for one or another of these first. It applies between engines.
    EitherReason = "either-reason":
        "an atomic access has two faults at once: unaligned, out of bounds, or a wait on an unshared memory",
    /// A compiler may report a trap at another instruction of the same function than the one that trapped, such as the
    /// branch around it ([`LaneInfo::moves`](crate::LaneInfo::moves)). The byte offset of a trap's innermost frame is
    /// not compared; everything else of the frames is, and so is the innermost frame of a host call.
    MovedTrap = "moved-trap":
        "an optimizer reports a trap at another instruction of the same function",
    /// The bits of a NaN that arithmetic makes, and some results of relaxed SIMD, are the implementation's choice. It
    /// applies between backends, where a script accepts several results
    /// ([`Comparison::admit`](super::Comparison::admit)).
    AdmittedResult = "admitted-result":
        "which of several results that the script accepts: bits of a NaN, relaxed SIMD",
    /// Threads of a script race: the order in which they use the memories that were lent to them is nobody's choice. It
    /// applies to what instances show that may see such a memory, unless the script waits for each thread before
    /// another one, or its own code, can use the memory. Between lanes of one engine, too.
    Race = "race":
        "what instances show that can see a memory which threads may use at the same time",
    /// One engine shows frames of a trap, and the other none. It applies between engines.
    NoFrames = "no-frames":
        "one engine shows frames of a trap, the other none",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_and_people_read_the_same_names() {
        for rule in Rule::ALL {
            assert_eq!(serde_json::to_value(rule).expect("a word"), rule.name());
        }
    }

    #[test]
    fn the_document_has_the_same_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/matrix.md");
        let document = std::fs::read_to_string(path).expect("docs/matrix.md");
        let (_, after) = document.split_once("| rule | what may differ |\n|---|---|\n").expect("the table of rules");
        let (table, _) = after.split_once("\n\n").expect("text after the table");
        let rows = Rule::ALL.iter().map(|rule| format!("| `{}` | {} |", rule.name(), rule.differs()));
        assert_eq!(table, rows.collect::<Vec<_>>().join("\n"));
    }
}
