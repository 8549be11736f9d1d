//! Runs that pick, repeat and compare: shards, failed scripts again, retries, profiles, and what changed between two
//! reports.
#![cfg(all(feature = "engine", unix))]

#[expect(dead_code, reason = "other tests use more of it")]
mod common;

use common::{text, touchstone};
use runner::report::{Report, Status};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const MODULE: &str = "(module $m (func (export \"f\") (result i32) (i32.const 1))\n\
    (func $deep (export \"g\") (result i32) unreachable))\n";
const GOOD: &str = "(assert_return (invoke \"f\") (i32.const 1))\n";
const WRONG: &str = "(assert_return (invoke \"f\") (i32.const 2))\n";
const TRAPS: &str = "(assert_return (invoke \"g\") (i32.const 2))\n";

/// A folder of scripts and reports.
struct Folder(TempDir);

impl Folder {
    fn new(scripts: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().expect("a folder"));
        scripts.iter().for_each(|(name, directives)| drop(folder.script(name, directives)));
        folder
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn script(&self, name: &str, directives: &str) -> String {
        self.write(&format!("scripts/{name}.wast"), &format!("{MODULE}{directives}"))
    }

    fn write(&self, name: &str, contents: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(Path::new(&path).parent().expect("a folder")).expect("a folder");
        fs::write(&path, contents).expect("a file");
        path
    }

    /// Runs the scripts of the folder, and returns the report, the exit code and the output.
    fn run(&self, name: &str, options: &[&str]) -> (Report, Option<i32>, String) {
        let (scripts, json) = (self.path("scripts"), format!("json={}", self.path(name)));
        let lanes = ["--lanes", "speed/fresh,interp", "--report", &json];
        let output = touchstone(&[&[scripts.as_str()], &lanes[..], options].concat());
        let report = Report::read(Path::new(&self.path(name)));
        (report.unwrap_or_else(|error| panic!("{error}: {}", said(&output))), output.status.code(), said(&output))
    }
}

fn said(output: &Output) -> String {
    text(&output.stdout) + &text(&output.stderr)
}

fn paths(report: &Report) -> Vec<String> {
    let name = |path: &str| Path::new(path).file_stem().expect("a name").display().to_string();
    let mut paths: Vec<String> = report.scripts.iter().map(|script| name(&script.path)).collect();
    paths.dedup();
    paths
}

#[test]
fn shards_divide_the_scripts() {
    let names: Vec<String> = (0..12).map(|number| number.to_string()).collect();
    let scripts: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), GOOD)).collect();
    let folder = Folder::new(&scripts);
    let shards = ["1/3", "2/3", "3/3"].map(|shard| folder.run("r.json", &["--shard", shard]));
    let mut all: Vec<String> = shards.iter().flat_map(|(report, ..)| paths(report)).collect();
    assert!(shards.iter().all(|(_, code, said)| *code == Some(0) && !said.contains("none of")));
    all.sort_by_key(|name| name.parse::<u32>().expect("a number"));
    assert_eq!(all, names);
    // An empty shard is no failure of the others.
    let one = Folder::new(&[("0", GOOD)]);
    let shards = ["1/2", "2/2"].map(|shard| one.run("r.json", &["--shard", shard]));
    assert!(shards.iter().all(|(_, code, _)| *code == Some(0)));
    assert_eq!(shards.iter().filter(|(_, _, said)| said.contains("none of 1 scripts is in shard")).count(), 1);
    let output = touchstone(&["--shard", "3/2", "x.wast"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("expected K/N"));
}

#[test]
fn what_failed_runs_again_until_it_passes() {
    let folder = Folder::new(&[("a", GOOD), ("b", WRONG), ("c", WRONG)]);
    assert_eq!(folder.run("r.json", &[]).1, Some(1));
    folder.script("b", GOOD);
    let (report, code, _) = folder.run("r.json", &["--rerun-failed"]);
    assert_eq!((paths(&report), code), (vec!["b".to_string(), "c".to_string()], Some(1)));
    folder.script("c", GOOD);
    let last = format!("--rerun-failed={}", folder.path("r.json"));
    let output = touchstone(&[&last, "--lanes", "interp"]);
    assert!(output.status.success() && said(&output).contains("1 script in 1 lane"), "{}", said(&output));
    assert_eq!(paths(&folder.run("r.json", &["--rerun-failed"]).0), ["c"]);
    let (report, code, said) = folder.run("r.json", &["--rerun-failed"]);
    assert_eq!((report.scripts.len(), code), (0, Some(0)));
    assert!(said.contains("nothing failed in"), "{said}");
    let output = touchstone(&["x.wast", "--rerun-failed"]);
    assert!(output.status.code() == Some(2) && self::said(&output).contains("--rerun-failed needs the last report"));
}

