//! Values on their way into our engine and out of it, and the walk through its heap.

use super::{HostState, number};
use crate::objects::Walk;
use crate::{Contents, Converted, HeapType, Object, ObjectKind, ObjectRef, Objects, Reference, ValType, Value};
use engine::{
    AnyRef, ArrayRef, AsContext, AsContextMut, Error, ErrorKind, ExnRef, ExternRef, I31, RootScope, StructRef, Val,
};

fn nullable(heap: engine::HeapType) -> engine::ValType {
    engine::ValType::Ref(engine::RefType { nullable: true, heap })
}

/// The type of a parameter or result in the engine.
pub(super) fn engine_type(ty: ValType) -> engine::ValType {
    match ty {
        ValType::I32 => engine::ValType::I32,
        ValType::I64 => engine::ValType::I64,
        ValType::F32 => engine::ValType::F32,
        ValType::F64 => engine::ValType::F64,
        ValType::V128 => engine::ValType::V128,
        ValType::Ref(HeapType::Func) => engine::ValType::FUNCREF,
        ValType::Ref(HeapType::Extern) => engine::ValType::EXTERNREF,
        ValType::Ref(HeapType::Any) => nullable(engine::HeapType::Any),
        ValType::Ref(HeapType::Exn) => nullable(engine::HeapType::Exn),
    }
}

/// A value in the engine.
pub(super) fn to_engine(mut store: impl AsContextMut<Data = HostState>, value: Value) -> Result<Val, Error> {
    Ok(match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(bits) => Val::F32(bits),
        Value::F64(bits) => Val::F64(bits),
        Value::V128(bits) => Val::V128(bits),
        Value::Ref(Reference::Null(HeapType::Func)) => Val::FuncRef(None),
        Value::Ref(Reference::Null(HeapType::Extern)) => Val::ExternRef(None),
        Value::Ref(Reference::Null(HeapType::Exn)) => Val::ExnRef(None),
        Value::Ref(Reference::Null(HeapType::Any)) => Val::AnyRef(None),
        Value::Ref(Reference::Func(number)) => {
            let store = store.as_context();
            let known = number.and_then(|number| store.data().functions.get(number as usize));
            let unknown = || Error::new(ErrorKind::Usage, "no function with this number was seen yet");
            Val::FuncRef(Some(*known.ok_or_else(unknown)?))
        }
        Value::Ref(Reference::Extern(number)) => Val::ExternRef(Some(ExternRef::new(&mut store, number)?)),
        Value::Ref(Reference::Host(number)) => Val::AnyRef(Some(ExternRef::new(&mut store, number)?.to_any())),
        Value::Ref(Reference::I31(value)) => {
            Val::AnyRef(Some(AnyRef::from_i31(&mut store, I31::wrapping_i32(value.cast_signed()))))
        }
        Value::Ref(Reference::Object(_) | Reference::Converted(_)) => {
            return Err(Error::new(ErrorKind::Usage, "no object of WebAssembly's can be named as an argument"));
        }
    })
}

/// What was shown together, and the objects that it reaches.
pub(super) fn show(
    mut store: impl AsContextMut<Data = HostState>,
    values: &[Val],
) -> Result<(Vec<Value>, Objects), Error> {
    let mut viewer = Viewer::new();
    let shown = values.iter().map(|&value| viewer.value(&mut store, value)).collect::<Result<_, _>>()?;
    Ok((shown, viewer.end(store)?))
}

/// The handle of an object. Nothing is allocated in the engine's heap during a walk, so that addresses stay.
#[derive(Clone, Copy)]
enum Handle {
    Struct(StructRef),
    Array(ArrayRef),
    Exn(ExnRef),
}

/// Shows values, and then the objects that they reach.
pub(super) struct Viewer(Walk<Handle>);

impl Viewer {
    pub(super) fn new() -> Viewer {
        Viewer(Walk::new())
    }

