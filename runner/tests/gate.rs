//! The program as a gate: a run that tested less than it should fails, and says why.
#![cfg(feature = "engine")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const GOOD: &str = "(module (func (export \"f\") (result i32) (i32.const 1)))\n\
    (assert_return (invoke \"f\") (i32.const 1))\n";
const WRONG: &str = "(module (func (export \"f\") (result i32) (i32.const 1)))\n\
    (assert_return (invoke \"f\") (i32.const 2))\n";

fn start(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
    command.env_remove("SPEC_TESTSUITE").args(arguments);
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = start(arguments).output().expect("touchstone starts");
    (status.code(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

#[track_caller]
fn expect(arguments: &[&str], code: i32, says: &str) {
    let (ended, text) = run(arguments);
    assert_eq!(ended, Some(code), "{text}");
    assert!(text.contains(says), "{says:?} is not in:\n{text}");
}

struct Files(TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().expect("a temporary directory"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(Path::new(&path).parent().expect("a folder")).expect("a folder");
        fs::write(&path, contents).expect("a file");
        path
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a text")
    }
}

#[test]
fn a_lane_must_pass_so_many_directives() {
    let files = Files::new();
    let good = files.write("x.wast", GOOD);
    let lanes = ["--lanes", "speed/fresh,wasmi?"];
    let with = |option: &str| run(&[&[good.as_str(), "--min-passed", option], &lanes[..]].concat());
    assert_eq!(with("2").0, Some(0));
    assert_eq!(with("wasmi=2").0, Some(0));
    let (code, text) = with("speed/fresh=3");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("speed/fresh passes 2 directives, fewer than the 3 of --min-passed"), "{text}");
    let (code, text) = with("v8=1");
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("--min-passed names `v8`, which is no lane of this run"), "{text}");
    assert!(with("many").1.contains("expected N or LANE=N"));
}

#[test]
fn what_a_baseline_says_may_not_fall() {
    let files = Files::new();
    let (good, other) = (files.write("a.wast", GOOD), files.write("b.wast", GOOD));
    let (folder, baseline) = (files.path(""), files.path("baseline.txt"));
    let option = format!("baseline={baseline}");
    let lanes = ["--lanes", "speed/fresh"];
    let with = |arguments: &[&str]| run(&[arguments, &lanes[..]].concat());
    assert_eq!(with(&[&folder, "--report", &option]).0, Some(0));
    assert_eq!(with(&[&folder, "--baseline", &baseline]).0, Some(0));
    assert_eq!(with(&[&folder, "--baseline", &baseline, "--filter", "a.wast"]).0, Some(0));
    let (code, text) = with(&[&good, "--baseline", &baseline]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("b.wast did not run in speed/fresh"), "{text}");
    fs::write(&other, "(module)").expect("a script");
    let (code, text) = with(&[&folder, "--baseline", &baseline]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("b.wast in speed/fresh: 1 directives passed, and 2 in "), "{text}");
    let quick = run(&[&folder, "--baseline", &baseline, "--lanes", "quick/fresh"]);
    assert!(quick.0 == Some(1) && quick.1.contains("says nothing about the lanes"), "{}", quick.1);
    files.write("baseline.txt", "# nothing\n");
    expect(&[&folder, "--baseline", &baseline], 2, "is an empty baseline");
    files.write("baseline.txt", "2 speed/fresh a.wast\n");
    expect(&[&folder, "--baseline", &baseline], 2, "baseline.txt:1: expected `PASSED UNSUPPORTED LANE SCRIPT`");
}

#[test]
fn what_is_denied_fails() {
    let files = Files::new();
    let good = files.write("x.wast", GOOD);
    let list = files.write("list.txt", "y.wast:1 a cause\n");
    expect(&[&good, "--expect", &list], 0, "1 listed of no script and lane of this run");
    expect(&[&good, "--expect", &list, "--deny", "unmatched"], 1, "which --deny forbids");
    let other = format!("other={} adapter speed/fresh", env!("CARGO_BIN_EXE_touchstone"));
    let lacking = files.write(
        "lacking.wast",
        ";;! features: 3.0, stack-switching\n(module)\n(module (type $f (func)) (type (cont $f)))\n",
    );
    let arguments = [&lacking, "--lanes", "other", "--lane", &other];
    expect(&arguments, 0, "1 unsupported");
    expect(&[&arguments[..], &["--deny", "unsupported"]].concat(), 1, "1 directives are unsupported, which --deny");
    // Our own lanes say so too.
    expect(&[&lacking], 0, "2 unsupported");
}

/// A list that is written with keys holds for a script whose lines have moved; one without does not.
#[test]
fn expected_failures_stay_when_lines_move() {
    let files = Files::new();
    let script = files.write("x.wast", WRONG);
    let (list, option) = (files.path("list.txt"), format!("expected={}", files.path("list.txt")));
    let lanes = ["--lanes", "speed/fresh,quick/fresh"];
    let with = |arguments: &[&str]| run(&[&[script.as_str()], arguments, &lanes[..]].concat());
    assert_eq!(with(&["--report", &option]).0, Some(1));
    let written = files.read("list.txt");
    let entry = written.lines().nth(1).expect("an entry");
    assert!(entry.contains("x.wast:2#") && entry.contains(" @speed/fresh,quick/fresh expected [i32 2]"), "{written}");
    assert_eq!(with(&["--expect", &list]).0, Some(0));
    files.write("x.wast", format!(";; A new line.\n\n{WRONG}"));
    assert_eq!(with(&["--expect", &list]).0, Some(0));
    let key = entry.split(['#', ' ']).nth(1).expect("a key");
    files.write("list.txt", written.replace(&format!("#{key}"), ""));
    let (code, text) = with(&["--expect", &list]);
    assert_eq!(code, Some(1), "{text}");
    files.write("list.txt", written.replace(key, "0123456789ab"));
    let (code, text) = with(&["--expect", &list]);
    assert!(code == Some(1) && text.contains("has no such directive: remove it from the list"), "{text}");
}

/// The built-in lists are about official scripts. A script of somebody's may end in the same path.
#[test]
fn built_in_lists_are_about_official_scripts() {
    let files = Files::new();
    let mine = files.write("proposals/custom-descriptors/descriptors.wast", "(module)");
    expect(&[&mine, "--lanes", "speed/fresh"], 0, "1 directive passed");
    for sign in ["address", "br_table", "i32", "linking"] {
        files.write(&format!("core/{sign}.wast"), "(module)");
    }
    expect(&[&mine, "--lanes", "speed/fresh"], 1, "no directive begins there");
}

#[test]
fn junit_has_a_case_for_each_directive_or_script() {
    let files = Files::new();
    let wrong = files.write("x.wast", format!("{WRONG}(module (func (result i32)))\n(invoke \"f\")\n"));
    let (by_directive, by_script) =
        (format!("junit={}", files.path("d.xml")), format!("junit-scripts={}", files.path("s.xml")));
    let json = format!("json={}", files.path("r.json"));
    let arguments = [&wrong, "--lanes", "speed/fresh", "--report", &by_directive, "--report", &by_script];
    expect(&[&arguments[..], &["--report", &json]].concat(), 1, "1 directive follows from these failures");
    let (directives, scripts) = (files.read("d.xml"), files.read("s.xml"));
    assert!(directives.contains("tests=\"4\" skipped=\"1\" errors=\"0\" failures=\"2\""), "{directives}");
    assert!(scripts.contains("tests=\"1\" skipped=\"0\" errors=\"0\" failures=\"1\""), "{scripts}");
    assert!(directives.contains(&format!("value=\"touchstone {}\"", env!("CARGO_PKG_VERSION"))), "{directives}");
    assert!(!files.read("r.json").contains("passed_on"));
}

/// The same failure in several lanes is shown once.
#[test]
fn lanes_share_a_failure() {
    let files = Files::new();
    let wrong = files.write("x.wast", WRONG);
    let html = format!("html={}", files.path("r.html"));
    let (_, text) = run(&[&wrong, "--lanes", "all", "--report", "github", "--report", &html]);
    assert!(text.contains("x.wast [speed/fresh, speed/reload, quick/fresh, quick/reload, interp]"), "{text}");
    assert_eq!(text.matches("expected [i32 2], got [i32 1]").count(), 2, "{text}");
    assert_eq!(files.read("r.html").matches("expected [i32 2], got [i32 1]").count(), 1);
}

/// Names of files, lines of scripts and words of adapters cannot act on a terminal, a page or a log.
#[test]
fn nothing_acts_on_the_terminal() {
    let files = Files::new();
    let escape = "\x1b]0;owned\x07\n::error::forged";
    let script = files.write(
        &format!("{escape}.wast"),
        "(module (func (export \"f\"))) (;\x1b[31m;) (assert_return (invoke \"f\") (i32.const 2)) (;\x1b[2J\x07;)\n\
         (module (import \"\\1b[2J\\07\" \"\\0a::error::forged\" (func)))\n",
    );
    let reports = ["html", "junit", "junit-scripts", "expected"].map(|name| format!("{name}={}", files.path(name)));
    let mut arguments = vec![script.as_str(), "--report", "github"];
    reports.iter().for_each(|report| arguments.extend(["--report", report]));
    let hello = "{\"id\":0,\"hello\":{\"protocol\":1,\"engine\":\"\\u001b[2J\\u0007\\n::error::forged\",\"version\":\"1\",\
                 \"features\":[],\"fixed_features\":true,\"tells\":[]}}";
    let adapter = files.write("adapter", format!("read line\ncat <<'END'\n{hello}\nEND\nprintf '\\033[2J\\a' >&2\n"));
    let lane = format!("other=sh {adapter}");
    arguments.extend(["--lanes", "speed/fresh,other", "--lane", &lane]);
    let (code, text) = run(&arguments);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("\\u{1b}[2J\\u{7}"), "{text}");
    let forged = |text: &str| text.lines().any(|line| line.starts_with("::error::"));
    let texts = ["html", "junit", "junit-scripts", "expected"].map(|name| files.read(name));
    for text in texts.iter().chain([&text]) {
        assert!(!text.contains(['\x1b', '\x07']) && !forged(text), "{text:?}");
    }
    expect(&[&format!("nowhere/{escape}")], 2, "\\u{1b}]0;owned\\u{7}\\n::error::forged");
}

#[test]
fn what_is_no_script_is_named() {
    let files = Files::new();
    let module = files.write("m.wasm", b"\0asm\x01\0\0\0");
    let component = files.write("c.wasm", b"\0asm\x0d\0\x01\0");
    let artifact = files.path("m.cwasm");
    assert_eq!(run(&["compile", &module, "-o", &artifact]).0, Some(0));
    // A module that comes first is a program, which is run.
    let scripts = |input: &str, message: &str| expect(&["--quiet", input], 2, message);
    scripts(&module, "m.wasm is no script, but a binary module; `touchstone compile` compiles it");
    scripts(&component, "c.wasm is no script, but a component; components are not supported");
    scripts(&artifact, "m.cwasm is no script, but an artifact");
    expect(&["compile", &artifact, "-o", &files.path("x")], 1, "m.cwasm: an artifact already, not a module");
    expect(&["compile", &component, "-o", &files.path("x")], 1, "c.wasm: a component; components are not supported");
}

#[test]
fn a_named_checkout_is_one() {
    let files = Files::new();
    let good = files.write("x.wast", GOOD);
    let folder = files.write("empty/readme", "").replace("/readme", "");
    expect(&[&good, "--spec-dir", &folder], 2, "is no official checkout");
}

/// Waits until no process is left whose command line holds this text.
fn all_end(marker: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(3);
    while Instant::now() < deadline {
        let processes = fs::read_dir("/proc").expect("the processes");
        let is_ours = |path: &Path| {
            let line = fs::read(path.join("cmdline")).unwrap_or_default();
            let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
            let is_dead = stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'));
            !is_dead && String::from_utf8_lossy(&line).contains(marker)
        };
        if !processes.filter_map(Result::ok).any(|entry| is_ours(&entry.path())) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// Returns the processes that a process has started, in any of its threads.
fn children_of(pid: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("its threads").filter_map(Result::ok);
    let children = threads.map(|thread| fs::read_to_string(thread.path().join("children")).unwrap_or_default());
    children.flat_map(|line| line.split_whitespace().map(str::to_string).collect::<Vec<_>>()).collect()
}

/// Workers, adapters, what adapters have started, and script engines end with the program, however it ends.
#[test]
fn nothing_outlives_the_program() {
    let files = Files::new();
    let slow = files.write("slow.wast", "(module (func (export \"f\") (loop (br 0))))\n(invoke \"f\")\n");
    let good = files.write("good.wast", GOOD);
    let marker = files.path("marker");
    // A shell that starts another process, which ignores the end of its input.
    let hanging = files.write("hanging", "sh -c 'sleep 60; : '\"$1\"\nsleep 60\n");
    let lane = format!("other=sh {hanging} {marker}");
    let engine = format!("whole=sh {hanging} {marker}");
    let cases: [&[&str]; 3] = [
        &[&slow, "--lanes", "speed/fresh", "--features", "3.0", "--filter", &slow],
        &[&good, "--lanes", "other", "--lane", &lane],
        &[&good, "--lanes", "speed/fresh", "--script-engine", &engine],
    ];
    for (arguments, marker) in cases.into_iter().zip(["worker", &marker, &marker]) {
        for signal in ["INT", "TERM", "KILL"] {
            let mut child =
                start(arguments).args(["--timeout", "60"]).stdout(Stdio::null()).spawn().expect("it starts");
            std::thread::sleep(Duration::from_millis(700));
            assert!(child.try_wait().expect("its state").is_none(), "it ended too early: {arguments:?}");
            let pid = child.id().to_string();
            let children = children_of(&pid);
            assert!(Command::new("kill").args(["-s", signal, &pid]).status().expect("kill starts").success());
            child.wait().expect("it ends");
            let deadline = Instant::now() + Duration::from_secs(3);
            let lives = |pid: &str| {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
            };
            assert!(children.len() > 1, "a worker and the reaper: {children:?}");
            while children.iter().any(|child| lives(child)) {
                assert!(Instant::now() < deadline, "a child outlives {signal}: {arguments:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(marker == "worker" || all_end(marker), "something outlives {signal}: {arguments:?}");
        }
    }
}
