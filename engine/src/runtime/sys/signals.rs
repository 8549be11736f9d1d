//! Unix signals: the handlers for faults, and an alternate stack for each thread that runs compiled code.
//!
//! The handlers are installed once and stay. A fault that is not ours goes to the handler that was there before, on the
//! stack and under the signal mask that it asked for. The default action is taken by reinstating it and letting the
//! instruction fault again, so that the process dies of the right signal at the right place.

use super::{Mapping, arch, context};
use crate::base::{Error, ErrorKind, Result};
use crate::unwind::frame::Registers;
use core::cell::OnceCell;
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr::{null, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering};
use libc::{siginfo_t, sigset_t, ucontext_t};
use std::io;
use std::sync::OnceLock;

/// Decides about a fault: the registers to go on with, or `None` if it is not ours. Runs in a signal handler.
pub(crate) type OnFault = fn(&Registers) -> Option<Registers>;

/// Out-of-bounds accesses, `ud2`, and division.
const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// What stood there before us, by position in [`SIGNALS`]. Set before our handler is, and never freed, because a
/// handler on another thread may be reading it.
static PREVIOUS: [AtomicPtr<libc::sigaction>; SIGNALS.len()] = [const { AtomicPtr::new(null_mut()) }; SIGNALS.len()];

/// Takes the place of a previous handler that asked to be called once: a handler must not allocate.
static DEFAULT: libc::sigaction = default_action();

/// Set before the first handler is installed.
static ON_FAULT: OnceLock<OnFault> = OnceLock::new();

/// Bytes of a thread's alternate stack. The standard library's own, about 12 KB, is too small to unwind on.
const ALTERNATE_STACK: usize = 256 * 1024;

/// Installs the handlers; later calls do nothing.
pub(crate) fn install(on_fault: OnFault) -> Result<()> {
    static INSTALLED: OnceLock<Result<(), io::ErrorKind>> = OnceLock::new();
    let install = || {
        ON_FAULT.get_or_init(|| on_fault);
        (0..SIGNALS.len()).try_for_each(install_at).map_err(|error| error.kind())
    };
    INSTALLED.get_or_init(install).map_err(|error| {
        Error::new(ErrorKind::Resource, format!("cannot install the signal handlers that traps need: {error}"))
    })
}

/// Installs the handler for `SIGNALS[position]`.
fn install_at(position: usize) -> io::Result<()> {
    let signal = SIGNALS[position];
    // The previous action is known before ours is in force: another thread may fault at once.
    remember(position, set_action(signal, None)?);
    let mut ours = default_action();
    ours.sa_sigaction = handler as *const () as usize;
    ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    remember(position, set_action(signal, Some(&ours))?);
    Ok(())
}

fn remember(position: usize, action: libc::sigaction) {
    PREVIOUS[position].store(Box::into_raw(Box::new(action)), Ordering::Release);
}

