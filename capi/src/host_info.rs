//! Data of the program that objects and functions carry, with the function that frees it.

use core::ffi::c_void;
use std::sync::Mutex;

/// A function of the program that frees its data.
pub type Finalizer = extern "C" fn(*mut c_void);

/// Data of the program. Dropping it calls the finalizer.
pub struct HostInfo {
    data: *mut c_void,
    finalizer: Option<Finalizer>,
}

// SAFETY: the library only keeps the address. A program that moves a store to another thread answers for its data.
unsafe impl Send for HostInfo {}
// SAFETY: `&HostInfo` allows reading the address only.
unsafe impl Sync for HostInfo {}

/// The place for the data of one object.
pub(crate) type Slot = Mutex<Option<HostInfo>>;

impl HostInfo {
    pub(crate) fn new(data: *mut c_void, finalizer: Option<Finalizer>) -> HostInfo {
        HostInfo { data, finalizer }
    }

    /// Returns the address of the data.
    pub(crate) fn data(&self) -> *mut c_void {
        self.data
    }
}

impl Drop for HostInfo {
    fn drop(&mut self) {
        if let Some(finalizer) = self.finalizer {
            finalizer(self.data);
        }
    }
}
