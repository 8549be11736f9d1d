//! The documents: what they name exists, what they link to is there, and every crate has one.

use super::Source;
use std::collections::BTreeSet;
use std::path::Path;

/// Complains about paths in code spans of a Markdown file that exist neither in the repository, nor beside the file,
/// nor in the folder `src/` beside it.
pub fn check_paths(source: &Source, root: &Path) -> Vec<String> {
    if !source.has_extension("md") {
        return Vec::new();
    }
    let beside = root.join(source.directory());
    let bases = [root, &beside, &beside.join("src")];
    let mut complaints = Vec::new();
    for (index, line) in prose(&source.text) {
        let absent = paths(line).filter(|path| !bases.iter().any(|base| exists(&base.join(path))));
        complaints.extend(absent.map(|path| source.complaint(index + 1, format!("there is no {path}"))));
    }
    complaints
}

/// Returns the paths that a Markdown file names in code spans.
pub fn named_paths(source: &Source) -> Vec<&str> {
    prose(&source.text).flat_map(|(_, line)| paths(line)).collect()
}

/// Returns the lines of a Markdown file outside of code blocks, with their indices.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_block = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        !in_block && !is_fence
    })
}

/// Returns the code spans that look like a path: a directory with its slash, or a file with a known extension. Paths
/// with a placeholder `NAME`, and those of an official checkout, are not of this repository.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    const CHECKOUT: &[&str] = &["core/", "custom/", "legacy/", "proposals/"];
    const KNOWN: &[&str] = &["rs", "md", "toml", "sh", "yml", "wast", "traps", "wat", "txt", "js", "json"];
    line.split('`').skip(1).step_by(2).filter(|span| {
        let is_path = span.chars().all(|c| c.is_ascii_alphanumeric() || "_-./*".contains(c)) && span.contains('/');
        let extension = Path::new(span).extension().and_then(|extension| extension.to_str());
        let is_foreign = span.contains("NAME") || CHECKOUT.iter().any(|folder| span.starts_with(folder));
        is_path && !is_foreign && (span.ends_with('/') || extension.is_some_and(|extension| KNOWN.contains(&extension)))
    })
}

/// True if the path, which may end in `*.EXTENSION`, exists.
fn exists(path: &Path) -> bool {
    if path.file_stem().is_some_and(|stem| stem == "*") {
        let siblings = path.parent().and_then(|parent| parent.read_dir().ok()).into_iter().flatten().flatten();
        return siblings.into_iter().any(|entry| entry.path().extension() == path.extension());
    }
    path.exists()
}

/// Complains about links of a Markdown file to files that do not exist, or to headings that they do not have.
pub fn check_links(source: &Source, sources: &[Source], root: &Path) -> Vec<String> {
    if !source.has_extension("md") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for (index, line) in prose(&source.text) {
        for target in targets(line) {
            if !leads_somewhere(source, target, sources, root) {
                complaints.push(source.complaint(index + 1, format!("the link to {target} leads nowhere")));
            }
        }
    }
    complaints
}

/// Returns the targets of the links of a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let reference = line.strip_prefix('[').and_then(|line| line.split_once("]: ")).map(|(_, target)| target.trim());
    inline.chain(reference)
}

fn leads_somewhere(source: &Source, target: &str, sources: &[Source], root: &Path) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() { source.path.clone() } else { join(source.directory(), file) };
    match anchor {
        None => root.join(&path).exists(),
        Some(anchor) => {
            let target = sources.iter().find(|source| source.path == path);
            target.is_some_and(|target| anchors(&target.text).contains(anchor))
        }
    }
}

/// Joins a directory of the repository and a relative path that may begin with `..`.
fn join(directory: &str, path: &str) -> String {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Returns the anchors that GitHub makes of a Markdown file's headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(text).filter(|(_, line)| line.starts_with('#')) {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let again = (1..).map(|number| format!("{anchor}-{number}"));
        let mut free = std::iter::once(anchor.clone()).chain(again).filter(|anchor| !anchors.contains(anchor));
        let free = free.next().expect("there are always more numbers");
        anchors.insert(free);
    }
    anchors
}

/// Complains about crates of the workspace that have no README.
pub fn check_readmes(members: &[&str], sources: &[Source]) -> Vec<String> {
    let has = |path: &str| sources.iter().any(|source| source.path == path);
    let silent = members.iter().filter(|member| !has(&format!("{member}/README.md")));
    silent.map(|member| format!("{member}: has no README.md")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::root;
    use super::*;

    #[test]
    fn a_path_that_is_absent_is_noticed() {
        let text = "See `engine/src/`, `tests/*.wast`, `src/lib.rs`, `habits/`, `speed/fresh`, `a b/c.rs`,\n`tests/NAME.wast`, `core/`, `ci/absent.sh`.\n";
        let source = Source::planted("ci/README.md", &format!("{text}```\n`ci/also-absent.sh`\n```\n"));
        assert_eq!(check_paths(&source, root()), ["ci/README.md:2: there is no ci/absent.sh"]);
        assert_eq!(named_paths(&source), ["engine/src/", "tests/*.wast", "src/lib.rs", "habits/", "ci/absent.sh"]);
        let source = Source::planted("README.md", "`tests/*.toml` and `src/lib.rs`");
        assert_eq!(check_paths(&source, root()).len(), 2);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_noticed() {
        let sources = [
            Source::planted("ci/README.md", "# The `gate`: a title!\n## Again\n## Again\n```\n# Not one\n```\n"),
            Source::planted(
                "docs/x.md",
                "[a](../ci/README.md#the-gate-a-title) [b](../ci/) [c](https://example.org/x) [d](#e)\n# E\n\
                 [f](../ci/README.md#again-1) [g](../ci/README.md#again-2) [h](absent.md)\n\
                 [i](../ci/README.md#not-one)\n[j]: ../ci/absent.md\n[k]: ../ci/gate.sh\n",
            ),
        ];
        assert_eq!(check_links(&sources[0], &sources, root()), Vec::<String>::new());
        let expected = [
            "docs/x.md:3: the link to ../ci/README.md#again-2 leads nowhere",
            "docs/x.md:3: the link to absent.md leads nowhere",
            "docs/x.md:4: the link to ../ci/README.md#not-one leads nowhere",
            "docs/x.md:5: the link to ../ci/absent.md leads nowhere",
        ];
        assert_eq!(check_links(&sources[1], &sources, root()), expected);
    }

    #[test]
    fn a_crate_without_a_readme_is_noticed() {
        let sources = [Source::planted("a/README.md", "")];
        assert_eq!(check_readmes(&["a", "b"], &sources), ["b: has no README.md"]);
    }
}
