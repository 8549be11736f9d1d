//! Linux: sealed memory files, the bounds of a thread's stack, and the platform's unwinder.

use core::mem::MaybeUninit;
use core::ops::Range;
use rustix::fs::{MemfdFlags, SealFlags};
use std::fs::File;
use std::io;

/// Creates a file in memory with the bytes that `fill` writes. Nobody can change it afterwards, not even this process.
///
/// # Errors
/// The error of `fill` or of the system, for example when too many files are open.
pub(crate) fn sealed_file(fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(rustix::fs::memfd_create(c"artifact", flags)?);
    fill(&mut file)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    Ok(file)
}

/// Returns the addresses of the calling thread's stack, without its guard; `None` if the system does not know them.
pub(crate) fn stack_bounds() -> Option<Range<usize>> {
    let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut base, mut size) = (core::ptr::null_mut(), 0);
    // SAFETY: the attributes are initialized by the first call, read by the second if it went well, and destroyed once.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let failed = libc::pthread_attr_getstack(attributes.as_ptr(), &mut base, &mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if failed != 0 {
            return None;
        }
    }
    let start = base as usize;
    Some(start..start.checked_add(size)?)
}

/// The registration of frame tables with the platform's unwinder, which forgets them on drop.
#[derive(Debug)]
pub(crate) struct UnwindRegistration(#[cfg(target_env = "gnu")] Option<usize>);

#[cfg(target_env = "gnu")]
mod frames {
    //! libgcc takes a whole `.eh_frame` section, up to its terminator, and sorts it at the first lookup.

    use super::UnwindRegistration;

    unsafe extern "C" {
        fn __register_frame(begin: *const u8);
        fn __deregister_frame(begin: *const u8);
    }

    impl UnwindRegistration {
        /// Tells the platform's unwinder about an `.eh_frame` section.
        ///
        /// # Safety
        /// The section is well formed, ends with a zero length, and outlives the result unchanged; its records
        /// describe mapped code.
        pub(crate) unsafe fn new(eh_frame: &[u8]) -> UnwindRegistration {
            // libgcc must not be given a table without records.
            if eh_frame.len() < 8 || eh_frame.starts_with(&[0; 4]) {
                return UnwindRegistration(None);
            }
            // SAFETY: the caller vouches for the section.
            unsafe { __register_frame(eh_frame.as_ptr()) };
            UnwindRegistration(Some(eh_frame.as_ptr() as usize))
        }
    }

    impl Drop for UnwindRegistration {
        fn drop(&mut self) {
            if let Some(begin) = self.0 {
                // SAFETY: registered in `new`, once, and still mapped.
                unsafe { __deregister_frame(begin as *const u8) };
            }
        }
    }
}

#[cfg(not(target_env = "gnu"))]
impl UnwindRegistration {
    /// Does nothing: LLVM's unwinder takes single records, and walks through compiled frames are not promised there.
    ///
    /// # Safety
    /// None is needed here; see the other variant.
    pub(crate) unsafe fn new(_eh_frame: &[u8]) -> UnwindRegistration {
        UnwindRegistration()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    #[test]
    fn sealed_files_do_not_change() {
        let mut file = sealed_file(|file| file.write_all(b"artifact")).unwrap();
        file.rewind().unwrap();
        assert!(file.write_all(b"A").is_err());
        assert!(file.set_len(1).is_err());
        assert!(file.set_len(100).is_err());
        assert_eq!(file.metadata().unwrap().len(), 8);
    }

    #[test]
    fn each_thread_has_its_own_stack() {
        let here = stack_bounds().unwrap();
        let other = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
            let bounds = stack_bounds().unwrap();
            let local = 0u8;
            assert!(bounds.contains(&core::ptr::from_ref(&local).addr()));
            bounds
        });
        let other = other.unwrap().join().unwrap();
        assert!(other.end <= here.start || here.end <= other.start);
        assert!(other.len() >= 1 << 20);
    }
}
