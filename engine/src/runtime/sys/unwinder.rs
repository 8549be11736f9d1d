//! The platform's unwinder: libgcc's, or LLVM's where that takes its place.

#[cfg(feature = "probes")]
use core::ffi::c_int;
use core::ffi::{CStr, c_void};
#[cfg(feature = "probes")]
use core::ops::ControlFlow;
use std::sync::OnceLock;

unsafe extern "C" {
    fn __register_frame(begin: *const u8);
    fn __deregister_frame(begin: *const u8);
}

/// A function that takes the start of an `.eh_frame` section.
type TakesSection = unsafe extern "C" fn(*const u8);

/// The registration of frame tables with the platform's unwinder, which forgets them on drop.
#[derive(Debug)]
pub(crate) struct UnwindRegistration(Option<usize>);

impl UnwindRegistration {
    /// Tells the platform's unwinder about an `.eh_frame` section.
    ///
    /// # Safety
    /// The section is well formed, ends with a zero length, and outlives the result unchanged; its records describe
    /// mapped code.
    pub(crate) unsafe fn new(eh_frame: &[u8]) -> UnwindRegistration {
        // libgcc must not be given a table without records, which is its terminator alone. Its length shows that: to
        // read a byte would cost a page fault.
        if eh_frame.len() <= 4 {
            return UnwindRegistration(None);
        }
        // libgcc takes a whole section, and sorts it at the first lookup.
        let register = llvm().map_or(__register_frame as TakesSection, |(register, _)| register);
        // SAFETY: the caller vouches for the section.
        unsafe { register(eh_frame.as_ptr()) };
        UnwindRegistration(Some(eh_frame.as_ptr() as usize))
    }
}

impl Drop for UnwindRegistration {
    fn drop(&mut self) {
        if let Some(begin) = self.0 {
            let deregister = llvm().map_or(__deregister_frame as TakesSection, |(_, deregister)| deregister);
            // SAFETY: registered in `new`, once, and still mapped.
            unsafe { deregister(begin as *const u8) };
        }
    }
}

/// Returns the functions by which LLVM's unwinder takes and forgets a section, if it is the platform's: its
/// `__register_frame` takes a single record. A program may hold both unwinders. Then the one that `__register_frame`
/// belongs to walks through its frames.
fn llvm() -> Option<(TakesSection, TakesSection)> {
    static FOUND: OnceLock<Option<(TakesSection, TakesSection)>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let find = |name: &CStr| {
            // SAFETY: the name is a string.
            let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
            let used = object_of(__register_frame as *const c_void)?.dli_fbase;
            if found.is_null() || object_of(found)?.dli_fbase != used {
                return None;
            }
            // SAFETY: LLVM declares both functions with this type.
            Some(unsafe { core::mem::transmute::<*mut c_void, TakesSection>(found) })
        };
        Some((find(c"__unw_add_dynamic_eh_frame_section")?, find(c"__unw_remove_dynamic_eh_frame_section")?))
    })
}

/// Returns whether the platform's unwinder is LLVM's.
#[cfg(feature = "probes")]
pub(crate) fn is_llvm_unwinder() -> bool {
    llvm().is_some()
}

/// Returns the object file that an address belongs to.
fn object_of(address: *const c_void) -> Option<libc::Dl_info> {
    let mut info = core::mem::MaybeUninit::uninit();
    // SAFETY: the address is only compared, and the result is written.
    let found = unsafe { libc::dladdr(address, info.as_mut_ptr()) };
    // SAFETY: `dladdr` has filled it in.
    (found != 0).then(|| unsafe { info.assume_init() })
}

#[cfg(feature = "probes")]
unsafe extern "C" {
    fn _Unwind_Backtrace(trace: extern "C" fn(*mut c_void, *mut c_void) -> c_int, argument: *mut c_void) -> c_int;
    fn _Unwind_GetIPInfo(context: *mut c_void, is_instruction: *mut c_int) -> usize;
}

/// Walks the stack of this thread with the platform's unwinder, the innermost frame first. `visit` gets the program
/// counter of each frame, and whether it is that of an instruction that a signal interrupted instead of a return
/// address.
#[cfg(feature = "probes")]
pub(crate) fn walk_natively(mut visit: impl FnMut(u64, bool) -> ControlFlow<()>) {
    extern "C" fn trace<V: FnMut(u64, bool) -> ControlFlow<()>>(context: *mut c_void, visit: *mut c_void) -> c_int {
        /// `_URC_NO_REASON`: the walk goes on.
        const GO_ON: c_int = 0;
        /// `_URC_END_OF_STACK`: any other value ends the walk.
        const END: c_int = 5;
        let mut is_instruction = 0;
        // SAFETY: the unwinder passes its context.
        let pc = unsafe { _Unwind_GetIPInfo(context, &mut is_instruction) };
        // SAFETY: the pointer that `_Unwind_Backtrace` was given, to a function that is not used otherwise.
        let visit = unsafe { &mut *visit.cast::<V>() };
        if visit(pc as u64, is_instruction != 0).is_break() { END } else { GO_ON }
    }
    fn start<V: FnMut(u64, bool) -> ControlFlow<()>>(visit: &mut V) {
        // SAFETY: `trace` has the type of such a function, and `visit` lives until the walk ends.
        unsafe { _Unwind_Backtrace(trace::<V>, core::ptr::from_mut(visit).cast()) };
    }
    start(&mut visit);
}

/// Returns the path of the library that holds the platform's unwinder.
#[cfg(feature = "probes")]
pub(crate) fn unwinder_path() -> String {
    let info = object_of(_Unwind_Backtrace as *const c_void);
    let name = info.map(|info| info.dli_fname).filter(|name| !name.is_null());
    // SAFETY: the name of an object that is loaded is a string.
    name.map_or_else(String::new, |name| unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
}
