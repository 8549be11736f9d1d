//! The result of the checks of a module description.

/// `Ok`, or a message that says what is wrong.
pub(super) type Checked = Result<(), String>;

/// Returns `Ok` if `good`, and `what` is wrong otherwise.
pub(super) fn require(good: bool, what: &str) -> Checked {
    if good { Ok(()) } else { Err(what.to_owned()) }
}
