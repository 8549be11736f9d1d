//! A guest has what it is given, and nothing else.

mod guest;

use guest::{CREATE, DIR, FOLLOW, Guest, Seen, errno};
use std::fs;
use std::path::Path;
use wasi_preview1::{Config, Function, Input, Stop};

/// A folder with a secret beside the directory `given`, which contains links that lead out of it, and one that does
/// not.
fn layout() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let given = folder.path().join("given");
    fs::create_dir_all(given.join("sub")).expect("folders");
    fs::create_dir(folder.path().join("beside")).expect("a folder");
    for file in ["secret", "beside/secret", "given/public"] {
        fs::write(folder.path().join(file), file).expect("a file");
    }
    let link = |target: &Path, name: &str| std::os::unix::fs::symlink(target, given.join(name)).expect("a link");
    link(Path::new("../secret"), "out");
    link(&folder.path().join("secret"), "absolute");
    link(Path::new("../beside"), "folder");
    link(Path::new("out"), "chain");
    link(Path::new("public"), "in");
    folder
}

/// Paths to the secret from the directory, by every kind of way.
fn ways_out(folder: &Path) -> Vec<String> {
    let absolute = folder.join("secret").display().to_string();
    let relative = ["../secret", "sub/../../secret", "./../secret", "out", "absolute", "chain", "folder/secret"];
    let mut ways: Vec<String> = relative.map(str::to_owned).to_vec();
    ways.extend(["sub/../folder/secret".to_owned(), "../given/../secret".to_owned(), absolute]);
    ways
}

/// The operations on paths by which a guest reached what lies outside of its directory.
fn escapes(guest: &mut Guest, path: &str) -> Vec<&'static str> {
    let outcomes = [
        ("path_open", guest.open(path, FOLLOW, 0).is_ok()),
        ("path_open, create", guest.open(path, FOLLOW, CREATE).is_ok()),
        ("path_filestat_get", guest.call_path("path_filestat_get", &[DIR, FOLLOW], path, &[0]) == errno::SUCCESS),
        (
            "path_filestat_set_times",
            guest.call_path("path_filestat_set_times", &[DIR, FOLLOW], path, &[1, 1, 1]) == errno::SUCCESS,
        ),
    ];
    outcomes.into_iter().filter(|(_, reached)| *reached).map(|(operation, _)| operation).collect()
}

/// The operations that make, move or remove what is at a path, which must not be a link.
fn changes(guest: &mut Guest, path: &str) -> Vec<&'static str> {
    let outcomes = [
        ("path_create_directory", guest.call_path("path_create_directory", &[DIR], &format!("{path}.new"), &[])),
        ("path_symlink", guest.call_paths("path_symlink", &[], "target", &[DIR], &format!("{path}.link"), &[])),
        ("path_rename to", guest.call_paths("path_rename", &[DIR], "public", &[DIR], &format!("{path}.moved"), &[])),
        ("path_link", guest.call_paths("path_link", &[DIR, 0], path, &[DIR], "linked", &[])),
        ("path_rename from", guest.call_paths("path_rename", &[DIR], path, &[DIR], "moved", &[])),
        ("path_remove_directory", guest.call_path("path_remove_directory", &[DIR], &format!("{path}.new"), &[])),
        ("path_unlink_file", guest.call_path("path_unlink_file", &[DIR], path, &[])),
    ];
    outcomes.into_iter().filter(|(_, errno)| *errno == errno::SUCCESS).map(|(operation, _)| operation).collect()
}

#[test]
fn no_path_leads_out_of_a_directory() {
    let folder = layout();
    let config = Config::new().dir(&folder.path().join("given"), "/").expect("it is there");
    let mut guest = Guest::new(config);
    for path in ways_out(folder.path()) {
        assert_eq!(escapes(&mut guest, &path), Vec::<&str>::new(), "{path}");
        assert_eq!(guest.open(&path, FOLLOW, 0), Err(errno::PERM), "{path}");
    }
    for path in ["../secret", "sub/../../secret", "folder/secret", "folder/../secret"] {
        assert_eq!(changes(&mut guest, path), Vec::<&str>::new(), "{path}");
    }
    // A guest may make links that lead out, to other names than absolute ones, but cannot follow them.
    assert_eq!(guest.call_paths("path_symlink", &[], "/etc/passwd", &[DIR], "made", &[]), errno::PERM);
    assert_eq!(guest.call_paths("path_symlink", &[], "../secret", &[DIR], "made", &[]), errno::SUCCESS);
    assert_eq!(escapes(&mut guest, "made"), Vec::<&str>::new());
    assert_eq!(fs::read_to_string(folder.path().join("secret")).expect("it is still there"), "secret");
}

