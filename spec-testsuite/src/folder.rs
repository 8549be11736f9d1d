//! Scripts on the disk: walking a directory, and the features that a script needs, from its folders or its head.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::read::Unreadable;
use features::{Feature, Features, UnknownFeature};

/// Returns the features of a script from the folders of its path, or `None` if these are not of an official checkout.
///
/// Below `legacy/` it is WebAssembly 3.0 with the legacy exceptions, below `proposals/NAME/` what the proposal needs,
/// and below `core/` and `custom/` WebAssembly 3.0. A folder `proposals-NAME` is like `proposals`.
pub fn features_of_path(path: &Path) -> Option<Features> {
    let names: Vec<&str> = path.components().filter_map(normal).collect();
    let folders = &names[..names.len().saturating_sub(1)];
    // `legacy/exceptions/core` is legacy, and `proposals/NAME/core` is the proposal's.
    let outer = folders.iter().rposition(|name| *name == "legacy" || holds_proposals(name));
    let decisive = outer.or_else(|| folders.iter().rposition(|name| matches!(*name, "core" | "custom")))?;
    Some(match folders[decisive] {
        "legacy" => Features::WASM_3_0.with(Features::LEGACY_EXCEPTIONS),
        name if holds_proposals(name) => {
            folders.get(decisive + 1).map_or(Features::WASM_3_0, |name| proposal_features(name))
        }
        _ => Features::WASM_3_0,
    })
}

/// Returns whether a folder holds a folder for each proposal.
fn holds_proposals(folder: &str) -> bool {
    folder.strip_prefix("proposals").is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Returns the features that the scripts of a proposal need, by the name of its folder: its own, and those of the
/// standard when the proposal was written. An unknown folder gets WebAssembly 3.0.
pub fn proposal_features(name: &str) -> Features {
    let own = Feature::named(name).map_or(Features::empty(), |feature| feature.set);
    let base = match name {
        "mutable-global"
        | "nontrapping-float-to-int-conversions"
        | "sign-extension-ops"
        | "multi-value"
        | "threads" => Features::WASM_1_0,
        // Both assert that a second memory is refused, the first also that a table's limits have 32 bits.
        "function-references" => Features::WASM_3_0.without(Features::MULTI_MEMORY).without(Features::MEMORY64),
        "memory64" => Features::WASM_3_0.without(Features::MULTI_MEMORY),
        "reference-types" => Features::WASM_1_0.with(Features::BULK_MEMORY).with(Features::MULTI_VALUE),
        "simd" => Features::WASM_2_0,
        _ => Features::WASM_3_0,
    };
    base.with(own)
}

/// Returns the features that the head of a script asks for, if it does: a comment line `;;! features: 3.0, threads`, or
/// with `=`, before the first line that is not a comment.
///
/// # Errors
///
/// If the list has a name that is not known.
pub fn features_of_head(contents: &str) -> Result<Option<Features>, Unreadable> {
    fn list(line: &str) -> Option<&str> {
        let option = line.trim_start().strip_prefix(";;!")?;
        option.trim_start().strip_prefix("features")?.trim_start().strip_prefix([':', '='])
    }
    let is_head = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with(";;");
    let mut head = (1..).zip(contents.lines().take_while(is_head));
    let Some((line, text, list)) = head.find_map(|(line, text)| Some((line, text, list(text)?))) else {
        return Ok(None);
    };
    list.parse().map(Some).map_err(|error: UnknownFeature| {
        let column = u32::try_from(text.len() - list.trim_start().len() + 1).unwrap_or(u32::MAX);
        Unreadable { line, column, message: error.to_string() }
    })
}

/// Returns the paths of all `*.wast` files in a directory and below, sorted. Does not follow symbolic links to
/// directories.
///
/// # Errors
///
/// If a directory cannot be read.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn features(path: &str) -> Option<Features> {
        features_of_path(Path::new(path))
    }

    #[test]
    fn folders_of_a_checkout_decide() {
        let threads = Features::WASM_1_0.with(Features::THREADS);
        let legacy = Features::WASM_3_0.with(Features::LEGACY_EXCEPTIONS);
        assert_eq!(features("spec/test/core/address.wast"), Some(Features::WASM_3_0));
        assert_eq!(features("core/simd/simd_lane.wast"), Some(Features::WASM_3_0));
        assert_eq!(features("core/gc/array.wast"), Some(Features::WASM_3_0));
        assert_eq!(features("custom/name/name_annot.wast"), Some(Features::WASM_3_0));
        assert_eq!(features("legacy/exceptions/core/throw.wast"), Some(legacy));
        assert_eq!(features("proposals/threads/atomic.wast"), Some(threads));
        assert_eq!(features("proposals/threads/core/atomic.wast"), Some(threads));
        assert_eq!(features("proposals/never-heard-of/a.wast"), Some(Features::WASM_3_0));
        let stacks = Features::WASM_3_0.with(Features::STACK_SWITCHING);
        assert_eq!(features("shared/proposals-next/stack-switching/cont.wast"), Some(stacks));
        let compact = Features::WASM_3_0.with(Features::COMPACT_IMPORTS);
        assert_eq!(features("proposals/compact-import-section/a.wast"), Some(compact));
    }

    #[test]
    fn other_paths_say_nothing() {
        assert_eq!(features("tests/core.wast"), None);
        assert_eq!(features("proposals"), None);
        assert_eq!(features("proposals2/stack-switching/a.wast"), None);
        assert_eq!(features("core"), None);
        assert_eq!(features(""), None);
    }

    #[test]
    fn the_head_of_a_script_can_ask_for_features() {
        let head = |text| features_of_head(text);
        let set = Features::WASM_1_0.with(Features::THREADS);
        assert_eq!(head(";; What it is.\n;;! features: 1.0, threads\n(module)"), Ok(Some(set)));
        assert_eq!(head(";; What it is.\n(module)\n;;! features: 1.0"), Ok(None));
        assert_eq!(head(";;! features = 1.0, threads\n"), Ok(Some(set)));
        let error = head(";; What it is.\n  ;;! features: teleport").expect_err("no such feature");
        assert_eq!((error.line, error.column), (2, 17));
        assert!(error.message.contains("teleport"), "{error}");
        assert_eq!(head(";;!features=teleport").map_err(|error| (error.line, error.column)), Err((1, 13)));
    }
}
