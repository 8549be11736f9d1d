//! The arrows between the crates of the workspace: which crate may use which.

use super::Source;

/// Each crate with the crates of the workspace that it may depend on.
pub const ARROWS: &[(&str, &[&str])] = &[
    ("features", &[]),
    ("engine", &["features"]),
    ("interpreter", &["features"]),
    ("spec-testsuite", &["features"]),
    ("wasi", &["engine"]),
    ("lanes", &["features", "engine", "interpreter"]),
    ("script", &["lanes"]),
    ("fuzz", &["features", "engine", "lanes", "script"]),
    ("runner", &["features", "engine", "interpreter", "lanes", "script", "fuzz", "spec-testsuite", "wasi"]),
    ("bench", &["engine", "interpreter", "lanes"]),
    ("capi", &["features", "engine", "wasi"]),
    ("python", &["engine", "lanes", "runner", "wasi"]),
    ("ci", &[]),
];

/// Returns the members of the workspace, from its manifest.
pub fn members(manifest: &str) -> Vec<&str> {
    let list = manifest.split_once("members = [").and_then(|(_, rest)| rest.split_once(']'));
    let list = list.map_or("", |(list, _)| list);
    list.split(',').map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty()).collect()
}

/// Complains about dependencies between the workspace's crates that `arrows` does not allow, and about crates that have
/// no arrows.
pub fn check(sources: &[Source], arrows: &[(&str, &[&str])]) -> Vec<String> {
    let text = |path: &str| sources.iter().find(|source| source.path == path).map_or("", |source| source.text.as_str());
    let members = members(text("Cargo.toml"));
    let mut complaints = Vec::new();
    for member in &members {
        let Some((_, allowed)) = arrows.iter().find(|(name, _)| name == member) else {
            complaints.push(format!("{member}: nothing is said of the crates that it may use"));
            continue;
        };
        let used = dependencies(text(&format!("{member}/Cargo.toml")));
        let forbidden = used.into_iter().filter(|name| members.contains(name) && !allowed.contains(name));
        complaints.extend(forbidden.map(|name| format!("{member}/Cargo.toml: {member} may not use {name}")));
    }
    let absent = arrows.iter().filter(|(name, _)| !members.contains(name));
    complaints.extend(absent.map(|(name, _)| format!("Cargo.toml: {name} is no member of the workspace")));
    complaints
}

/// Returns the names of a manifest's dependencies of every kind. A crate may use itself in its tests.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut package = "";
    let (mut section, mut found) = ("", Vec::new());
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
        } else if section == "package" && line.starts_with("name =") {
            package = line.trim_start_matches("name =").trim().trim_matches('"');
        } else if section.ends_with("dependencies") && line.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            found.extend(line.split(['.', '=', ' ']).next());
        }
    }
    found.retain(|name| *name != package);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED: &[(&str, &[&str])] = &[("a", &[]), ("b", &["a"])];

    fn workspace(a: &str, b: &str) -> Vec<Source> {
        let manifest = |name: &str, rest: &str| format!("[package]\nname = \"{name}\"\n{rest}");
        vec![
            Source::planted("Cargo.toml", "[workspace]\nmembers = [\"a\", \"b\"]\n"),
            Source::planted("a/Cargo.toml", &manifest("a", a)),
            Source::planted("b/Cargo.toml", &manifest("b", b)),
        ]
    }

    #[test]
    fn allowed_dependencies_pass() {
        let found = check(
            &workspace(
                "[features]\nb = [\"x\"]\n[dev-dependencies]\na = { path = \".\" }\n",
                "[dependencies]\n# The first.\na.workspace = true\nserde = { workspace = true,\n  features = [\"b\"] }\n",
            ),
            ALLOWED,
        );
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_forbidden_dependency_of_any_kind_is_noticed() {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
            for form in ["b.workspace = true", "b = { workspace = true }", "b = { path = \"../b\" }"] {
                let found = check(&workspace(&format!("[{kind}]\n{form}\n"), ""), ALLOWED);
                assert_eq!(found, ["a/Cargo.toml: a may not use b"], "{kind}, {form}");
            }
        }
    }

    #[test]
    fn a_crate_without_arrows_is_noticed() {
        let found = check(&workspace("", ""), &ALLOWED[..1]);
        assert_eq!(found, ["b: nothing is said of the crates that it may use"]);
        let found = check(&workspace("", ""), &[("a", &[]), ("b", &[]), ("c", &[])]);
        assert_eq!(found, ["Cargo.toml: c is no member of the workspace"]);
    }
}
