//! The cache of compiled programs, used by many processes at once, and its commands.
#![cfg(feature = "engine")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PROCESSES: usize = 8;
const MODULES: usize = 12;

/// The time for which processes use one cache; TOUCHSTONE_CACHE_SECONDS sets another.
fn time() -> Duration {
    let seconds = std::env::var("TOUCHSTONE_CACHE_SECONDS").map_or(3, |text| text.parse().expect("a number"));
    Duration::from_secs(seconds)
}

fn touchstone(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_touchstone"));
    command.env("XDG_CACHE_HOME", folder.join("cache")).env("XDG_CONFIG_HOME", folder.join("config"));
    command.args(arguments).output().expect("touchstone starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Writes modules whose function returns their number.
fn modules(folder: &Path) -> Vec<PathBuf> {
    let write = |number: usize| {
        let path = folder.join(format!("{number}.wat"));
        let text = format!("(module (func (export \"f\") (result i32) (i32.const {number})))");
        fs::write(&path, text).expect("a module");
        path
    };
    (0..MODULES).map(write).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("cache/touchstone")).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "sealed")).collect()
}

/// Eight processes at a time run modules, in a cache that has room for half of them, while entries are overwritten,
/// swapped and cut short. Nobody gets a wrong result.
#[test]
fn many_processes_use_one_cache_that_is_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let (folder, modules) = (folder.path(), modules(folder.path()));
    let first = touchstone(folder, &["run", "--invoke", "f", &modules[0].display().to_string()]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    let size = fs::metadata(&entries(folder)[0]).expect("an entry").len();
    let limit = (size * MODULES as u64 / 2).to_string();

    let (runs, reports, stop) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let end = Instant::now() + time();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                damage(&entries(folder));
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let users: Vec<_> = (0..PROCESSES)
            .map(|user| {
                let (modules, limit, runs, reports) = (&modules, &limit, &runs, &reports);
                scope.spawn(move || {
                    let mut number = user;
                    while Instant::now() < end {
                        number = (number * 5 + 3) % MODULES;
                        let module = modules[number].display().to_string();
                        let output = touchstone(folder, &["run", "--cache-size", limit, "--invoke", "f", &module]);
                        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
                        assert_eq!(stdout, format!("{number}\n"), "{stderr}");
                        runs.fetch_add(1, Ordering::Relaxed);
                        reports.fetch_add(usize::from(stderr.contains("damaged")), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let outcomes: Vec<_> = users.into_iter().map(|user| user.join()).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(outcomes.iter().all(Result::is_ok), "a run was wrong");
    });
    let (runs, reports) = (runs.into_inner(), reports.into_inner());
    eprintln!("{runs} runs, {reports} damaged entries");
    assert!(runs > PROCESSES && reports > 0, "{runs} runs, {reports} damaged entries");
    let total: u64 = entries(folder).iter().filter_map(|path| Some(fs::metadata(path).ok()?.len())).sum();
    assert!(total <= limit.parse::<u64>().expect("above") + PROCESSES as u64 * size, "{total} bytes, limit {limit}");
}

/// Overwrites a byte of one entry, gives the name of a second to a third, and cuts a fourth short.
fn damage(entries: &[PathBuf]) {
    let [first, second, third, fourth, ..] = entries else { return };
    // Another process may have removed any of them.
    if let Ok(mut bytes) = fs::read(first) {
        if let Some(byte) = bytes.last_mut() {
            *byte ^= 1;
        }
        let _ = fs::write(first, bytes);
    }
    let _ = fs::copy(second, third);
    if let Ok(file) = fs::File::options().write(true).open(fourth) {
        let _ = file.set_len(100);
    }
}

#[test]
fn the_commands_show_verify_and_clear() {
    let folder = tempfile::tempdir().expect("a folder");
    let (folder, modules) = (folder.path(), modules(folder.path()));
    let run = |arguments: &[&str]| {
        let output = touchstone(folder, arguments);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    for module in &modules[..3] {
        assert_eq!(run(&["run", "--invoke", "f", &module.display().to_string()]).0, Some(0));
    }
    assert_eq!(run(&["run", "--no-cache", "--invoke", "f", &modules[3].display().to_string()]).0, Some(0));
    let (code, stdout, _) = run(&["cache", "status"]);
    assert_eq!(code, Some(0));
    for line in ["cache/touchstone\n", "config/touchstone/cache.key\n", "modules  3\n", " of 1073741824\n"] {
        assert!(stdout.contains(line), "{line:?} is not in {stdout}");
    }
    assert_eq!(run(&["cache", "verify"]), (Some(0), "3 modules are sound, 0 were not\n".to_owned(), String::new()));
    fs::write(&entries(folder)[0], "nonsense").expect("an entry");
    let (code, stdout, _) = run(&["cache", "verify"]);
    assert_eq!(code, Some(1));
    assert!(stdout.contains("it is damaged") && stdout.ends_with("2 modules are sound, 1 were not\n"), "{stdout}");
    assert_eq!(run(&["cache", "clear"]).1, "removed 2 modules\n");
    assert_eq!(entries(folder), Vec::<PathBuf>::new());

    // Without a key that can be used there is no cache, and programs run all the same.
    fs::write(folder.join("config/touchstone/cache.key"), "short").expect("a key");
    let (code, stdout, stderr) = run(&["run", "--invoke", "f", &modules[5].display().to_string()]);
    assert_eq!((code, stdout.as_str()), (Some(0), "5\n"));
    assert!(stderr.contains("note: there is no cache: ") && stderr.contains("it has 5 bytes, not 32"), "{stderr}");
    assert_eq!(run(&["cache", "status"]).0, Some(2));
}
