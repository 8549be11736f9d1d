//! `touchstone replay` and `touchstone reduce`: what a case does, and findings as small scripts.

use super::fuzzing::{LimitArgs, make_oracle, oracles};
use super::losses::Losses;
use super::output::{say_visible, tell};
use super::panel_args::PanelArgs;
use super::script_case;
use crate::inputs::BinaryFile;
use crate::snapshot::{SnapshotUse, snapshot_path};
use crate::{Case as Script, Settings, judge};
use clap::Args;
use fuzz::campaign::{self, Cases};
use fuzz::generate::case::Case;
use fuzz::generate::given;
use fuzz::oracle::differential::REDUCTION_RUNS;
use fuzz::oracle::{self, Oracle, Report};
use fuzz::panel::Check;
use fuzz::triage::cause::{Group, Groups};
use fuzz::triage::known::{self, Judgment, NewFinding};
use fuzz::triage::reduce as reducer;
use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// An input of the fuzzer, a module (.wasm or .wat) or a script (.wast).
    input: PathBuf,
    /// The oracle that judges the input.
    #[arg(long, value_parser = oracles(), default_value = oracle::ORACLES[0].name)]
    oracle: String,
    #[command(flatten)]
    lanes: PanelArgs,
}

#[derive(Debug, Args)]
pub(super) struct ReduceArgs {
    /// Inputs of the fuzzer, modules (.wasm or .wat), scripts (.wast), and directories of a campaign's findings.
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<PathBuf>,
    /// The oracle that judges the inputs.
    #[arg(long, value_parser = oracles(), default_value = oracle::ORACLES[0].name)]
    pub(super) oracle: String,
    /// The directory to write the scripts to [default: that of the input].
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// The most candidates that are run for one finding.
    #[arg(long, value_name = "N", default_value_t = REDUCTION_RUNS)]
    runs: u32,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
    #[command(flatten)]
    pub(super) lanes: PanelArgs,
}

#[derive(Debug, Args)]
pub(super) struct ReduceWorkerArgs {
    /// The inputs, whose numbers are their positions.
    #[arg(long = "input")]
    inputs: Vec<PathBuf>,
    #[arg(long)]
    oracle: String,
    /// The file in which the name of the running lane stands.
    #[arg(long)]
    note: PathBuf,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    lanes: PanelArgs,
}

/// Prints how the input behaves in every lane. Returns exit code 1 if there is a finding.
pub(super) fn replay(arguments: &ReplayArgs) -> Result<u8, String> {
    let mut oracle = make_oracle(&arguments.oracle, arguments.lanes.open_for(&arguments.oracle)?)?;
    let input = Input::read(&arguments.input)?;
    if let Input::Bytes(bytes) = &input {
        return match fuzz::replay(bytes, &mut *oracle) {
            Ok(seen) => say_visible(&format_args!("{seen}\n")).map(|()| 0),
            Err(disagreement) => say_visible(&format_args!("{disagreement}\n")).map(|()| 1),
        };
    }
    let Some((case, claim)) = input.into_case(&arguments.input, &*oracle)? else { return Ok(0) };
    match known::judge(&case, claim) {
        Judgment::Agreed(agreement) => say_visible(&agreement).map(|()| 0),
        Judgment::Known(names) => say_visible(&format_args!("known: {}\n", names.join(", "))).map(|()| 0),
        Judgment::New(found) => say_visible(&format_args!("{}\n", found.details())).map(|()| 1),
    }
}

