//! Objects of the interface, each deleted once, and what can be done with them. The rest of this folder is safe code.
//!
//! The interface marks what a function takes over or gives away with `own`. Here that is an [`Owned`]. An object keeps
//! its store alive, so the store goes last.

#![expect(unsafe_code, reason = "the functions of the library are called with pointers that it made")]

use super::configuration::Change;
use super::symbols::{self as raw, Limits, Payload, Symbols, Vector, error_kind, kind};
use crate::{Failure, Features, Frame, HeapType, Phase, Reference, Refusal, ValType, Value};
use std::any::Any;
use std::ffi::{CString, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::{ptr, slice};

/// An engine with its configuration.
pub(super) struct Engine {
    symbols: &'static Symbols,
    raw: *mut raw::Engine,
}

// SAFETY: the interface lets threads share an engine; only stores belong to one thread.
unsafe impl Send for Engine {}
// SAFETY: see `Send`.
unsafe impl Sync for Engine {}

impl Engine {
    /// Makes an engine with these features, as far as they can be chosen. Changes by functions that the library lacks
    /// are left out.
    pub(super) fn new(symbols: &'static Symbols, features: Features, changes: &[Change]) -> Result<Engine, Failure> {
        let list = features.names().collect::<Vec<_>>().join(",");
        let list = CString::new(list).expect("no name of a feature has a zero");
        // SAFETY: a new configuration is changed by functions of the same library, and the engine takes it over.
        let raw = unsafe {
            let config = (symbols.config_new)();
            for change in changes {
                symbols.change(config, change)?;
            }
            symbols.add_features(config, features);
            if let Some(set_features) = symbols.config_features {
                set_features(config, list.as_ptr());
            }
            (symbols.engine_new_with_config)(config)
        };
        if raw.is_null() {
            return Err(Failure::Internal("the library makes no engine".to_string()));
        }
        Ok(Engine { symbols, raw })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: every store of the engine holds a reference to it, so there is none left.
        unsafe { (self.symbols.engine_delete)(self.raw) }
    }
}

/// A store.
pub(super) struct Store {
    symbols: &'static Symbols,
    raw: *mut raw::Store,
    engine: Arc<Engine>,
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: every object of the store holds a reference to it, so there is none left.
        unsafe { (self.symbols.store_delete)(self.raw) }
    }
}

/// An object that must be deleted.
pub(super) struct Owned<T> {
    raw: *mut T,
    delete: unsafe extern "C" fn(*mut T),
    store: Rc<Store>,
}

impl<T> Owned<T> {
    /// Takes over an object. `None` if it is null.
    fn new(store: &Rc<Store>, raw: *mut T, delete: unsafe extern "C" fn(*mut T)) -> Option<Owned<T>> {
        (!raw.is_null()).then(|| Owned { raw, delete, store: Rc::clone(store) })
    }

    /// Gives the object away.
    fn into_raw(self) -> *mut T {
        let raw = self.raw;
        let mut this = std::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, and nothing else of it needs to be dropped.
        unsafe { ptr::drop_in_place(&raw mut this.store) };
        raw
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: the object belongs to this value, and its store is alive.
        unsafe { (self.delete)(self.raw) }
    }
}

pub(super) type Module = Owned<raw::Module>;
pub(super) type Trap = Owned<raw::Trap>;
pub(super) type Ref = Owned<raw::Ref>;

/// A value: a number or a null, or a reference.
#[derive(Clone)]
pub(super) enum Val {
    Plain(Value),
    Func(Rc<Ref>),
    Extern(Rc<Ref>),
}

/// Something that can be imported or exported, and what keeps it alive.
#[derive(Clone)]
pub(super) struct Item {
    raw: *mut raw::Extern,
    store: Rc<Store>,
    _keeper: Rc<dyn Any>,
}

/// An instance with its exports, in the order in which its module has them.
pub(super) struct Instance {
    exports: Vector<*mut raw::Extern>,
    instance: Owned<raw::Instance>,
}

