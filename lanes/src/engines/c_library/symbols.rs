//! The functions of a shared library, looked up once: those of the standard C interface of WebAssembly
//! (<https://github.com/WebAssembly/wasm-c-api/blob/main/include/wasm.h>), and those of Wasmtime's and our own
//! additions that take and return nothing but what the standard defines.
//!
//! Names, types and values are the facts of that interface. Only [`objects`](super::objects) calls the functions.

#![expect(unsafe_code, reason = "to load a library runs its code, and a symbol has the type that its header says")]

use super::configuration::{Argument, Change};
use crate::{Failure, Features};
use libloading::Library;
use std::ffi::{c_char, c_void};
use std::path::Path;

/// Opaque types of the interface.
macro_rules! opaque {
    ($($name:ident)*) => {$(
        #[doc = concat!("The interface's opaque type `", stringify!($name), "`.")]
        #[repr(C)]
        pub(super) struct $name([u8; 0]);
    )*};
}

opaque! {
    Config Engine Store Module Instance Extern Func Global Table Memory Trap Frame Foreign Ref
    ValType FuncType GlobalType TableType MemoryType Error WasmerFeatures
    WasmtimeModule WasmtimeError
}

/// A vector of the interface. `data` points to `size` elements.
#[repr(C)]
pub(super) struct Vector<T> {
    pub(super) size: usize,
    pub(super) data: *mut T,
}

/// A value of the interface.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Val {
    pub(super) kind: u8,
    pub(super) of: Payload,
}

/// The payload of a value. The kind says which member it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) union Payload {
    pub(super) i32: i32,
    pub(super) i64: i64,
    pub(super) f32: u32,
    pub(super) f64: u64,
    pub(super) reference: *mut Ref,
}

/// The kinds of values.
pub(super) mod kind {
    pub(in super::super) const I32: u8 = 0;
    pub(in super::super) const I64: u8 = 1;
    pub(in super::super) const F32: u8 = 2;
    pub(in super::super) const F64: u8 = 3;
    pub(in super::super) const EXTERNREF: u8 = 128;
    pub(in super::super) const FUNCREF: u8 = 129;
}

/// The kinds of our own library's errors.
pub(super) mod error_kind {
    pub(in super::super) const MALFORMED: u8 = 0;
    pub(in super::super) const INVALID: u8 = 1;
    pub(in super::super) const UNSUPPORTED: u8 = 2;
    pub(in super::super) const TOO_LARGE: u8 = 3;
}

/// Limits of a table or memory.
#[repr(C)]
pub(super) struct Limits {
    pub(super) min: u32,
    pub(super) max: u32,
}

/// A host function: its environment, the arguments, and room for the results.
pub(super) type Callback = unsafe extern "C" fn(*mut c_void, *const Vector<Val>, *mut Vector<Val>) -> *mut Trap;

/// One row for each function: the name, and its type. The symbol has the prefix `wasm_`.
macro_rules! functions {
    ($(#[$doc:meta])* $name:ident; required {
        $($required:ident: fn($($parameter:ty),*) $(-> $result:ty)?;)*
    } optional {
        $($optional:ident = $symbol:literal: fn($($more:ty),*) $(-> $value:ty)?;)*
    }) => {
        $(#[$doc])*
        pub(super) struct $name {
            $(pub(super) $required: unsafe extern "C" fn($($parameter),*) $(-> $result)?,)*
            $(pub(super) $optional: Option<unsafe extern "C" fn($($more),*) $(-> $value)?>,)*
            library: Library,
        }

        impl $name {
            fn look_up(library: Library) -> Result<$name, Vec<&'static str>> {
                let mut missing = Vec::new();
                $(
                    let symbol = concat!("wasm_", stringify!($required));
                    // SAFETY: the header gives the function this type.
                    let $required = unsafe { library.get(symbol) }.map(|function| *function);
                    if $required.is_err() {
                        missing.push(symbol);
                    }
                )*
                if !missing.is_empty() {
                    return Err(missing);
                }
                // SAFETY: the headers give the functions these types.
                $(let $optional = unsafe { library.get($symbol) }.ok().map(|function| *function);)*
                $(let Ok($required) = $required else { unreachable!("nothing is missing") };)*
                Ok($name { $($required,)* $($optional,)* library })
            }
        }
    };
}

