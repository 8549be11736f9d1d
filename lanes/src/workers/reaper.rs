//! The reaper: a process that ends what this one leaves behind, however this one ends.
//!
//! Workers, and whoever runs whole scripts, have process groups of their own, which hold all that they start. The
//! reaper is told each group, over its standard input. When that ends, because this process has, it kills the groups
//! that are left.

use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::HashSet;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The running reaper, and the number of a child's group for each that it watches.
#[derive(Debug)]
pub struct Reaper {
    child: Child,
    /// `None` once the reaper is to end.
    input: Mutex<Option<ChildStdin>>,
}

impl Reaper {
    /// Starts the reaper: this program, which calls [`reap`] when its only argument is `reaper`.
    ///
    /// # Errors
    ///
    /// The process cannot be started.
    pub fn start(program: &Path) -> io::Result<Reaper> {
        let mut command = Command::new(program);
        // A signal from the terminal must not end it before this process.
        command.arg("reaper").stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
        let mut child = command.spawn()?;
        let input = Mutex::new(child.stdin.take());
        Ok(Reaper { child, input })
    }

    /// Has the group of a child killed if this process ends.
    pub fn watch(&self, child: &Child) {
        self.tell('+', child);
    }

    /// Kills what is left of the group of a child, and forgets it. The child must not have been waited for, unless
    /// nothing else has: its number stands for the group.
    pub fn end(&self, child: &Child) {
        // This fails only if nothing of the group is left.
        let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
        self.tell('-', child);
    }

    fn tell(&self, sign: char, child: &Child) {
        if let Some(input) = &mut *self.input.lock().unwrap_or_else(PoisonError::into_inner) {
            // Somebody may have killed the reaper. The run goes on without it.
            let _ = input.write_all(format!("{sign}{}\n", child.id()).as_bytes());
        }
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        *self.input.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let _ = self.child.wait();
    }
}

/// Serves as the reaper of the process at the other end of standard input.
///
/// # Errors
///
/// Standard input fails.
pub fn reap() -> io::Result<()> {
    let mut groups = HashSet::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        match (line.get(..1), line.get(1..).and_then(|number| number.parse::<i32>().ok())) {
            (Some("+"), Some(group)) => groups.insert(group),
            (Some("-"), Some(group)) => groups.remove(&group),
            _ => false,
        };
    }
    for group in groups.into_iter().filter_map(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    Ok(())
}