/// An engine that fails in the first process that serves it, and not in the next.
#[test]
fn a_flaky_script_is_told_apart() {
    let folder = Folder::new(&[("a", GOOD), ("b", GOOD)]);
    let mark = folder.path("mark");
    // A script engine that fails once for a.wast.
    let engine = folder.write(
        "engine",
        &format!("case $1 in *a.wast) if [ ! -e {mark} ]; then touch {mark}; echo once >&2; exit 1; fi;; esac\n"),
    );
    let option = format!("once=sh {engine} {{}}");
    let run = |options: &[&str]| {
        let _ = fs::remove_file(&mark);
        folder.run("r.json", &[&["--script-engine", option.as_str()], options].concat())
    };
    assert_eq!(run(&[]).1, Some(1));
    let (report, code, said) = run(&["--retries", "2"]);
    assert_eq!((code, report.totals.flaky, report.totals.failed), (Some(0), 1, 0), "{said}");
    let flaky = report.scripts.iter().find(|script| script.is_flaky()).expect("one is flaky");
    assert_eq!((flaky.lane.as_str(), flaky.status), ("once", Status::Pass));
    assert!(flaky.flaky[0].message.contains("once"), "{flaky:?}");
    assert!(said.contains("FLAKY") && said.contains("1 flaky"), "{said}");
    let (_, code, said) = run(&["--retries", "1", "--deny", "flaky"]);
    assert!(code == Some(1) && said.contains("1 scripts are flaky, which --deny forbids"), "{said}");
    // What fails each time is not flaky.
    folder.script("b", WRONG);
    let (report, code, _) = run(&["--retries", "2"]);
    assert_eq!((code, report.totals.flaky, report.totals.failed), (Some(1), 1, 2));
}

#[test]
fn a_failing_trap_is_shown_with_its_frames() {
    let folder = Folder::new(&[("a", TRAPS)]);
    let (report, _, said) = folder.run("r.json", &[]);
    let failure = &report.scripts[0].failures[0];
    assert_eq!((failure.frames.len(), failure.source.as_str()), (1, TRAPS.trim_end()));
    assert!(failure.frames[0].starts_with("m!1 $deep @0x"), "{failure:?}");
    assert_eq!(said.matches(&format!("at {}", failure.frames[0])).count(), 1, "{said}");
}

#[test]
fn changes_decide_the_exit_code() {
    let folder = Folder::new(&[("a", WRONG), ("b", GOOD)]);
    folder.run("old.json", &[]);
    folder.script("a", &format!(";; moved\n{WRONG}"));
    folder.script("b", TRAPS);
    folder.run("new.json", &[]);
    let diff = |old: &str, new: &str| {
        let output = touchstone(&["diff", &folder.path(old), &folder.path(new)]);
        (output.status.code(), said(&output))
    };
    let (code, text) = diff("old.json", "new.json");
    assert!(code == Some(1) && text.contains("1 worse, 0 better, 0 other"), "{text}");
    assert!(text.contains("b.wast:3 [speed/fresh, interp]\n  assert_return: expected [i32 2], got trap"), "{text}");
    let (code, text) = diff("new.json", "old.json");
    assert!(code == Some(0) && text.contains("0 worse, 1 better, 0 other"), "{text}");
    let other = folder.write("other.json", "{\"schema\": 1}");
    assert!(diff("new.json", "other.json").1.contains("has schema 1, and this program reads 2"));
    fs::write(other, "{").expect("a file");
    let (code, text) = diff("other.json", "new.json");
    assert!(code == Some(2) && text.contains("is no report of `--report json="), "{text}");
}

#[test]
fn a_page_has_several_reports_and_what_changed() {
    let folder = Folder::new(&[("a", WRONG), ("b", GOOD)]);
    folder.run("old.json", &[]);
    folder.script("b", WRONG);
    folder.run("new.json", &[]);
    let page = |options: &[&str]| {
        let site = folder.path("site");
        let output = touchstone(&[&["report", "-o", &site], options].concat());
        (output.status.code(), said(&output), fs::read_to_string(format!("{site}/index.html")).unwrap_or_default())
    };
    let (old, new) = (folder.path("old.json"), folder.path("new.json"));
    let (code, said, html) = page(&[&new, "--against", &old]);
    assert!(code == Some(0) && said.contains("2 scripts in 2 lanes"), "{said}");
    assert!(html.contains("\"worse\":[{\"path\":") && html.contains("b.wast"), "{html}");
    let (code, said, _) = page(&[&new, &old]);
    assert!(code == Some(2) && said.contains("leave one out, or compare them with `--against`"), "{said}");
}

#[test]
fn a_profile_gives_options() {
    let folder = Folder::new(&[("a", GOOD), ("b", WRONG)]);
    folder.write("touchstone.toml", "[profile.mine]\nscripts = [\"scripts\"]\nlanes = [\"interp\"]\nquiet = true\n");
    let run = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
        let output = command.current_dir(folder.0.path()).args(options).output().expect("it starts");
        (output.status.code(), said(&output))
    };
    let (code, text) = run(&["--profile", "mine"]);
    assert!(code == Some(1) && text.contains("2 scripts in 1 lane"), "{text}");
    let (code, text) = run(&["--profile", "mine", "scripts/a.wast", "--lanes", "interp,speed/fresh"]);
    assert!(code == Some(0) && text.contains("1 script in 2 lanes"), "{text}");
    let (code, text) = run(&["--profile", "other"]);
    assert!(code == Some(2) && text.contains("there is no profile `other`; there are: mine"), "{text}");
    // No profile is read unless it is named.
    fs::write(folder.path("touchstone.toml"), "malformed").expect("a file");
    assert_eq!(run(&["scripts/a.wast"]).0, Some(0));
    assert_eq!(run(&["--profile", "mine"]).0, Some(2));
}
