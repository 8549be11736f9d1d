//! x86-64: leaving compiled code, calling on another stack, and CPU features.

use crate::abi::vmctx::{VmContext, VmStoreContext};
use core::ffi::c_void;
use core::mem::offset_of;

/// `Builtin::Raise`: resumes at the registers that the store context holds. The first payload register is from there
/// too, and the second is zero. Never returns.
///
/// # Safety
/// The vmctx is one of a store whose newest compiled code, on this thread, called this. The point to resume at is a
/// handler block in that activation, of a call that is under way. Only compiled frames are in between: nothing is
/// unwound, so a Rust frame in between would never be dropped.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn raise(vmctx: *mut VmContext) -> i64 {
    core::arch::naked_asm!(
        "mov rcx, [rdi + {store}]",
        "mov rbp, [rcx + {fp}]",
        "mov rsp, [rcx + {sp}]",
        "mov rax, [rcx + {payload}]",
        "xor edx, edx",
        "jmp [rcx + {pc}]",
        store = const offset_of!(VmContext, store),
        fp = const offset_of!(VmStoreContext, resume_fp),
        sp = const offset_of!(VmStoreContext, resume_sp),
        pc = const offset_of!(VmStoreContext, resume_pc),
        payload = const offset_of!(VmStoreContext, resume_payload),
    )
}

macro_rules! has_feature {
    ($name:expr; $($known:tt)*) => {
        match $name {
            $($known => std::arch::is_x86_feature_detected!($known),)*
            // A feature that this list does not know cannot be promised.
            _ => false,
        }
    };
}

/// Returns whether this CPU has the feature of this name (`std::arch::is_x86_feature_detected` lists the names).
pub(crate) fn has_cpu_feature(name: &str) -> bool {
    has_feature!(name;
        "sse" "sse2" "sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "cmpxchg16b" "avx" "avx2" "fma" "bmi1" "bmi2" "lzcnt"
        "avx512f" "avx512bw" "avx512cd" "avx512dq" "avx512vl" "avx512vbmi" "avx512bitalg" "avx512vnni" "avxvnni"
    )
}

/// Returns the highest stack pointer for a call below `sp` that leaves alone what interrupted code may use: its red
/// zone, the 128 bytes below `sp`.
pub(super) fn below_red_zone(sp: u64) -> usize {
    (sp.wrapping_sub(128) & !15) as usize
}

/// Calls `function(argument)` on another stack and returns to this one.
///
/// # Safety
/// Below `sp`, which is a multiple of 16, there is free stack for the call, which does not unwind.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn call_on_stack(
    sp: usize,
    function: unsafe extern "C" fn(*mut c_void),
    argument: *mut c_void,
) {
    core::arch::naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "mov rsp, rdi",
        "mov rdi, rdx",
        "call rsi",
        "mov rsp, rbp",
        "pop rbp",
        "ret",
    )
}

/// Makes the processor stop this thread after each instruction, from the caller's on.
#[cfg(feature = "probes")]
pub(crate) fn start_single_step() {
    // SAFETY: sets the trap flag. The handler of `stepping` takes the signals that follow.
    unsafe { core::arch::asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") };
}

#[cfg(test)]
pub(crate) mod testing {
    //! Code for tests of other modules.

    use crate::abi::vmctx::{VmContext, VmStoreContext};
    use crate::abi::{FAILED, ValRaw};
    use core::ffi::c_void;
    use core::mem::offset_of;

    /// An entry trampoline by hand, as the module `abi` specifies it. Its handler block returns [`FAILED`].
    ///
    /// # Safety
    /// As for [`HostCall`](crate::abi::HostCall); `wasm_call` is a System V function that takes `callee` alone.
    #[unsafe(naked)]
    pub(crate) unsafe extern "C" fn enter(
        store: *mut VmStoreContext,
        wasm_call: *const c_void,
        callee: *mut c_void,
        caller: *mut VmContext,
        values: *mut ValRaw,
    ) -> i64 {
        core::arch::naked_asm!(
            "push rbp", "mov rbp, rsp", "push rbx", "push r12", "push r13", "push r14", "push r15", "sub rsp, 8",
            "mov [rdi + {fp}], rbp",
            "mov [rdi + {sp}], rsp",
            "lea rax, [rip + 2f]",
            "mov [rdi + {pc}], rax",
            "mov rdi, rdx",
            "call rsi",
            "xor eax, eax",
            "jmp 3f",
            "2:", "mov rax, {failed}",
            "3:", "add rsp, 8", "pop r15", "pop r14", "pop r13", "pop r12", "pop rbx", "pop rbp",
            "ret",
            fp = const offset_of!(VmStoreContext, entry_fp),
            sp = const offset_of!(VmStoreContext, entry_sp),
            pc = const offset_of!(VmStoreContext, entry_pc),
            failed = const FAILED,
        )
    }

    /// Loads from an address.
    ///
    /// # Safety
    /// The address is readable, or a handler deals with the fault.
    pub(crate) unsafe fn load(address: usize) {
        // SAFETY: the caller's contract.
        unsafe { core::arch::asm!("mov {0}, [{0}]", inout(reg) address => _) };
    }

    /// The length of the instruction that [`execute_illegal_instruction`] executes.
    pub(crate) const ILLEGAL_INSTRUCTION_LEN: u64 = 2;

    /// Executes `ud2`.
    ///
    /// # Safety
    /// A handler deals with the fault. It may continue after the instruction, with the payload registers changed.
    pub(crate) unsafe fn execute_illegal_instruction() {
        // SAFETY: the caller's contract.
        unsafe { core::arch::asm!("ud2", out("rax") _, out("rdx") _) };
    }
}

#[cfg(test)]
mod tests {
    use super::has_cpu_feature;

    #[test]
    fn only_known_features_are_there() {
        assert!(has_cpu_feature("sse2"), "every x86-64 CPU has it");
        assert!(!has_cpu_feature("no such feature") && !has_cpu_feature(""));
    }
}
