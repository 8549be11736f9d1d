//! The interpreter's values, objects and exports.

use super::failure::{failure, frames};
use crate::engines::context::{Any, EngineContext, Export, Exports, Found, Inside, Raised, Thrown};
use crate::{Failure, Frame, HeapType, HostCall, MemoryState, ObjectKind, Reference, ValType, Value};
use interpreter::{
    AnyRef, ArrayRef, AsContextMut, Backtrace, Error, ErrorKind, ExnRef, Extern, ExternRef, Func, I31, Instance,
    Memory, RefType, SharedMemory, StructRef, Table, Tag, Val,
};

/// The data of a session's store.
#[derive(Default)]
pub(super) struct HostState {
    /// The calls of host functions that the session has not taken yet.
    pub(super) calls: Vec<HostCall>,
    /// Every function that was shown, in the order of [`Reference::Func`]'s numbers.
    functions: Vec<Func>,
    /// The tags of all exceptions that were shown, in the order of [`Exception::tag`](crate::Exception::tag)'s numbers.
    tags: Vec<Tag>,
}

/// An instance as a session knows it.
#[derive(Clone)]
pub(super) enum Exporter {
    /// An instance of this store.
    Instance(Instance),
    /// The shared memories of an instance of another session, by the names of their exports.
    Shared(Vec<(String, Memory)>),
}

impl Exporter {
    /// Returns the instance of this store.
    pub(super) fn instance(&self) -> Result<Instance, Error> {
        match self {
            Exporter::Instance(instance) => Ok(*instance),
            Exporter::Shared(_) => Err(Error::new(ErrorKind::Usage, "the instance is another thread's")),
        }
    }
}

/// A reference to an object.
#[derive(Clone)]
pub(super) enum Handle {
    Struct(StructRef),
    Array(ArrayRef),
    Exn(ExnRef),
}

/// A store, or a caller.
pub(super) struct Context<S>(pub(super) S);

impl<S: AsContextMut<Data = HostState>> EngineContext for Context<S> {
    type Val = Val;
    type Func = Func;
    type Table = Table;
    type Instance = Exporter;
    type Handle = Handle;
    type Error = Error;

    fn lower(&mut self, value: Value) -> Result<Val, Error> {
        Ok(match value {
            Value::I32(value) => Val::I32(value),
            Value::I64(value) => Val::I64(value),
            Value::F32(bits) => Val::F32(bits),
            Value::F64(bits) => Val::F64(bits),
            Value::V128(bits) => Val::V128(bits),
            Value::Ref(Reference::Null(HeapType::Func)) => Val::FuncRef(None),
            Value::Ref(Reference::Null(HeapType::Extern)) => Val::ExternRef(None),
            Value::Ref(Reference::Null(HeapType::Exn)) => Val::ExnRef(None),
            Value::Ref(Reference::Null(HeapType::Cont)) => Val::ContRef(None),
            Value::Ref(Reference::Null(HeapType::Any)) => Val::AnyRef(None),
            Value::Ref(Reference::Func(number)) => {
                let store = self.0.as_context();
                let known = number.and_then(|number| store.data().functions.get(number as usize));
                let unknown = || Error::new(ErrorKind::Usage, "no function with this number was seen yet");
                Val::FuncRef(Some(*known.ok_or_else(unknown)?))
            }
            Value::Ref(Reference::Extern(number)) => Val::ExternRef(Some(ExternRef::new(&mut self.0, number)?)),
            Value::Ref(Reference::Host(number)) => Val::AnyRef(Some(ExternRef::new(&mut self.0, number)?.to_any())),
            Value::Ref(Reference::I31(value)) => {
                Val::AnyRef(Some(AnyRef::from_i31(&mut self.0, I31::wrapping_i32(value.cast_signed()))))
            }
            Value::Ref(Reference::Object(_) | Reference::Converted(_) | Reference::Cont) => {
                return Err(Error::new(ErrorKind::Usage, "no object of WebAssembly's can be named as an argument"));
            }
        })
    }