    pub(super) fn value(&mut self, mut store: impl AsContextMut<Data = HostState>, value: Val) -> Result<Value, Error> {
        Ok(match value {
            Val::I32(value) => Value::I32(value),
            Val::I64(value) => Value::I64(value),
            Val::F32(bits) => Value::F32(bits),
            Val::F64(bits) => Value::F64(bits),
            Val::V128(bits) => Value::V128(bits),
            Val::FuncRef(None) => Value::Ref(Reference::Null(HeapType::Func)),
            Val::ExternRef(None) => Value::Ref(Reference::Null(HeapType::Extern)),
            Val::ExnRef(None) => Value::Ref(Reference::Null(HeapType::Exn)),
            Val::AnyRef(None) => Value::Ref(Reference::Null(HeapType::Any)),
            Val::FuncRef(Some(function)) => {
                let mut store = store.as_context_mut();
                Value::Ref(Reference::Func(Some(number(&mut store.data_mut().functions, function))))
            }
            Val::ExnRef(Some(exception)) => {
                let address = exception.address(&store)?;
                Value::Ref(Reference::Object(self.object(ObjectKind::Exn, address, Handle::Exn(exception))))
            }
            Val::ExternRef(Some(reference)) => Value::Ref(match host_value(&store, reference)? {
                Some(number) => Reference::Extern(number),
                None => Reference::Converted(match self.internal(&store, reference.to_any())? {
                    Internal::Object(object) => Converted::Object(object),
                    Internal::I31(value) => Converted::I31(value),
                    Internal::Host => unreachable!("it is no host value"),
                }),
            }),
            Val::AnyRef(Some(reference)) => Value::Ref(match self.internal(&store, reference)? {
                Internal::Object(object) => Reference::Object(object),
                Internal::I31(value) => Reference::I31(value),
                Internal::Host => {
                    let number = host_value(&store, reference.to_extern())?;
                    Reference::Host(number.expect("nothing else is left"))
                }
            }),
        })
    }

    /// What an `anyref` refers to.
    fn internal(&mut self, store: &impl AsContext, reference: AnyRef) -> Result<Internal, Error> {
        if let Some(value) = reference.as_i31(store)? {
            return Ok(Internal::I31(value.get_u32()));
        }
        let address = reference.address(store)?;
        if let Some(object) = reference.as_struct(store)? {
            return Ok(Internal::Object(self.object(ObjectKind::Struct, address, Handle::Struct(object))));
        }
        Ok(match reference.as_array(store)? {
            Some(object) => Internal::Object(self.object(ObjectKind::Array, address, Handle::Array(object))),
            None => Internal::Host,
        })
    }

    fn object(&mut self, kind: ObjectKind, address: u32, handle: Handle) -> ObjectRef {
        ObjectRef { kind, number: Some(self.0.number(address.into(), handle, |_| true)) }
    }

    /// Looks into all objects that were found, and those that they reach.
    pub(super) fn end(mut self, mut store: impl AsContextMut<Data = HostState>) -> Result<Objects, Error> {
        let mut store = RootScope::new(&mut store);
        while let Some(handle) = self.0.next() {
            let object = match handle {
                Handle::Struct(object) => {
                    let descriptor = match object.descriptor(&mut store)? {
                        Some(descriptor) => Some(self.value(&mut store, descriptor.into())?),
                        None => None,
                    };
                    let fields = object.fields(&mut store)?;
                    Object::Struct { descriptor, fields: self.contents(&mut store, &fields)? }
                }
                Handle::Array(array) => Object::Array(self.elements(&mut store, array)?),
                Handle::Exn(exception) => {
                    let tag = exception.tag(&store)?;
                    let tag = Some(number(&mut store.as_context_mut().data_mut().tags, tag));
                    let payload = exception.fields(&mut store)?;
                    Object::Exn { tag, payload: self.contents(&mut store, &payload)? }
                }
            };
            self.0.keep(object);
        }
        Ok(self.0.end())
    }

    fn contents(&mut self, mut store: impl AsContextMut<Data = HostState>, all: &[Val]) -> Result<Contents, Error> {
        let count = u32::try_from(all.len()).expect("a type has fewer than 2^32 fields");
        let taken = &all[..self.0.take(count) as usize];
        let values = taken.iter().map(|&value| self.value(&mut store, value)).collect::<Result<_, _>>()?;
        Ok(Contents { count, values })
    }

    fn elements(&mut self, mut store: impl AsContextMut<Data = HostState>, array: ArrayRef) -> Result<Contents, Error> {
        let count = array.len(&store)?;
        let mut values = Vec::new();
        for index in 0..self.0.take(count) {
            let element = array.get(&mut store, index)?;
            values.push(self.value(&mut store, element)?);
        }
        Ok(Contents { count, values })
    }
}

/// What an `anyref` refers to.
enum Internal {
    Object(ObjectRef),
    I31(u32),
    Host,
}

/// The number of a host value; `None` if it is none.
fn host_value(store: &impl AsContext<Data = HostState>, reference: ExternRef) -> Result<Option<u32>, Error> {
    // Only this file makes host values, and all of them are numbers.
    let number =
        |value: &(dyn std::any::Any + Send + Sync)| *value.downcast_ref().expect("a host value of this session");
    Ok(reference.data(store.as_context())?.map(number))
}
