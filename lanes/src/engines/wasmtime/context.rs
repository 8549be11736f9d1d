//! Wasmtime's values, objects and exports.

use super::failure::{frames, growth_failed};
use crate::engines::context::{Any, EngineContext, Export, Exports, Found, Inside, Raised, Thrown};
use crate::{Failure, Frame, HeapType, HostCall, MemoryState, ObjectKind, Reference, ValType, Value};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use wasmtime::{
    AnyRef, AsContext, AsContextMut, Error, ExnRef, Extern, ExternRef, Func, FuncType, I31, Instance, OwnedRooted,
    ResourceLimiter, Rooted, Table, Tag, ThrownException, V128, Val, WasmBacktrace,
};

/// The data of a session's store.
#[derive(Default)]
pub(super) struct HostState {
    /// The calls of host functions that the session has not taken yet.
    pub(super) calls: Vec<HostCall>,
    /// The host values that were made, by number: a number is the same value each time.
    externs: HashMap<u32, OwnedRooted<ExternRef>>,
    /// The tags of all exceptions that were shown, in the order of [`Exception::tag`](crate::Exception::tag)'s numbers.
    tags: Vec<Tag>,
}

/// Limits nothing. Where the system refuses memory, a growth is a failure, not the result -1.
impl ResourceLimiter for HostState {
    fn memory_growing(&mut self, _current: usize, _desired: usize, _maximum: Option<usize>) -> Result<bool, Error> {
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: Error) -> Result<(), Error> {
        growth_failed(&error)
    }

    fn table_growing(&mut self, _current: usize, _desired: usize, _maximum: Option<usize>) -> Result<bool, Error> {
        Ok(true)
    }

    fn table_grow_failed(&mut self, error: Error) -> Result<(), Error> {
        growth_failed(&error)
    }
}

/// A reference to an object.
#[derive(Clone, Copy)]
pub(super) enum Handle {
    /// A struct or an array.
    Object(Rooted<AnyRef>),
    /// An exception.
    Exn(Rooted<ExnRef>),
}

/// A store, or a caller.
pub(super) struct Context<S>(pub(super) S);

impl<S: AsContextMut<Data = HostState>> EngineContext for Context<S> {
    type Val = Val;
    type Func = Func;
    type Table = Table;
    type Instance = Instance;
    type Handle = Handle;
    type Error = Error;

    fn lower(&mut self, value: Value) -> Result<Val, Error> {
        Ok(match value {
            Value::I32(value) => Val::I32(value),
            Value::I64(value) => Val::I64(value),
            Value::F32(bits) => Val::F32(bits),
            Value::F64(bits) => Val::F64(bits),
            Value::V128(bits) => Val::V128(V128::from(bits)),
            Value::Ref(Reference::Null(HeapType::Func)) => Val::FuncRef(None),
            Value::Ref(Reference::Null(HeapType::Extern)) => Val::ExternRef(None),
            Value::Ref(Reference::Null(HeapType::Any)) => Val::AnyRef(None),
            Value::Ref(Reference::Null(HeapType::Exn)) => Val::ExnRef(None),
            Value::Ref(Reference::Extern(number)) => Val::ExternRef(Some(self.host_value(number)?)),
            Value::Ref(Reference::Host(number)) => {
                let host = self.host_value(number)?;
                Val::AnyRef(Some(AnyRef::convert_extern(&mut self.0, host).map_err(resource)?))
            }
            Value::Ref(Reference::I31(value)) => {
                Val::AnyRef(Some(AnyRef::from_i31(&mut self.0, I31::wrapping_u32(value))))
            }
            Value::Ref(reference) => return Err(Failure::Unsupported(format!("the reference {reference}")).into()),
        })
    }

    fn raise(&mut self, value: &Val) -> Result<Raised<Handle>, Error> {
        Ok(Raised::Plain(match value {
            Val::I32(value) => Value::I32(*value),
            Val::I64(value) => Value::I64(*value),
            Val::F32(bits) => Value::F32(*bits),
            Val::F64(bits) => Value::F64(*bits),
            Val::V128(value) => Value::V128(value.as_u128()),
            Val::FuncRef(None) => Value::Ref(Reference::Null(HeapType::Func)),
            // A function has another address in each instance that imports it, so functions are not told apart.
            Val::FuncRef(Some(_)) => Value::Ref(Reference::Func(None)),
            Val::ExternRef(None) => Value::Ref(Reference::Null(HeapType::Extern)),
            Val::AnyRef(None) => Value::Ref(Reference::Null(HeapType::Any)),
            Val::ExnRef(None) => Value::Ref(Reference::Null(HeapType::Exn)),
            Val::ExternRef(Some(reference)) => return Ok(Raised::Extern(self.external(*reference)?)),
            Val::AnyRef(Some(reference)) => return Ok(Raised::Any(self.any(*reference)?)),
            Val::ExnRef(Some(exception)) => {
                let mut hash = DefaultHasher::new();
                exception.ref_hash(&self.0, &mut hash)?;
                let (kind, handle) = (ObjectKind::Exn, Handle::Exn(*exception));
                return Ok(Raised::Exn(Found { kind, hash: hash.finish(), handle }));
            }
            Val::ContRef(_) => return Err(Failure::Unsupported(format!("the value {value:?}")).into()),
        }))
    }