impl Drop for Instance {
    fn drop(&mut self) {
        // SAFETY: the exports are this value's own.
        unsafe { (self.instance.store.symbols.extern_vec_delete)(&raw mut self.exports) }
    }
}

impl Instance {
    /// Returns the exports. There are fewer than the module has if the interface cannot show them all.
    pub(super) fn items(self: Rc<Instance>) -> Vec<Item> {
        // SAFETY: the library filled the vector.
        let items = unsafe { elements(&raw const self.exports) };
        let item = |&raw| Item { raw, store: Rc::clone(&self.instance.store), _keeper: self.clone() };
        items.iter().map(item).collect()
    }
}

/// The code of a host function: from arguments to results, or to the trap that stops the caller.
type HostCode = Box<dyn Fn(&[Val]) -> Result<Vec<Val>, Trap>>;

/// The environment of a host function.
struct HostFunction {
    store: Weak<Store>,
    code: HostCode,
}

impl Store {
    /// Makes a store.
    pub(super) fn new(engine: &Arc<Engine>) -> Result<Rc<Store>, Failure> {
        let symbols = engine.symbols;
        // SAFETY: the engine is alive, and stays so.
        let raw = unsafe { (symbols.store_new)(engine.raw) };
        if raw.is_null() {
            return Err(Failure::Internal("the library makes no store".to_string()));
        }
        Ok(Rc::new(Store { symbols, raw, engine: Arc::clone(engine) }))
    }

    /// Loads a module. The interface gives no reason for a refusal; our own library and Wasmtime's do.
    pub(super) fn load(self: &Rc<Store>, binary: &[u8]) -> Result<Module, Refusal> {
        // SAFETY: the bytes are only read.
        let raw = unsafe { (self.symbols.module_new)(self.raw, &lent(binary)) };
        Owned::new(self, raw, self.symbols.module_delete).ok_or_else(|| {
            let message = "the library gives no reason".to_string();
            let told = self.last_refusal().or_else(|| self.refusal_by_wasmtime(binary));
            told.unwrap_or(Refusal { phase: Phase::Rejected, message })
        })
    }

    /// Returns whether the engine accepts a module, which it may be unable to compile.
    fn validates(self: &Rc<Store>, binary: &[u8]) -> bool {
        match self.error_of_wasmtime(|symbols, engine| {
            // SAFETY: the bytes are only read.
            Some(unsafe { (symbols.wasmtime_module_validate?)(engine, binary.as_ptr(), binary.len()) })
        }) {
            Some(error) => error.is_none(),
            None => self.load(binary).is_ok(),
        }
    }

    /// Asks Wasmtime again for the reason why it refused a module. A valid one is refused by a compiler that lacks
    /// something, and says so, or that fails.
    fn refusal_by_wasmtime(self: &Rc<Store>, binary: &[u8]) -> Option<Refusal> {
        let message = self.error_of_wasmtime(|symbols, engine| {
            let mut module = ptr::null_mut();
            // SAFETY: the bytes are only read, and a module that is made after all is ours.
            unsafe {
                let error = (symbols.wasmtime_module_new?)(engine, binary.as_ptr(), binary.len(), &raw mut module);
                if error.is_null() {
                    (symbols.wasmtime_module_delete?)(module);
                }
                Some(error)
            }
        })??;
        let lacks = ["unsupported", "not supported", "not yet implemented", "no support"];
        let phase = match () {
            () if !self.validates(binary) => Phase::Rejected,
            () if lacks.iter().any(|text| message.to_lowercase().contains(text)) => Phase::Unsupported,
            () => Phase::Internal,
        };
        Some(Refusal { phase, message })
    }

    /// Calls a function of Wasmtime that may return an error, and returns its message. `None` if the library is not
    /// Wasmtime's, or of a version before 0.30, where these functions have other types.
    fn error_of_wasmtime(
        &self,
        call: impl FnOnce(&Symbols, *mut raw::Engine) -> Option<*mut raw::WasmtimeError>,
    ) -> Option<Option<String>> {
        let symbols = self.symbols;
        symbols.wasmtime_memorytype_new?;
        let error = call(symbols, self.engine.raw)?;
        if error.is_null() {
            return Some(None);
        }
        let mut message = Vector::EMPTY;
        // SAFETY: the error and its message are ours, so they are deleted after their use.
        unsafe {
            (symbols.wasmtime_error_message?)(error, &raw mut message);
            let text = text(&raw const message);
            (symbols.byte_vec_delete)(&raw mut message);
            (symbols.wasmtime_error_delete?)(error);
            Some(Some(text))
        }
    }

