//! Calls into code that panics now and then, without a word on standard error.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static SILENT: Cell<bool> = const { Cell::new(false) };
}

/// Calls `function`, and returns `None` if it panics. The panic is not printed, and panics of other threads are.
pub(super) fn call<T>(function: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !SILENT.get() {
                loud(panic);
            }
        }));
    });
    let before = SILENT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(function));
    SILENT.set(before);
    result.ok()
}

/// Calls `function` from within [`call`] so that its panics are printed: they are not those that were expected.
pub(super) fn aloud<T>(function: impl FnOnce() -> T) -> T {
    let before = SILENT.replace(false);
    let result = function();
    SILENT.set(before);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_the_thread_is_loud_again() {
        assert_eq!(call(|| 5), Some(5));
        assert_eq!(call(|| assert!(SILENT.get())), Some(()));
        assert_eq!(call(|| -> i32 { panic!("nobody reads this") }), None);
        assert!(!SILENT.get());
        assert_eq!(call(|| aloud(|| SILENT.get())), Some(false));
    }
}
