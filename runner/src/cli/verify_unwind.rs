//! `touchstone verify-unwind`: runs compiled code one instruction at a time, and holds the unwind tables against the
//! truth at each.

use super::lane_args::LaneArgs;
use super::output::{say_visible, tell};
use crate::inputs::{self, BinaryFile, Choice};
use crate::judge::{Case, judge};
use clap::Args;
use engine::{Config, Engine, Extern, ExternType, Func, FuncType, Global, Instance, Memory, Module, Store, Table, Tag};
use engine::{Prover, Val};
use lanes::own::Own;
use lanes::{Features, Lane};
use serde::Serialize;
use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

/// Fuel and time for every call.
const FAR: u64 = 1 << 40;
/// The most mistakes that are printed.
const SHOWN: usize = 20;
/// Runs on a stack of this size: scripts recurse until the stack limit.
const STACK: usize = 64 << 20;

#[derive(Debug, Args)]
pub(super) struct VerifyUnwindArgs {
    /// Scripts, directories with scripts, official suites (spec:3.0), modules (.wasm or .wat), and artifacts. Each
    /// export of modules and artifacts is called once with zeros.
    #[arg(required = true, value_name = "SCRIPT|DIR|spec:SUITE|MODULE|ARTIFACT")]
    inputs: Vec<String>,
    /// Write the result to a file.
    #[arg(long, value_name = "json=FILE", value_parser = json_file)]
    report: Option<PathBuf>,
    /// Check only the scripts whose path contains this text.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// The WebAssembly features that scripts may use. Overrides what scripts and their folders say.
    #[arg(long, value_name = "LIST", value_parser = Features::from_str)]
    features: Option<Features>,
    /// Take the official suites from a checkout of the specification or of its test suite. The variable SPEC_TESTSUITE
    /// does the same.
    #[arg(long, value_name = "DIR")]
    spec_dir: Option<PathBuf>,
    #[command(flatten)]
    lanes: LaneArgs,
    /// Do not run instructions one at a time, but compare the frames of each backtrace with the chain of frame pointers
    /// and with the frames that the platform's unwinder finds: libgcc's, or another one that LD_PRELOAD names.
    #[arg(long)]
    walks: bool,
}

fn json_file(text: &str) -> Result<PathBuf, String> {
    match text.split_once('=') {
        Some(("json", file)) if !file.is_empty() => Ok(file.into()),
        _ => Err("expected json=FILE".to_string()),
    }
}

/// The result, as the report shows it.
#[derive(Default, Serialize)]
struct Totals {
    /// The functions and trampolines that ran, counted for each lane.
    functions: usize,
    /// The instructions that ran one at a time.
    instructions: u64,
    /// The different ones among them, counted for each lane.
    distinct_instructions: usize,
    /// The calls after which some code ran on at full speed, since it showed nothing new for long.
    cut_short: u64,
    /// The mistakes.
    wrong: Vec<Wrong>,
    /// The comparison of whole walks, in place of single steps.
    walks: Option<WalkTotals>,
}

/// The comparison of walks over the same stacks.
#[derive(Default, Serialize)]
struct WalkTotals {
    /// The library of the platform's unwinder.
    unwinder: String,
    /// The backtraces that were compared.
    backtraces: u64,
    /// Their frames.
    frames: u64,
    /// The backtraces of which only the first frame is compared, since LLVM's unwinder looks up an interrupted
    /// instruction one byte early.
    looked_up_early: u64,
    /// The differences.
    wrong: Vec<WrongWalk>,
}

/// A walk that found other frames.
#[derive(Serialize)]
struct WrongWalk {
    /// The input and the lane.
    artifact: String,
    walk: String,
    /// The number of frames before the first that differs.
    equal: usize,
    expected: Vec<String>,
    seen: Vec<String>,
}

/// The result of a check of running code.
enum Checked {
    Steps(engine::Proof),
    Walks(engine::Walks),
}

/// A mistake of an unwind table.
#[derive(Serialize)]
struct Wrong {
    /// The input, the lane, and the number of the artifact among those that ran.
    artifact: String,
    function: String,
    offset: u64,
    rule: String,
    expected: String,
    seen: String,
}

impl Totals {
    fn add(&mut self, what: &str, checked: Checked) {
        match checked {
            Checked::Steps(proof) => self.add_steps(what, proof),
            Checked::Walks(walks) => self.walks.get_or_insert_default().add(what, walks),
        }
    }

    fn add_steps(&mut self, what: &str, proof: engine::Proof) {
        self.functions += proof.functions;
        self.instructions += proof.instructions;
        self.distinct_instructions += proof.distinct_instructions;
        self.cut_short += proof.cut_short;
        self.wrong.extend(proof.wrong.into_iter().map(|wrong| Wrong {
            artifact: format!("{what}, artifact {}", wrong.artifact),
            function: wrong.function,
            offset: wrong.offset,
            rule: wrong.rule.to_string(),
            expected: format!("{:#x}", wrong.expected),
            seen: wrong.seen.map_or_else(|error| error, |value| format!("{value:#x}")),
        }));
    }
}

