//! The documents of the repository: what they name and link to is there.

use ci::habits::{Source, arrows, check_each, documents, root, sources};

#[test]
fn every_path_in_a_document_exists() {
    let sources = sources();
    assert_eq!(check_each(&sources, |source| documents::check_paths(source, root())), Vec::<String>::new());
    let is_document = |source: &&Source| source.has_extension("md");
    let named: usize = sources.iter().filter(is_document).map(|source| documents::named_paths(source).len()).sum();
    assert!(named > 10, "the documents name more paths than {named}");
}

#[test]
fn every_link_leads_somewhere() {
    let sources = sources();
    assert_eq!(check_each(&sources, |source| documents::check_links(source, &sources, root())), Vec::<String>::new());
}

#[test]
fn every_crate_has_a_readme() {
    let sources = sources();
    let manifest = sources.iter().find(|source| source.path == "Cargo.toml").expect("the workspace has a manifest");
    let members = arrows::members(&manifest.text);
    assert!(members.len() >= 8, "the workspace has more members than {members:?}");
    assert_eq!(documents::check_readmes(&members, &sources), Vec::<String>::new());
}
