//! Traps and their frames.

use crate::host_info::Slot;
use crate::reference::Object;
use crate::store::{Data, SharedStore, wasm_store_t};
use crate::touchstone::error::{non_null, report};
use crate::vec::{Out, Vector, wasm_byte_vec_t, write};
use core::fmt;
use engine::{AsContextMut, Error, ErrorKind, ExnRef, Frame, OwnedRooted};
use std::sync::{Arc, OnceLock};

/// A trap: what ended a call.
pub(crate) struct TrapObject {
    /// Ends with a zero byte.
    message: Vec<u8>,
    /// The kind of the error that the trap was made of.
    kind: ErrorKind,
    /// The exception, if nothing caught one.
    exception: Option<OwnedRooted<ExnRef>>,
    /// The exit code, if a program of WASI ended.
    exit_code: Option<u32>,
    /// The frames, the innermost first, once the trap has left WebAssembly.
    frames: OnceLock<Vec<Frame>>,
    pub(crate) host_info: Slot,
}

declare_ref! {
    /// A trap.
    wasm_trap_t, |object| matches!(object, Object::Trap(_));
    wasm_trap_delete, wasm_trap_copy, wasm_trap_same, wasm_trap_get_host_info, wasm_trap_set_host_info,
    wasm_trap_set_host_info_with_finalizer, wasm_trap_as_ref, wasm_ref_as_trap, wasm_trap_as_ref_const,
    wasm_ref_as_trap_const
}

/// A frame of WebAssembly.
#[derive(Clone)]
pub struct wasm_frame_t(pub(crate) Frame);

/// The error by which a callback's trap passes through WebAssembly.
#[derive(Debug)]
struct HostTrap(Arc<TrapObject>);

impl TrapObject {
    fn new(message: &[u8], kind: ErrorKind) -> TrapObject {
        let mut message = message.to_vec();
        if message.last() != Some(&0) {
            message.push(0);
        }
        TrapObject {
            message,
            kind,
            exception: None,
            exit_code: None,
            frames: OnceLock::new(),
            host_info: Slot::default(),
        }
    }

    /// Returns the trap that an error stands for: the one that a callback returned, or a new one.
    fn of(error: &Error) -> Arc<TrapObject> {
        let trap = match error.downcast_ref::<HostTrap>() {
            Some(HostTrap(trap)) => Arc::clone(trap),
            None => Arc::new(TrapObject {
                exception: error.as_exception().cloned(),
                exit_code: wasi::exit_code(error),
                ..TrapObject::new(error.message().as_bytes(), error.kind())
            }),
        };
        if let Some(backtrace) = error.backtrace() {
            // A trap that has frames keeps them: it has passed through another call.
            let _ = trap.frames.set(backtrace.frames.clone());
        }
        trap
    }

    /// Returns the frames, the innermost first.
    fn frames(&self) -> &[Frame] {
        self.frames.get().map_or(&[], Vec::as_slice)
    }
}

impl wasm_trap_t {
    fn trap(&self) -> &Arc<TrapObject> {
        match self.object() {
            Object::Trap(trap) => trap,
            _ => unreachable!("the types of C tell traps from other objects"),
        }
    }

    /// Makes the trap of an error.
    pub(crate) fn of(store: &Arc<SharedStore>, error: &Error) -> Box<wasm_trap_t> {
        wasm_trap_t::boxed(store, Object::Trap(TrapObject::of(error)))
    }

    /// Makes the trap of an exception, by which a callback throws it.
    pub(crate) fn throwing(store: &Arc<SharedStore>, exception: OwnedRooted<ExnRef>) -> Box<wasm_trap_t> {
        let trap = TrapObject::new(b"uncaught exception", ErrorKind::Exception);
        wasm_trap_t::boxed(store, Object::Trap(Arc::new(TrapObject { exception: Some(exception), ..trap })))
    }