    /// Returns the reason for the refusal of a module, if the library tells it.
    fn last_refusal(&self) -> Option<Refusal> {
        let symbols = self.symbols;
        // SAFETY: the error and its message are ours, so they are deleted after their use.
        unsafe {
            let error = (symbols.last_error?)();
            if error.is_null() {
                return None;
            }
            let phase = match (symbols.error_kind?)(error) {
                error_kind::MALFORMED => Phase::Malformed,
                error_kind::INVALID => Phase::Invalid,
                error_kind::UNSUPPORTED | error_kind::TOO_LARGE => Phase::Unsupported,
                _ => Phase::Internal,
            };
            let mut message = Vector::EMPTY;
            (symbols.error_message?)(error, &raw mut message);
            let text = text(&raw const message);
            (symbols.byte_vec_delete)(&raw mut message);
            (symbols.error_delete?)(error);
            Some(Refusal { phase, message: text })
        }
    }

    /// Instantiates a module. The error is the trap that stopped it, if the library gives one.
    pub(super) fn instantiate(
        self: &Rc<Store>,
        module: &Module,
        imports: &[Item],
    ) -> Result<Rc<Instance>, Option<Trap>> {
        let imports: Vec<_> = imports.iter().map(|item| item.raw).collect();
        let mut trap = ptr::null_mut();
        // SAFETY: the module and the imports are of this store and alive.
        let raw = unsafe { (self.symbols.instance_new)(self.raw, module.raw, &lent(&imports), &raw mut trap) };
        let Some(instance) = Owned::new(self, raw, self.symbols.instance_delete) else {
            return Err(Owned::new(self, trap, self.symbols.trap_delete));
        };
        let mut exports = Vector::EMPTY;
        // SAFETY: the instance is alive, and there is room for the vector.
        unsafe { (self.symbols.instance_exports)(instance.raw, &raw mut exports) };
        Ok(Rc::new(Instance { exports, instance }))
    }

    /// Makes a host function.
    pub(super) fn function(
        self: &Rc<Store>,
        params: &[ValType],
        results: &[ValType],
        code: HostCode,
    ) -> Result<Item, Failure> {
        let (mut params, mut results) = (self.types(params)?, self.types(results)?);
        let function = Box::new(HostFunction { store: Rc::downgrade(self), code });
        // SAFETY: the function type takes the vectors over. The library calls the finalizer once, when nothing can call
        // the function any more.
        let raw = unsafe {
            let ty = (self.symbols.functype_new)(&raw mut params, &raw mut results);
            let environment = Box::into_raw(function).cast();
            let raw = (self.symbols.func_new_with_env)(self.raw, ty, call_host, environment, delete_host);
            (self.symbols.functype_delete)(ty);
            raw
        };
        self.item(raw, self.symbols.func_delete, self.symbols.func_as_extern)
    }

    /// Makes an immutable global.
    pub(super) fn global(self: &Rc<Store>, ty: ValType, value: &Val) -> Result<Item, Failure> {
        let (ty, value) = (self.ty(ty)?, value.lend()?);
        // SAFETY: the global's type takes over that of its value; the rest is lent.
        let raw = unsafe {
            let ty = (self.symbols.globaltype_new)(ty, 0);
            let raw = (self.symbols.global_new)(self.raw, ty, &raw const value);
            (self.symbols.globaltype_delete)(ty);
            raw
        };
        self.item(raw, self.symbols.global_delete, self.symbols.global_as_extern)
    }