/// Returns the action for a signal, and replaces it if there is a new one.
fn set_action(signal: c_int, new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let mut old = MaybeUninit::uninit();
    let new = new.map_or(null(), |new| new as *const _);
    // SAFETY: `new` is null or an action, and the call writes the old action if it succeeds.
    match unsafe { libc::sigaction(signal, new, old.as_mut_ptr()) } {
        // SAFETY: the call succeeded.
        0 => Ok(unsafe { old.assume_init() }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `SIG_DFL`, no flags, nothing masked.
const fn default_action() -> libc::sigaction {
    // SAFETY: all zeroes is a valid `sigaction`: an empty mask, no flags, and `SIG_DFL`, which is zero.
    unsafe { core::mem::zeroed() }
}

/// The handler. It runs on the alternate stack of a thread that has run compiled code, and elsewhere on whatever stack
/// the thread has for signals.
unsafe extern "C" fn handler(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes both to a handler that has SA_SIGINFO, and nothing else uses them meanwhile.
    let (fault, interrupted) = unsafe { ((*info).si_code > 0, &mut *context.cast::<ucontext_t>()) };
    // A positive code says that an instruction faulted: a signal that a process sent is never a trap.
    let resumed =
        fault.then(|| ON_FAULT.get()).flatten().and_then(|on_fault| on_fault(&context::registers(interrupted)));
    match resumed {
        Some(registers) => context::resume(interrupted, registers),
        // SAFETY: the arguments are those of this handler.
        None => unsafe { chain(&Delivery { signal, info, context }, fault) },
    }
}

/// What the kernel hands to a handler.
struct Delivery {
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
}

/// Does what would have happened without our handler.
///
/// # Safety
/// Called by the handler with its own arguments, and the handler returns afterwards.
unsafe fn chain(delivery: &Delivery, fault: bool) {
    let position = SIGNALS.iter().position(|&signal| signal == delivery.signal).unwrap_or(0);
    let previous = PREVIOUS[position].load(Ordering::Acquire);
    // SAFETY: `install_at` stored it before it installed the handler, and it is never freed.
    let previous = unsafe { &*previous };
    match previous.sa_sigaction {
        // The kernel does not let a thread ignore a fault.
        libc::SIG_IGN if !fault => {}
        libc::SIG_IGN | libc::SIG_DFL => die(delivery.signal, fault),
        _ => {
            if previous.sa_flags & libc::SA_RESETHAND != 0 {
                PREVIOUS[position].store((&raw const DEFAULT).cast_mut(), Ordering::Release);
            }
            mask(&previous.sa_mask, libc::SIG_BLOCK);
            if previous.sa_flags & libc::SA_NODEFER != 0 {
                mask(&only(delivery.signal), libc::SIG_UNBLOCK);
            }
            // SAFETY: as for this function; the mask and the alternate stack are restored when our handler returns.
            unsafe { run(previous, delivery) };
        }
    }
}

/// Reinstates the default action, which comes when the faulting instruction runs again, or, for a signal that a process
/// sent, when it is unblocked on return.
fn die(signal: c_int, fault: bool) {
    // Nothing is left to do if this fails; the fault then comes back here.
    let _ = set_action(signal, Some(&default_action()));
    if !fault {
        // SAFETY: sends a signal to this thread.
        unsafe { libc::raise(signal) };
    }
}

fn only(signal: c_int) -> sigset_t {
    let mut set = default_action().sa_mask;
    // SAFETY: the set is initialized and the signal a valid one.
    unsafe { libc::sigaddset(&mut set, signal) };
    set
}

/// Changes this thread's signal mask until the handler returns: the kernel then restores the interrupted one.
fn mask(set: &sigset_t, how: c_int) {
    // SAFETY: the set is initialized; the old one is not asked for.
    unsafe { libc::pthread_sigmask(how, set, null_mut()) };
}

/// Calls a previous handler: on the interrupted stack unless it asked for the alternate one.
///
/// # Safety
/// As for [`chain`]; `previous` holds a function.
unsafe fn run(previous: &libc::sigaction, delivery: &Delivery) {
    let call = Call { previous, delivery };
    // SAFETY: the kernel's context, which nothing else uses now.
    let interrupted = unsafe { context::registers(&*delivery.context.cast::<ucontext_t>()) };
    let alternate = current_alternate_stack();
    let on_alternate = alternate.ss_flags & libc::SS_ONSTACK != 0;
    let start = alternate.ss_sp as usize;
    let was_on_alternate = (start..start + alternate.ss_size).contains(&(interrupted.sp as usize));
    let argument = (&raw const call).cast_mut().cast();
    if previous.sa_flags & libc::SA_ONSTACK == 0 && on_alternate && !was_on_alternate {
        // SAFETY: below the red zone of the interrupted code its stack is free; if there is no room, then there would
        // have been none for the kernel either.
        unsafe { arch::call_on_stack(arch::below_red_zone(interrupted.sp), run_off_alternate_stack, argument) };
    } else {
        // SAFETY: as for this function.
        unsafe { call_handler(argument) };
    }
}

/// A call of a previous handler.
struct Call<'a> {
    previous: &'a libc::sigaction,
    delivery: &'a Delivery,
}

/// [`call_handler`], when it runs on the interrupted stack: the alternate one still holds our frames and the kernel's,
/// which a nested signal must not overwrite. The kernel puts it back in force when our handler returns.
unsafe extern "C" fn run_off_alternate_stack(call: *mut c_void) {
    disable_alternate_stack();
    // SAFETY: as for this function.
    unsafe { call_handler(call) };
}

/// Calls the handler that a [`Call`] describes.
unsafe extern "C" fn call_handler(call: *mut c_void) {
    // SAFETY: `run` passes a `Call` that lives across this call.
    let Call { previous, delivery } = unsafe { &*call.cast::<Call<'_>>() };
    let handler = previous.sa_sigaction;
    if previous.sa_flags & libc::SA_SIGINFO != 0 {
        // SAFETY: with this flag the action holds a function of three arguments.
        unsafe {
            let handler: unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = core::mem::transmute(handler);
            handler(delivery.signal, delivery.info, delivery.context);
        }
    } else {
        // SAFETY: without the flag it holds a function of one argument.
        unsafe {
            let handler: unsafe extern "C" fn(c_int) = core::mem::transmute(handler);
            handler(delivery.signal);
        }
    }
}

fn current_alternate_stack() -> libc::stack_t {
    let mut current = MaybeUninit::uninit();
    // SAFETY: only asks; cannot fail with a valid pointer.
    unsafe {
        libc::sigaltstack(null(), current.as_mut_ptr());
        current.assume_init()
    }
}

fn disable_alternate_stack() {
    let none = libc::stack_t { ss_sp: null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    // SAFETY: the calling thread does not stand on its alternate stack.
    unsafe { libc::sigaltstack(&none, null_mut()) };
}

/// This thread's alternate stack; a thread that already has one of at least the same size keeps it.
#[derive(Debug)]
struct AlternateStack(Option<Mapping>);

impl AlternateStack {
    fn install() -> Result<AlternateStack> {
        let current = current_alternate_stack();
        if current.ss_flags & libc::SS_DISABLE == 0 && current.ss_size >= ALTERNATE_STACK {
            return Ok(AlternateStack(None));
        }
        // The lowest page stays untouchable.
        let guard = rustix::param::page_size();
        let mapping = Mapping::reserve(guard + ALTERNATE_STACK)?;
        mapping.make_accessible(guard..mapping.len())?;
        let stack = libc::stack_t {
            ss_sp: mapping.as_ptr().wrapping_add(guard).cast(),
            ss_flags: 0,
            ss_size: mapping.len() - guard,
        };
        // SAFETY: the memory is accessible, and stays so until `drop` has taken the stack out of use.
        match unsafe { libc::sigaltstack(&stack, null_mut()) } {
            0 => Ok(AlternateStack(Some(mapping))),
            _ => Err(Error::new(ErrorKind::Resource, "cannot set an alternate signal stack")
                .with_source(io::Error::last_os_error())),
        }
    }
}

impl Drop for AlternateStack {
    /// Takes the stack out of use if it still is in use. The one before it is not put back: the standard library has
    /// freed its own by the time a thread's values are dropped.
    fn drop(&mut self) {
        let Some(mapping) = &self.0 else { return };
        let start = mapping.as_ptr() as usize;
        if (start..start + mapping.len()).contains(&(current_alternate_stack().ss_sp as usize)) {
            disable_alternate_stack();
        }
    }
}

/// Gives the calling thread a stack to handle faults on; later calls on this thread do nothing. It is freed when the
/// thread ends.
pub(crate) fn prepare_thread() -> Result<()> {
    thread_local! {
        static STACK: OnceCell<AlternateStack> = const { OnceCell::new() };
    }
    let prepare = |stack: &OnceCell<AlternateStack>| {
        if stack.get().is_none() {
            let _ = stack.set(AlternateStack::install()?);
        }
        Ok(())
    };
    // While the thread's values are dropped there is no alternate stack: the reserve below the stack limit must do.
    STACK.try_with(prepare).unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests {
    //! Handlers belong to the whole process, so each case runs in a child.

    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, ExitStatus, exit};

    /// Not zero: a child that runs no case must not look like a success.
    const SUCCESS: i32 = 57;

    const CASE: &str = "ENGINE_TEST_SIGNAL_CASE";

    /// Runs `child` with a case, in a process of its own.
    fn run_case(case: &str) -> ExitStatus {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "runtime::sys::signals::tests::child", "--nocapture"]).env(CASE, case);
        command.output().unwrap().status
    }

    #[test]
    fn the_default_action_kills() {
        assert_eq!(run_case("illegal, default").signal(), Some(libc::SIGILL));
        assert_eq!(run_case("sent, default").signal(), Some(libc::SIGFPE));
        assert_eq!(run_case("fault, standard library's handler").signal(), Some(libc::SIGSEGV));
    }

    #[test]
    fn only_sent_signals_can_be_ignored() {
        assert_eq!(run_case("sent, ignored").code(), Some(SUCCESS));
        assert_eq!(run_case("illegal, ignored").signal(), Some(libc::SIGILL));
    }

    #[test]
    fn a_previous_handler_gets_its_fault() {
        for case in ["information", "interrupted stack", "mask", "no defer", "reset"] {
            assert_eq!(run_case(case).code(), Some(SUCCESS), "{case}");
        }
    }

    #[test]
    fn a_previous_handler_may_return() {
        assert_eq!(run_case("returns").code(), Some(SUCCESS));
    }

    #[test]
    fn a_fault_that_is_ours_goes_on_elsewhere() {
        assert_eq!(run_case("ours").code(), Some(SUCCESS));
        assert_eq!(run_case("ours, sent").signal(), Some(libc::SIGILL), "a sent signal is never a trap");
    }

    #[test]
    fn alternate_stacks_end_with_their_threads() {
        let stack = std::thread::spawn(|| {
            prepare_thread().unwrap();
            prepare_thread().unwrap();
            let current = current_alternate_stack();
            assert_eq!(current.ss_size, ALTERNATE_STACK);
            current.ss_sp as usize
        });
        let stack = stack.join().unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(!maps.lines().any(|line| line.starts_with(&format!("{stack:x}-"))), "still mapped");
    }

    /// What the children run; nothing when it is not a child.
    #[test]
    fn child() {
        let Ok(case) = std::env::var(CASE) else { return };
        match case.as_str() {
            "illegal, default" => with_previous(libc::SIGILL, libc::SIG_DFL, 0, illegal),
            "sent, default" => with_previous(libc::SIGFPE, libc::SIG_DFL, 0, || send(libc::SIGFPE)),
            "fault, standard library's handler" => {
                prepare(|_| None);
                load_null();
            }
            "sent, ignored" => with_previous(libc::SIGFPE, libc::SIG_IGN, 0, || send(libc::SIGFPE)),
            "illegal, ignored" => with_previous(libc::SIGILL, libc::SIG_IGN, 0, illegal),
            "information" => previous_siginfo(check_information, libc::SA_ONSTACK, load_null),
            "interrupted stack" => previous_siginfo(check_stack, 0, load_null),
            "mask" => previous_siginfo(check_mask, libc::SA_ONSTACK, load_null),
            "no defer" => previous_siginfo(check_no_defer, libc::SA_ONSTACK | libc::SA_NODEFER, load_null),
            "reset" => previous_siginfo(check_reset, libc::SA_RESETHAND, load_null),
            "returns" => {
                with_previous(libc::SIGFPE, do_nothing as *const () as usize, 0, || send(libc::SIGFPE));
                assert_eq!(current_alternate_stack().ss_size, ALTERNATE_STACK, "back in force");
                send(libc::SIGFPE);
            }
            "ours" => {
                prepare(skip_two_bytes);
                illegal();
            }
            "ours, sent" => {
                prepare(skip_two_bytes);
                send(libc::SIGILL);
            }
            other => panic!("no case {other}"),
        }
        exit(SUCCESS);
    }

    fn prepare(on_fault: OnFault) {
        install(on_fault).unwrap();
        prepare_thread().unwrap();
    }

    fn with_previous(signal: c_int, handler: usize, flags: c_int, then: impl FnOnce()) {
        let mut action = default_action();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        action.sa_mask = only(libc::SIGUSR1);
        set_action(signal, Some(&action)).unwrap();
        prepare(|_| None);
        then();
    }

    type Handler = extern "C" fn(c_int, &siginfo_t, &ucontext_t);

    fn previous_siginfo(handler: Handler, flags: c_int, then: impl FnOnce()) {
        with_previous(libc::SIGSEGV, handler as *const () as usize, flags | libc::SA_SIGINFO, then);
        exit(1);
    }

    /// Ends the process, and says whether all is as expected.
    fn verdict(good: bool) -> ! {
        // SAFETY: ends the process without running anything.
        unsafe { libc::_exit(if good { SUCCESS } else { 2 }) }
    }

    extern "C" fn check_information(signal: c_int, info: &siginfo_t, _: &ucontext_t) {
        // SAFETY: this signal's information has an address.
        verdict(signal == libc::SIGSEGV && unsafe { info.si_addr() } as usize == NULL_ADDRESS)
    }

    extern "C" fn check_stack(_: c_int, _: &siginfo_t, context: &ucontext_t) {
        let local = core::hint::black_box([0u8; 16]);
        let local = core::ptr::from_ref(&local).addr() as u64;
        let interrupted = context::registers(context).sp;
        let disabled = current_alternate_stack().ss_flags & libc::SS_DISABLE != 0;
        verdict(local < interrupted && interrupted - local < 4096 && disabled)
    }

    extern "C" fn check_mask(_: c_int, _: &siginfo_t, _: &ucontext_t) {
        verdict(is_blocked(libc::SIGUSR1) && is_blocked(libc::SIGSEGV))
    }

    extern "C" fn check_no_defer(_: c_int, _: &siginfo_t, _: &ucontext_t) {
        verdict(!is_blocked(libc::SIGSEGV))
    }

    extern "C" fn check_reset(_: c_int, _: &siginfo_t, _: &ucontext_t) {
        let previous = PREVIOUS[0].load(Ordering::Acquire);
        // SAFETY: set when the handlers were installed, and never freed.
        verdict(unsafe { (*previous).sa_sigaction } == libc::SIG_DFL)
    }

    extern "C" fn do_nothing(_: c_int) {}

    fn is_blocked(signal: c_int) -> bool {
        let mut set = default_action().sa_mask;
        // SAFETY: asks for the mask, then for a member.
        unsafe {
            libc::pthread_sigmask(libc::SIG_BLOCK, null(), &mut set);
            libc::sigismember(&set, signal) == 1
        }
    }

    fn skip_two_bytes(registers: &Registers) -> Option<Registers> {
        Some(Registers { pc: registers.pc + 2, ..*registers })
    }

    /// In the first page, which is never mapped.
    const NULL_ADDRESS: usize = 0x18;

    fn load_null() {
        // SAFETY: faults, which is what the case is about.
        unsafe { core::arch::asm!("mov {0}, [{0}]", inout(reg) NULL_ADDRESS => _) };
    }

    /// `ud2` has two bytes.
    fn illegal() {
        // SAFETY: faults; a handler that goes on behind it clears rax and rdx.
        unsafe { core::arch::asm!("ud2", out("rax") _, out("rdx") _) };
    }

    fn send(signal: c_int) {
        // SAFETY: sends a signal to this thread.
        unsafe { libc::raise(signal) };
    }
}
