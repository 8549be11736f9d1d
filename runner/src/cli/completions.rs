//! `touchstone completions`: the completion script of a shell, generated from the definition of the command line.

use super::output::say;
use clap::{Args, Command};
use clap_complete::Shell;

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell to complete for.
    shell: Shell,
}

/// Prints the completion script of a shell.
pub(super) fn print(arguments: &CompletionsArgs, mut command: Command) -> Result<u8, String> {
    let name = command.get_name().to_string();
    // `generate` panics where it cannot write, and standard output may be closed.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut script);
    say(&String::from_utf8_lossy(&script))?;
    Ok(0)
}