    /// Makes a table of null functions.
    pub(super) fn table(self: &Rc<Store>, min: u32, max: u32) -> Result<Item, Failure> {
        let element = self.ty(ValType::Ref(HeapType::Func))?;
        // SAFETY: the table's type takes over that of its elements; the rest is lent.
        let raw = unsafe {
            let ty = (self.symbols.tabletype_new)(element, &Limits { min, max });
            let raw = (self.symbols.table_new)(self.raw, ty, ptr::null_mut());
            (self.symbols.tabletype_delete)(ty);
            raw
        };
        self.item(raw, self.symbols.table_delete, self.symbols.table_as_extern)
    }

    /// Makes a memory of so many pages.
    pub(super) fn memory(self: &Rc<Store>, min: u32, max: u32) -> Result<Item, Failure> {
        // SAFETY: the limits are lent, and the type is deleted after its use.
        let raw = unsafe {
            let ty = (self.symbols.memorytype_new)(&Limits { min, max });
            let raw = (self.symbols.memory_new)(self.raw, ty);
            (self.symbols.memorytype_delete)(ty);
            raw
        };
        self.item(raw, self.symbols.memory_delete, self.symbols.memory_as_extern)
    }

    fn item<T: 'static>(
        self: &Rc<Store>,
        raw: *mut T,
        delete: unsafe extern "C" fn(*mut T),
        as_extern: unsafe extern "C" fn(*mut T) -> *mut raw::Extern,
    ) -> Result<Item, Failure> {
        let owned = Owned::new(self, raw, delete);
        let owned = owned.ok_or_else(|| Failure::Internal("the library makes no item to import".to_string()))?;
        // SAFETY: the object is alive. What is returned is the same object, and lives as long.
        let raw = unsafe { as_extern(owned.raw) };
        Ok(Item { raw, store: Rc::clone(self), _keeper: Rc::new(owned) })
    }

    fn ty(&self, ty: ValType) -> Result<*mut raw::ValType, Failure> {
        // SAFETY: the kind is one of the interface's.
        Ok(unsafe { (self.symbols.valtype_new)(kind_of(ty)?) })
    }

    fn types(&self, types: &[ValType]) -> Result<Vector<*mut raw::ValType>, Failure> {
        let kinds = types.iter().map(|&ty| kind_of(ty)).collect::<Result<Vec<_>, _>>()?;
        // SAFETY: the kinds are the interface's, and the vector takes the types over.
        unsafe {
            let types: Vec<_> = kinds.into_iter().map(|kind| (self.symbols.valtype_new)(kind)).collect();
            let mut vector = Vector::EMPTY;
            (self.symbols.valtype_vec_new)(&raw mut vector, types.len(), types.as_ptr());
            Ok(vector)
        }
    }

    /// Makes a trap with a message.
    pub(super) fn trap(self: &Rc<Store>, message: &str) -> Trap {
        let message = format!("{}\0", message.replace('\0', " "));
        // SAFETY: the message is only read. It ends with a zero, as the interface demands.
        let raw = unsafe { (self.symbols.trap_new)(self.raw, &lent(message.as_bytes())) };
        Owned::new(self, raw, self.symbols.trap_delete).expect("a library that makes no trap cannot be used")
    }

    /// Makes a host value with a number. `None` if the library lacks host values.
    pub(super) fn host_value(self: &Rc<Store>, number: u32) -> Option<Val> {
        let symbols = self.symbols;
        let information = ptr::without_provenance_mut(number as usize + 1);
        // SAFETY: the host value is alive until it is deleted; the copy is a reference of its own. The information is
        // never dereferenced.
        let raw = unsafe {
            let foreign = (symbols.foreign_new?)(self.raw);
            (symbols.foreign_set_host_info?)(foreign, information);
            let raw = (symbols.ref_copy)((symbols.foreign_as_ref?)(foreign));
            (symbols.foreign_delete?)(foreign);
            raw
        };
        Some(Val::Extern(Rc::new(Owned::new(self, raw, symbols.ref_delete)?)))
    }

    /// Takes over a value of the library.
    fn take(self: &Rc<Store>, value: raw::Val) -> Result<Val, Failure> {
        let reference = |raw| Owned::new(self, raw, self.symbols.ref_delete).map(Rc::new);
        // SAFETY: the kind says which member the payload has.
        Ok(unsafe {
            match value.kind {
                kind::I32 => Val::Plain(Value::I32(value.of.i32)),
                kind::I64 => Val::Plain(Value::I64(value.of.i64)),
                kind::F32 => Val::Plain(Value::F32(value.of.f32)),
                kind::F64 => Val::Plain(Value::F64(value.of.f64)),
                kind::FUNCREF => reference(value.of.reference).map_or_else(|| null(HeapType::Func), Val::Func),
                kind::EXTERNREF => reference(value.of.reference).map_or_else(|| null(HeapType::Extern), Val::Extern),
                other => return Err(Failure::Unsupported(format!("a value of the unknown kind {other}"))),
            }
        })
    }

    /// Makes a value of its own from one of the library, or from one of ours.
    ///
    /// # Safety
    ///
    /// A reference must be alive, and of this store.
    unsafe fn copy(&self, mut value: raw::Val) -> raw::Val {
        // SAFETY: see above. The kind says which member the payload has.
        unsafe {
            if value.kind >= kind::EXTERNREF && !value.of.reference.is_null() {
                value.of.reference = (self.symbols.ref_copy)(value.of.reference);
            }
        }
        value
    }
}

