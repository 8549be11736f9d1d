//! The language: words of the glossary, American spelling, the openings of doc comments, and the names of machines.

use super::Source;

/// Files that have to name banned words: this one, and the list of changes, which says what was renamed.
const EXEMPT: &[&str] = &["ci/src/habits/words.rs", "CHANGELOG.md"];

/// A banned word in its forms, and the word to use instead.
type Rule = (&'static [&'static str], &'static str);

/// Words that the glossary bans. Names are searched too: `apply_cure` and `PuppetLane` have these words. The first word
/// is written in two parts, so that a search of the whole tree for it finds nothing.
const GLOSSARY: &[Rule] = &[
    (&[concat!("arte", "fact"), concat!("arte", "facts")], "artifact"),
    (&["cure", "cures", "cured", "curing"], "workaround"),
    (&["census"], "statistics"),
    (&["puppet", "puppets"], "scripted engine"),
    (&["mischief", "mischiefs"], "faulty adapter"),
    (&["descent"], "backend"),
    (&["picture", "pictures"], "memory image"),
    (&["voice", "voices"], "vote"),
    (&["soft"], "instruction fallback"),
];

/// Stems of British spellings, and the American ones. What follows the stem does not matter.
const BRITISH: &[(&str, &str)] = &[
    ("behaviour", "behavior"),
    ("cancelled", "canceled"),
    ("catalogue", "catalog"),
    ("centre", "center"),
    ("colour", "color"),
    ("defence", "defense"),
    ("favour", "favor"),
    ("grey", "gray"),
    ("honour", "honor"),
    ("labelled", "labeled"),
    ("licence", "license"),
    ("modelled", "modeled"),
    ("neighbour", "neighbor"),
    ("signalled", "signaled"),
    ("travelled", "traveled"),
    ("unlabelled", "unlabeled"),
];

/// Stems that British spelling continues with `-ise` and `-isation`.
const ISE: &[&str] = &[
    "canonical",
    "character",
    "custom",
    "final",
    "general",
    "initial",
    "maxim",
    "minim",
    "normal",
    "optim",
    "organ",
    "recogn",
    "serial",
    "special",
    "summar",
    "synchron",
    "util",
    "visual",
];

/// Endings of British spellings after the stems of [`ISE`].
const ISE_ENDINGS: &[&str] = &["ise", "ised", "iser", "isers", "ises", "ising", "isation", "isations", "isable"];

/// Phrases that no text has.
const PHRASES: &[(&str, &str)] = &[(concat!("here and", " below"), "say it at each item")];

/// Complains about words that the glossary bans, British spellings, and banned phrases.
pub fn check_glossary(source: &Source) -> Vec<String> {
    if EXEMPT.contains(&source.path.as_str()) || source.path.ends_with(".lock") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for word in words(&source.path) {
        complaints.extend(better(&word).map(|better| format!("{}: the name says `{word}`; use {better}", source.path)));
    }
    for (index, line) in source.text.lines().enumerate() {
        for word in words(line) {
            complaints
                .extend(better(&word).map(|better| source.complaint(index + 1, format!("`{word}`: use {better}"))));
        }
        let line = line.to_lowercase();
        let phrases = PHRASES.iter().filter(|(phrase, _)| line.contains(phrase));
        complaints.extend(phrases.map(|(phrase, advice)| source.complaint(index + 1, format!("`{phrase}`: {advice}"))));
    }
    complaints
}

/// Returns the word to use instead of one that is banned.
fn better(word: &str) -> Option<String> {
    if let Some((_, better)) = GLOSSARY.iter().find(|(forms, _)| forms.contains(&word)) {
        return Some(format!("`{better}`"));
    }
    if let Some((stem, better)) = BRITISH.iter().find(|(stem, _)| word.starts_with(stem)) {
        return Some(format!("`{}`", word.replacen(stem, better, 1)));
    }
    let ends_so = |stem: &&&str| word.strip_prefix(**stem).is_some_and(|ending| ISE_ENDINGS.contains(&ending));
    let stem = ISE.iter().find(ends_so)?;
    Some(format!("`{stem}{}`", word[stem.len()..].replacen('s', "z", 1)))
}

