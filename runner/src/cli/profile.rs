//! Profiles: options of a run by name, in the file `touchstone.toml`.
//!
//! ```toml
//! [profile.quick]
//! scripts = ["tests"]
//! lanes = ["speed/fresh", "interp"]
//!
//! [profile.ci]
//! inherits = "quick"
//! report = ["json=report.json", "github"]
//! retries = 2
//! ```
//!
//! A key is the long name of an option. A list stands for the option repeated, or for a list with commas where the
//! option takes one. The command line overrides single values and adds to repeated ones. No profile is read unless it
//! is named: a profile may name commands of adapters, which a run would start.

use clap::{ArgAction, Command};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

/// The file that profiles are read from, in the current directory.
pub(super) const FILE: &str = "touchstone.toml";

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    profile: BTreeMap<String, BTreeMap<String, Value>>,
}

/// The value of an option.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Value {
    Switch(bool),
    Integer(i64),
    Number(f64),
    Text(String),
    List(Vec<Value>),
}

impl Value {
    /// Returns the values as texts, one unless it is a list.
    fn texts(&self) -> Vec<String> {
        match self {
            Value::Switch(value) => vec![value.to_string()],
            Value::Integer(value) => vec![value.to_string()],
            Value::Number(value) => vec![value.to_string()],
            Value::Text(value) => vec![value.clone()],
            Value::List(values) => values.iter().flat_map(Value::texts).collect(),
        }
    }
}

/// Returns the arguments that a profile stands for. `names_scripts` says that the command line names scripts, so that
/// those of the profile do not run. `command` has the options.
///
/// # Errors
///
/// Says why the file cannot be read, or what is wrong with the profile.
pub(super) fn read(
    file: &Path,
    profile: &str,
    names_scripts: bool,
    command: &Command,
) -> Result<Vec<OsString>, String> {
    let name = file.display();
    let text = fs::read_to_string(file).map_err(|error| format!("cannot read {name}: {error}"))?;
    let File { profile: profiles } = basic_toml::from_str(&text).map_err(|error| format!("{name}: {error}"))?;
    let options = resolve(&profiles, profile).map_err(|error| format!("{name}: {error}"))?;
    let (mut arguments, mut scripts) = (Vec::new(), Vec::new());
    for (key, value) in &options {
        if key == "scripts" {
            scripts = value.texts();
            continue;
        }
        let expanded = expand(key, value, command);
        arguments.extend(expanded.map_err(|error| format!("{name}: the profile `{profile}`: {error}"))?);
    }
    if !names_scripts && !scripts.is_empty() {
        arguments.push("--".to_string());
        arguments.append(&mut scripts);
    }
    Ok(arguments.into_iter().map(OsString::from).collect())
}

/// Returns the options of a profile, with those of the profiles that it inherits from.
fn resolve(
    profiles: &BTreeMap<String, BTreeMap<String, Value>>,
    name: &str,
) -> Result<BTreeMap<String, Value>, String> {
    let (mut options, mut next, mut seen) = (BTreeMap::new(), name.to_string(), Vec::new());
    loop {
        let Some(profile) = profiles.get(&next) else {
            let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
            return Err(format!("there is no profile `{next}`; there are: {}", known.join(", ")));
        };
        if seen.contains(&next) {
            return Err(format!("the profile `{next}` inherits from itself"));
        }
        for (key, value) in profile {
            options.entry(key.clone()).or_insert_with(|| value.clone());
        }
        seen.push(next);
        match options.remove("inherits") {
            Some(Value::Text(parent)) => next = parent,
            Some(_) => return Err("`inherits` is the name of a profile".to_string()),
            None => return Ok(options),
        }
    }
}

/// Returns the arguments that an option of a profile stands for.
fn expand(key: &str, value: &Value, command: &Command) -> Result<Vec<String>, String> {
    let named = |argument: &&clap::Arg| argument.get_long() == Some(key);
    let argument = command.get_arguments().find(named).filter(|_| !matches!(key, "profile" | "config"));
    let Some(argument) = argument else {
        return Err(format!("`{key}` is no option of a run; `touchstone --help` lists them"));
    };
    match (argument.get_action(), value) {
        (ArgAction::SetTrue, Value::Switch(true)) => Ok(vec![format!("--{key}")]),
        (ArgAction::SetTrue, Value::Switch(false)) => Ok(Vec::new()),
        (ArgAction::SetTrue, _) => Err(format!("`{key}` is true or false")),
        (_, Value::Switch(_)) => Err(format!("`{key}` needs a value, not true or false")),
        (ArgAction::Append, value) => Ok(value.texts().iter().map(|text| format!("--{key}={text}")).collect()),
        (_, value) => Ok(vec![format!("--{key}={}", value.texts().join(","))]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    fn arguments(text: &str, profile: &str, names_scripts: bool) -> Result<String, String> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), text).expect("a file");
        let option = |name: &'static str, action| Arg::new(name).long(name).action(action);
        let command = Command::new("touchstone")
            .arg(option("lanes", ArgAction::Set))
            .arg(option("report", ArgAction::Append))
            .arg(option("quiet", ArgAction::SetTrue))
            .arg(option("retries", ArgAction::Set));
        let arguments = read(file.path(), profile, names_scripts, &command)?;
        Ok(arguments.join(" ".as_ref()).into_string().expect("UTF-8"))
    }

    #[test]
    fn a_profile_stands_for_arguments() {
        let text = "[profile.base]\nscripts = [\"a\", \"b\"]\nlanes = [\"x\", \"y\"]\nquiet = true\nretries = 1\n\
                    [profile.ci]\ninherits = \"base\"\nreport = [\"json=r\", \"github\"]\nretries = 2\nquiet = false\n";
        assert_eq!(arguments(text, "base", false).as_deref(), Ok("--lanes=x,y --quiet --retries=1 -- a b"));
        assert_eq!(
            arguments(text, "ci", true).as_deref(),
            Ok("--lanes=x,y --report=json=r --report=github --retries=2")
        );
    }

    #[test]
    fn what_is_wrong_with_a_profile_is_said() {
        let wrong = [
            ("[profile.a]\nlanez = 1", "there is no profile `p`; there are: a"),
            ("[profile.p]\nlanez = 1", "`lanez` is no option of a run"),
            ("[profile.p]\nquiet = 1", "`quiet` is true or false"),
            ("[profile.p]\nlanes = true", "`lanes` needs a value"),
            ("[profile.p]\ninherits = \"p\"", "the profile `p` inherits from itself"),
            ("[profile.p]\nprofile = \"q\"", "`profile` is no option of a run"),
            ("[profiles.p]", "unknown field `profiles`"),
            ("[profile.p", "line 1"),
        ];
        for (text, says) in wrong {
            let error = arguments(text, "p", false).expect_err(text);
            assert!(error.contains(says), "{error}");
        }
    }
}
