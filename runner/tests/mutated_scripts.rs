//! Scripts with mistakes in them, made by small changes of our own scripts: the runner's grammar reads any text, and
//! never drops what stands before a mistake.
#![cfg(feature = "engine")]

use fuzz::generate::input::Random;
use runner::script::Script;
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

/// Returns the lines of the directives.
fn lines(text: &str) -> Vec<u32> {
    Script::parse(text).directives.iter().map(|directive| directive.line).collect()
}

#[test]
fn nothing_before_a_mistake_is_dropped() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("our scripts").map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wast"));
    paths.sort();
    let sound = "(module $first (func (export \"f\")))\n(invoke $first \"f\")\n";
    let (mut random, mut texts, mut changed) = (Random::new(0), 0, 0);
    for path in paths {
        let script = fs::read_to_string(&path).expect("our scripts are text");
        for _ in 0..TEXTS {
            let mutated = mutate(&script, &mut random);
            let found = lines(&format!("{sound}{mutated}"));
            assert!(found.starts_with(&[1, 2]), "{}: {found:?}\n{mutated}", path.display());
            assert_eq!(found, lines(&format!("{sound}{mutated}")), "{}", path.display());
            texts += 1;
            changed += usize::from(lines(&mutated) != lines(&script));
        }
    }
    assert!(texts > 300 && changed > texts / 10, "{changed} of {texts} texts have other directives");
}