impl WalkTotals {
    fn add(&mut self, what: &str, walks: engine::Walks) {
        self.unwinder = walks.unwinder;
        self.backtraces += walks.backtraces;
        self.frames += walks.frames;
        self.looked_up_early += walks.looked_up_early;
        self.wrong.extend(walks.wrong.into_iter().map(|wrong| WrongWalk {
            artifact: what.to_string(),
            walk: wrong.walk.to_string(),
            equal: wrong.equal,
            expected: wrong.expected,
            seen: wrong.seen,
        }));
    }
}

/// Checks the unwind tables. Returns exit code 1 if one is wrong, or if nothing ran.
pub(super) fn verify_unwind(arguments: &VerifyUnwindArgs) -> Result<u8, String> {
    let lanes = arguments.lanes.open()?.present;
    if let Some(lane) = lanes.iter().find(|lane| !runs_code_here(&***lane)) {
        let name = &lane.info().name;
        return Err(format!("the lane `{name}` runs no compiled code in this process: take speed/fresh or the like"));
    }
    let run = || {
        let mut totals = Totals::default();
        verify_all(arguments, &lanes, &mut totals).map(|()| totals)
    };
    let totals = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
        let thread = thread.map_err(|error| format!("cannot start a thread: {error}"))?;
        thread.join().unwrap_or_else(|_| Err("the check panicked".to_string()))
    })?;
    if let Some(path) = &arguments.report {
        let json = serde_json::to_string_pretty(&totals).map_err(|error| error.to_string())?;
        fs::write(path, json + "\n").map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    }
    match &totals.walks {
        Some(walks) => show_walks(walks),
        None => show_steps(&totals),
    }
}

/// Prints the result of single steps. Returns the exit code.
fn show_steps(totals: &Totals) -> Result<u8, String> {
    for wrong in totals.wrong.iter().take(SHOWN) {
        let Wrong { artifact, function, offset, rule, expected, seen } = wrong;
        say_visible(&format_args!(
            "{artifact}: {function}, offset {offset:#x}: {rule} of the caller is {expected}, the table says {seen}\n"
        ))?;
    }
    say_rest(totals.wrong.len())?;
    let Totals { functions, instructions, distinct_instructions, cut_short, wrong, walks: _ } = totals;
    say_visible(&format_args!(
        "{functions} functions, {instructions} instructions, {distinct_instructions} different ones, {} wrong; {cut_short} \
         calls cut short\n",
        wrong.len()
    ))?;
    if totals.instructions == 0 {
        tell(&"no compiled code ran, so that nothing was checked");
        return Ok(1);
    }
    Ok(u8::from(!totals.wrong.is_empty()))
}

/// Prints the result of comparing walks. Returns the exit code.
fn show_walks(walks: &WalkTotals) -> Result<u8, String> {
    let WalkTotals { unwinder, backtraces, frames, looked_up_early, wrong } = walks;
    for WrongWalk { artifact, walk, equal, expected, seen } in wrong.iter().take(SHOWN) {
        let list = |frames: &[String]| if frames.is_empty() { "none".to_string() } else { frames.join(", ") };
        say_visible(&format_args!(
            "{artifact}: {walk}: after {equal} equal frames, expected {}, got {}\n",
            list(expected),
            list(seen)
        ))?;
    }
    say_rest(wrong.len())?;
    say_visible(&format_args!(
        "{backtraces} backtraces with {frames} frames, by the artifacts' tables, by frame pointers and by {unwinder}: {} \
         differ\n",
        wrong.len()
    ))?;
    if *looked_up_early > 0 {
        say_visible(&format_args!("of {looked_up_early} only the first frame was compared: llvm-project#92291\n"))?;
    }
    if *backtraces == 0 {
        tell(&"no code trapped or called the host, so that nothing was checked");
        return Ok(1);
    }
    Ok(u8::from(!wrong.is_empty()))
}

/// Says that not all mistakes were printed.
fn say_rest(wrong: usize) -> Result<(), String> {
    if wrong <= SHOWN {
        return Ok(());
    }
    say_visible(&format_args!("and {} more; --report json=FILE has them all\n", wrong - SHOWN))
}

fn runs_code_here(lane: &dyn Lane) -> bool {
    let info = lane.info();
    info.is_own() && info.backend == "cranelift" && !info.name.ends_with("/remote")
}

