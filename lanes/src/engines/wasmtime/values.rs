//! Values on their way into Wasmtime and out of it, and the walk through its heap.

use super::HostState;
use crate::engines::guard::id;
use crate::objects::Walk;
use crate::{
    Contents, Converted, Failure, HeapType, Object, ObjectKind, ObjectRef, Objects, Reference, ValType, Value,
};
use std::hash::{DefaultHasher, Hasher};
use wasmtime::{
    AnyRef, ArrayRef, AsContext, AsContextMut, Error, ExnRef, ExternRef, I31, RootScope, Rooted, Tag, V128, Val,
};

/// The type of a parameter or result in the engine.
pub(super) fn engine_type(ty: ValType) -> Result<wasmtime::ValType, Failure> {
    Ok(match ty {
        ValType::I32 => wasmtime::ValType::I32,
        ValType::I64 => wasmtime::ValType::I64,
        ValType::F32 => wasmtime::ValType::F32,
        ValType::F64 => wasmtime::ValType::F64,
        ValType::V128 => wasmtime::ValType::V128,
        ValType::Ref(HeapType::Func) => wasmtime::ValType::FUNCREF,
        ValType::Ref(HeapType::Extern) => wasmtime::ValType::EXTERNREF,
        ValType::Ref(HeapType::Any) => wasmtime::ValType::ANYREF,
        ValType::Ref(HeapType::Exn) => wasmtime::ValType::EXNREF,
    })
}

/// A value in the engine.
pub(super) fn to_engine(mut store: impl AsContextMut<Data = HostState>, value: Value) -> Result<Val, Failure> {
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
        Value::Ref(Reference::Extern(number)) => Val::ExternRef(Some(host_value(&mut store, number)?)),
        Value::Ref(Reference::Host(number)) => {
            let host = host_value(&mut store, number)?;
            Val::AnyRef(Some(AnyRef::convert_extern(&mut store, host).map_err(|error| resource(&error))?))
        }
        Value::Ref(Reference::I31(value)) => Val::AnyRef(Some(AnyRef::from_i31(&mut store, I31::wrapping_u32(value)))),
        Value::Ref(reference) => return Err(Failure::Unsupported(format!("the reference {reference}"))),
    })
}

/// The host value with this number, the same one each time.
fn host_value(mut store: impl AsContextMut<Data = HostState>, number: u32) -> Result<Rooted<ExternRef>, Failure> {
    if let Some(known) = store.as_context().data().externs.get(&number).cloned() {
        return Ok(known.to_rooted(&mut store));
    }
    let new = ExternRef::new(&mut store, number).map_err(|error| resource(&error))?;
    let owned = new.to_owned_rooted(&mut store).map_err(|error| resource(&error))?;
    store.as_context_mut().data_mut().externs.insert(number, owned);
    Ok(new)
}

fn resource(error: &Error) -> Failure {
    Failure::Resource(format!("{error:#}"))
}

/// The number of a tag among those that were shown.
pub(super) fn tag_number(mut store: impl AsContextMut<Data = HostState>, tag: Tag) -> u32 {
    let known = store.as_context().data().tags.iter().position(|known| Tag::eq(known, &tag, &store));
    let mut store = store.as_context_mut();
    let tags = &mut store.data_mut().tags;
    id(known.unwrap_or_else(|| {
        tags.push(tag);
        tags.len() - 1
    }) + 1)
}

/// What was shown together, and the objects that it reaches.
pub(super) fn show(
    mut store: impl AsContextMut<Data = HostState>,
    values: &[Val],
) -> Result<(Vec<Value>, Objects), Error> {
    let mut viewer = Viewer::new();
    let shown = values.iter().map(|value| viewer.value(&mut store, value)).collect::<Result<_, _>>()?;
    Ok((shown, viewer.end(store)?))
}

/// The handle of an object. Nothing is allocated in the engine's heap during a walk, so that hashes stay.
#[derive(Clone, Copy)]
enum Handle {
    Object(Rooted<AnyRef>),
    Exn(Rooted<ExnRef>),
}

/// Shows values, and then the objects that they reach.
pub(super) struct Viewer(Walk<Handle>);

impl Viewer {
    pub(super) fn new() -> Viewer {
        Viewer(Walk::new())
    }

    pub(super) fn value(&mut self, store: impl AsContextMut<Data = HostState>, value: &Val) -> Result<Value, Error> {
        Ok(match value {
            Val::I32(value) => Value::I32(*value),
            Val::I64(value) => Value::I64(*value),
            Val::F32(bits) => Value::F32(*bits),
            Val::F64(bits) => Value::F64(*bits),
            Val::V128(value) => Value::V128(value.as_u128()),
            Val::FuncRef(None) => Value::Ref(Reference::Null(HeapType::Func)),
            Val::FuncRef(Some(_)) => Value::Ref(Reference::Func(None)),
            Val::ExternRef(None) => Value::Ref(Reference::Null(HeapType::Extern)),
            Val::ExternRef(Some(reference)) => Value::Ref(self.external(store, *reference)?),
            Val::AnyRef(None) => Value::Ref(Reference::Null(HeapType::Any)),
            Val::AnyRef(Some(reference)) => Value::Ref(self.internal(store, *reference)?),
            Val::ExnRef(None) => Value::Ref(Reference::Null(HeapType::Exn)),
            Val::ExnRef(Some(exception)) => Value::Ref(Reference::Object(self.exception(&store, *exception)?)),
            Val::ContRef(_) => return Err(Failure::Unsupported(format!("the value {value:?}")).into()),
        })
    }