functions! {
    /// The functions of a library. Those of the standard that no run can do without are there; others may be absent.
    Symbols;
    required {
        config_new: fn() -> *mut Config;
        engine_new_with_config: fn(*mut Config) -> *mut Engine;
        engine_delete: fn(*mut Engine);
        store_new: fn(*mut Engine) -> *mut Store;
        store_delete: fn(*mut Store);
        valtype_new: fn(u8) -> *mut ValType;
        valtype_vec_new: fn(*mut Vector<*mut ValType>, usize, *const *mut ValType);
        functype_new: fn(*mut Vector<*mut ValType>, *mut Vector<*mut ValType>) -> *mut FuncType;
        functype_delete: fn(*mut FuncType);
        globaltype_new: fn(*mut ValType, u8) -> *mut GlobalType;
        globaltype_delete: fn(*mut GlobalType);
        tabletype_new: fn(*mut ValType, *const Limits) -> *mut TableType;
        tabletype_delete: fn(*mut TableType);
        memorytype_new: fn(*const Limits) -> *mut MemoryType;
        memorytype_delete: fn(*mut MemoryType);
        module_new: fn(*mut Store, *const Vector<u8>) -> *mut Module;
        module_delete: fn(*mut Module);
        instance_new: fn(*mut Store, *const Module, *const Vector<*mut Extern>, *mut *mut Trap) -> *mut Instance;
        instance_delete: fn(*mut Instance);
        instance_exports: fn(*const Instance, *mut Vector<*mut Extern>);
        extern_vec_delete: fn(*mut Vector<*mut Extern>);
        extern_as_func: fn(*mut Extern) -> *mut Func;
        extern_as_global: fn(*mut Extern) -> *mut Global;
        extern_as_table: fn(*mut Extern) -> *mut Table;
        extern_as_memory: fn(*mut Extern) -> *mut Memory;
        func_as_extern: fn(*mut Func) -> *mut Extern;
        func_new_with_env: fn(*mut Store, *const FuncType, Callback, *mut c_void, unsafe extern "C" fn(*mut c_void))
            -> *mut Func;
        func_delete: fn(*mut Func);
        func_call: fn(*const Func, *const Vector<Val>, *mut Vector<Val>) -> *mut Trap;
        global_as_extern: fn(*mut Global) -> *mut Extern;
        global_new: fn(*mut Store, *const GlobalType, *const Val) -> *mut Global;
        global_delete: fn(*mut Global);
        global_get: fn(*const Global, *mut Val);
        table_as_extern: fn(*mut Table) -> *mut Extern;
        table_new: fn(*mut Store, *const TableType, *mut Ref) -> *mut Table;
        table_delete: fn(*mut Table);
        table_get: fn(*const Table, u32) -> *mut Ref;
        table_size: fn(*const Table) -> u32;
        memory_as_extern: fn(*mut Memory) -> *mut Extern;
        memory_new: fn(*mut Store, *const MemoryType) -> *mut Memory;
        memory_delete: fn(*mut Memory);
        memory_data: fn(*mut Memory) -> *mut u8;
        memory_data_size: fn(*const Memory) -> usize;
        ref_copy: fn(*const Ref) -> *mut Ref;
        ref_delete: fn(*mut Ref);
        byte_vec_delete: fn(*mut Vector<u8>);
        trap_new: fn(*mut Store, *const Vector<u8>) -> *mut Trap;
        trap_delete: fn(*mut Trap);
        trap_message: fn(*const Trap, *mut Vector<u8>);
    }
    optional {
        trap_trace = "wasm_trap_trace": fn(*const Trap, *mut Vector<*mut Frame>);
        frame_vec_delete = "wasm_frame_vec_delete": fn(*mut Vector<*mut Frame>);
        frame_func_index = "wasm_frame_func_index": fn(*const Frame) -> u32;
        frame_module_offset = "wasm_frame_module_offset": fn(*const Frame) -> usize;
        frame_func_name = "wasmtime_frame_func_name": fn(*const Frame) -> *const Vector<u8>;
        frame_module_name = "wasmtime_frame_module_name": fn(*const Frame) -> *const Vector<u8>;
        foreign_new = "wasm_foreign_new": fn(*mut Store) -> *mut Foreign;
        foreign_as_ref = "wasm_foreign_as_ref": fn(*mut Foreign) -> *mut Ref;
        foreign_delete = "wasm_foreign_delete": fn(*mut Foreign);
        foreign_set_host_info = "wasm_foreign_set_host_info": fn(*mut Foreign, *mut c_void);
        ref_get_host_info = "wasm_ref_get_host_info": fn(*const Ref) -> *mut c_void;
        config_features = "touchstone_config_features": fn(*mut Config, *const c_char) -> bool;
        last_error = "touchstone_last_error": fn() -> *mut Error;
        error_kind = "touchstone_error_kind": fn(*const Error) -> u8;
        error_message = "touchstone_error_message": fn(*const Error, *mut Vector<u8>);
        error_delete = "touchstone_error_delete": fn(*mut Error);
        wasmtime_memorytype_new = "wasmtime_memorytype_new": fn();
        wasmtime_module_new = "wasmtime_module_new": fn(*mut Engine, *const u8, usize, *mut *mut WasmtimeModule)
            -> *mut WasmtimeError;
        wasmtime_module_delete = "wasmtime_module_delete": fn(*mut WasmtimeModule);
        wasmtime_module_validate = "wasmtime_module_validate": fn(*mut Engine, *const u8, usize) -> *mut WasmtimeError;
        wasmtime_error_message = "wasmtime_error_message": fn(*const WasmtimeError, *mut Vector<u8>);
        wasmtime_error_delete = "wasmtime_error_delete": fn(*mut WasmtimeError);
        wasmer_features_new = "wasmer_features_new": fn() -> *mut WasmerFeatures;
        wasmer_config_set_features = "wasm_config_set_features": fn(*mut Config, *mut WasmerFeatures);
        ref_same = "wasm_ref_same": fn(*const Ref, *const Ref) -> bool;
    }
}

