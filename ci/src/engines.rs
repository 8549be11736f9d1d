//! The table of engines that `ci/install-engines.sh` installs, as lines that a shell script can read.

use serde::{Deserialize, Serialize};

/// The table.
pub const TABLE: &str = include_str!("../engines.toml");

/// The engines that are installed when none is named.
const USUAL: [&str; 3] = ["v8", "jsc", "spidermonkey"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    engine: Vec<Engine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Engine {
    name: String,
    kind: Kind,
    package: String,
    file: String,
    backend: String,
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    features: Vec<String>,
    #[serde(default)]
    shell: String,
    #[serde(default)]
    variants: Vec<Variant>,
    versions: Vec<Version>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Npm,
    Debian,
    Library,
    Wheel,
    Crate,
    Python,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Npm => "npm",
            Kind::Debian => "debian",
            Kind::Library => "library",
            Kind::Wheel => "wheel",
            Kind::Crate => "crate",
            Kind::Python => "python",
        }
    }

    /// Returns whether the client of the registry checks the package by itself.
    fn is_checked(self) -> bool {
        matches!(self, Kind::Debian | Kind::Crate)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Version {
    version: String,
    #[serde(default)]
    sha256: String,
    #[serde(default)]
    arguments: Vec<String>,
}

/// A configuration of an engine. Its lanes are `NAME/VARIANT` and `NAME@VERSION/VARIANT`.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    name: String,
    arguments: Vec<String>,
    /// The code generator, if it is another one.
    #[serde(default)]
    backend: String,
}

/// The contents of the file `installed`, from which the runner reads what there is (`lanes/src/adapter/installed.rs`).
#[derive(Serialize)]
struct Record<'a> {
    kind: Kind,
    backend: &'a str,
    file: &'a str,
    sha256: &'a str,
    features: &'a [String],
    arguments: Vec<&'a String>,
    shell: &'a str,
    variants: &'a [Variant],
}

/// Returns one line for each engine that is named as `NAME` or `NAME@VERSION`, or for the usual ones if none is named:
/// name, version, kind, package, digest or `-`, file, `first` or `other`, and the record of the engine as JSON.
///
/// # Errors
///
/// A fault of the table, or a name that it does not have.
pub fn lines(table: &str, named: &[String]) -> Result<Vec<String>, String> {
    let table: Table = basic_toml::from_str(table).map_err(|error| format!("the table of engines: {error}"))?;
    for engine in &table.engine {
        check(engine)?;
    }
    let usual = USUAL.map(String::from);
    let named = if named.is_empty() { &usual[..] } else { named };
    named.iter().map(|name| line(&table.engine, name)).collect()
}

/// Returns the line of the engine that this names. A version may be the beginning of one. A configuration is installed
/// with its engine.
fn line(engines: &[Engine], named: &str) -> Result<String, String> {
    let named = named.split('/').next().unwrap_or(named);
    let (name, wanted) = named.split_once('@').unwrap_or((named, ""));
    let known = || engines.iter().map(|engine| engine.name.as_str()).collect::<Vec<_>>().join(", ");
    let engine = engines.iter().find(|engine| engine.name == name);
    let engine = engine.ok_or_else(|| format!("unknown engine {name}; known are {}", known()))?;
    let fits = |version: &str| {
        wanted.is_empty() || version.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let position = engine.versions.iter().position(|version| fits(&version.version));
    let versions = || engine.versions.iter().map(|version| version.version.as_str()).collect::<Vec<_>>().join(", ");
    let position = position
        .ok_or_else(|| format!("no version {wanted} of {name} in ci/engines.toml; there are {}", versions()))?;
    let Version { version, sha256, arguments } = &engine.versions[position];
    let digest = if sha256.is_empty() { "-" } else { sha256 };
    let place = if position == 0 { "first" } else { "other" };
    let Engine { kind, package, file, .. } = engine;
    let record = Record {
        kind: *kind,
        backend: &engine.backend,
        file,
        sha256,
        features: &engine.features,
        arguments: engine.arguments.iter().chain(arguments).collect(),
        shell: &engine.shell,
        variants: &engine.variants,
    };
    let json = serde_json::to_string(&record).map_err(|error| format!("{name}: {error}"))?;
    Ok(format!("{name} {version} {} {package} {digest} {file} {place} {json}", kind.name()))
}

/// Checks that a row can be a line of words, and that every package has a digest or another guard.
fn check(engine: &Engine) -> Result<(), String> {
    let name = &engine.name;
    let mut words = vec![name, &engine.package, &engine.file, &engine.backend];
    words.extend(engine.versions.iter().map(|version| &version.version));
    if let Some(wrong) = words.iter().find(|word| word.is_empty() || word.contains(char::is_whitespace)) {
        return Err(format!("{name}: {wrong:?} is empty or has a blank"));
    }
    if engine.versions.is_empty() {
        return Err(format!("{name}: there is no version"));
    }
    for Version { version, sha256, .. } in &engine.versions {
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
        let needs_none = engine.kind.is_checked() && sha256.is_empty();
        if !(is_digest || needs_none) {
            return Err(format!("{name} {version}: `sha256` must be 64 hexadecimal digits"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Result<Vec<String>, String> {
        lines(TABLE, &list.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn the_usual_engines_are_in_the_table() {
        let lines = names(&[]).expect("a right table");
        assert_eq!(lines.len(), USUAL.len());
        assert!(lines.iter().all(|line| line.split(' ').count() >= 8 && line.contains(" first {")), "{lines:?}");
    }

    #[test]
    fn a_version_may_be_its_beginning() {
        let lines = names(&["wasmtime-c@25", "wasmtime-c@50.0.1", "wasmtime-c"]).expect("known versions");
        assert!(lines[0].starts_with("wasmtime-c 25.0.0 library wasmtime ") && lines[0].contains(" other {"));
        assert_eq!(lines[1], lines[2]);
    }

    #[test]
    fn a_version_has_the_arguments_of_its_engine_and_its_own() {
        let text = r#"
            [[engine]]
            name = "x"
            kind = "crate"
            package = "x"
            file = "x"
            backend = "x"
            arguments = ["-a"]
            variants = [{ name = "v", arguments = ["-c"] }]
            versions = [{ version = "1", arguments = ["-b"] }]
        "#;
        let lines = lines(text, &["x".to_string()]).expect("a right table");
        assert!(lines[0].contains(r#""arguments":["-a","-b"]"#) && lines[0].contains(r#""name":"v""#), "{lines:?}");
    }

    #[test]
    fn a_wrong_name_or_version_says_what_there_is() {
        assert!(names(&["v9"]).is_err_and(|error| error.contains("known are v8, jsc")));
        assert!(names(&["wasmtime-c@2"]).is_err_and(|error| error.contains("there are 50.0.1")));
    }

    #[test]
    fn a_wrong_table_is_refused() {
        let row = |digest: &str, more: &str| {
            format!(
                "[[engine]]\nname = \"x\"\nkind = \"npm\"\npackage = \"x\"\nfile = \"x\"\nbackend = \"x\"\n{more}\
                 versions = [{{ version = \"1\", sha256 = \"{digest}\" }}]\n"
            )
        };
        let all = ["x".to_string()];
        let digest = "0".repeat(64);
        assert!(lines(&row(&digest, ""), &all).is_ok());
        assert!(lines(&row("", ""), &all).is_err_and(|error| error.contains("64 hexadecimal digits")));
        assert!(lines(&row(&digest, "url = \"x\"\n"), &all).is_err_and(|error| error.contains("url")));
        assert!(lines(&row(&digest, "").replace("\"npm\"", "\"zip\""), &all).is_err());
    }
}