    fn external(
        &mut self,
        mut store: impl AsContextMut<Data = HostState>,
        reference: Rooted<ExternRef>,
    ) -> Result<Reference, Error> {
        if let Some(number) = host_number(&store, reference)? {
            return Ok(Reference::Extern(number));
        }
        let converted = AnyRef::convert_extern(&mut store, reference)?;
        Ok(Reference::Converted(match self.internal(&mut store, converted)? {
            Reference::Object(object) => Converted::Object(object),
            Reference::I31(value) => Converted::I31(value),
            _ => Converted::Hidden,
        }))
    }

    fn internal(
        &mut self,
        mut store: impl AsContextMut<Data = HostState>,
        reference: Rooted<AnyRef>,
    ) -> Result<Reference, Error> {
        if let Some(value) = reference.as_i31(&store)? {
            return Ok(Reference::I31(value.get_u32()));
        }
        let kind = match (reference.is_struct(&store)?, reference.is_array(&store)?) {
            (true, _) => ObjectKind::Struct,
            (_, true) => ObjectKind::Array,
            _ => {
                let converted = ExternRef::convert_any(&mut store, reference)?;
                let strange = || Failure::Unsupported(format!("the reference {reference:?}"));
                return Ok(Reference::Host(host_number(&store, converted)?.ok_or_else(strange)?));
            }
        };
        let mut hash = DefaultHasher::new();
        reference.ref_hash(&store, &mut hash)?;
        let same = |other| matches!(other, Handle::Object(other) if same(&store, reference, other));
        let number = self.0.number(hash.finish(), Handle::Object(reference), same);
        Ok(Reference::Object(ObjectRef { kind, number: Some(number) }))
    }

    fn exception(&mut self, store: &impl AsContext, exception: Rooted<ExnRef>) -> Result<ObjectRef, Error> {
        let mut hash = DefaultHasher::new();
        exception.ref_hash(store, &mut hash)?;
        let same = |other| matches!(other, Handle::Exn(other) if same(store, exception, other));
        let number = self.0.number(hash.finish(), Handle::Exn(exception), same);
        Ok(ObjectRef { kind: ObjectKind::Exn, number: Some(number) })
    }

    /// Looks into all objects that were found, and those that they reach.
    pub(super) fn end(mut self, mut store: impl AsContextMut<Data = HostState>) -> Result<Objects, Error> {
        let mut store = RootScope::new(&mut store);
        while let Some(handle) = self.0.next() {
            let object = match handle {
                Handle::Object(object) => self.object(&mut store, object)?,
                Handle::Exn(exception) => {
                    let tag = exception.tag(&mut store)?;
                    let tag = Some(tag_number(&mut store, tag));
                    let payload: Vec<Val> = exception.fields(&mut store)?.collect();
                    Object::Exn { tag, payload: self.contents(&mut store, &payload)? }
                }
            };
            self.0.keep(object);
        }
        Ok(self.0.end())
    }

    fn object(
        &mut self,
        mut store: impl AsContextMut<Data = HostState>,
        object: Rooted<AnyRef>,
    ) -> Result<Object, Error> {
        if let Some(array) = object.as_array(&store)? {
            return Ok(Object::Array(self.elements(store, array)?));
        }
        let fields: Vec<Val> = object.unwrap_struct(&store)?.fields(store.as_context_mut())?.collect();
        Ok(Object::plain(self.contents(store, &fields)?))
    }

    fn contents(&mut self, mut store: impl AsContextMut<Data = HostState>, all: &[Val]) -> Result<Contents, Error> {
        let count = u32::try_from(all.len()).expect("a type has fewer than 2^32 fields");
        let taken = &all[..self.0.take(count) as usize];
        let values = taken.iter().map(|value| self.value(&mut store, value)).collect::<Result<_, _>>()?;
        Ok(Contents { count, values })
    }

    fn elements(
        &mut self,
        mut store: impl AsContextMut<Data = HostState>,
        array: Rooted<ArrayRef>,
    ) -> Result<Contents, Error> {
        let count = array.len(&store)?;
        let mut values = Vec::new();
        for index in 0..self.0.take(count) {
            let element = array.get(&mut store, index)?;
            values.push(self.value(&mut store, &element)?);
        }
        Ok(Contents { count, values })
    }
}

/// Whether two handles refer to the same object.
fn same<T: wasmtime::GcRef>(store: &impl AsContext, one: Rooted<T>, other: Rooted<T>) -> bool {
    Rooted::ref_eq(store, &one, &other).expect("references of this scope")
}

/// The number of a host value; `None` if it is none.
fn host_number(store: &impl AsContext<Data = HostState>, reference: Rooted<ExternRef>) -> Result<Option<u32>, Error> {
    let data = reference.data(store.as_context())?;
    let strange = || Failure::Unsupported("a host value that is none of this session's".to_string());
    Ok(data.map(|data| data.downcast_ref::<u32>().copied().ok_or_else(strange)).transpose()?)
}
