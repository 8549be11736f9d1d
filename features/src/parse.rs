//! Names of features and lists of them.

use crate::Features;
use crate::table::{Feature, TABLE};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// The names of whole sets, in our own spelling and in that of wasm-tools and Wasmtime.
const SETS: &[(&str, Features)] = &[
    ("1.0", Features::WASM_1_0),
    ("2.0", Features::WASM_2_0),
    ("3.0", Features::WASM_3_0),
    ("mvp", Features::empty()),
    ("wasm1", Features::WASM_1_0),
    ("wasm2", Features::WASM_2_0),
    ("wasm3", Features::WASM_3_0),
    ("lime1", Features::LIME1),
    ("all", Features::all()),
    ("all-proposals", Features::all()),
];

/// The error of a name that the table does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownFeature {
    /// The name as it was given.
    pub name: String,
    /// The known name that is spelled most like it, if one is close.
    pub suggestion: Option<&'static str>,
}

impl fmt::Display for UnknownFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown feature `{}`", self.name)?;
        match self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?")?,
            None => f.write_str(".")?,
        }
        f.write_str(" Known are")?;
        let names = SETS.iter().map(|(name, _)| *name).chain(Features::all().names());
        names.into_iter().try_for_each(|name| write!(f, " {name}"))
    }
}

impl core::error::Error for UnknownFeature {}

impl Feature {
    /// The row with this name or alias. Case does not matter, and `_` is the same as `-`.
    pub fn named(name: &str) -> Option<&'static Feature> {
        TABLE.iter().find(|feature| feature.spellings().any(|known| is_same(known, name)))
    }

    /// Every name of the feature, its own first.
    pub fn spellings(&self) -> impl Iterator<Item = &'static str> {
        let parser = self.parser_flags.first().copied();
        core::iter::once(self.name).chain(parser).chain(self.aliases.iter().copied())
    }
}

impl FromStr for Features {
    type Err = UnknownFeature;

    /// Reads names that are separated by commas or blanks, from left to right: `3.0, threads, -gc`.
    ///
    /// A name adds its feature and all that it needs; a minus sign before the name removes the feature and all that
    /// need it. A version (`1.0`, `2.0`, `3.0`), `mvp`, `wasm1`, `wasm2`, `wasm3`, `lime1`, and `all` name whole sets.
    fn from_str(list: &str) -> Result<Features, UnknownFeature> {
        let mut set = Features::empty();
        for item in list.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty()) {
            set = match item.strip_prefix('-') {
                Some(name) => set.without(lookup(name)?),
                None => set.with(lookup(item)?),
            };
        }
        Ok(set)
    }
}

/// Returns the set that a name stands for.
fn lookup(name: &str) -> Result<Features, UnknownFeature> {
    if let Some((_, set)) = SETS.iter().find(|(known, _)| is_same(known, name)) {
        return Ok(*set);
    }
    match Feature::named(name) {
        Some(feature) => Ok(feature.set),
        None => Err(UnknownFeature { name: name.into(), suggestion: suggestion(name) }),
    }
}

/// Compares two spellings.
fn is_same(left: &str, right: &str) -> bool {
    normal(left).eq(normal(right))
}

fn normal(name: &str) -> impl Iterator<Item = char> {
    name.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() })
}

/// Returns the known name that is closest to `name`.
fn suggestion(name: &str) -> Option<&'static str> {
    let sets = SETS.iter().map(|(known, _)| (*known, *known));
    let features = TABLE.iter().flat_map(|feature| feature.spellings().map(|known| (known, feature.name)));
    find_closest(name, sets.chain(features))
}

/// Returns the known name that a misspelled one is closest to, if no more than a third of its letters differ: what a
/// message suggests.
pub fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    find_closest(name, known.into_iter().map(|known| (known, known)))
}

/// Finds the spelling that is closest to a name, and returns what is shown for it.
fn find_closest<'a>(name: &str, known: impl Iterator<Item = (&'a str, &'a str)>) -> Option<&'a str> {
    let distances = known.map(|(known, shown)| (distance(known, name), shown));
    let (distance, shown) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= name.chars().count() / 3).then_some(shown)
}

/// Returns the number of letters to insert, delete or replace to make one name of the other (Levenshtein's distance).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = normal(right).collect();
    // `row[j]` is the distance between what was read of `left` and the first `j` letters of `right`.
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in normal(left).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}
