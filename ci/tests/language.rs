//! The language of the whole repository.

use ci::habits::{check_each, sources, words};

#[test]
fn every_file_says_what_it_is() {
    assert_eq!(check_each(&sources(), words::check_header), Vec::<String>::new());
}

#[test]
fn no_file_names_a_directory_of_some_machine() {
    assert_eq!(check_each(&sources(), words::check_machines), Vec::<String>::new());
}

#[test]
fn no_lint_is_allowed() {
    assert_eq!(check_each(&sources(), words::check_lints), Vec::<String>::new());
}
