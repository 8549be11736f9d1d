//! Unix signals: the handlers for faults, and an alternate stack for each thread that runs compiled code.
//!
//! The handlers are installed once and stay. A fault that is not a trap of compiled code goes to the previous handler,
//! on the stack and under the signal mask that it asked for. If there was none, the default action is reinstated and
//! the instruction faults again, so that the process dies of the right signal at the right instruction.

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

/// Decides about a fault: returns the registers to continue with, or `None` if it is not a trap of compiled code. Runs
/// in a signal handler.
pub(crate) type OnFault = fn(&Registers) -> Option<Registers>;

/// The signals of out-of-bounds accesses (two), of `ud2`, and of division.
const SIGNALS: [c_int; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// The previous actions, by position in [`SIGNALS`]. They are set before our handler is, and never freed, because a
/// handler on another thread may be reading them.
static PREVIOUS: [AtomicPtr<libc::sigaction>; SIGNALS.len()] = [const { AtomicPtr::new(null_mut()) }; SIGNALS.len()];

/// The default action. It replaces a previous handler that asked to be called once or gave up: a signal handler must
/// not allocate one.
static DEFAULT: libc::sigaction = default_action();

/// The function that the handler calls to judge a fault. Set before the first handler is installed.
static ON_FAULT: OnceLock<OnFault> = OnceLock::new();

/// Bytes of a thread's alternate stack. The one of the standard library, about 12 KB, is too small to unwind on.
const ALTERNATE_STACK: usize = 256 * 1024;

/// Installs the handlers; later calls do nothing.
///
/// # Errors
/// Kind [`Resource`](ErrorKind::Resource) if the system refuses it, then and in all later calls.
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
    // The previous action is stored before ours is in force, since another thread may fault at once. It is stored again
    // after, since another thread may have changed it in between.
    remember(position, set_action(signal, None)?);
    remember(position, set_action(signal, Some(&our_action()))?);
    Ok(())
}

/// Returns the action that calls [`handler`].
fn our_action() -> libc::sigaction {
    let mut action = default_action();
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    action
}

/// Stores the previous action of `SIGNALS[position]`. An older one leaks: a handler may be reading it.
fn remember(position: usize, action: libc::sigaction) {
    PREVIOUS[position].store(Box::into_raw(Box::new(action)), Ordering::Release);
}

