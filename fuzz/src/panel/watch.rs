//! The lane that is running, for whoever must say so when it does not come back.

use std::sync::OnceLock;

type Observer = Box<dyn Fn(&str) + Send + Sync>;

static OBSERVER: OnceLock<Observer> = OnceLock::new();

/// Calls `observer` with the name of each lane that begins to run a case, and with an empty name when none runs any
/// more. Only the first observer of a process is called.
pub fn observe(observer: impl Fn(&str) + Send + Sync + 'static) {
    let _ = OBSERVER.set(Box::new(observer));
}

/// Tells the observer that a lane begins.
pub(crate) fn enter(lane: &str) {
    if let Some(observer) = OBSERVER.get() {
        observer(lane);
    }
}