    fn raise(&mut self, value: &Val) -> Result<Raised<Handle>, Error> {
        Ok(Raised::Plain(match value {
            Val::I32(value) => Value::I32(*value),
            Val::I64(value) => Value::I64(*value),
            Val::F32(bits) => Value::F32(*bits),
            Val::F64(bits) => Value::F64(*bits),
            Val::V128(bits) => Value::V128(*bits),
            Val::FuncRef(None) => Value::Ref(Reference::Null(HeapType::Func)),
            Val::ExternRef(None) => Value::Ref(Reference::Null(HeapType::Extern)),
            Val::ExnRef(None) => Value::Ref(Reference::Null(HeapType::Exn)),
            Val::ContRef(None) => Value::Ref(Reference::Null(HeapType::Cont)),
            Val::ContRef(Some(_)) => Value::Ref(Reference::Cont),
            Val::AnyRef(None) => Value::Ref(Reference::Null(HeapType::Any)),
            Val::FuncRef(Some(function)) => {
                let mut store = self.0.as_context_mut();
                Value::Ref(Reference::Func(Some(number(&mut store.data_mut().functions, *function))))
            }
            Val::ExnRef(Some(exception)) => {
                let hash = exception.address(&self.0)?.into();
                return Ok(Raised::Exn(Found { kind: ObjectKind::Exn, hash, handle: Handle::Exn(exception.clone()) }));
            }
            Val::ExternRef(Some(reference)) => {
                return Ok(Raised::Extern(match self.host_number(reference)? {
                    Some(number) => Any::Host(number),
                    None => self.any(&reference.to_any())?,
                }));
            }
            Val::AnyRef(Some(reference)) => return Ok(Raised::Any(self.any(reference)?)),
        }))
    }

    /// The hash is the address, which differs from object to object.
    fn is_same(&self, _one: &Handle, _other: &Handle) -> bool {
        true
    }

    fn look_into(&mut self, object: &Handle) -> Result<Inside<Val>, Error> {
        Ok(match object {
            Handle::Struct(object) => Inside::Struct {
                descriptor: object.descriptor(&mut self.0)?.map(Val::from),
                fields: object.fields(&mut self.0)?,
            },
            Handle::Array(array) => Inside::Array(array.len(&self.0)?),
            Handle::Exn(exception) => {
                let tag = exception.tag(&self.0)?;
                Inside::Exn { tag: self.tag_number(tag), payload: exception.fields(&mut self.0)? }
            }
        })
    }

    fn element(&mut self, array: &Handle, index: u32) -> Result<Val, Error> {
        let Handle::Array(array) = array else { unreachable!("only arrays have elements") };
        array.get(&mut self.0, index)
    }

    fn func(&mut self, instance: &Exporter, name: &str) -> Result<Func, Error> {
        instance.instance()?.get_func(&mut self.0, name)
    }

    fn global(&mut self, instance: &Exporter, name: &str) -> Result<Val, Error> {
        instance.instance()?.get_global(&mut self.0, name)?.get(&mut self.0)
    }

    fn exports(&mut self, instance: &Exporter) -> Result<Exports<Self>, Error> {
        let mut exports = Vec::new();
        for (name, item) in instance.instance()?.exports(&mut self.0)? {
            let export = match item {
                Extern::Func(_) | Extern::Tag(_) => continue,
                Extern::Global(global) => Export::Global(global.get(&mut self.0)?),
                Extern::Memory(memory) => Export::Memory(match memory.shared(&self.0)? {
                    Some(shared) => shared_state(&shared)?,
                    None => MemoryState::of(memory.data(self.0.as_context())?),
                }),
                Extern::Table(table) => Export::Table(table),
            };
            exports.push((name, export));
        }
        Ok(exports)
    }

    fn table_size(&mut self, table: &Table) -> Result<u64, Error> {
        table.size(&self.0)
    }

    fn table_element(&mut self, table: &Table, index: u64) -> Result<Option<Val>, Error> {
        table.get(&mut self.0, index)
    }

    fn as_func(value: &Val) -> Option<Func> {
        match value {
            Val::FuncRef(function) => *function,
            _ => None,
        }
    }

    fn room_for_results(&mut self, func: &Func, _arguments: &[Val]) -> Result<Vec<Val>, Error> {
        let ty = func.ty(&self.0)?;
        Ok(ty.results().iter().map(|&ty| Val::default_for_ty(&self.0, ty)).collect())
    }

    fn call(&mut self, func: &Func, arguments: &[Val], results: &mut [Val]) -> Result<(), Error> {
        func.call(&mut self.0, arguments, results)
    }

    fn collect(&mut self) -> Result<(), Error> {
        self.0.as_context_mut().gc()
    }

