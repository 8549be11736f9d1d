//! The `console` blocks of README.md, of the READMEs of the crates and of `docs/` are run, and must print what they
//! say.
//!
//! How to write a block:
//!
//! ````text
//! ```console
//! $ touchstone --lanes speed/fresh docs/examples/wrong.wast --quiet
//! ? 1
//! ...
//! FAILED: 1 script in 1 lane, 2 directives passed, 2 failed, [..] s
//!
//! ```
//! ````
//!
//! - A command is `$ touchstone ARGS` or `$ cargo run -p runner -- ARGS`. A line that begins with `> ` continues it.
//! - `? N` is the exit code, if it is not 0. What follows is the output, standard error included.
//! - `[..]` stands for any text within a line, a line `...` for any lines. Output that ends with a newline, as ours
//!   does, needs an empty line before the closing fence.
//! - Commands run in the root of a copy of the repository, so that files that they write do no harm. `SPEC_TESTSUITE`
//!   is not set.
//! - A block that cannot run here, because it takes minutes, needs the network or another engine, is tagged `sh`. Every
//!   block has a tag: one without would be taken for a `console` block.
//!
//! `TRYCMD=overwrite cargo test -p runner --test documents` writes the actual output into the documents.
#![cfg(all(feature = "engine", unix))]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use tempfile::TempDir;
use trycmd::TestCases;

const TOUCHSTONE: &str = env!("CARGO_BIN_EXE_touchstone");

/// Stands in for cargo, which would build the program once more.
const CARGO: &str = "#!/bin/sh\n\
    if [ \"$1 $2 $3 $4\" != \"run -p runner --\" ]; then\n\
      echo \"only 'cargo run -p runner -- ARGS' runs here\"\n\
      exit 99\n\
    fi\n\
    shift 4\n";

/// Makes a directory with links to everything in the root of the repository, and goes there.
fn enter_copy_of_repository() -> TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the repository");
    let copy = tempfile::tempdir().expect("a temporary directory");
    for entry in fs::read_dir(root).expect("the repository") {
        let entry = entry.expect("an entry");
        symlink(entry.path(), copy.path().join(entry.file_name())).expect("a link");
    }
    std::env::set_current_dir(copy.path()).expect("the directory is there");
    copy
}

/// Makes the test cases of these documents.
fn cases(programs: &TempDir, documents: &[&str]) -> TestCases {
    let cargo = programs.path().join("cargo");
    fs::write(&cargo, format!("{CARGO}exec {TOUCHSTONE} \"$@\"\n")).expect("a script");
    fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("the permissions");
    let cases = TestCases::new();
    cases.register_bin("touchstone", Path::new(TOUCHSTONE)).register_bin("cargo", cargo.as_path());
    cases.env("SPEC_TESTSUITE", "");
    let folder = programs.path().display().to_string();
    cases.env("XDG_CACHE_HOME", folder.clone()).env("XDG_CONFIG_HOME", folder);
    documents.iter().for_each(|document| {
        cases.case(document);
    });
    cases
}

/// One test: the current directory is that of the whole process.
#[test]
fn console_blocks_print_what_they_say() {
    let _copy = enter_copy_of_repository();
    let programs = tempfile::tempdir().expect("a temporary directory");
    cases(&programs, &["README.md", "docs/*.md", "*/README.md"]).run();

    // Each kind of difference is noticed.
    let block = |lines: &str| format!("# A document\n\n```console\n{lines}\n\n```\n");
    let version = "touchstone [..]";
    assert!(passes(&programs, &block(&format!("$ touchstone --version\n{version}"))));
    assert!(passes(&programs, &block(&format!("$ cargo run -p runner -- --version\n{version}"))));
    assert!(!passes(&programs, &block("$ touchstone --version\nanvil [..]")));
    assert!(!passes(&programs, &block(&format!("$ touchstone --version\n? 1\n{version}"))));
    assert!(!passes(&programs, &block(&format!("$ touchstone --version\n{version}\nmore"))));
    assert!(!passes(&programs, &block("$ cargo test\n")));
}

/// Returns whether the blocks of a document pass.
fn passes(programs: &TempDir, document: &str) -> bool {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("document.md");
    fs::write(&file, document).expect("a document");
    let cases = cases(programs, &[file.to_str().expect("a path in UTF-8")]);
    catch_unwind(AssertUnwindSafe(|| cases.run())).is_ok()
}
