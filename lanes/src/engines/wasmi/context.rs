//! wasmi's values and exports.

use crate::engines::context::{EngineContext, Export, Exports, Inside, Raised};
use crate::{Failure, Frame, HeapType, HostCall, MemoryState, Reference, ValType, Value};
use std::collections::HashMap;
use std::convert::Infallible;
use wasmi::{
    AsContextMut, Error, Extern, ExternRef, F32, F64, Func, Instance, Nullable, Ref, Table, TrapCode, V128, Val,
};

/// The number of host functions that may call back within each other. Each such call of the engine counts its frames
/// anew, so that the native stack would overflow, which ends the process.
const MAX_HOST_DEPTH: u32 = 500;

/// The data of a session's store.
#[derive(Default)]
pub(super) struct HostState {
    /// The calls of host functions that the session has not taken yet.
    pub(super) calls: Vec<HostCall>,
    /// The number of host functions that are calling back.
    pub(super) depth: u32,
    /// Every function that was shown, in the order of [`Reference::Func`]'s numbers, with what tells it from others.
    functions: Vec<(String, Func)>,
    /// The host values that were made, by number: a number is the same value each time.
    externs: HashMap<u32, ExternRef>,
}

/// A store, or a caller.
pub(super) struct Context<S>(pub(super) S);

impl<S: AsContextMut<Data = HostState>> EngineContext for Context<S> {
    type Val = Val;
    type Func = Func;
    type Table = Table;
    type Instance = Instance;
    type Handle = Infallible;
    type Error = Error;

    fn lower(&mut self, value: Value) -> Result<Val, Error> {
        Ok(match value {
            Value::I32(value) => Val::I32(value),
            Value::I64(value) => Val::I64(value),
            Value::F32(bits) => Val::F32(F32::from_bits(bits)),
            Value::F64(bits) => Val::F64(F64::from_bits(bits)),
            Value::V128(bits) => Val::V128(V128::from(bits)),
            Value::Ref(Reference::Null(HeapType::Func)) => Val::FuncRef(Nullable::Null),
            Value::Ref(Reference::Null(HeapType::Extern)) => Val::ExternRef(Nullable::Null),
            Value::Ref(Reference::Func(number)) => {
                let store = self.0.as_context();
                let known = number.and_then(|number| store.data().functions.get(number as usize));
                let unknown = || Error::host(Failure::Usage("no function with this number was seen yet".to_string()));
                Val::FuncRef(Nullable::Val(known.ok_or_else(unknown)?.1))
            }
            Value::Ref(Reference::Extern(number)) => {
                let known = self.0.as_context().data().externs.get(&number).copied();
                let reference = known.unwrap_or_else(|| ExternRef::new(&mut self.0, number));
                self.0.as_context_mut().data_mut().externs.insert(number, reference);
                Val::ExternRef(Nullable::Val(reference))
            }
            Value::Ref(reference) => {
                return Err(Error::host(Failure::Unsupported(format!("the reference {reference}"))));
            }
        })
    }

    fn raise(&mut self, value: &Val) -> Result<Raised<Infallible>, Error> {
        Ok(Raised::Plain(match value {
            Val::I32(value) => Value::I32(*value),
            Val::I64(value) => Value::I64(*value),
            Val::F32(value) => Value::F32(value.to_bits()),
            Val::F64(value) => Value::F64(value.to_bits()),
            Val::V128(value) => Value::V128(value.as_u128()),
            Val::FuncRef(Nullable::Null) => Value::Ref(Reference::Null(HeapType::Func)),
            Val::ExternRef(Nullable::Null) => Value::Ref(Reference::Null(HeapType::Extern)),
            Val::FuncRef(Nullable::Val(function)) => Value::Ref(Reference::Func(Some(self.function_number(*function)))),
            Val::ExternRef(Nullable::Val(reference)) => {
                let number = reference.data(self.0.as_context()).downcast_ref::<u32>().copied();
                // Only `lower` makes host values, and all of them are numbers.
                Value::Ref(Reference::Extern(number.expect("a host value of this session")))
            }
        }))
    }

    fn is_same(&self, one: &Infallible, _other: &Infallible) -> bool {
        match *one {}
    }

    fn look_into(&mut self, object: &Infallible) -> Result<Inside<Val>, Error> {
        match *object {}
    }

    fn element(&mut self, array: &Infallible, _index: u32) -> Result<Val, Error> {
        match *array {}
    }

