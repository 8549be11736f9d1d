//! The script oracle on stable Rust: the grammar keeps its promises for generated texts and for changed scripts of
//! ours, and the oracle catches grammars that break one.

use arbitrary::Unstructured;
use fuzz::generate::input::{Random, extend};
use fuzz::generate::script::change;
use fuzz::oracle::script::{Grammar, ScriptOracle};
use fuzz::oracle::{Oracle, Verdict};
use script::{Batches, Directive, DirectiveKind};
use std::fs;
use std::path::Path;

/// The changed texts of each script of ours.
const TEXTS: u64 = 4;

/// Returns input number `seed`.
fn input(seed: u64) -> [u8; 8] {
    Random::new(seed).next_u64().to_le_bytes()
}

#[test]
fn a_mistake_costs_one_directive() {
    let mut oracle = ScriptOracle::default();
    for seed in 0..400 {
        if let Verdict::Found(report) = oracle.check(&input(seed)) {
            panic!("seed {seed}: {}", report.summary());
        }
    }
    println!("{}", oracle.counts);
    assert!(oracle.counts.sound > 40 && oracle.counts.mistaken > 200, "{}", oracle.counts);
}

#[test]
fn our_scripts_with_mistakes_cost_one_directive() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("our scripts").map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wast"));
    paths.sort();
    let mut oracle = ScriptOracle::default();
    for (script, path) in (0..).zip(paths) {
        let original = fs::read_to_string(&path).expect("our scripts are text");
        for text in 0..TEXTS {
            let (bytes, mut changed) = (extend(&input(script * TEXTS + text), 200), original.clone());
            let mut u = Unstructured::new(&bytes[8..]);
            for _ in 0..=text {
                change(&mut changed, &mut u).expect("there are enough choices");
            }
            if let Verdict::Found(report) = oracle.check_text(&changed) {
                panic!("{}: {}", path.display(), report.summary());
            }
        }
    }
    println!("{}", oracle.counts);
    assert!(oracle.counts.mistaken > 200, "{}", oracle.counts);
}

fn read(text: &str, piece: usize) -> Vec<Directive> {
    Batches::with_pieces(text, piece).flatten().collect()
}

fn is_unsupported(directive: &Directive) -> bool {
    matches!(*directive.kind(), DirectiveKind::Unsupported { .. })
}

/// Expects that the oracle has a finding with this signature for a faulty grammar, and makes it small.
#[track_caller]
fn expect_caught(grammar: Grammar, signature: &str) {
    const INPUTS: u64 = 100;
    let mut oracle = ScriptOracle::new(grammar);
    for seed in 0..INPUTS {
        if let Verdict::Found(report) = oracle.check(&input(seed))
            && report.signature() == signature
        {
            let small = oracle.reduce(&input(seed)).expect("the finding repeats").report;
            assert_eq!(small.signature(), signature);
            let script = small.script().expect("a script");
            assert!(script.lines().count() <= 5, "{script}");
            return;
        }
    }
    panic!("\"{signature}\" is not found within {INPUTS} inputs");
}

/// A parser without recovery reads all of a text or nothing.
#[test]
fn a_grammar_that_drops_directives_is_caught() {
    let grammar: Grammar = |text, piece| {
        let directives = read(text, piece);
        if directives.iter().any(is_unsupported) { Vec::new() } else { directives }
    };
    expect_caught(grammar, "what precedes a text is not read");
}

#[test]
fn a_grammar_that_drops_a_directive_before_a_mistake_is_caught() {
    let grammar: Grammar = |text, piece| {
        let mut directives = read(text, piece);
        if let Some(mistake) = directives.iter().position(is_unsupported).filter(|&mistake| mistake > 2) {
            directives.remove(mistake - 1);
        }
        directives
    };
    expect_caught(grammar, "a text is read otherwise before a mistake");
}

#[test]
fn a_grammar_that_forgets_lines_between_pieces_is_caught() {
    let grammar: Grammar = |text, piece| {
        let mut directives = read(text, piece);
        if piece == 1 {
            directives.iter_mut().for_each(|directive| directive.line = directive.line.min(3));
        }
        directives
    };
    expect_caught(grammar, "a text is read otherwise in pieces");
}

#[test]
fn a_grammar_that_counts_columns_from_zero_is_caught() {
    let grammar: Grammar = |text, piece| {
        let mut directives = read(text, piece);
        directives.iter_mut().for_each(|directive| directive.column -= 1);
        directives
    };
    expect_caught(grammar, "a directive is not at its position");
}