    fn is_same(&self, one: &Handle, other: &Handle) -> bool {
        match (*one, *other) {
            (Handle::Object(one), Handle::Object(other)) => is_same(&self.0, one, other),
            (Handle::Exn(one), Handle::Exn(other)) => is_same(&self.0, one, other),
            _ => false,
        }
    }

    fn look_into(&mut self, object: &Handle) -> Result<Inside<Val>, Error> {
        let object = match *object {
            Handle::Object(object) => object,
            Handle::Exn(exception) => {
                let tag = exception.tag(&mut self.0)?;
                let tag = self.tag_number(tag);
                return Ok(Inside::Exn { tag, payload: exception.fields(&mut self.0)?.collect() });
            }
        };
        if let Some(array) = object.as_array(&self.0)? {
            return Ok(Inside::Array(array.len(&self.0)?));
        }
        let fields = object.unwrap_struct(&self.0)?.fields(self.0.as_context_mut())?.collect();
        Ok(Inside::Struct { descriptor: None, fields })
    }

    fn element(&mut self, array: &Handle, index: u32) -> Result<Val, Error> {
        let Handle::Object(array) = array else { unreachable!("only arrays have elements") };
        array.unwrap_array(&self.0)?.get(&mut self.0, index)
    }

    fn func(&mut self, instance: &Instance, name: &str) -> Result<Func, Error> {
        let absent = || Failure::Usage(format!("there is no function {name:?}"));
        Ok(instance.get_func(&mut self.0, name).ok_or_else(absent)?)
    }

    fn global(&mut self, instance: &Instance, name: &str) -> Result<Val, Error> {
        let absent = || Failure::Usage(format!("there is no global {name:?}"));
        Ok(instance.get_global(&mut self.0, name).ok_or_else(absent)?.get(&mut self.0))
    }

    fn exports(&mut self, instance: &Instance) -> Result<Exports<Self>, Error> {
        let items = instance.exports(&mut self.0);
        let items: Vec<_> = items.map(|export| (export.name().to_string(), export.into_extern())).collect();
        let mut exports = Vec::new();
        for (name, item) in items {
            let export = match item {
                Extern::Global(global) => Export::Global(global.get(&mut self.0)),
                Extern::Memory(memory) => Export::Memory(MemoryState::of(memory.data(&self.0))),
                Extern::Table(table) => Export::Table(table),
                // To read one is unsafe: other threads may write.
                Extern::SharedMemory(_) => {
                    return Err(Failure::Unsupported("to read a shared memory".to_string()).into());
                }
                Extern::Func(_) | Extern::Tag(_) => continue,
            };
            exports.push((name, export));
        }
        Ok(exports)
    }

    fn table_size(&mut self, table: &Table) -> Result<u64, Error> {
        Ok(table.size(&self.0))
    }

    fn table_element(&mut self, table: &Table, index: u64) -> Result<Option<Val>, Error> {
        let element = table.get(&mut self.0, index);
        Ok(element.filter(|element| !element.is_null()).map(Val::from))
    }

    fn as_func(value: &Val) -> Option<Func> {
        match value {
            Val::FuncRef(function) => *function,
            _ => None,
        }
    }

    fn room_for_results(&mut self, func: &Func, arguments: &[Val]) -> Result<Vec<Val>, Error> {
        let ty = func.ty(&self.0);
        if !are_arguments(&self.0, &ty, arguments) {
            return Err(Failure::Usage(format!("the arguments are not those of {ty}")).into());
        }
        Ok(vec![Val::I32(0); ty.results().len()])
    }

    fn call(&mut self, func: &Func, arguments: &[Val], results: &mut [Val]) -> Result<(), Error> {
        func.call(&mut self.0, arguments, results)
    }

    fn collect(&mut self) -> Result<(), Error> {
        self.0.as_context_mut().gc(None)
    }

    /// The frames of an exception are gone when it arrives.
    fn thrown(&mut self, error: &Error) -> Result<Option<Thrown<Val>>, Error> {
        if !error.is::<ThrownException>() {
            return Ok(None);
        }
        let Some(exception) = self.0.as_context_mut().take_pending_exception() else { return Ok(None) };
        let tag = exception.tag(&mut self.0)?;
        let tag = Some(self.tag_number(tag));
        let payload = exception.fields(&mut self.0)?.collect();
        Ok(Some(Thrown { tag, payload: Some(payload), frames: None }))
    }

