//! A timer of a thread's processor time, whose signal interrupts the thread.

use super::context;
use super::signals::{change_mask, default_action, is_on_alternate_stack, set_action, set_of};
use crate::base::{Error, ErrorKind, Result};
use crate::unwind::frame::Registers;
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::mem::zeroed;
use core::ptr::{from_ref, null_mut};
use core::time::Duration;
use libc::{siginfo_t, sigset_t, timer_t, ucontext_t};
use std::io;
use std::sync::OnceLock;

/// Looks at the interrupted thread. The registers are `None` if the thread handles a fault. Runs in a signal handler
/// that may have interrupted anything, the allocator too.
pub(crate) type OnTick = fn(Option<&Registers>);

static ON_TICK: OnceLock<OnTick> = OnceLock::new();

/// The signal of the timers, which profilers use by custom.
const SIGNAL: c_int = libc::SIGPROF;

/// Ticks of the thread that started them, until this is dropped.
pub(crate) struct Ticks {
    timer: timer_t,
    /// The signals that were blocked before.
    mask: sigset_t,
    /// The timer is of one thread, and so is the mask.
    _one_thread: PhantomData<*mut ()>,
}

impl Ticks {
    /// Starts ticks of the calling thread, each after an interval of its processor time.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if something else handles the signal, or if the system refuses the timer.
    pub(crate) fn start(interval: Duration, on_tick: OnTick) -> Result<Ticks> {
        let refused = |error: io::Error| {
            Error::new(ErrorKind::Resource, format!("cannot start a timer for profiles: {error}")).with_source(error)
        };
        install(on_tick).map_err(refused)?;
        // SAFETY: all zeroes is a valid value of this plain structure.
        let mut event: libc::sigevent = unsafe { zeroed() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = SIGNAL;
        // Tells our timers from those of others.
        event.sigev_value.sival_ptr = from_ref(&ON_TICK).cast_mut().cast();
        // SAFETY: returns the number of this thread.
        event.sigev_notify_thread_id = unsafe { libc::gettid() };
        let mut timer = null_mut();
        // SAFETY: reads the event and writes the timer.
        if unsafe { libc::timer_create(libc::CLOCK_THREAD_CPUTIME_ID, &mut event, &mut timer) } != 0 {
            return Err(refused(io::Error::last_os_error()));
        }
        let ticks = Ticks { timer, mask: change_mask(&set_of(&[SIGNAL]), libc::SIG_UNBLOCK), _one_thread: PhantomData };
        let seconds = interval.as_secs().try_into().unwrap_or(libc::time_t::MAX);
        let every = libc::timespec { tv_sec: seconds, tv_nsec: interval.subsec_nanos().into() };
        let times = libc::itimerspec { it_interval: every, it_value: every };
        // SAFETY: the timer was made above.
        match unsafe { libc::timer_settime(timer, 0, &times, null_mut()) } {
            0 => Ok(ticks),
            _ => Err(refused(io::Error::last_os_error())),
        }
    }
}

impl Drop for Ticks {
    fn drop(&mut self) {
        // SAFETY: the timer was made by `start`, and nobody else has it.
        unsafe { libc::timer_delete(self.timer) };
        change_mask(&self.mask, libc::SIG_SETMASK);
    }
}

/// Installs the handler; later calls do nothing.
///
/// # Errors
/// The system refuses it, or somebody else handles the signal.
fn install(on_tick: OnTick) -> io::Result<()> {
    let current = set_action(SIGNAL, None)?;
    let ours = handler as *const () as usize;
    match current.sa_sigaction {
        action if action == ours => return Ok(()),
        libc::SIG_DFL | libc::SIG_IGN => {}
        _ => return Err(io::Error::other("another profiler of this process handles SIGPROF")),
    }
    ON_TICK.get_or_init(|| on_tick);
    let mut action = default_action();
    action.sa_sigaction = ours;
    // The alternate stack: the thread may be near the end of its own.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    set_action(SIGNAL, Some(&action)).map(drop)
}

unsafe extern "C" fn handler(_signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes both to a handler that has SA_SIGINFO, and nothing else uses them meanwhile.
    let (info, interrupted) = unsafe { (&*info, &*context.cast::<ucontext_t>()) };
    // SAFETY: signals of timers have a value, and so have those that a process sends with one.
    let is_ours =
        info.si_code == libc::SI_TIMER && unsafe { info.si_value() }.sival_ptr == from_ref(&ON_TICK).cast_mut().cast();
    let Some(on_tick) = ON_TICK.get().filter(|_| is_ours) else { return };
    let registers = context::registers(interrupted);
    // SAFETY: the errno of this thread, which the interrupted code may be about to read.
    let errno = unsafe { *libc::__errno_location() };
    on_tick(Some(&registers).filter(|registers| !is_on_alternate_stack(registers.sp)));
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}