    fn func(&mut self, instance: &Instance, name: &str) -> Result<Func, Error> {
        let absent = || Error::host(Failure::Usage(format!("there is no function {name:?}")));
        instance.get_func(&self.0, name).ok_or_else(absent)
    }

    fn global(&mut self, instance: &Instance, name: &str) -> Result<Val, Error> {
        let absent = || Error::host(Failure::Usage(format!("there is no global {name:?}")));
        Ok(instance.get_global(&self.0, name).ok_or_else(absent)?.get(&self.0))
    }

    fn exports(&mut self, instance: &Instance) -> Result<Exports<Self>, Error> {
        let mut exports = Vec::new();
        for item in instance.exports(&self.0) {
            let name = item.name().to_string();
            let export = match item.into_extern() {
                Extern::Func(_) => continue,
                Extern::Global(global) => Export::Global(global.get(&self.0)),
                Extern::Memory(memory) => Export::Memory(MemoryState::of(memory.data(&self.0))),
                Extern::Table(table) => Export::Table(table),
            };
            exports.push((name, export));
        }
        Ok(exports)
    }

    fn table_size(&mut self, table: &Table) -> Result<u64, Error> {
        Ok(table.size(&self.0))
    }

    fn table_element(&mut self, table: &Table, index: u64) -> Result<Option<Val>, Error> {
        Ok(match table.get(&self.0, index) {
            Some(Ref::Func(function @ Nullable::Val(_))) => Some(Val::FuncRef(function)),
            Some(Ref::Extern(reference @ Nullable::Val(_))) => Some(Val::ExternRef(reference)),
            _ => None,
        })
    }

    fn as_func(value: &Val) -> Option<Func> {
        match value {
            Val::FuncRef(Nullable::Val(function)) => Some(*function),
            _ => None,
        }
    }

    fn room_for_results(&mut self, func: &Func, _arguments: &[Val]) -> Result<Vec<Val>, Error> {
        let ty = func.ty(&self.0);
        Ok(ty.results().iter().map(|&ty| Val::default_for_ty(ty)).collect())
    }

    fn call(&mut self, func: &Func, arguments: &[Val], results: &mut [Val]) -> Result<(), Error> {
        func.call(&mut self.0, arguments, results)
    }

    fn call_back(&mut self, func: &Func, arguments: &[Val], results: &mut [Val]) -> Result<(), Error> {
        if self.0.as_context().data().depth == MAX_HOST_DEPTH {
            return Err(TrapCode::StackOverflow.into());
        }
        self.0.as_context_mut().data_mut().depth += 1;
        let result = self.call(func, arguments, results);
        self.0.as_context_mut().data_mut().depth -= 1;
        result
    }

    fn frames(&self) -> Option<Vec<Frame>> {
        None
    }

    fn keep_host_call(&mut self, call: HostCall) {
        self.0.as_context_mut().data_mut().calls.push(call);
    }

    fn host_error(text: &str) -> Error {
        Error::host(Failure::Host(text.to_string()))
    }

    /// wasmi cannot be unwound: a panic would end the process.
    fn host_panic(text: &str) -> Error {
        Error::host(Failure::Panic(text.to_string()))
    }
}

impl<S: AsContextMut<Data = HostState>> Context<S> {
    /// Returns the number of a function among those that were shown.
    fn function_number(&mut self, function: Func) -> u32 {
        // A function is an index into its store, which only its debug form shows.
        let key = format!("{function:?}");
        let mut store = self.0.as_context_mut();
        let functions = &mut store.data_mut().functions;
        let known = functions.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            functions.push((key, function));
            functions.len() - 1
        });
        u32::try_from(known).expect("a session has fewer than 2^32 functions")
    }
}

/// Returns wasmi's type for a parameter or result.
pub(super) fn engine_type(ty: ValType) -> Result<wasmi::ValType, Error> {
    Ok(match ty {
        ValType::I32 => wasmi::ValType::I32,
        ValType::I64 => wasmi::ValType::I64,
        ValType::F32 => wasmi::ValType::F32,
        ValType::F64 => wasmi::ValType::F64,
        ValType::V128 => wasmi::ValType::V128,
        ValType::Ref(HeapType::Func) => wasmi::ValType::FuncRef,
        ValType::Ref(HeapType::Extern) => wasmi::ValType::ExternRef,
        ValType::Ref(heap) => return Err(Error::host(Failure::Unsupported(format!("references to {heap}")))),
    })
}
