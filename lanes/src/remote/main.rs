//! The worker of the lanes `remote`: a program without the compiler, which `touchstone` starts.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    match lanes::remote::serve(io::stdin().lock(), io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("touchstone-remote: {error}; `touchstone --lanes speed/remote` starts this program");
            ExitCode::FAILURE
        }
    }
}
