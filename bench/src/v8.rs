//! V8 in a process of its own, which takes its samples itself: a third column for the kernels that make objects.

use crate::Result;
use crate::measure::{Budget, Samples};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The program that measures: the module is the standard input, the arguments are the kernel's argument, the seconds to
/// measure for and the least number of samples. It prints the result and then nanoseconds, a number a line.
const DRIVER: &str = include_str!("v8.js");

/// V8 as node embeds it.
pub struct V8 {
    program: PathBuf,
}

impl V8 {
    /// V8 in this program, which is node.
    pub fn new(program: PathBuf) -> V8 {
        V8 { program }
    }

    /// Runs a kernel again and again. Returns its result and the times.
    ///
    /// # Errors
    ///
    /// If the program does not start, fails, or prints something else than numbers.
    pub fn run(&self, wasm: &[u8], argument: i32, budget: &Budget) -> Result<(i64, Samples)> {
        let shown = self.program.display();
        let mut command = Command::new(&self.program);
        command.args(["-e", DRIVER, "--", &argument.to_string(), &budget.pair.as_secs_f64().to_string()]);
        command.arg(budget.least.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{shown} does not start: {error}"))?;
        child.stdin.take().expect("the input is a pipe").write_all(wasm)?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(format!("{shown} fails: {}", output.status).into());
        }
        parse(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| format!("{shown} prints no numbers").into())
    }
}

/// Parses what the driver prints.
fn parse(text: &str) -> Option<(i64, Samples)> {
    let mut lines = text.lines();
    let result = lines.next()?.parse().ok()?;
    let samples: Vec<f64> = lines.map(|line| line.parse().ok()).collect::<Option<_>>()?;
    if samples.is_empty() { None } else { Some((result, Samples::new(samples))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parsed_and_anything_else_is_refused() {
        let (result, samples) = parse("-7\n30\n10\n20.5\n").unwrap();
        assert_eq!((result, samples.count(), samples.median()), (-7, 3, 20.5));
        assert!(parse("").is_none() && parse("7\n").is_none() && parse("7\nerror\n").is_none());
    }

    #[test]
    fn a_program_that_fails_is_an_error() {
        let budget = Budget { sample: Default::default(), pair: Default::default(), least: 1 };
        for (program, says) in [("/nowhere/node", "does not start"), ("false", "")] {
            let error = V8::new(program.into()).run(b"", 1, &budget).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
