//! Everything that differs between operating systems and architectures:
//!
//! | file | holds |
//! |---|---|
//! | `mapping` | address space (Unix) |
//! | `reclaim` | what is released before a request to the system fails |
//! | `signals` | fault handlers and alternate stacks (Unix) |
//! | `stepping` | a signal after each instruction (Unix), for the proof of the unwind tables |
//! | `ticks` | a signal after an interval of a thread's processor time (Linux), for profiles |
//! | `gdb` | the list through which debuggers learn of code (ELF) |
//! | `linux` | sealed memory files, the bounds of stacks and mappings |
//! | `unwinder` | the platform's unwinder (Unix): registration of tables, and its walk |
//! | `x86_64` | leaving compiled code, calling on another stack, CPU features |
//! | `linux_x86_64` | the registers of an interrupted thread |
//!
//! To support another host or architecture, add its files and its lines below. They provide `Mapping`, `sealed_file`,
//! `stack_bounds`, `mapping_bounds`, `UnwindRegistration`, `DebuggerRegistration`, `install`, `prepare_thread`,
//! `Ticks`, `raise`, `has_cpu_feature`, and `testing` for tests.

mod mapping;
mod reclaim;

#[cfg(unix)]
mod signals;

#[cfg(all(unix, feature = "probes"))]
mod stepping;

#[cfg(unix)]
mod unwinder;

#[cfg(target_os = "linux")]
mod gdb;

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
mod ticks;

#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
mod arch;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "linux_x86_64.rs"]
mod context;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("the runtime needs the files of this host and architecture in runtime/sys");

#[cfg(all(target_arch = "x86_64", feature = "probes"))]
pub(crate) use arch::start_single_step;
#[cfg(all(test, target_arch = "x86_64"))]
pub(crate) use arch::testing;
#[cfg(target_arch = "x86_64")]
pub(crate) use arch::{has_cpu_feature, raise};
#[cfg(target_os = "linux")]
pub(crate) use gdb::DebuggerRegistration;
#[cfg(target_os = "linux")]
pub(crate) use linux::{mapping_bounds, sealed_file, stack_bounds};
pub(crate) use mapping::Mapping;
pub(crate) use reclaim::{Reclaim, register, unregister};
#[cfg(unix)]
pub(crate) use signals::{install, prepare_thread};
#[cfg(all(unix, feature = "probes"))]
pub(crate) use stepping::{Step, install_stepping};
#[cfg(target_os = "linux")]
pub(crate) use ticks::Ticks;
#[cfg(unix)]
pub(crate) use unwinder::UnwindRegistration;
#[cfg(all(unix, feature = "probes"))]
pub(crate) use unwinder::{is_llvm_unwinder, unwinder_path, walk_natively};
