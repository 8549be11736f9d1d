//! `touchstone compile` and `touchstone inspect`.

use super::lane_args::{Checks, CpuArg};
use super::output::{say_visible, tell};
use crate::inputs::BinaryFile;
use clap::{Args, ValueEnum};
use engine::{Config, CpuFeatures, Engine, Listing, MemoryChecks, Tier};
use lanes::Features;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

#[derive(Debug, Args)]
pub(super) struct CompileArgs {
    /// The module, in binary or text form.
    input: PathBuf,
    /// The artifact to write.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The compiler tier.
    #[arg(long, value_enum, default_value_t = TierArg::Speed)]
    tier: TierArg,
    /// The WebAssembly features that the module may use, such as 1.0,simd.
    #[arg(long, value_name = "LIST", default_value = "3.0", value_parser = Features::from_str)]
    features: Features,
    /// The way in which the code catches accesses outside a memory.
    #[arg(long, value_enum, default_value_t = Checks::Guard)]
    memory_checks: Checks,
    /// The CPU features that the code may use.
    #[arg(long, value_enum, default_value_t = CpuArg::Host)]
    cpu: CpuArg,
    /// Make every NaN that arithmetic makes the positive canonical one, as in the standard's deterministic profile.
    #[arg(long)]
    canonicalize_nan: bool,
    /// Put debug information for debuggers into the artifact. Also write the module's listing beside the artifact: it
    /// is the source file of functions for which the module has no debug information of its own.
    #[arg(short = 'g', long)]
    debug_info: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum TierArg {
    /// Optimize.
    Speed,
    /// Compile quickly.
    Quick,
}

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// The artifact to show.
    input: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
    /// A file with the 32 bytes of the key that the artifact was made with. A keyed artifact is verified with it, and
    /// any other fails.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

/// Compiles a module, and writes the artifact. Returns exit code 1 if the module is refused.
pub(super) fn compile(arguments: &CompileArgs) -> Result<u8, String> {
    let input = read(&arguments.input)?;
    let what = match BinaryFile::of(&input) {
        Some(BinaryFile::Artifact) => Some("an artifact already, not a module; `touchstone inspect` shows it"),
        Some(BinaryFile::Component) => Some("a component; components are not supported"),
        Some(BinaryFile::Module) | None => None,
    };
    if let Some(what) = what {
        return refuse(&format_args!("{}: {what}", arguments.input.display()));
    }
    let module = match wat::Parser::new().parse_bytes(Some(&arguments.input), &input) {
        Ok(module) => module,
        // The error names the file, the line and the column.
        Err(error) => return refuse(&error),
    };
    let mut config = Config::new();
    config
        .tier(match arguments.tier {
            TierArg::Speed => Tier::Speed,
            TierArg::Quick => Tier::Quick,
        })
        .features(arguments.features & Config::SUPPORTED_FEATURES)
        .memory_checks(match arguments.memory_checks {
            Checks::Guard => MemoryChecks::GuardPages,
            Checks::Explicit => MemoryChecks::Explicit,
        })
        .cpu_features(match arguments.cpu {
            CpuArg::Host => CpuFeatures::Host,
            CpuArg::Baseline => CpuFeatures::Baseline,
        })
        .canonicalize_nans(arguments.canonicalize_nan)
        .debug_info(arguments.debug_info);
    let compiled = Engine::new(&config).and_then(|engine| {
        let artifact = engine.compile(&module)?;
        let listing = arguments.debug_info.then(|| Listing::of(&module)).transpose()?;
        Ok((artifact, listing))
    });
    match compiled {
        Ok((artifact, listing)) => {
            write(&arguments.output, &artifact)?;
            if let Some(Listing { name, text, .. }) = listing {
                write(&arguments.output.with_file_name(name), text.as_bytes())?;
            }
            Ok(0)
        }
        Err(error) => refuse(&format_args!("{}: {error}", arguments.input.display())),
    }
}

/// Prints the description of an artifact. Returns exit code 1 if the file is no artifact, or not a sound one.
pub(super) fn inspect(arguments: &InspectArgs) -> Result<u8, String> {
    let bytes = read(&arguments.input)?;
    let key = arguments.key_file.as_deref().map(read_key).transpose()?;
    let inspection = match engine::inspect_with_key(&bytes, key.as_ref()) {
        Ok(inspection) => inspection,
        Err(error) => return refuse(&format_args!("{}: {error}", arguments.input.display())),
    };
    if arguments.json {
        let json = serde_json::to_string_pretty(&inspection).map_err(|error| error.to_string())?;
        say_visible(&format_args!("{json}\n"))?;
    } else {
        say_visible(&format_args!("{inspection}\n"))?;
    }
    Ok(u8::from(!inspection.is_sound()))
}

fn read_key(path: &Path) -> Result<[u8; 32], String> {
    let bytes = read(path)?;
    let length = bytes.len();
    bytes.try_into().map_err(|_| format!("{}: a key has 32 bytes, but the file has {length}", path.display()))
}

/// Prints why a file is refused, and returns the exit code.
fn refuse(why: &impl Display) -> Result<u8, String> {
    tell(&format_args!("error: {why}"));
    Ok(1)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Writes to a file, or to the device, pipe or link target that the path leads to.
fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    // A link stays, and its target is replaced. A link to nothing creates its target.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let is_special = fs::symlink_metadata(&target).is_ok_and(|metadata| !metadata.is_file());
    let written = if is_special { fs::write(&target, bytes) } else { replace(&target, bytes) };
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Replaces a file. The new one is written under a temporary name first: an artifact that a process has mapped must not
/// change in place.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    written.inspect_err(|_| {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    })
}
