//! The language of the whole repository.

use ci::habits::{check_each, lines, sources, words};

#[test]
fn every_file_says_what_it_is() {
    assert_eq!(check_each(&sources(), words::check_header), Vec::<String>::new());
}

#[test]
fn doc_comments_open_with_the_item() {
    assert_eq!(check_each(&sources(), words::check_openings), Vec::<String>::new());
}

#[test]
fn words_are_those_of_the_glossary() {
    assert_eq!(check_each(&sources(), words::check_glossary), Vec::<String>::new());
}

#[test]
fn lines_have_at_most_120_columns() {
    assert_eq!(check_each(&sources(), lines::check_columns), Vec::<String>::new());
}

#[test]
fn no_file_names_a_directory_of_some_machine() {
    assert_eq!(check_each(&sources(), words::check_machines), Vec::<String>::new());
}

#[test]
fn no_lint_is_allowed() {
    assert_eq!(check_each(&sources(), words::check_lints), Vec::<String>::new());
}
