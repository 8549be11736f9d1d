//! The header `touchstone.h`, which is made of the sources in src/touchstone/.

use std::fs;
use std::path::Path;

/// Set to write the header instead of comparing it.
const BLESS: &str = "TOUCHSTONE_BLESS";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the header that the sources stand for, with further ones if a test plants them.
fn generate(planted: Option<&Path>) -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("the configuration is valid");
    // The other files are modules of this one.
    let builder = cbindgen::Builder::new().with_config(config).with_src(root().join("src/touchstone/mod.rs"));
    let builder = planted.into_iter().fold(builder, cbindgen::Builder::with_src);
    let mut header = Vec::new();
    builder.generate().expect("the sources parse").write(&mut header);
    // A heading of Rust's documentation. The sentences below it are for C too.
    String::from_utf8(header).expect("headers are text").replace("// # Safety\n", "")
}

#[test]
fn the_header_says_what_the_sources_say() {
    let path = root().join("include/touchstone.h");
    let header = generate(None);
    if std::env::var_os(BLESS).is_some() {
        fs::write(&path, &header).expect("the header can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == header, "include/touchstone.h is out of date: run this test with {BLESS}=1");
}

#[test]
fn a_function_that_the_header_lacks_is_noticed() {
    let folder = tempfile::tempdir().expect("there is room");
    let planted = folder.path().join("planted.rs");
    let text = "/// Planted.\n#[unsafe(no_mangle)]\npub extern \"C\" fn touchstone_planted(_: u32) {}\n";
    fs::write(&planted, text).expect("there is room");
    let committed = fs::read_to_string(root().join("include/touchstone.h")).expect("the header is there");
    assert!(generate(Some(&planted)).contains("touchstone_planted(uint32_t") && !committed.contains("planted"));
}