/// Reduces the findings of inputs, and writes a script and a JavaScript program for each cause. Returns exit code 1 if
/// there is a finding.
pub(super) fn reduce(arguments: &ReduceArgs) -> Result<u8, String> {
    let oracle = make_oracle(&arguments.oracle, arguments.lanes.open_for(&arguments.oracle)?)?;
    oracle.claim().ok_or(NO_CASES)?;
    let paths = expand(&arguments.inputs)?;
    let mut losses = Losses::new(arguments, &paths).map_err(|error| format!("cannot start a process: {error}"))?;
    let mut groups = Groups::default();
    for (number, path) in (0..).zip(&paths) {
        if losses.add(number, path)? {
            continue;
        }
        let Some((case, claim)) = Input::read(path)?.into_case(path, &*oracle)? else { continue };
        let name = path.display().to_string();
        let found = match known::judge(&case, claim) {
            Judgment::New(found) => *found,
            Judgment::Agreed(_) => {
                say_visible(&format_args!("{name}: no finding\n"))?;
                continue;
            }
            Judgment::Known(names) => {
                say_visible(&format_args!("{name}: known: {}\n", names.join(", ")))?;
                continue;
            }
        };
        let is_new = groups.add(name, found, claim, &mut |found| reducer::reduce(found, claim, arguments.runs));
        if let Some(group) = groups.groups.last().filter(|_| is_new) {
            write(path, arguments.out.as_deref(), group, claim)?;
        }
    }
    for group in &groups.groups {
        let inputs = group.inputs.join(", ");
        let (count, signature) = (group.inputs.len(), group.found.signature());
        say_visible(&format_args!("{signature}\n  cause: {}\n  {count} of the inputs: {inputs}\n", group.cause))?;
    }
    losses.print()?;
    Ok(u8::from(!groups.groups.is_empty() || !losses.is_empty()))
}

/// Runs inputs for a parent process, which may not survive them.
pub(super) fn reduce_worker(arguments: &ReduceWorkerArgs) -> Result<u8, String> {
    let ReduceWorkerArgs { inputs, oracle, note, limits, lanes } = arguments;
    let (panel, make) = (lanes.open_for(oracle)?, oracle::find(oracle)?.make);
    let served = campaign::serve(move || make(panel), &Files(inputs), limits.limits(), note);
    served.map(|()| 0).map_err(|error| error.to_string())
}

/// The inputs of a worker.
struct Files<'a>(&'a [PathBuf]);

impl Cases for Files<'_> {
    fn input(&self, _: u64) -> Vec<u8> {
        Vec::new()
    }

    fn case(&self, number: u64, oracle: &dyn Oracle) -> Option<Case> {
        let path = self.0.get(usize::try_from(number).ok()?)?;
        Some(Input::read(path).ok()?.into_case(path, oracle).ok()??.0)
    }
}

/// The reason why an oracle has nothing to reduce.
const NO_CASES: &str = "this oracle is not about modules, so that there is nothing to reduce";

/// Returns the paths, with the inputs of the fuzzer in a directory in its place.
fn expand(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut expanded = Vec::new();
    for path in paths {
        if !path.is_dir() {
            expanded.push(path.clone());
            continue;
        }
        let unreadable = |error| format!("cannot read {}: {error}", path.display());
        let entries = fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(unreadable)?;
        let mut inputs: Vec<_> = entries.iter().map(fs::DirEntry::path).collect();
        inputs.retain(|input| input.extension() == Some(OsStr::new("input")));
        if inputs.is_empty() {
            return Err(format!("{} has no *.input file in it", path.display()));
        }
        inputs.sort();
        expanded.append(&mut inputs);
    }
    Ok(expanded)
}

/// An input, by its kind.
enum Input {
    /// Bytes of the fuzzer.
    Bytes(Vec<u8>),
    /// A binary module.
    Module(Vec<u8>),
    /// The text of a script.
    Script,
}

impl Input {
    fn read(path: &Path) -> Result<Input, String> {
        let name = path.display();
        let bytes = fs::read(path).map_err(|error| format!("cannot read {name}: {error}"))?;
        let extension = path.extension().and_then(OsStr::to_str);
        match (BinaryFile::of(&bytes), extension) {
            (Some(BinaryFile::Module), _) => Ok(Input::Module(bytes)),
            (Some(BinaryFile::Component), _) => Err(format!("{name} is a component; components are not supported")),
            (Some(BinaryFile::Artifact), _) => Err(format!("{name} is an artifact; `touchstone inspect` shows it")),
            (None, Some("wast")) => Ok(Input::Script),
            (None, Some("wat")) => match wat::parse_bytes(&bytes) {
                Ok(wasm) => Ok(Input::Module(wasm.into_owned())),
                Err(error) => Err(format!("{name}: {error}")),
            },
            (None, Some("wasm")) => Err(format!("{name} is no WebAssembly module: it does not begin with \\0asm")),
            (None, _) => Ok(Input::Bytes(bytes)),
        }
    }