/// The same checks find a guest that was given too much, and do not refuse what lies inside.
#[test]
fn paths_inside_are_found() {
    let folder = layout();
    let mut guest = Guest::new(Config::new().dir(&folder.path().join("given"), "/").expect("it is there"));
    for path in ["public", "in", "sub/../public", "./public"] {
        let descriptor = guest.open(path, FOLLOW, 0).expect("it is inside");
        assert_eq!(guest.read(descriptor).expect("it can be read"), b"given/public", "{path}");
    }
    let mut guest = Guest::new(Config::new().dir(folder.path(), "/").expect("it is there"));
    for path in ["given/../secret", "given/out", "given/chain", "given/folder/secret"] {
        assert_eq!(escapes(&mut guest, path).len(), 4, "{path}");
    }
    fs::rename(folder.path().join("given/public"), folder.path().join("public")).expect("it is there");
    assert_eq!(changes(&mut guest, "given/../secret").len(), 6, "all but the one that removes what was moved");
}

#[test]
fn nothing_is_given_unasked() {
    let mut guest = Guest::new(Config::new());
    for sizes in ["args_sizes_get", "environ_sizes_get"] {
        assert_eq!(guest.call(sizes, &[0, 4]), errno::SUCCESS);
        assert_eq!(guest.results()[..8], [0; 8], "{sizes}");
    }
    assert_eq!(guest.call("fd_prestat_get", &[DIR, 0]), errno::BADF);
    assert_eq!(guest.open("etc/passwd", FOLLOW, 0), Err(errno::BADF));
    assert_eq!(guest.call("clock_time_get", &[0, 0, 0]), errno::BADF);
    assert_eq!(guest.call("clock_time_get", &[1, 0, 0]), errno::BADF);
    assert_eq!(guest.call("random_get", &[0, 8]), errno::NOTSUP);
    assert_eq!(guest.read(0), Ok(Vec::new()));
    assert_eq!(guest.write(1, b"nobody reads this"), errno::SUCCESS);
}

#[test]
fn what_is_given_arrives() {
    let (out, err) = (Seen::default(), Seen::default());
    let config = Config::new().arg("program").and_then(|config| config.arg("second one"));
    let config = config.and_then(|config| config.env("NAME", "a=b")).expect("no NUL");
    let config = config.clocks().random().stdin(Input::Reader(Box::new(&b"typed"[..])));
    let mut guest = Guest::new(config.stdout(out.output()).stderr(err.output()));

    assert_eq!(guest.call("args_get", &[0, 64]), errno::SUCCESS);
    assert_eq!(&guest.results()[64..83], b"program\0second one\0");
    assert_eq!(guest.call("environ_get", &[0, 64]), errno::SUCCESS);
    assert_eq!(&guest.results()[64..73], b"NAME=a=b\0");
    for clock in [0, 1] {
        assert_eq!(guest.call("clock_time_get", &[clock, 0, 0]), errno::SUCCESS);
    }
    assert_eq!(guest.call("random_get", &[0, 32]), errno::SUCCESS);
    let first = guest.results()[..32].to_vec();
    assert_eq!(guest.call("random_get", &[0, 32]), errno::SUCCESS);
    assert_ne!(guest.results()[..32], first);
    assert_eq!(guest.read(0).expect("it can be read"), b"typed");
    assert_eq!((guest.write(1, b"to stdout"), guest.write(2, b"to stderr")), (errno::SUCCESS, errno::SUCCESS));
    assert_eq!((out.text(), err.text()), ("to stdout".to_owned(), "to stderr".to_owned()));
}

#[test]
fn an_exit_keeps_its_code() {
    let wasi = Config::new().build().expect("nothing is long");
    let exit = Function::named("proc_exit").expect("preview 1 has it");
    for code in [0, 1, 125, 126, 255, u32::MAX] {
        assert_eq!(wasi.call(exit, &[u64::from(code)], &mut []), Err(Stop::Exit(code)));
    }
}

/// The specification says that a guest with a bad pointer traps.
#[test]
fn a_pointer_outside_of_the_memory_stops_the_guest() {
    let mut guest = Guest::new(Config::new().clocks());
    for (pointer, why) in [(0xffff_fff0, "out of bounds"), (4, "not aligned"), (65_536, "out of bounds")] {
        let Err(Stop::Failure(text)) = guest.try_call("clock_time_get", &[0, 0, pointer]) else {
            panic!("the pointer {pointer:#x} is accepted");
        };
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn strings_that_a_guest_cannot_see_are_refused() {
    let message = |result: Result<Config, wasi_preview1::Error>| result.err().expect("it is refused").to_string();
    assert_eq!(message(Config::new().arg("a\0b")), "the argument `a\0b` contains a NUL");
    assert!(message(Config::new().env("A=B", "c")).contains("contains `=`"));
    assert!(message(Config::new().env("", "c")).contains("is empty"));
    let missing = message(Config::new().dir(Path::new("/no/such/folder"), "/"));
    assert!(missing.starts_with("cannot open the directory /no/such/folder: "), "{missing}");
}