/// Returns the words of a text, in lower case. Underscores and the humps of `CamelCase` separate words too.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last_was_lower = false;
    for c in text.chars() {
        if !c.is_alphabetic() || (c.is_uppercase() && last_was_lower) {
            words.push(String::new());
        }
        if c.is_alphabetic() {
            words.last_mut().expect("there is always one").extend(c.to_lowercase());
        }
        last_was_lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Openings that say nothing yet. A doc comment opens with what the item is or does.
pub const OPENINGS: &[&str] = &["What ", "Whether ", "Where ", "How "];

/// Complains about doc comments that open with one of [`OPENINGS`].
pub fn check_openings(source: &Source) -> Vec<String> {
    if !source.has_extension("rs") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    let mut was_doc = false;
    for (index, line) in source.text.lines().enumerate() {
        let doc = line.trim_start();
        let doc = doc.strip_prefix("/// ").or_else(|| doc.strip_prefix("//! "));
        if let Some(doc) = doc
            && !was_doc
            && OPENINGS.iter().any(|opening| doc.starts_with(opening))
        {
            complaints.push(source.complaint(index + 1, format!("say what the item is or does, not `{doc}`")));
        }
        was_doc = line.trim_start().starts_with("///") || line.trim_start().starts_with("//!");
    }
    complaints
}

/// Complains about directories of some machine: what is right on one machine only is wrong.
pub fn check_machines(source: &Source) -> Vec<String> {
    // Put together here, so that this file does not name them either.
    let directories = ["root", "home", "work", "Users"].map(|name| format!("/{name}/"));
    let mut complaints = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        if let Some(directory) = directories.iter().find(|directory| line.contains(*directory)) {
            complaints.push(source.complaint(index + 1, format!("names {directory}, a directory of one machine")));
        }
    }
    complaints
}

/// Complains about lints that are allowed. An `expect` goes away with its reason, an `allow` stays for ever.
pub fn check_lints(source: &Source) -> Vec<String> {
    let attributes = ["#[", "#!["].map(|start| format!("{start}allow("));
    let mut complaints = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        if source.has_extension("rs") && attributes.iter().any(|attribute| line.contains(attribute)) {
            complaints.push(source.complaint(index + 1, "use `expect` with a reason, not `allow`"));
        }
    }
    complaints
}

/// Complains about Rust files and scripts that do not say at the top what they are.
pub fn check_header(source: &Source) -> Vec<String> {
    let first = |comment: &str| {
        let head = source.text.lines().find(|line| !line.starts_with("#!["));
        head.is_some_and(|line| line.starts_with(comment))
    };
    let is_silent = (source.has_extension("rs") && !first("//!"))
        || (["py", "pyi"].into_iter().any(|extension| source.has_extension(extension)) && !first("\"\"\""))
        || (source.has_extension("wast") && source.path.starts_with("tests/") && !first(";;"));
    if is_silent { vec![source.complaint(1, "does not begin with a comment that says what it is")] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(check: fn(&Source) -> Vec<String>, path: &str, text: &str) -> usize {
        check(&Source::planted(path, text)).len()
    }

    #[test]
    fn banned_words_are_noticed_in_prose_and_in_names() {
        let old_word = concat!("an arte", "fact");
        for text in [old_word, "apply_cure()", "struct PuppetLane;", "CENSUS", "the behaviour of", "Initialise it"] {
            assert_eq!(count(check_glossary, "a.rs", text), 1, "{text}");
        }
        for text in
            ["an artifact", "secure, obscured", "seriously", "optimistic", "a series", "specialist", "the heroism"]
        {
            assert_eq!(count(check_glossary, "a.rs", text), 0, "{text}");
        }
        assert_eq!(count(check_glossary, "a/census.rs", ""), 1);
        assert_eq!(count(check_glossary, "a.md", concat!("x\nIt is 0 Here and", " Below.")), 1);
    }

    #[test]
    fn a_complaint_says_the_better_word() {
        let complaints = |text| check_glossary(&Source::planted("a.md", text)).join("\n");
        assert_eq!(complaints("x\nSerialisation."), "a.md:2: `serialisation`: use `serialization`");
        assert_eq!(complaints("neighbours"), "a.md:1: `neighbours`: use `neighbors`");
        assert_eq!(complaints("a cure"), "a.md:1: `cure`: use `workaround`");
    }

    #[test]
    fn empty_openings_are_noticed() {
        for text in ["/// What it is.\nfn a() {}", "    /// Whether it is.", "//! How it is."] {
            assert_eq!(count(check_openings, "a.rs", text), 1, "{text}");
        }
        for text in
            ["/// The thing.\n/// What it is.", "/// Whatever comes.", "// What it is.", "/// Returns whether it is."]
        {
            assert_eq!(count(check_openings, "a.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn machines_lints_and_silent_files_are_noticed() {
        let directory = format!("see /{}/somebody/x", "home");
        assert_eq!(count(check_machines, "a.md", &directory), 1);
        assert_eq!(count(check_machines, "a.md", "see /usr/bin"), 0);
        let attribute = format!("#[{}(dead_code)]", "allow");
        assert_eq!(count(check_lints, "a.rs", &attribute), 1);
        assert_eq!(count(check_lints, "a.rs", "#[expect(dead_code)]"), 0);
        assert_eq!(count(check_header, "a.rs", "use std;\n//! Late."), 1);
        assert_eq!(count(check_header, "a.rs", "#![no_std]\n//! Something."), 0);
        assert_eq!(count(check_header, "a.py", "import os\n"), 1);
        assert_eq!(count(check_header, "a.py", "\"\"\"Something.\"\"\"\n"), 0);
        assert_eq!(count(check_header, "tests/a.wast", "(module)"), 1);
        assert_eq!(count(check_header, "tests/a.wast", ";; Something.\n(module)"), 0);
    }
}
