//! The target machine as Cranelift sees it: one set of flags per tier.

use crate::base::{Config, CpuFeatures, Error, ErrorKind, Result, Tier};
use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};

/// The machine that `config` asks for.
pub(crate) fn build(config: &Config) -> Result<OwnedTargetIsa> {
    let host_features = config.cpu_features == CpuFeatures::Host;
    let machine = cranelift_native::builder_with_options(host_features).map_err(|reason| {
        Error::new(ErrorKind::Unsupported, format!("no code can be made for this machine: {reason}"))
    })?;
    machine
        .finish(flags(config.tier))
        .map_err(|error| Error::new(ErrorKind::Unsupported, format!("this machine's flags do not fit: {error}")))
}

/// Returns whether the machine has the CPU feature of this Cranelift flag; `false` if there is no such flag.
pub(crate) fn has_flag(isa: &dyn TargetIsa, flag: &str) -> bool {
    isa.isa_flags().iter().any(|value| value.name == flag && value.as_bool() == Some(true))
}

/// Everything that is not the machine's. FACTS of the design: without `unwind_info` the tables come out empty, and
/// without the implicit return pointer functions of many results do not compile.
fn flags(tier: Tier) -> settings::Flags {
    let (opt_level, regalloc) = match tier {
        Tier::Speed => ("speed", "backtracking"),
        Tier::Quick => ("none", "single_pass"),
    };
    let verifier = if cfg!(debug_assertions) { "true" } else { "false" };
    let mut builder = settings::builder();
    for (name, value) in [
        ("opt_level", opt_level),
        ("regalloc_algorithm", regalloc),
        ("enable_verifier", verifier),
        ("unwind_info", "true"),
        ("preserve_frame_pointers", "true"),
        ("enable_multi_ret_implicit_sret", "true"),
        ("use_colocated_libcalls", "true"),
        // The explicit stack limit covers frames of any size.
        ("enable_probestack", "false"),
    ] {
        builder.set(name, value).expect("these flags exist in this version");
    }
    settings::Flags::new(builder)
}