    /// Returns the case that the input describes, and the claim about it. `None`, with a word to the user, if bytes
    /// describe none.
    fn into_case<'o>(self, path: &Path, oracle: &'o dyn Oracle) -> Result<Option<(Case, &'o dyn Check)>, String> {
        let name = path.display();
        let claim = oracle.claim().ok_or(NO_CASES)?;
        let case = match self {
            Input::Module(wasm) => {
                given::of_module(&wasm, claim.panel().audience()).map_err(|error| format!("{name}: {error}"))?
            }
            Input::Script => {
                let (case, remarks) = script_case::read(&name.to_string())?;
                remarks.iter().for_each(|remark| tell(&format_args!("{name}: {remark}")));
                case
            }
            Input::Bytes(bytes) => match oracle.generate(&bytes) {
                Some(case) => case,
                None => {
                    tell(&format_args!("{name}: the input describes no case"));
                    return Ok(None);
                }
            },
        };
        Ok(Some((case, claim)))
    }
}

/// Writes the files of a finding beside its input or into `out`: the script, its trap snapshot, and the program. Says
/// whether the script shows the finding in the runner.
fn write(input: &Path, out: Option<&Path>, group: &Group, claim: &dyn Check) -> Result<(), String> {
    let found = &group.found;
    let base = base_of(input, out)?;
    let path = base.with_extension("small.wast");
    let script = found.script().ok_or("the finding has no script")?;
    save(&path, &script)?;
    say_visible(&format_args!("{}\n{}\n  {}", input.display(), found.summary(), path.display()))?;
    say_visible(&format_args!(": {}\n", show(&path, &script, found, claim)?))?;
    match found.javascript() {
        Ok(program) => save(&base.with_extension("small.js"), &program),
        Err(obstacle) => say_visible(&format_args!("  no JavaScript program: {obstacle}\n")),
    }
}

/// Returns the path of an input, in `out` if that is given: with other extensions, it is that of the files about it.
pub(super) fn base_of(input: &Path, out: Option<&Path>) -> Result<PathBuf, String> {
    let Some(out) = out else { return Ok(input.to_owned()) };
    fs::create_dir_all(out).map_err(|error| format!("cannot make {}: {error}", out.display()))?;
    Ok(out.join(input.file_name().unwrap_or(input.as_os_str())))
}

pub(super) fn save(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Runs the script in the runner: in the lane that most backends agree with, for the trap snapshot, and then in all.
/// Returns what that shows.
fn show(path: &Path, script: &str, found: &NewFinding, claim: &dyn Check) -> Result<String, String> {
    let (name, panel) = (path.display().to_string(), claim.panel());
    let case = |snapshot| Script {
        path: &name,
        text: Cow::Borrowed(script),
        features: found.case.needed,
        settings: Settings::default(),
        snapshot,
        keeps_passed: false,
    };
    let names = panel.names();
    let favored = found.finding.favored(&names);
    let (snapshot, shown) = panel.with_lanes(&found.case, |lanes| {
        let favored: Vec<_> = lanes.iter().copied().filter(|lane| Some(&*lane.info().name) == favored).collect();
        let right = judge(&case(SnapshotUse::Make), &favored, &mut ());
        let snapshot = right.snapshot.clone().filter(|_| right.has_passed());
        let uses = snapshot.clone().map_or(SnapshotUse::None, SnapshotUse::Check);
        let all = judge(&case(uses), lanes, &mut ());
        let failed: usize = all.reports.iter().map(|report| report.failed).sum();
        let shown = match (right.has_passed(), all.has_passed()) {
            (true, false) => "the runner shows it".to_string(),
            (false, false) => "the runner shows it, though no lane passes".to_string(),
            (_, true) => "it does not show in the runner".to_string(),
        };
        (snapshot, format!("{shown} ({failed} failures, {} disagreements)", all.disagreements.len()))
    });
    let snapshot = snapshot.and_then(|snapshot| snapshot.file_text(&name)).filter(|text| !text.is_empty());
    if let (Some(text), Some(beside)) = (snapshot, snapshot_path(&name)) {
        save(&beside, &text)?;
    }
    Ok(shown)
}