    /// Returns the error that passes the trap through WebAssembly. An exception is thrown there.
    pub(crate) fn into_error(self, mut context: impl AsContextMut<Data = Data>) -> Error {
        let trap = self.trap();
        if let Some(exception) = &trap.exception {
            match exception.to_rooted(context.as_context_mut()) {
                Ok(exception) => return exception.throw(context),
                Err(error) => return error,
            }
        }
        Error::host(HostTrap(Arc::clone(trap)))
    }

    /// Returns the kind of the error that the trap was made of.
    pub(crate) fn kind(&self) -> ErrorKind {
        self.trap().kind
    }

    /// Returns the exception that nothing caught, if there is one.
    pub(crate) fn exception(&self) -> Option<&OwnedRooted<ExnRef>> {
        self.trap().exception.as_ref()
    }

    /// Returns the exit code, if a program of WASI ended.
    pub(crate) fn exit_code(&self) -> Option<u32> {
        self.trap().exit_code
    }
}

impl fmt::Debug for TrapObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, String::from_utf8_lossy(&self.message))
    }
}

impl fmt::Display for HostTrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(String::from_utf8_lossy(&self.0.message).trim_end_matches('\0'))
    }
}

impl std::error::Error for HostTrap {}

/// Makes a trap, for a callback to return. The message ends with a zero byte.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_trap_new(
    store: Option<&wasm_store_t>,
    message: Option<&wasm_byte_vec_t>,
) -> Option<Box<wasm_trap_t>> {
    let store = report(non_null(store, "store"))?;
    let trap = TrapObject::new(message.map_or(&[], |message| message.as_slice()), ErrorKind::Host);
    Some(wasm_trap_t::boxed(&store.0, Object::Trap(Arc::new(trap))))
}

/// Returns the message, which ends with a zero byte.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_trap_message(trap: Option<&wasm_trap_t>, out: Out<'_, wasm_byte_vec_t>) {
    let trap = report(non_null(trap, "trap"));
    write(out, trap.map(|trap| trap.trap().message.iter().copied().collect()).unwrap_or_default());
}

/// Returns the innermost frame; null if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_trap_origin(trap: Option<&wasm_trap_t>) -> Option<Box<wasm_frame_t>> {
    let frame = report(non_null(trap, "trap"))?.trap().frames().first()?;
    Some(Box::new(wasm_frame_t(frame.clone())))
}

/// Returns all frames, the innermost first.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_trap_trace(trap: Option<&wasm_trap_t>, out: Out<'_, wasm_frame_vec_t>) {
    let frames = report(non_null(trap, "trap")).map_or(&[][..], |trap| trap.trap().frames());
    write(out, frames.iter().map(|frame| Some(Box::new(wasm_frame_t(frame.clone())))).collect::<Vector<_>>());
}

/// Deletes a frame.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_frame_delete(_frame: Option<Box<wasm_frame_t>>) {}

/// Copies a frame.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_frame_copy(frame: Option<&wasm_frame_t>) -> Option<Box<wasm_frame_t>> {
    frame.cloned().map(Box::new)
}

declare_vec!(wasm_frame_vec_t of Option<Box<wasm_frame_t>>: wasm_frame_vec_new_empty,
    wasm_frame_vec_new_uninitialized, wasm_frame_vec_new, wasm_frame_vec_copy, wasm_frame_vec_delete);

/// Returns null: a frame knows its module and function, not which of the module's instances runs.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_frame_instance(_frame: Option<&wasm_frame_t>) -> Option<&crate::instance::wasm_instance_t> {
    None
}

/// Returns the index of the function in its module.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_frame_func_index(frame: Option<&wasm_frame_t>) -> u32 {
    frame.map_or(0, |frame| frame.0.func_index)
}

/// Returns 0: a frame knows the offset of the instruction in its module, not where the function starts.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_frame_func_offset(_frame: Option<&wasm_frame_t>) -> usize {
    0
}

/// Returns the offset of the instruction in its module, in bytes; 0 if it is unknown.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_frame_module_offset(frame: Option<&wasm_frame_t>) -> usize {
    frame.and_then(|frame| frame.0.module_offset).map_or(0, |offset| offset.0 as usize)
}