/// Returns the action for a signal, and replaces it if there is a new one.
pub(super) fn set_action(signal: c_int, new: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let mut old = MaybeUninit::uninit();
    let new = new.map_or(null(), |new| new as *const _);
    // SAFETY: `new` is null or an action, and the call writes the old action if it succeeds.
    match unsafe { libc::sigaction(signal, new, old.as_mut_ptr()) } {
        // SAFETY: the call succeeded.
        0 => Ok(unsafe { old.assume_init() }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Returns the default action: `SIG_DFL`, no flags, nothing masked.
pub(super) const fn default_action() -> libc::sigaction {
    // SAFETY: all zeroes is a valid `sigaction`: an empty mask, no flags, and `SIG_DFL`, which is zero.
    unsafe { core::mem::zeroed() }
}

/// The signal handler. On a thread that has run compiled code, it runs on the alternate stack of [`prepare_thread`]:
/// the fault may be an overflow of the normal one. Elsewhere it runs on whatever stack the thread has for signals.
unsafe extern "C" fn handler(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes both to a handler that has SA_SIGINFO, and nothing else uses them meanwhile.
    let (fault, interrupted) = unsafe { ((*info).si_code > 0, &mut *context.cast::<ucontext_t>()) };
    // A positive code says that an instruction faulted: a signal that a process sent is never a trap.
    if fault && let Some(on_fault) = ON_FAULT.get() {
        let registers = context::registers(interrupted);
        if let Some(registers) = on_fault(&registers) {
            // The kernel loads them when this handler returns.
            context::resume(interrupted, registers);
            return;
        }
    }
    // SAFETY: the arguments are those of this handler.
    unsafe { chain(&Delivery { signal, info, context }, fault) };
}

/// The arguments that the kernel passes to a handler.
struct Delivery {
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
}

/// Does what would have happened without our handler: calls the previous handler or takes the default action.
///
/// # Safety
/// Called by the handler with its own arguments, and the handler returns afterwards.
unsafe fn chain(delivery: &Delivery, fault: bool) {
    let position = SIGNALS.iter().position(|&signal| signal == delivery.signal).unwrap_or(0);
    let previous = PREVIOUS[position].load(Ordering::Acquire);
    // SAFETY: `install_at` stored it before it installed the handler, and it is never freed.
    let previous = unsafe { &*previous };
    match previous.sa_sigaction {
        // The kernel does not let a thread ignore a fault, so such a fault takes the default action.
        libc::SIG_IGN if !fault => {}
        libc::SIG_IGN | libc::SIG_DFL => die(delivery.signal, fault),
        _ => {
            if previous.sa_flags & libc::SA_RESETHAND != 0 {
                PREVIOUS[position].store((&raw const DEFAULT).cast_mut(), Ordering::Release);
            }
            change_mask(&previous.sa_mask, libc::SIG_BLOCK);
            if previous.sa_flags & libc::SA_NODEFER != 0 {
                change_mask(&set_of(&[delivery.signal]), libc::SIG_UNBLOCK);
            }
            // SAFETY: the caller's contract; the mask and the alternate stack are restored when our handler returns.
            unsafe { run(previous, delivery) };
            stay_installed(position);
        }
    }
}

/// Takes back the first place if the previous handler has reinstated the default action, as the standard library's does
/// for a signal that is not a stack overflow. It means its own place, and without ours the next trap would kill the
/// process. The default action is taken when the next such signal comes, or when the same instruction faults again.
fn stay_installed(position: usize) {
    let signal = SIGNALS[position];
    if set_action(signal, None).is_ok_and(|action| action.sa_sigaction == libc::SIG_DFL) {
        PREVIOUS[position].store((&raw const DEFAULT).cast_mut(), Ordering::Release);
        // If this fails, nothing is left to do.
        let _ = set_action(signal, Some(&our_action()));
    }
}

/// Reinstates the default action. It is taken when the faulting instruction runs again, or, for a signal that a process
/// sent, when the signal is unblocked on return.
fn die(signal: c_int, fault: bool) {
    // If this fails, nothing is left to do: the fault comes back here.
    let _ = set_action(signal, Some(&default_action()));
    if !fault {
        // SAFETY: sends a signal to this thread.
        unsafe { libc::raise(signal) };
    }
}

/// Returns the set of these signals.
pub(super) fn set_of(signals: &[c_int]) -> sigset_t {
    let mut set = default_action().sa_mask;
    for &signal in signals {
        // SAFETY: the set is initialized and the signal a valid one.
        unsafe { libc::sigaddset(&mut set, signal) };
    }
    set
}

/// Changes this thread's signal mask, and returns the old one. In a handler the change lasts until the handler returns:
/// the kernel then restores the interrupted mask.
pub(super) fn change_mask(set: &sigset_t, how: c_int) -> sigset_t {
    let mut old = default_action().sa_mask;
    // SAFETY: both sets are initialized.
    unsafe { libc::pthread_sigmask(how, set, &mut old) };
    old
}

/// Calls a previous handler: on the interrupted stack unless it asked for the alternate one.
///
/// # Safety
/// Called by the handler with its own arguments, and the handler returns afterwards. `previous` holds a function.
unsafe fn run(previous: &libc::sigaction, delivery: &Delivery) {
    let call = HandlerCall { previous, delivery };
    // SAFETY: the kernel's context, which nothing else uses now.
    let interrupted = unsafe { context::registers(&*delivery.context.cast::<ucontext_t>()) };
    let on_alternate = current_alternate_stack().ss_flags & libc::SS_ONSTACK != 0;
    let was_on_alternate = is_on_alternate_stack(interrupted.sp);
    let argument = (&raw const call).cast_mut().cast();
    if previous.sa_flags & libc::SA_ONSTACK == 0 && on_alternate && !was_on_alternate {
        // SAFETY: below the red zone of the interrupted code its stack is free; if there is no room, then there would
        // have been none for the kernel either.
        unsafe { arch::call_on_stack(arch::below_red_zone(interrupted.sp), run_off_alternate_stack, argument) };
    } else {
        // SAFETY: the caller's contract; the argument is a `HandlerCall` that lives across this call.
        unsafe { call_handler(argument) };
    }
}

/// A call of a previous handler.
struct HandlerCall<'a> {
    previous: &'a libc::sigaction,
    delivery: &'a Delivery,
}

/// Runs [`call_handler`] on the interrupted stack, with the alternate stack disabled: it still holds our frames and the
/// kernel's, which a nested signal must not overwrite. The kernel enables it again when our handler returns.
///
/// # Safety
/// As for [`call_handler`]. The calling thread does not run on its alternate stack.
unsafe extern "C" fn run_off_alternate_stack(call: *mut c_void) {
    disable_alternate_stack();
    // SAFETY: the caller's contract.
    unsafe { call_handler(call) };
}

/// Calls the handler that a [`HandlerCall`] describes.
///
/// # Safety
/// `call` is a [`HandlerCall`] that lives across this call, of a handler whose action holds a function.
unsafe extern "C" fn call_handler(call: *mut c_void) {
    // SAFETY: `run` passes a `HandlerCall` that lives across this call.
    let HandlerCall { previous, delivery } = unsafe { &*call.cast::<HandlerCall<'_>>() };
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

/// Returns this thread's alternate stack as the kernel knows it.
fn current_alternate_stack() -> libc::stack_t {
    let mut current = MaybeUninit::uninit();
    // SAFETY: only asks; cannot fail with a valid pointer.
    unsafe {
        libc::sigaltstack(null(), current.as_mut_ptr());
        current.assume_init()
    }
}

/// Returns whether an address is on this thread's alternate stack.
pub(super) fn is_on_alternate_stack(address: u64) -> bool {
    let alternate = current_alternate_stack();
    let start = alternate.ss_sp as usize;
    (start..start + alternate.ss_size).contains(&(address as usize))
}

/// Takes this thread's alternate stack out of use.
fn disable_alternate_stack() {
    let none = libc::stack_t { ss_sp: null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    // SAFETY: the calling thread does not run on its alternate stack.
    unsafe { libc::sigaltstack(&none, null_mut()) };
}

/// This thread's alternate stack. `None` if the thread already had one of at least the same size, which it keeps.
#[derive(Debug)]
struct AlternateStack(Option<Mapping>);

impl AlternateStack {
    /// Gives the calling thread an alternate stack.
    ///
    /// # Errors
    /// Kind [`Resource`](ErrorKind::Resource) if there is no memory for it or the system refuses it.
    fn install() -> Result<AlternateStack> {
        let current = current_alternate_stack();
        if current.ss_flags & libc::SS_DISABLE == 0 && current.ss_size >= ALTERNATE_STACK {
            return Ok(AlternateStack(None));
        }
        // The lowest page stays inaccessible, so that an overflow of this stack faults instead of overwriting memory.
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
    /// Disables the stack if it still is the current one. The previous one is not reinstated: the standard library has
    /// freed its own by the time a thread's values are dropped.
    fn drop(&mut self) {
        let Some(mapping) = &self.0 else { return };
        let start = mapping.as_ptr() as usize;
        if (start..start + mapping.len()).contains(&(current_alternate_stack().ss_sp as usize)) {
            disable_alternate_stack();
        }
    }
}

/// Gives the calling thread a stack to handle faults on, and unblocks the signals of faults; later calls on this thread
/// do nothing. The stack is freed when the thread ends. The signals stay unblocked: the kernel kills a process that
/// faults while they are blocked, and to ask for the mask at each call would take longer than the call.
///
/// # Errors
/// Kind [`Resource`](ErrorKind::Resource) if there is no memory for it or the system refuses it.
pub(crate) fn prepare_thread() -> Result<()> {
    thread_local! {
        static STACK: OnceCell<AlternateStack> = const { OnceCell::new() };
    }
    let prepare = |stack: &OnceCell<AlternateStack>| {
        if stack.get().is_none() {
            let _ = stack.set(AlternateStack::install()?);
            change_mask(&set_of(&SIGNALS), libc::SIG_UNBLOCK);
        }
        Ok(())
    };
    // While the thread's values are dropped there is no alternate stack. Handlers then run on the normal stack, in the
    // reserve below the stack limit.
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
    fn a_previous_handler_that_gives_up_does_not_take_ours_along() {
        assert_eq!(run_case("gives up").code(), Some(SUCCESS));
        assert_eq!(run_case("gives up twice").signal(), Some(libc::SIGSEGV), "the default action is the previous one");
    }

    #[test]
    fn faults_are_unblocked() {
        let blocked = || SIGNALS.map(is_blocked);
        let thread = std::thread::spawn(move || {
            change_mask(&set_of(&SIGNALS), libc::SIG_BLOCK);
            change_mask(&set_of(&[libc::SIGUSR1]), libc::SIG_BLOCK);
            let before = blocked();
            prepare_thread().unwrap();
            (before, blocked(), is_blocked(libc::SIGUSR1))
        });
        assert_eq!(thread.join().unwrap(), ([true; 4], [false; 4], true));
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

    /// Runs the case of a child process; does nothing in the parent.
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
            // The standard library's handler reinstates the default action for a signal that somebody sent.
            "gives up" => {
                prepare(|_| None);
                send(libc::SIGSEGV);
                let action = set_action(libc::SIGSEGV, None).unwrap();
                assert_eq!(action.sa_sigaction, our_action().sa_sigaction);
            }
            "gives up twice" => {
                prepare(|_| None);
                send(libc::SIGSEGV);
                send(libc::SIGSEGV);
            }
            "ours" => {
                prepare(skip_illegal_instruction);
                illegal();
            }
            "ours, sent" => {
                prepare(skip_illegal_instruction);
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
        action.sa_mask = set_of(&[libc::SIGUSR1]);
        set_action(signal, Some(&action)).unwrap();
        prepare(|_| None);
        then();
    }

    type Handler = extern "C" fn(c_int, &siginfo_t, &ucontext_t);

    fn previous_siginfo(handler: Handler, flags: c_int, then: impl FnOnce()) {
        with_previous(libc::SIGSEGV, handler as *const () as usize, flags | libc::SA_SIGINFO, then);
        exit(1);
    }

    /// Ends the process with a status that says whether all is as expected.
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

    fn skip_illegal_instruction(registers: &Registers) -> Option<Registers> {
        Some(Registers { pc: registers.pc + arch::testing::ILLEGAL_INSTRUCTION_LEN, ..*registers })
    }

    /// An address in the first page, which is never mapped.
    const NULL_ADDRESS: usize = 0x18;

    fn load_null() {
        // SAFETY: faults, which is what the case is about.
        unsafe { arch::testing::load(NULL_ADDRESS) };
    }

    fn illegal() {
        // SAFETY: faults; the handlers of these cases end the process or continue after the instruction.
        unsafe { arch::testing::execute_illegal_instruction() };
    }

    fn send(signal: c_int) {
        // SAFETY: sends a signal to this thread.
        unsafe { libc::raise(signal) };
    }
}
