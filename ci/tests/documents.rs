//! The documents of the repository: what they name and link to is there.

use ci::habits::{Source, check_each, documents, root, sources};

#[test]
fn every_path_in_a_document_exists() {
    let sources = sources();
    assert_eq!(check_each(&sources, |source| documents::check_paths(source, root())), Vec::<String>::new());
    let is_document = |source: &&Source| source.has_extension("md");
    let named: usize = sources.iter().filter(is_document).map(|source| documents::named_paths(source).len()).sum();
    assert!(named > 10, "the documents name more paths than {named}");
}