impl Item {
    /// Calls a function. The error is the trap that stopped it.
    ///
    /// The caller knows that it is a function that takes these arguments and has so many results, all of them of types
    /// that the interface has.
    pub(super) fn call(&self, arguments: &[Val], results: usize) -> Result<Result<Vec<Val>, Trap>, Failure> {
        let symbols = self.store.symbols;
        let arguments = arguments.iter().map(Val::lend).collect::<Result<Vec<_>, _>>()?;
        let mut values = vec![raw::Val { kind: kind::I32, of: Payload { i64: 0 } }; results];
        let mut room = Vector { size: results, data: values.as_mut_ptr() };
        // SAFETY: the arguments are lent, and there is room for the results, which are ours then.
        let trap = unsafe {
            let function = (symbols.extern_as_func)(self.raw);
            if function.is_null() {
                return Err(Failure::Unsupported("the library does not show this function".to_string()));
            }
            (symbols.func_call)(function, &lent(&arguments), &raw mut room)
        };
        if let Some(trap) = Owned::new(&self.store, trap, symbols.trap_delete) {
            return Ok(Err(trap));
        }
        values.into_iter().map(|value| self.store.take(value)).collect::<Result<Vec<_>, _>>().map(Ok)
    }

    /// Reads a global whose type the interface has.
    pub(super) fn global(&self) -> Result<Val, Failure> {
        let symbols = self.store.symbols;
        let mut value = raw::Val { kind: kind::I32, of: Payload { i64: 0 } };
        // SAFETY: the global is alive, and there is room for its value, which is ours then.
        unsafe {
            let global = (symbols.extern_as_global)(self.raw);
            if global.is_null() {
                return Err(Failure::Unsupported("the library does not show this global".to_string()));
            }
            (symbols.global_get)(global, &raw mut value);
        }
        self.store.take(value)
    }

    /// Returns the number of a table's elements.
    pub(super) fn table_size(&self) -> Result<u32, Failure> {
        // SAFETY: the table is alive.
        Ok(unsafe { (self.store.symbols.table_size)(self.table()?) })
    }

    /// Reads an element of a table. `None` if it is null.
    pub(super) fn table_element(&self, index: u32) -> Result<Option<Rc<Ref>>, Failure> {
        // SAFETY: the table is alive, and the reference is ours then.
        let raw = unsafe { (self.store.symbols.table_get)(self.table()?, index) };
        Ok(Owned::new(&self.store, raw, self.store.symbols.ref_delete).map(Rc::new))
    }

    fn table(&self) -> Result<*mut raw::Table, Failure> {
        // SAFETY: the item is alive.
        let table = unsafe { (self.store.symbols.extern_as_table)(self.raw) };
        if table.is_null() {
            return Err(Failure::Unsupported("the library does not show this table".to_string()));
        }
        Ok(table)
    }