    fn function_at(&mut self, instance: &Exporter, index: u32) -> Result<u32, Failure> {
        let function = instance.instance().and_then(|instance| instance.func_at(&mut self.0, index));
        let function = function.map_err(|error| failure(&error))?;
        let absent = || Failure::Usage(format!("there is no function {index}, or nothing refers to it"));
        let function = function.ok_or_else(absent)?;
        Ok(number(&mut self.0.as_context_mut().data_mut().functions, function))
    }

    fn thrown(&mut self, error: &Error) -> Result<Option<Thrown<Val>>, Error> {
        let Some(exception) = error.as_exception() else { return Ok(None) };
        let tag = exception.tag(&self.0)?;
        let payload = exception.fields(&mut self.0)?;
        let tag = Some(self.tag_number(tag));
        Ok(Some(Thrown { tag, payload: Some(payload), frames: error.backtrace().map(frames) }))
    }

    fn frames(&self) -> Option<Vec<Frame>> {
        Some(frames(&Backtrace::capture(&self.0)))
    }

    fn keep_host_call(&mut self, call: HostCall) {
        self.0.as_context_mut().data_mut().calls.push(call);
    }

    fn host_error(text: &str) -> Error {
        Error::host(text.to_string())
    }
}

impl<S: AsContextMut<Data = HostState>> Context<S> {
    fn any(&mut self, reference: &AnyRef) -> Result<Any<Handle>, Error> {
        if let Some(value) = reference.as_i31(&self.0)? {
            return Ok(Any::I31(value.get_u32()));
        }
        let hash = reference.address(&self.0)?.into();
        if let Some(object) = reference.as_struct(&self.0)? {
            return Ok(Any::Object(Found { kind: ObjectKind::Struct, hash, handle: Handle::Struct(object) }));
        }
        if let Some(object) = reference.as_array(&self.0)? {
            return Ok(Any::Object(Found { kind: ObjectKind::Array, hash, handle: Handle::Array(object) }));
        }
        let number = self.host_number(&reference.to_extern())?;
        Ok(Any::Host(number.expect("what is neither an integer nor an object is a host value")))
    }

    /// Returns the number of a host value. `None` if the reference is to something else.
    fn host_number(&self, reference: &ExternRef) -> Result<Option<u32>, Error> {
        let Some(value) = reference.data(self.0.as_context())? else { return Ok(None) };
        // Only `lower` makes host values, and all of them are numbers.
        Ok(Some(*value.downcast_ref().expect("a host value of this session")))
    }

    fn tag_number(&mut self, tag: Tag) -> u32 {
        number(&mut self.0.as_context_mut().data_mut().tags, tag)
    }
}

/// Returns the number of an item among those that were shown.
fn number<T: PartialEq>(shown: &mut Vec<T>, item: T) -> u32 {
    let known = shown.iter().position(|known| *known == item).unwrap_or_else(|| {
        shown.push(item);
        shown.len() - 1
    });
    u32::try_from(known).expect("a session has fewer than 2^32 items")
}

/// Reads as much of a shared memory as its state shows.
fn shared_state(memory: &SharedMemory) -> Result<MemoryState, Error> {
    let length = memory.size() * memory.ty().page_size();
    let hashed = usize::try_from(length).map_or(MemoryState::HASHED, |length| length.min(MemoryState::HASHED));
    let mut bytes = vec![0; hashed];
    memory.read(0, &mut bytes)?;
    Ok(MemoryState::of_beginning(length, &bytes))
}

/// Returns the interpreter's type for a parameter or result.
pub(super) fn engine_type(ty: ValType) -> interpreter::ValType {
    match ty {
        ValType::I32 => interpreter::ValType::I32,
        ValType::I64 => interpreter::ValType::I64,
        ValType::F32 => interpreter::ValType::F32,
        ValType::F64 => interpreter::ValType::F64,
        ValType::V128 => interpreter::ValType::V128,
        ValType::Ref(HeapType::Func) => interpreter::ValType::FUNCREF,
        ValType::Ref(HeapType::Extern) => interpreter::ValType::EXTERNREF,
        ValType::Ref(HeapType::Any) => interpreter::ValType::Ref(RefType::ANY),
        ValType::Ref(HeapType::Exn) => interpreter::ValType::Ref(RefType::EXN),
        ValType::Ref(HeapType::Cont) => interpreter::ValType::Ref(RefType::CONT),
    }
}
