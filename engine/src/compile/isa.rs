//! The target machine in Cranelift's terms: one set of flags per tier.

use crate::base::{Config, CpuFeatures, Error, ErrorKind, Result, Tier};
use cranelift_codegen::isa::{OwnedTargetIsa, TargetIsa};
use cranelift_codegen::settings::{self, Configurable};

/// Builds the target machine that `config` asks for, with the settings of a tier.
pub(crate) fn build(config: &Config, tier: Tier) -> Result<OwnedTargetIsa> {
    let host_features = config.cpu_features == CpuFeatures::Host;
    let machine = cranelift_native::builder_with_options(host_features)
        .map_err(|reason| Error::new(ErrorKind::Unsupported, format!("this machine is not supported: {reason}")))?;
    machine.finish(flags(config, tier)).map_err(|error| {
        Error::new(ErrorKind::Unsupported, format!("Cranelift refuses the flags of this machine: {error}"))
    })
}

/// Returns whether the machine has the CPU feature of this Cranelift flag; `false` if there is no such flag.
pub(crate) fn has_flag(isa: &dyn TargetIsa, flag: &str) -> bool {
    isa.isa_flags().iter().any(|value| value.name == flag && value.as_bool() == Some(true))
}

/// Returns Cranelift's flags that do not depend on the architecture.
fn flags(config: &Config, tier: Tier) -> settings::Flags {
    let (opt_level, regalloc) = match tier {
        Tier::Speed => ("speed", "backtracking"),
        Tier::Quick => ("none", "single_pass"),
    };
    let switch = |on: bool| if on { "true" } else { "false" };
    let mut builder = settings::builder();
    for (name, value) in [
        ("opt_level", opt_level),
        ("regalloc_algorithm", regalloc),
        ("enable_verifier", switch(cfg!(debug_assertions))),
        ("enable_nan_canonicalization", switch(config.canonicalize_nans)),
        // Our unwind tables come from the code itself, block by block. Tests compare them with Cranelift's.
        ("machine_code_cfg_info", "true"),
        ("unwind_info", "true"),
        ("preserve_frame_pointers", "true"),
        // Functions with more results than registers return the others through a pointer.
        ("enable_multi_ret_implicit_sret", "true"),
        // The artifact itself holds the fallbacks that Cranelift calls, within reach of a direct call.
        ("use_colocated_libcalls", "true"),
        // The check of the stack limit covers frames of any size.
        ("enable_probestack", "false"),
    ] {
        builder.set(name, value).expect("this version of Cranelift has these flags");
    }
    settings::Flags::new(builder)
}
