//! Official checkouts: small ones that the tests make, and the whole one if `SPEC_TESTSUITE` names it.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use spec_testsuite::{Checkout, CheckoutError, Features, Script, Suite};

fn write(root: &Path, files: &[&str]) {
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().expect("it stands in the root")).expect("the directory can be made");
        fs::write(path, format!(";; {file}\n")).expect("the file can be written");
    }
}

fn relative(root: &Path, scripts: &[Script]) -> Vec<String> {
    let strip = |script: &Script| Path::new(&script.path).strip_prefix(root).map(|path| path.display().to_string());
    scripts.iter().map(|script| strip(script).expect("the script stands in the root")).collect()
}

#[test]
fn the_specification_repository() {
    let root = tempfile::tempdir().expect("a directory");
    let files = ["test/core/a.wast", "test/core/gc/b.wast", "test/legacy/exceptions/core/c.wast", "README.md"];
    write(root.path(), &files);
    let checkout = Checkout::open(root.path()).expect("it has core scripts");
    let scripts = checkout.resolve("3.0").expect("core scripts are 3.0");
    assert_eq!(relative(root.path(), &scripts), ["test/core/a.wast", "test/core/gc/b.wast"]);
    assert_eq!(scripts[1].contents, ";; test/core/gc/b.wast\n");

    let all = checkout.resolve("all").expect("everything is there");
    let legacy = all.iter().find(|script| script.path.ends_with("/c.wast")).expect("`all` has the legacy scripts");
    assert_eq!(legacy.features, Features::WASM_3_0.with(Features::LEGACY_EXCEPTIONS));
    assert!(all.iter().any(|script| script.path == "spec:1.0/address.wast"));
}

#[test]
fn the_testsuite_repository() {
    let root = tempfile::tempdir().expect("a directory");
    write(root.path(), &["a.wast", "proposals/threads/b.wast"]);
    let checkout = Checkout::open(root.path()).expect("it has core scripts");
    assert_eq!(relative(root.path(), &checkout.resolve("3.0").expect("the scripts on top are 3.0")), ["a.wast"]);
    let threads = checkout.resolve("proposals/threads").expect("the proposal is there");
    assert_eq!(threads[0].features, Features::WASM_1_0.with(Features::THREADS));
    assert_eq!(threads.len(), 1);
    let gc = checkout.resolve("proposals/gc").expect("the data crate has what the checkout no longer lists");
    assert_eq!(gc, Suite::Proposal(spec_testsuite::Proposal::GC).scripts());
}

#[test]
fn scripts_of_newer_proposals() {
    let stacks = Features::WASM_3_0.with(Features::STACK_SWITCHING);
    let root = tempfile::tempdir().expect("a directory");
    write(root.path(), &["a.wast", "proposals/stack-switching/b.wast"]);
    let checkout = Checkout::open(root.path()).expect("it has core scripts");
    let scripts = checkout.resolve("proposals/stack-switching").expect("the proposal is there");
    assert_eq!(scripts.iter().map(|script| script.features).collect::<Vec<_>>(), [stacks]);
    let error = checkout.resolve("proposals/compact-import-section").expect_err("the proposal is not there");
    assert!(
        error
            .to_string()
            .ends_with("no *.wast file in proposals/compact-import-section/ or in compact-import-section/"),
        "{error}"
    );

    let root = tempfile::tempdir().expect("a directory");
    write(root.path(), &["stack-switching/c.wast"]);
    let checkout = Checkout::open(root.path()).expect("it has a proposal");
    let scripts = checkout.resolve("proposals/stack-switching").expect("the proposal is there");
    assert_eq!(relative(root.path(), &scripts), ["stack-switching/c.wast"]);
    assert_eq!(scripts[0].features, stacks);
    let error = checkout.resolve("3.0").expect_err("there are no core scripts");
    assert!(matches!(error, CheckoutError::NoCheckout(_)), "{error}");
}

#[test]
fn a_directory_without_scripts_is_refused() {
    let root = tempfile::tempdir().expect("a directory");
    let error = Checkout::open(root.path()).expect_err("there are no scripts");
    assert!(matches!(error, CheckoutError::NoCheckout(_)) && error.to_string().contains("no official checkout"));
    let error = Checkout::open(&root.path().join("absent")).expect_err("there is no such directory");
    assert!(matches!(error, CheckoutError::Unreadable { .. }) && error.to_string().contains("absent"), "{error}");
}

#[test]
fn scripts_that_cannot_be_read() {
    let root = tempfile::tempdir().expect("a directory");
    write(root.path(), &["core/a.wast"]);
    let checkout = Checkout::open(root.path()).expect("it has core scripts");
    let refused = || checkout.resolve("3.0").expect_err("a script cannot be read").to_string();
    let path = root.path().join("core/b.wast");
    fs::write(&path, b"(module)\n;; caf\xe9\n").expect("the file can be written");
    assert!(refused().contains("core/b.wast:2:7: the byte 0xe9 is not UTF-8"), "{}", refused());
    fs::remove_file(&path).expect("it is there");
    // Like a pipe, it is no regular file.
    std::os::unix::fs::symlink("/dev/null", &path).expect("a link");
    assert!(refused().contains("core/b.wast:1:1: cannot be read: not a regular file"), "{}", refused());
}

/// Compares the list of files that the data crate lacks with the checkout, in both directions.
#[test]
fn the_data_crate_lacks_what_it_is_said_to_lack() {
    let Some(root) = std::env::var_os("SPEC_TESTSUITE") else {
        println!("SPEC_TESTSUITE is not set: nothing to compare with");
        return;
    };
    let root = Path::new(&root);
    let known: HashSet<_> = Suite::All.scripts().into_iter().map(|script| script.contents).collect();
    let official = Checkout::open(root).and_then(|checkout| checkout.resolve("all")).expect("a checkout");
    let official: Vec<Script> = official.into_iter().filter(|script| !script.path.starts_with("spec:")).collect();
    let lacking: Vec<Script> = official.into_iter().filter(|script| !known.contains(&script.contents)).collect();
    assert_eq!(relative(root, &lacking), Suite::All.missing());
}
