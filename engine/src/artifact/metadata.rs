//! Section `.touchstone.metadata`: the module without its code, the target and settings of the code, and the
//! trampolines. It is serialized with `postcard`. Decoding allocates at most a small multiple of the section's length.

use crate::abi::signature::LoweredSignature;
#[cfg(feature = "planted-faults")]
use crate::base::Fault;
use crate::base::{Config, Features, MemoryChecks, TextOffset, Tier};
use crate::wasm::index::DefinedFuncIndex;
use crate::wasm::module::Module;
use serde::{Deserialize, Serialize};

/// The content of the section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    /// The module without function bodies. Its data segments are ranges of the data section.
    pub(crate) module: Module,
    /// The target of the code, as `ARCHITECTURE-SYSTEM`.
    pub(crate) target: String,
    /// The CPU features that the code may use, by their names in Rust (`is_x86_feature_detected!`).
    pub(crate) cpu_features: Vec<String>,
    /// The settings that the code was compiled with.
    pub(crate) settings: Settings,
    /// Entry trampolines, sorted by signature.
    pub(crate) entries: Vec<(LoweredSignature, TextOffset)>,
    /// Exit trampolines, sorted by signature.
    pub(crate) exits: Vec<(LoweredSignature, TextOffset)>,
    /// The functions that the tier `Speed` compiled with the settings of `Quick`, because they are past the budget of
    /// optimization. Sorted.
    pub(crate) unoptimized: Vec<DefinedFuncIndex>,
}

/// The part of a [`Config`] that shapes artifacts. An artifact loads only in an engine with the same settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// The compiler's tier.
    pub(crate) tier: Tier,
    /// The features that the module may use.
    #[serde(with = "feature_bits")]
    pub(crate) features: Features,
    /// The way in which accesses outside a memory are caught.
    pub(crate) memory_checks: MemoryChecks,
    /// True if relaxed vector instructions return the same results on every machine.
    pub(crate) relaxed_simd_deterministic: bool,
    /// True if arithmetic makes no NaN but the positive canonical one.
    pub(crate) canonicalize_nans: bool,
    /// True if the code counts fuel.
    pub(crate) consume_fuel: bool,
    /// True if the code checks the epoch.
    pub(crate) epoch_interruption: bool,
    /// True if the artifact has debug information.
    pub(crate) debug_info: bool,
    /// The fault that the compiler planted.
    #[cfg(feature = "planted-faults")]
    pub(crate) fault: Option<Fault>,
}

impl From<&Config> for Settings {
    fn from(config: &Config) -> Settings {
        Settings {
            tier: config.tier,
            features: config.features,
            memory_checks: config.memory_checks,
            relaxed_simd_deterministic: config.relaxed_simd_deterministic,
            canonicalize_nans: config.canonicalize_nans,
            consume_fuel: config.consume_fuel,
            epoch_interruption: config.epoch_interruption,
            debug_info: config.debug_info,
            #[cfg(feature = "planted-faults")]
            fault: config.fault,
        }
    }
}

impl Metadata {
    /// Returns the entry trampoline of a signature, if there is one.
    pub(crate) fn entry(&self, signature: &LoweredSignature) -> Option<TextOffset> {
        find(&self.entries, signature)
    }

    /// Returns the exit trampoline of a signature, if there is one.
    pub(crate) fn exit(&self, signature: &LoweredSignature) -> Option<TextOffset> {
        find(&self.exits, signature)
    }
}

/// Returns the target of this host.
pub(super) fn host_target() -> String {
    target(std::env::consts::ARCH, std::env::consts::OS)
}

/// Returns the name of a target.
pub(crate) fn target(architecture: &str, system: &str) -> String {
    format!("{architecture}-{system}")
}

fn find(trampolines: &[(LoweredSignature, TextOffset)], signature: &LoweredSignature) -> Option<TextOffset> {
    let position = trampolines.binary_search_by(|(other, _)| other.cmp(signature)).ok()?;
    Some(trampolines[position].1)
}

/// Features are stored as their bits. A bit that belongs to no feature is an error.
mod feature_bits {
    use crate::base::Features;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(features: &Features, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(features.bits())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Features, D::Error> {
        let bits = u64::deserialize(deserializer)?;
        Features::from_bits(bits).ok_or_else(|| D::Error::custom("unknown WebAssembly features"))
    }
}