    /// Reads the bytes of a memory.
    pub(super) fn memory<R>(&self, read: impl FnOnce(&[u8]) -> R) -> Result<R, Failure> {
        let symbols = self.store.symbols;
        // SAFETY: the memory is alive. No code of the library runs while the bytes are read, so they stay where they
        // are.
        unsafe {
            let memory = (symbols.extern_as_memory)(self.raw);
            if memory.is_null() {
                return Err(Failure::Unsupported("the library does not show this memory".to_string()));
            }
            let (data, size) = ((symbols.memory_data)(memory), (symbols.memory_data_size)(memory));
            match (size, data.is_null()) {
                (0, _) => Ok(read(&[])),
                (_, true) => Err(Failure::Unsupported("the library does not show this memory's bytes".to_string())),
                (_, false) => Ok(read(slice::from_raw_parts(data, size))),
            }
        }
    }
}

impl Val {
    /// Returns the value as the library takes it. A reference is lent, not given.
    fn lend(&self) -> Result<raw::Val, Failure> {
        let reference = |kind, reference| raw::Val { kind, of: Payload { reference } };
        Ok(match self {
            Val::Plain(Value::I32(value)) => raw::Val { kind: kind::I32, of: Payload { i32: *value } },
            Val::Plain(Value::I64(value)) => raw::Val { kind: kind::I64, of: Payload { i64: *value } },
            Val::Plain(Value::F32(bits)) => raw::Val { kind: kind::F32, of: Payload { f32: *bits } },
            Val::Plain(Value::F64(bits)) => raw::Val { kind: kind::F64, of: Payload { f64: *bits } },
            Val::Plain(Value::Ref(Reference::Null(HeapType::Func))) => reference(kind::FUNCREF, ptr::null_mut()),
            Val::Plain(Value::Ref(Reference::Null(HeapType::Extern))) => reference(kind::EXTERNREF, ptr::null_mut()),
            Val::Func(function) => reference(kind::FUNCREF, function.raw),
            Val::Extern(value) => reference(kind::EXTERNREF, value.raw),
            Val::Plain(other) => {
                return Err(Failure::Unsupported(format!("the value {other} has no place in the C interface")));
            }
        })
    }
}

/// Returns the null of a hierarchy.
fn null(heap: HeapType) -> Val {
    Val::Plain(Value::Ref(Reference::Null(heap)))
}

impl Ref {
    /// Returns whether both refer to the same object. `None` if the library does not tell.
    pub(super) fn is_same(&self, other: &Ref) -> Option<bool> {
        // SAFETY: both are alive.
        Some(unsafe { (self.store.symbols.ref_same?)(self.raw, other.raw) })
    }

    /// Returns the number of a host value. `None` if it is something else.
    pub(super) fn number(&self) -> Option<u32> {
        // SAFETY: the reference is alive.
        let information = unsafe { (self.store.symbols.ref_get_host_info?)(self.raw) };
        u32::try_from(information.addr().checked_sub(1)?).ok()
    }
}

impl Trap {
    /// Returns the message.
    pub(super) fn message(&self) -> String {
        let mut message = Vector::EMPTY;
        // SAFETY: the trap is alive, and the message is ours, so it is deleted after its use.
        unsafe {
            (self.store.symbols.trap_message)(self.raw, &raw mut message);
            let text = text(&raw const message);
            (self.store.symbols.byte_vec_delete)(&raw mut message);
            text
        }
    }

    /// Returns the frames, innermost first. `None` if the library shows none.
    pub(super) fn frames(&self) -> Option<Vec<Frame>> {
        let symbols = self.store.symbols;
        let mut frames = Vector::EMPTY;
        // SAFETY: the trap is alive, and the frames are ours, so they are deleted after their use.
        unsafe {
            (symbols.trap_trace?)(self.raw, &raw mut frames);
            let shown = elements(&raw const frames).iter().map(|&frame| self.frame(frame)).collect();
            (symbols.frame_vec_delete?)(&raw mut frames);
            shown
        }
    }

