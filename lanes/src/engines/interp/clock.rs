//! The clock of time limits: a thread that advances the epochs of engines.

use interpreter::Engine;
use std::sync::{Arc, Mutex, Once, PoisonError, Weak};
use std::time::Duration;

/// The time from one epoch to the next.
const TICK: Duration = Duration::from_millis(50);

/// The engines whose epochs advance.
static WATCHED: Mutex<Vec<Weak<Engine>>> = Mutex::new(Vec::new());

/// Returns the number of epochs after which at least this time has passed.
pub(super) fn ticks(time: Duration) -> u64 {
    // The first tick comes at any time.
    u64::try_from(time.as_nanos().div_ceil(TICK.as_nanos())).unwrap_or(u64::MAX).saturating_add(1)
}

/// Lets the epoch of an engine advance as long as someone holds the engine.
pub(super) fn watch(engine: &Arc<Engine>) {
    static START: Once = Once::new();
    START.call_once(|| _ = std::thread::spawn(advance));
    // Engines are pushed and removed whole: a panic leaves nothing half-done.
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(engine));
}

fn advance() {
    loop {
        std::thread::sleep(TICK);
        let mut watched = WATCHED.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|engine| {
            engine.upgrade().is_some_and(|engine| {
                engine.increment_epoch();
                true
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_ends_too_early() {
        assert_eq!(ticks(Duration::ZERO), 1);
        assert_eq!(ticks(TICK), 2);
        assert_eq!(ticks(TICK + Duration::from_nanos(1)), 3);
        assert_eq!(ticks(Duration::MAX), u64::MAX);
    }
}