    fn frames(&self) -> Option<Vec<Frame>> {
        Some(frames(&WasmBacktrace::force_capture(&self.0)))
    }

    fn keep_host_call(&mut self, call: HostCall) {
        self.0.as_context_mut().data_mut().calls.push(call);
    }

    fn host_error(text: &str) -> Error {
        Failure::Host(text.to_string()).into()
    }
}

impl<S: AsContextMut<Data = HostState>> Context<S> {
    /// Returns the host value with this number, the same one each time.
    fn host_value(&mut self, number: u32) -> Result<Rooted<ExternRef>, Error> {
        if let Some(known) = self.0.as_context().data().externs.get(&number).cloned() {
            return Ok(known.to_rooted(&mut self.0));
        }
        let new = ExternRef::new(&mut self.0, number).map_err(resource)?;
        let owned = new.to_owned_rooted(&mut self.0).map_err(resource)?;
        self.0.as_context_mut().data_mut().externs.insert(number, owned);
        Ok(new)
    }

    fn external(&mut self, reference: Rooted<ExternRef>) -> Result<Any<Handle>, Error> {
        if let Some(number) = host_number(&self.0, reference)? {
            return Ok(Any::Host(number));
        }
        let converted = AnyRef::convert_extern(&mut self.0, reference)?;
        self.any(converted)
    }

    fn any(&mut self, reference: Rooted<AnyRef>) -> Result<Any<Handle>, Error> {
        if let Some(value) = reference.as_i31(&self.0)? {
            return Ok(Any::I31(value.get_u32()));
        }
        let kind = match (reference.is_struct(&self.0)?, reference.is_array(&self.0)?) {
            (true, _) => ObjectKind::Struct,
            (_, true) => ObjectKind::Array,
            _ => {
                let converted = ExternRef::convert_any(&mut self.0, reference)?;
                let strange = || Failure::Unsupported(format!("the reference {reference:?}"));
                return Ok(Any::Host(host_number(&self.0, converted)?.ok_or_else(strange)?));
            }
        };
        let mut hash = DefaultHasher::new();
        reference.ref_hash(&self.0, &mut hash)?;
        Ok(Any::Object(Found { kind, hash: hash.finish(), handle: Handle::Object(reference) }))
    }

    /// Returns the number of a tag among those that were shown.
    fn tag_number(&mut self, tag: Tag) -> u32 {
        let known = self.0.as_context().data().tags.iter().position(|known| Tag::eq(known, &tag, &self.0));
        let mut store = self.0.as_context_mut();
        let tags = &mut store.data_mut().tags;
        let number = known.unwrap_or_else(|| {
            tags.push(tag);
            tags.len() - 1
        });
        u32::try_from(number).expect("a session has fewer than 2^32 tags")
    }
}

fn resource(error: Error) -> Error {
    Failure::Resource(format!("{error:#}")).into()
}

/// Returns whether a function of this type takes these arguments.
fn are_arguments(store: impl AsContext, ty: &FuncType, arguments: &[Val]) -> bool {
    let fits = |(value, ty): (&Val, wasmtime::ValType)| value.matches_ty(&store, &ty).unwrap_or(false);
    ty.params().len() == arguments.len() && arguments.iter().zip(ty.params()).all(fits)
}

/// Returns whether two references refer to the same object.
fn is_same<T: wasmtime::GcRef>(store: &impl AsContext, one: Rooted<T>, other: Rooted<T>) -> bool {
    Rooted::ref_eq(store, &one, &other).expect("references of this scope")
}

/// Returns the number of a host value. `None` if the reference is to something else.
fn host_number(store: &impl AsContext<Data = HostState>, reference: Rooted<ExternRef>) -> Result<Option<u32>, Error> {
    let Some(data) = reference.data(store.as_context())? else { return Ok(None) };
    let strange = || Failure::Unsupported("a host value that is not of this session".to_string());
    Ok(Some(data.downcast_ref().copied().ok_or_else(strange)?))
}

/// Returns Wasmtime's type for a parameter or result.
pub(super) fn engine_type(ty: ValType) -> wasmtime::ValType {
    match ty {
        ValType::I32 => wasmtime::ValType::I32,
        ValType::I64 => wasmtime::ValType::I64,
        ValType::F32 => wasmtime::ValType::F32,
        ValType::F64 => wasmtime::ValType::F64,
        ValType::V128 => wasmtime::ValType::V128,
        ValType::Ref(HeapType::Func) => wasmtime::ValType::FUNCREF,
        ValType::Ref(HeapType::Extern) => wasmtime::ValType::EXTERNREF,
        ValType::Ref(HeapType::Any) => wasmtime::ValType::ANYREF,
        ValType::Ref(HeapType::Exn) => wasmtime::ValType::EXNREF,
        ValType::Ref(HeapType::Cont) => wasmtime::ValType::Ref(wasmtime::RefType::new(true, wasmtime::HeapType::Cont)),
    }
}
