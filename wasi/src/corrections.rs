//! Calls of functions, with corrections where `wasi-common` deviates from the specification or from what systems do.
//! Official programs fail without them.

use crate::{Function, Stop};
use wasi_common::WasiCtx;
use wasi_common::snapshots::preview_1::types::{Errno, Fdflags, Oflags};
use wiggle::{GuestError, GuestMemory, anyhow};

type Returned = Result<Option<i32>, Stop>;

const SUCCESS: Option<i32> = Some(Errno::Success as i32);
const BADF: Option<i32> = Some(Errno::Badf as i32);

/// Calls a function.
pub(crate) fn call(context: &mut WasiCtx, function: &Function, arguments: &[u64], memory: &mut [u8]) -> Returned {
    let result = match function.name {
        // `wasi-common` refuses codes from 126 on. The specification leaves their meaning to the environment.
        "proc_exit" => return Err(Stop::Exit(arguments[0] as u32)),
        "path_open" => open(context, function, arguments, memory)?,
        _ => call_uncorrected(context, function, arguments, memory)?,
    };
    Ok(match function.name {
        // Rights cannot be dropped. A program that drops them must hear of it.
        "fd_fdstat_set_rights" if result == SUCCESS => Some(Errno::Notsup as i32),
        // A descriptor that is no socket is not a bad one.
        "sock_accept" | "sock_recv" | "sock_send" | "sock_shutdown"
            if result == BADF && context.table().contains_key(arguments[0] as u32) =>
        {
            Some(Errno::Notsock as i32)
        }
        _ => result,
    })
}

/// Opens a file. Rust's standard library refuses to open a file to append and to truncate it at once, so that it is
/// truncated afterwards.
fn open(context: &mut WasiCtx, function: &Function, arguments: &[u64], memory: &mut [u8]) -> Returned {
    const OFLAGS: usize = 4;
    const FDFLAGS: usize = 7;
    const DESCRIPTOR: usize = 8;
    let truncate = u64::from(Oflags::TRUNC.bits());
    if arguments[OFLAGS] & truncate == 0 || arguments[FDFLAGS] & u64::from(Fdflags::APPEND.bits()) == 0 {
        return call_uncorrected(context, function, arguments, memory);
    }
    let mut changed = arguments.to_vec();
    changed[OFLAGS] &= !truncate;
    let result = call_uncorrected(context, function, &changed, memory)?;
    if result != SUCCESS {
        return Ok(result);
    }
    let at = arguments[DESCRIPTOR] as u32 as usize;
    let descriptor = u32::from_le_bytes(memory[at..at + 4].try_into().expect("four bytes"));
    let mut call = |name: &str, arguments: &[u64]| {
        let function = Function::named(name).expect("a row of the table");
        call_uncorrected(context, function, arguments, memory)
    };
    let truncated = call("fd_filestat_set_size", &[descriptor.into(), 0])?;
    if truncated != SUCCESS {
        call("fd_close", &[descriptor.into()])?;
    }
    Ok(truncated)
}

fn call_uncorrected(context: &mut WasiCtx, function: &Function, arguments: &[u64], memory: &mut [u8]) -> Returned {
    let result = (function.code)(context, &mut GuestMemory::Unshared(memory), arguments);
    result.map_err(|error| Stop::Failure(describe(&error)))
}

/// Returns the text of an error. A `GuestError` already says in its own text what it was caused by.
fn describe(error: &anyhow::Error) -> String {
    if error.is::<GuestError>() { error.to_string() } else { format!("{error:#}") }
}
