//! The files that may contain unsafe code. The engine's own test (`engine/tests/rooms.rs`) is about its rooms.

use super::Source;

/// Each file with unsafe code in the crates that are checked, with its reason.
pub const UNSAFE: &[(&str, &str)] = &[
    ("lanes/src/engines/c_library/objects.rs", "the functions of a library are called with pointers that it made"),
    ("lanes/src/engines/c_library/symbols.rs", "to load a library runs its code, and its header gives the types"),
    ("python/src/memory.rs", "the buffer protocol passes pointers"),
    ("python/src/store/access.rs", "a callback uses the store of the call that it is in"),
];

/// Complains about unsafe code in files of the same crates that are not listed, and about listed files without any.
pub fn check(sources: &[Source], listed: &[(&str, &str)]) -> Vec<String> {
    let folder = |path: &str| path.split('/').next().map(str::to_owned);
    let is_listed = |path: &str| listed.iter().any(|(known, _)| *known == path);
    let mut complaints = Vec::new();
    for source in sources.iter().filter(|source| source.has_extension("rs")) {
        let is_checked = listed.iter().any(|(known, _)| folder(known) == folder(&source.path));
        // The workspace denies unsafe code; a file that has it says so.
        let has_unsafe = source.text.contains(concat!("(unsafe", "_code"));
        if is_checked && has_unsafe != is_listed(&source.path) {
            let what =
                if has_unsafe { "has unsafe code without a reason in the list" } else { "is listed without need" };
            complaints.push(format!("{}: {what}", source.path));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_faults_are_noticed() {
        let with = concat!("#![expect(unsafe", "_code, reason = \"\")]");
        let sources = [("a/src/x.rs", with), ("a/src/y.rs", ""), ("b/src/z.rs", with)];
        let sources = sources.map(|(path, text)| Source::planted(path, text));
        assert_eq!(check(&sources, &[("a/src/x.rs", "")]), Vec::<String>::new());
        assert_eq!(
            check(&sources, &[("a/src/y.rs", "")]),
            ["a/src/x.rs: has unsafe code without a reason in the list", "a/src/y.rs: is listed without need"]
        );
    }
}
