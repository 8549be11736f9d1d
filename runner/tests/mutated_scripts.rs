//! Scripts with mistakes in them, made by small changes of our own scripts: the runner's grammar reads any text, and
//! never drops what stands before a mistake.
#![cfg(feature = "engine")]

use fuzz::generate::input::Random;
use script::{Directive, DirectiveKind, Script};
use std::fs;
use std::path::Path;

/// Words that a change puts in.
const WORDS: &[&str] = &[
    "(",
    ")",
    "\"",
    "(;",
    ";;",
    "(module",
    "(assert_return",
    "(invoke",
    "(thread",
    "(register",
    "quote",
    "binary",
    "$x",
    "\"\\ff\"",
    "(ref.extern",
    "nan:canonical",
    "(either",
    "definition",
    "instance",
    "(get",
    "(@custom",
    "0x",
    "-",
];
/// The mutated texts of each script.
const TEXTS: u64 = 6;

/// Changes a text at a few places that begin or end a word.
fn mutate(text: &str, random: &mut Random) -> String {
    let mut text = text.to_string();
    for _ in 0..=random.below(3) {
        let ends: Vec<usize> =
            text.match_indices(|next: char| next.is_ascii_whitespace() || next == ')').map(|(at, _)| at).collect();
        let mut choose = || ends.get(random.below(ends.len().max(1) as u64) as usize).copied().unwrap_or_default();
        let (one, other) = (choose(), choose());
        let (start, end) = (one.min(other), one.max(other));
        // Long ranges would leave little of the script.
        let end = ends.iter().copied().find(|&at| at > start).unwrap_or(end);
        match random.below(4) {
            0 => text.replace_range(start..end, ""),
            1 => {
                let again = text[start..end].to_string();
                text.insert_str(start, &again);
            }
            2 => text.truncate(end),
            _ => text.insert_str(start, &format!(" {}", WORDS[random.below(WORDS.len() as u64) as usize])),
        }
    }
    text
}

/// Two directives that stand before each mutated text.
const SOUND: &str = "(module $first (func (export \"f\")))\n(invoke $first \"f\")\n";

/// A grammar: returns the lines of the directives of a text.
type Grammar = fn(&str) -> Vec<u32>;

fn lines(text: &str) -> Vec<u32> {
    Script::parse(text).directives.iter().map(|directive| directive.line).collect()
}

/// Returns whether a grammar reads what stands before a text, whatever the text is, and the text always alike.
fn keeps_what_precedes(grammar: Grammar, text: &str) -> bool {
    let whole = format!("{SOUND}{text}");
    let found = grammar(&whole);
    found.starts_with(&[1, 2]) && found == grammar(&whole)
}

/// A grammar that reads all of a text or nothing, as a parser without recovery does, is caught.
#[test]
fn a_grammar_that_drops_directives_is_caught() {
    let all_or_nothing: Grammar = |text| {
        let is_wrong = |directive: &Directive| matches!(*directive.kind(), DirectiveKind::Unsupported { .. });
        if Script::parse(text).directives.iter().any(is_wrong) { Vec::new() } else { lines(text) }
    };
    assert!(keeps_what_precedes(all_or_nothing, "(module)"));
    assert!(!keeps_what_precedes(all_or_nothing, "(module (func"));
    assert!(keeps_what_precedes(lines, "(module (func"));
}

#[test]
fn nothing_before_a_mistake_is_dropped() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("our scripts").map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wast"));
    paths.sort();
    let (mut random, mut texts, mut changed) = (Random::new(0), 0, 0);
    for path in paths {
        let script = fs::read_to_string(&path).expect("our scripts are text");
        for _ in 0..TEXTS {
            let mutated = mutate(&script, &mut random);
            assert!(keeps_what_precedes(lines, &mutated), "{}:\n{mutated}", path.display());
            texts += 1;
            changed += usize::from(lines(&mutated) != lines(&script));
        }
    }
    assert!(texts > 300 && changed > texts / 10, "{changed} of {texts} texts have other directives");
}
