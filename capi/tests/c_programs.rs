//! The C programs of this folder.
#[test] fn nothing() {}
