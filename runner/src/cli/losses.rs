//! Inputs that their process does not survive: `touchstone reduce` runs each input in a worker first.

use super::findings::{ReduceArgs, base_of, save};
use super::fuzzing::worker_program;
use super::output::say_visible;
use fuzz::campaign::{Loss, Small, Supervisor};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempPath;

/// The inputs that a worker does not survive, by their signature.
pub(super) struct Losses<'a> {
    arguments: &'a ReduceArgs,
    supervisor: Supervisor,
    inputs: BTreeMap<String, Vec<String>>,
    /// Exists as long as the worker may write to it.
    _note: TempPath,
}

impl<'a> Losses<'a> {
    /// Prepares a worker for inputs, whose numbers are their positions.
    pub(super) fn new(arguments: &'a ReduceArgs, inputs: &[PathBuf]) -> io::Result<Losses<'a>> {
        let ReduceArgs { oracle, limits, lanes, .. } = arguments;
        let note = tempfile::NamedTempFile::new()?.into_temp_path();
        let mut worker = vec!["reduce-worker".to_string(), format!("--oracle={oracle}")];
        worker.extend(limits.worker_arguments());
        worker.extend(lanes.worker_arguments());
        let mut program = worker_program(worker)?;
        program.arguments.extend(inputs.iter().map(|input| format!("--input={}", input.display())));
        let supervisor = Supervisor::new(program, note.to_path_buf(), limits.timeout);
        Ok(Losses { arguments, supervisor, inputs: BTreeMap::new(), _note: note })
    }

    /// Runs an input in a worker. If the worker does not survive that, makes the first input with this signature
    /// smaller, and returns true.
    pub(super) fn add(&mut self, number: u64, path: &Path) -> Result<bool, String> {
        let error = |error: io::Error| error.to_string();
        let Some(loss) = self.supervisor.run(number, &|| false).map_err(error)? else { return Ok(false) };
        let inputs = self.inputs.entry(loss.found().signature).or_default();
        inputs.push(path.display().to_string());
        if inputs.len() == 1 {
            let small = self.supervisor.reduce_loss(number, &loss, &|| false).map_err(error)?;
            self.write(path, &loss, small)?;
        }
        Ok(true)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// Prints the inputs of each signature.
    pub(super) fn print(&self) -> Result<(), String> {
        for (signature, inputs) in &self.inputs {
            say_visible(&format_args!("{signature}\n  {} of the inputs: {}\n", inputs.len(), inputs.join(", ")))?;
        }
        Ok(())
    }

    /// Writes the script and the program of a smaller input, and says whether the runner shows the same.
    fn write(&self, input: &Path, loss: &Loss, small: Option<Small>) -> Result<(), String> {
        say_visible(&format_args!("{}\n{}\n", input.display(), loss.found().summary))?;
        let Some(Small { script: Some(script), program, .. }) = small else {
            return say_visible(&format_args!("  it cannot be made smaller\n"));
        };
        let base = base_of(input, self.arguments.out.as_deref())?;
        let path = base.with_extension("small.wast");
        save(&path, &script)?;
        let shown = if self.shows(&path)? { "the runner shows it" } else { "it does not show in the runner" };
        say_visible(&format_args!("  {}: {shown}\n", path.display()))?;
        program.map_or(Ok(()), |program| save(&base.with_extension("small.js"), &program))
    }

    /// Runs a script in the lanes, and returns whether it fails.
    fn shows(&self, script: &Path) -> Result<bool, String> {
        let ReduceArgs { limits, lanes, .. } = self.arguments;
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.arg(script).arg("--quiet").arg(format!("--timeout={}", limits.timeout.as_secs_f64()));
        command.args(lanes.worker_arguments()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().map_err(|error| format!("cannot run {}: {error}", script.display()))?;
        Ok(status.code() == Some(1))
    }
}