fn verify_all(arguments: &VerifyUnwindArgs, lanes: &[Box<dyn Lane>], totals: &mut Totals) -> Result<(), String> {
    let is_binary = |path: &&String| {
        let text = path.ends_with(".wat");
        text || fs::read(path).is_ok_and(|bytes| BinaryFile::of(&bytes).is_some())
    };
    let (binaries, scripts): (Vec<_>, Vec<_>) = arguments.inputs.iter().partition(is_binary);
    for path in binaries {
        verify_binary(path, arguments, lanes, totals).map_err(|error| format!("{path}: {error}"))?;
    }
    let scripts: Vec<String> = scripts.into_iter().cloned().collect();
    if scripts.is_empty() {
        return Ok(());
    }
    let choice = Choice {
        spec_dir: arguments.spec_dir.clone().or_else(super::scripts::checkout_of_environment),
        spec_dir_given: arguments.spec_dir.is_some(),
        features: arguments.features,
        filter: arguments.filter.clone(),
        ..Choice::default()
    };
    let (inputs, remarks) = inputs::gather(&scripts, &choice).map_err(|error| error.to_string())?;
    remarks.iter().for_each(|remark| tell(&format_args!("note: {remark}")));
    for input in &inputs {
        let case = match Case::read_script(&input.path, input.features) {
            Ok(case) => Case { settings: input.settings, ..case },
            Err(error) => return Err(format!("{}: {}", input.path, error.message)),
        };
        for lane in lanes {
            let (_, checked) = watch(arguments, || judge(&case, &[&**lane], &mut ()))?;
            totals.add(&format!("{}, {}", input.path, lane.info().name), checked);
        }
    }
    Ok(())
}

fn watch<R>(arguments: &VerifyUnwindArgs, run: impl FnOnce() -> R) -> Result<(R, Checked), String> {
    if arguments.walks {
        let (result, walks) = engine::Walks::watch(run);
        return Ok((result, Checked::Walks(walks)));
    }
    let (result, proof) = Prover::watch(run).map_err(|error| error.to_string())?;
    Ok((result, Checked::Steps(proof)))
}

/// Checks an artifact as it is, or a module in each lane.
fn verify_binary(
    path: &str,
    arguments: &VerifyUnwindArgs,
    lanes: &[Box<dyn Lane>],
    totals: &mut Totals,
) -> Result<(), String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    let load = |config: &Config, load: &dyn Fn(&Engine) -> engine::Result<Module>| {
        let engine = Engine::new(config).map_err(|error| error.to_string())?;
        load(&engine).map_err(|error| error.to_string())
    };
    if BinaryFile::of(&bytes) == Some(BinaryFile::Artifact) {
        let found = engine::inspect(&bytes).map_err(|error| error.to_string())?;
        let module = load(&found.config.to_config(), &|engine| Module::deserialize(engine, &bytes))?;
        return run_exports(arguments, &module, path, totals);
    }
    for lane in lanes {
        let name = &lane.info().name;
        let own = Own::named(name, &arguments.lanes.options()).expect("the lane is one of ours");
        let config = own.config(arguments.features.unwrap_or(Config::SUPPORTED_FEATURES));
        let mut module = load(&config, &|engine| Module::new(engine, &bytes))?;
        if name.ends_with("/reload") {
            module = load(&config, &|engine| Module::deserialize(engine, module.serialize()))?;
        }
        run_exports(arguments, &module, &format!("{path}, {name}"), totals)?;
    }
    Ok(())
}

/// Instantiates a module with imports of zeros, and calls each export once with zeros. Traps are results like others.
fn run_exports(arguments: &VerifyUnwindArgs, module: &Module, what: &str, totals: &mut Totals) -> Result<(), String> {
    let (called, checked) = watch(arguments, || -> engine::Result<()> {
        let mut store = Store::new(module.engine(), ());
        store.set_epoch_deadline(FAR);
        // It fails if the code counts no fuel.
        let _ = store.set_fuel(FAR);
        let imports = module.imports().map(|import| import.ty).collect::<Vec<_>>();
        let imports = imports.into_iter().map(|ty| zero_import(&mut store, ty)).collect::<engine::Result<Vec<_>>>()?;
        let instance = Instance::new(&mut store, module, &imports)?;
        for (_, export) in instance.exports(&mut store)? {
            let Some(func) = export.into_func() else { continue };
            let FuncType { params, results, .. } = func.ty(&store)?;
            let zeros = |types: &[engine::ValType]| types.iter().map(|&ty| Val::default_for_ty(ty)).collect::<Vec<_>>();
            let (params, mut results) = (zeros(&params), zeros(&results));
            // A trap, or a parameter that cannot be null.
            let _ = func.call(&mut store, &params, &mut results);
        }
        Ok(())
    })?;
    totals.add(what, checked);
    called.map_err(|error| error.to_string())
}

fn zero_import(store: &mut Store<()>, ty: ExternType) -> engine::Result<Extern> {
    Ok(match ty {
        ExternType::Func(ty) => Extern::Func(Func::new(&mut *store, ty, |_, _, _| Ok(()))),
        ExternType::Table(ty) => {
            let null = Val::default_for_ty(engine::ValType::Ref(ty.element));
            Extern::Table(Table::new(&mut *store, ty, null)?)
        }
        ExternType::Memory(ty) => Extern::Memory(Memory::new(&mut *store, ty)?),
        ExternType::Global(ty) => Extern::Global(Global::new(&mut *store, ty, Val::default_for_ty(ty.content))?),
        ExternType::Tag(ty) => Extern::Tag(Tag::new(&mut *store, ty)?),
    })
}
