//! The part of a campaign that its jobs share: its state, the flags that stop it, and the files of its findings.

use super::inputs::Inputs;
use super::message::{Found, Small};
use super::state::{Entry, State};
use serde_json::Value;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of findings with one signature that are written. Further ones are only counted.
const WRITTEN: usize = 3;

/// The part of a campaign that its jobs share.
pub(super) struct Shared<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) directory: &'a Path,
    pub(super) print: &'a (dyn Fn(&str) + Sync),
    /// Set when a limit of the campaign is reached, or a job has failed: no further input is begun.
    stop: AtomicBool,
    /// Set when the user wants the campaign to end at once.
    pub(super) interrupt: &'a AtomicBool,
    state: Mutex<State>,
}

impl<'a> Shared<'a> {
    pub(super) fn new(
        state: State,
        inputs: &'a Inputs,
        directory: &'a Path,
        print: &'a (dyn Fn(&str) + Sync),
        interrupt: &'a AtomicBool,
    ) -> Shared<'a> {
        Shared { inputs, directory, print, stop: AtomicBool::new(false), interrupt, state: Mutex::new(state) }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A count that a panic cut short is not worth the end of the campaign.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn into_state(self) -> State {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupt.load(Ordering::Relaxed)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.is_interrupted()
    }

    /// Takes the next inputs of the queue for one of this many jobs.
    pub(super) fn take(&self, job: usize, jobs: usize, limit: Option<u64>) -> Option<Range<u64>> {
        if self.is_stopped() { None } else { self.state().queue.take(job, jobs, limit) }
    }

    /// Gives back what a job has not checked.
    pub(super) fn give_back(&self, job: usize) {
        self.state().queue.give_back(job);
    }

    /// Counts the next input of a job.
    pub(super) fn count(&self, job: usize, counts: Value, processor: u64) {
        let mut state = self.state();
        state.count(counts, processor);
        state.queue.advance(job);
    }

    /// Counts a finding, and writes it if it is one of the first with its signature. Returns whether it is the first.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub(super) fn record(&self, number: u64, found: &Found, is_loss: bool) -> io::Result<bool> {
        let mut state = self.state();
        let is_new = !state.findings.contains_key(&found.signature);
        state.note_new(u64::from(is_new));
        let entry = state.findings.entry(found.signature.clone()).or_default();
        entry.count += 1;
        entry.is_loss = is_loss;
        let is_first = entry.count == 1;
        if !choose(entry, number, |highest| self.remove_files(highest, &["input", "wast", "txt"]))? {
            return Ok(false);
        }
        fs::write(self.path(number, "input"), self.inputs.get(number))?;
        let readable = match &found.script {
            Some(script) => self.write(number, "wast", script)?,
            None => self.write(number, "txt", &format!("{}\n", found.details))?,
        };
        let Found { signature, summary, .. } = found;
        (self.print)(&format!("{signature}\n{summary}\n  {}", readable.display()));
        Ok(is_first)
    }

    /// Notes whether a finding repeats.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub(super) fn note_repetition(&self, number: u64, signature: &str, repeats: bool) -> io::Result<()> {
        let mut state = self.state();
        if let Some(entry) = state.findings.get_mut(signature) {
            entry.repeats = Some(repeats);
        }
        if !repeats {
            let message = format!("input {number} does not show it again, alone in a fresh process: {signature}");
            self.write(number, "unrepeated", &format!("{message}\n"))?;
            (self.print)(&message);
        }
        Ok(())
    }

    /// Writes the script and the program of a smaller finding, and notes its cause.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub(super) fn add_small(&self, number: u64, small: &Small) -> io::Result<()> {
        self.write_small(number, small)?;
        self.state().note_cause(number, small.cause.clone());
        Ok(())
    }

    /// Writes the script and the program of a smaller finding.
    ///
    /// # Errors
    ///
    /// A file cannot be written.
    pub(super) fn write_small(&self, number: u64, small: &Small) -> io::Result<()> {
        if let Some(script) = &small.script {
            let path = self.write(number, "small.wast", script)?;
            (self.print)(&format!("a smaller script: {}", path.display()));
        }
        if let Some(program) = &small.program {
            self.write(number, "small.js", program)?;
        }
        Ok(())
    }

    /// Removes the files of a smaller finding, whose cause a lower input has too.
    ///
    /// # Errors
    ///
    /// A file cannot be removed.
    pub(super) fn remove_small(&self, number: u64) -> io::Result<()> {
        self.remove_files(number, &["small.wast", "small.js"])
    }

    /// Returns the path of a file about an input.
    fn path(&self, number: u64, extension: &str) -> PathBuf {
        self.directory.join(format!("{:016x}-{number}.{extension}", self.inputs.seed))
    }

    fn write(&self, number: u64, extension: &str, text: &str) -> io::Result<PathBuf> {
        let path = self.path(number, extension);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Removes the files about a finding, as far as there are any.
    fn remove_files(&self, number: u64, extensions: &[&str]) -> io::Result<()> {
        for extension in extensions {
            match fs::remove_file(self.path(number, extension)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Decides whether an input is written: the lowest ones are, in whatever order the jobs come to them. Removes one that
/// is written for it.
fn choose(entry: &mut Entry, number: u64, remove: impl FnOnce(u64) -> io::Result<()>) -> io::Result<bool> {
    if entry.written.len() < WRITTEN {
        return Ok(entry.written.insert(number));
    }
    let highest = entry.written.last().copied().filter(|&highest| highest > number);
    let Some(highest) = highest else { return Ok(false) };
    entry.written.remove(&highest);
    entry.written.insert(number);
    remove(highest)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_inputs_are_written_in_any_order() {
        for order in [[1, 2, 3, 4, 5], [5, 4, 3, 2, 1], [3, 5, 1, 4, 2]] {
            let (mut entry, mut files) = (Entry::default(), Vec::new());
            for number in order {
                let mut removed = None;
                let chosen = choose(&mut entry, number, |highest| {
                    removed = Some(highest);
                    Ok(())
                });
                if chosen.expect("nothing fails") {
                    files.push(number);
                }
                files.retain(|file| Some(*file) != removed);
            }
            files.sort_unstable();
            assert_eq!(files, [1, 2, 3]);
            assert_eq!(entry.written, [1, 2, 3].into());
        }
    }
}
