//! Scripts on the disk: walking a directory, and the features that a script's folder or head says it needs.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::feature::{Feature, Features, UnknownFeature};

/// The features that the folders of an official checkout call for, or none where the path is not of such a checkout.
///
/// The innermost of `core`, `custom`, `legacy` and `proposals` decides: the first two hold WebAssembly 3.0, the third
/// adds the old exceptions, and the last takes what its sub-folder names.
pub fn features_of_path(path: &Path) -> Option<Features> {
    let names: Vec<&str> = path.components().filter_map(normal).collect();
    let folders = &names[..names.len().saturating_sub(1)];
    let official = |name: &&str| matches!(*name, "core" | "custom" | "legacy" | "proposals");
    // `legacy/exceptions/core` is legacy, and `proposals/NAME/core` is the proposal's: the outermost of the two wins.
    let first = folders.iter().rposition(|name| matches!(*name, "legacy" | "proposals"));
    let place = first.or_else(|| folders.iter().rposition(|name| official(&name)))?;
    Some(match folders[place] {
        "legacy" => Features::WASM_3_0.with(Feature::LegacyExceptions),
        "proposals" => folders.get(place + 1).map_or(Features::WASM_3_0, |name| proposal_features(name)),
        _ => Features::WASM_3_0,
    })
}

/// The features that the scripts of a proposal need, by the name of its folder: those of the standard that the proposal
/// was written against, and its own. A folder that nobody knows gets WebAssembly 3.0.
pub fn proposal_features(name: &str) -> Features {
    let own = name.parse::<Feature>().map_or(Features::NONE, |feature| Features::NONE.with(feature));
    let base = match name {
        "mutable-global" | "nontrapping-float-to-int-conversions" | "sign-extension-ops" | "multi-value" => {
            Features::WASM_1_0
        }
        "threads" => Features::WASM_1_0,
        "reference-types" | "bulk-memory" | "simd" => Features::WASM_2_0,
        _ => Features::WASM_3_0,
    };
    base.union(own)
}

/// The features that the head of one of our own scripts asks for, if it does: a comment line
/// `;;! features: 3.0, threads` before the first line that is not a comment.
pub fn features_of_head(contents: &str) -> Result<Option<Features>, UnknownFeature> {
    let head = contents.lines().map(str::trim).take_while(|line| line.is_empty() || line.starts_with(";;"));
    let mut options = head.filter_map(|line| line.strip_prefix(";;!"));
    options.find_map(|option| option.trim().strip_prefix("features:")).map(str::parse).transpose()
}

/// The paths of all `*.wast` files in a directory and below, sorted. Symbolic links to directories are not followed.
pub fn walk(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                pending.push(path);
            } else if path.extension() == Some(OsStr::new("wast")) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn normal(component: Component<'_>) -> Option<&str> {
    match component {
        Component::Normal(name) => name.to_str(),
        _ => None,
    }
}