impl Symbols {
    /// Loads a library and looks up its functions. It stays loaded for as long as this process lives, since engines
    /// keep threads and signal handlers.
    ///
    /// # Errors
    ///
    /// The file is no library that this system can load, or it lacks functions of the interface, which are all named.
    pub(super) fn load(path: &Path) -> Result<&'static Symbols, String> {
        // SAFETY: the user asks for the library by its path, so its code is trusted as much as this program's.
        let library = unsafe { Library::new(path) };
        let library = library.map_err(|error| format!("{} cannot be loaded: {error}", path.display()))?;
        match Symbols::look_up(library) {
            Ok(symbols) => Ok(Box::leak(Box::new(symbols))),
            Err(missing) => Err(format!(
                "{} has no standard C interface of WebAssembly (wasm.h): it lacks {}",
                path.display(),
                missing.join(", ")
            )),
        }
    }

    /// Returns whether the library has a function of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        // SAFETY: the symbol is not used.
        unsafe { self.library.get::<*const c_void>(name) }.is_ok()
    }

    /// Changes a configuration, if the library has this function.
    ///
    /// # Safety
    ///
    /// The configuration must be one of this library, and the function one of those that
    /// [`changes`](super::configuration::changes) names.
    ///
    /// # Errors
    ///
    /// The function refuses the argument.
    pub(super) unsafe fn change(&self, config: *mut Config, (name, argument): &Change) -> Result<(), Failure> {
        // SAFETY: each function has the type that its argument says, by the headers of its engine. A refusal is a new
        // object, which stays: its engine is not used.
        unsafe {
            match *argument {
                Argument::Flag(on) => self.call(name, |set: unsafe extern "C" fn(*mut Config, bool)| set(config, on)),
                Argument::Byte(byte) => self.call(name, |set: unsafe extern "C" fn(*mut Config, u8)| set(config, byte)),
                Argument::Choice(choice) => {
                    self.call(name, |set: unsafe extern "C" fn(*mut Config, u32)| set(config, choice))
                }
                Argument::Number(number) => {
                    self.call(name, |set: unsafe extern "C" fn(*mut Config, u64)| set(config, number))
                }
                Argument::Text(text) => {
                    let set = |set: unsafe extern "C" fn(*mut Config, *const c_char) -> *mut Error| {
                        set(config, text.as_ptr())
                    };
                    if self.call(name, set).is_some_and(|refusal| !refusal.is_null()) {
                        return Err(Failure::Unsupported(format!("the library refuses {name} of {text:?}")));
                    }
                    return Ok(());
                }
            };
        }
        Ok(())
    }

    /// Calls a function, if the library has it.
    ///
    /// # Safety
    ///
    /// `F` must be the type of the function.
    unsafe fn call<F: Copy, R>(&self, name: &str, call: impl FnOnce(F) -> R) -> Option<R> {
        // SAFETY: see above.
        let function = unsafe { self.library.get::<F>(name) }.ok()?;
        Some(call(*function))
    }

    /// Switches features of Wasmer on, if the library is Wasmer's: they are an object of their own.
    ///
    /// # Safety
    ///
    /// The configuration must be one of this library.
    pub(super) unsafe fn add_features(&self, config: *mut Config, features: Features) {
        let (Some(new), Some(set)) = (self.wasmer_features_new, self.wasmer_config_set_features) else { return };
        // SAFETY: the new object is changed by functions of the same library, and the configuration takes it over.
        unsafe {
            let object = new();
            for name in features.names() {
                let function = format!("wasmer_features_{}", name.replace('-', "_"));
                self.call(&function, |add: unsafe extern "C" fn(*mut WasmerFeatures, bool) -> bool| add(object, true));
            }
            set(config, object);
        }
    }
}