    /// Reads a frame.
    ///
    /// # Safety
    ///
    /// The frame must be alive.
    unsafe fn frame(&self, frame: *const raw::Frame) -> Option<Frame> {
        let symbols = self.store.symbols;
        // SAFETY: see above. A name belongs to the frame.
        unsafe {
            let name = |function: Option<unsafe extern "C" fn(*const raw::Frame) -> *const Vector<u8>>| {
                let name = function?(frame);
                (!name.is_null()).then(|| text(name))
            };
            let offset = symbols.frame_module_offset.map(|offset| offset(frame));
            Some(Frame {
                func_index: (symbols.frame_func_index?)(frame),
                func_name: name(symbols.frame_func_name),
                module_name: name(symbols.frame_module_name),
                // An offset that is not known is the greatest number.
                module_offset: offset.filter(|&offset| offset != usize::MAX).map(|offset| offset as u64),
            })
        }
    }
}

impl<T> Vector<T> {
    const EMPTY: Vector<T> = Vector { size: 0, data: ptr::null_mut() };
}

/// Returns a vector that the library only reads.
fn lent<T>(items: &[T]) -> Vector<T> {
    Vector { size: items.len(), data: items.as_ptr().cast_mut() }
}

/// Returns the elements of a vector.
///
/// # Safety
///
/// The vector must be one that the library filled, and live as long as the elements are used.
unsafe fn elements<'a, T>(vector: *const Vector<T>) -> &'a [T] {
    // SAFETY: see above.
    unsafe {
        let Vector { size, data } = &*vector;
        if *size == 0 { &[] } else { slice::from_raw_parts(*data, *size) }
    }
}

/// Reads a text. Zeros at its end are left out.
///
/// # Safety
///
/// See [`elements`].
unsafe fn text(bytes: *const Vector<u8>) -> String {
    // SAFETY: see above.
    String::from_utf8_lossy(unsafe { elements(bytes) }).trim_end_matches('\0').to_string()
}

/// Returns the kind of a type, if the interface has it.
fn kind_of(ty: ValType) -> Result<u8, Failure> {
    Ok(match ty {
        ValType::I32 => kind::I32,
        ValType::I64 => kind::I64,
        ValType::F32 => kind::F32,
        ValType::F64 => kind::F64,
        ValType::Ref(HeapType::Func) => kind::FUNCREF,
        ValType::Ref(HeapType::Extern) => kind::EXTERNREF,
        ValType::V128 | ValType::Ref(_) => {
            return Err(Failure::Unsupported(format!("the C interface has no type {ty}")));
        }
    })
}

/// Runs the code of a host function. No panic of ours may cross the library.
unsafe extern "C" fn call_host(
    environment: *mut c_void,
    arguments: *const Vector<raw::Val>,
    results: *mut Vector<raw::Val>,
) -> *mut raw::Trap {
    // SAFETY: the library hands back the environment that it was given, lends the arguments, and has room for the
    // results, which it takes over.
    unsafe {
        let function = &*environment.cast::<HostFunction>();
        let store = function.store.upgrade().expect("a store in which code runs is alive");
        let run = || {
            let take = |&value: &raw::Val| store.take(store.copy(value));
            let arguments = elements(arguments).iter().map(take).collect::<Result<Vec<_>, _>>();
            (function.code)(&arguments.map_err(|failure| store.trap(&failure.to_string()))?)
        };
        let ended = catch_unwind(AssertUnwindSafe(run));
        let values = match ended.unwrap_or_else(|_| Err(store.trap("a host function panicked"))) {
            Ok(values) => values,
            Err(trap) => return trap.into_raw(),
        };
        for (index, value) in values.iter().enumerate().take((*results).size) {
            let Ok(value) = value.lend() else { return store.trap("a result has no place").into_raw() };
            (*results).data.add(index).write(store.copy(value));
        }
        ptr::null_mut()
    }
}

/// Deletes the environment of a host function.
unsafe extern "C" fn delete_host(environment: *mut c_void) {
    // SAFETY: the library calls this once for each environment that it was given.
    drop(unsafe { Box::from_raw(environment.cast::<HostFunction>()) });
}
