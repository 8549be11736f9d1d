//! The watchdog of a worker: it ends the process when an input takes too long or too much memory.

use super::message::{Answer, Loss, LossKind};
use super::worker::end_with;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The time between two looks.
const INTERVAL: Duration = Duration::from_millis(20);

/// The limits of one input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The time, in all lanes together.
    pub time: Duration,
    /// The bytes of memory of the worker and of the engines that it started.
    pub memory: u64,
}

/// Watches the input that is being checked.
pub(super) struct Watchdog {
    limits: Limits,
    running: Mutex<Option<Running>>,
    /// The memory at the last look.
    resident: AtomicU64,
}

struct Running {
    number: u64,
    began: Instant,
    lane: Option<String>,
}

impl Watchdog {
    pub(super) fn new(limits: Limits) -> Watchdog {
        Watchdog { limits, running: Mutex::new(None), resident: AtomicU64::new(0) }
    }

    /// Notes that the check of an input begins.
    pub(super) fn begin(&self, number: u64) {
        *self.lock() = Some(Running { number, began: Instant::now(), lane: None });
    }

    /// Notes that a lane begins.
    pub(super) fn enter(&self, lane: &str) {
        if let Some(running) = &mut *self.lock() {
            running.lane = Some(lane.to_string()).filter(|lane| !lane.is_empty());
        }
    }

    /// Notes that the check is over. Returns the last lane.
    pub(super) fn end(&self) -> Option<String> {
        self.lock().take().and_then(|running| running.lane)
    }

    /// Returns whether the process has grown to half of its limit. It is replaced then, so that a slow leak is not
    /// taken for a blow-up.
    pub(super) fn is_full(&self) -> bool {
        self.resident.load(Ordering::Relaxed) > self.limits.memory / 2
    }

    /// Looks at the process from time to time, and ends it if it must.
    pub(super) fn watch(&self) {
        loop {
            thread::sleep(INTERVAL);
            let resident = resident();
            self.resident.store(resident, Ordering::Relaxed);
            // The lock is held while the answer is written, so that the worker cannot report the same input as checked.
            let mut running = self.lock();
            if let Some((kind, message)) = running.as_ref().and_then(|running| self.exceeded(running, resident))
                && let Some(Running { number, lane, .. }) = running.take()
            {
                let loss = Loss { kind, lane, location: None, message };
                let _ = end_with(&Answer::Lost { number, loss });
                // Nobody listens.
                std::process::exit(1);
            }
        }
    }

    /// Returns which limit the input exceeds.
    fn exceeded(&self, running: &Running, resident: u64) -> Option<(LossKind, String)> {
        const MIB: u64 = 1 << 20;
        if resident > self.limits.memory {
            let (resident, limit) = (resident / MIB, self.limits.memory / MIB);
            return Some((LossKind::OutOfMemory, format!("{resident} MiB, more than the limit of {limit} MiB")));
        }
        (running.began.elapsed() >= self.limits.time).then(|| {
            let limit = self.limits.time.as_secs_f64();
            (LossKind::TimedOut, format!("still running after {limit} s"))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the bytes of memory that this process and the engines that it started occupy; 0 where the system does not
/// tell.
fn resident() -> u64 {
    let own = resident_of("self");
    lanes::children::running()
        .into_iter()
        .map(|process| resident_of(&process.to_string()))
        .fold(own, u64::saturating_add)
}

fn resident_of(process: &str) -> u64 {
    let sizes = fs::read_to_string(format!("/proc/{process}/statm")).unwrap_or_default();
    let pages = sizes.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0);
    pages.saturating_mul(u64::try_from(rustix::param::page_size()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_measured() {
        let before = resident();
        assert!(before > 1 << 20, "{before}");
        let block = vec![1u8; 64 << 20];
        let after = resident();
        assert!(after > before + (32 << 20), "{before} {after} {}", block[1 << 20]);
    }

    #[test]
    fn limits_are_told_apart() {
        let watchdog = Watchdog::new(Limits { time: Duration::from_secs(1), memory: 100 << 20 });
        let since = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).expect("the machine is up");
        let exceeded = |seconds, mib: u64| {
            let running = Running { number: 0, began: since(seconds), lane: None };
            watchdog.exceeded(&running, mib << 20).map(|(kind, _)| kind)
        };
        assert_eq!(exceeded(0, 99), None);
        assert_eq!(exceeded(2, 99), Some(LossKind::TimedOut));
        assert_eq!(exceeded(0, 101), Some(LossKind::OutOfMemory));
    }
}
