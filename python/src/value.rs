//! Values: between Python's objects and WebAssembly's.
//!
//! | type | from Python | to Python |
//! |---|---|---|
//! | `i32`, `i64` | `int`, signed or unsigned | `int`, signed |
//! | `f32`, `f64` | `float` or `int` | `float` |
//! | `v128` | `int` from 0, or 16 bytes; lane 0 comes first | `int` |
//! | `funcref` | `Func` or `None` | `Func` or `None` |
//! | `externref` | any object; `None` is null | the same object |
//! | `anyref` | `int` of 31 bits, `AnyRef`, any other object, `None` | the same |
//! | `exnref` | `ExnRef` or `None` | `ExnRef` or `None` |

use crate::error::{self, OrRaise};
use crate::func::Func;
use crate::store::access::Context;
use crate::store::kept::Token;
use crate::store::{Store, StoreArg};
use crate::tag::Tag;
use engine::{AsContext, AsContextMut, ExternRef, I31, OwnedRooted, Val};
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyTuple};

/// A reference to a struct or an array, which Python can hold and pass on, but not inspect.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct AnyRef {
    store: Py<Store>,
    reference: OwnedRooted<engine::AnyRef>,
}

#[pymethods]
impl AnyRef {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.store)
    }
}

/// A reference to an exception of WebAssembly. `raise WasmException(reference)` in a host function throws it.
#[pyclass(frozen, module = "touchstone")]
pub(crate) struct ExnRef {
    store: Py<Store>,
    reference: OwnedRooted<engine::ExnRef>,
}

#[pymethods]
impl ExnRef {
    /// Makes an exception with a tag and the values that it carries.
    #[new]
    fn py_new(store: StoreArg<'_>, tag: &Tag, values: Vec<Bound<'_, PyAny>>) -> PyResult<ExnRef> {
        let store = store.0;
        Store::enter(&store, |context| {
            let params = tag.item.ty(&*context).or_raise(store.py())?.params;
            let values = list_to_wasm(&values, &params, &store, context)?;
            let exception = engine::ExnRef::new(&mut *context, tag.item, &values).or_raise(store.py())?;
            Ok(ExnRef::new(&store, exception.to_owned_rooted(context).or_raise(store.py())?))
        })
    }

    /// Returns the tag.
    fn tag(&self, store: StoreArg<'_>) -> PyResult<Tag> {
        let store = store.0;
        Store::enter(&store, |context| {
            let exception = self.reference.to_rooted(&mut *context).or_raise(store.py())?;
            Ok(Tag::new(&store, exception.tag(&*context).or_raise(store.py())?))
        })
    }

    /// Returns the values that the exception carries.
    fn fields<'py>(&self, store: StoreArg<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let store = store.0;
        Store::enter(&store, |context| {
            let exception = self.reference.to_rooted(&mut *context).or_raise(store.py())?;
            let fields = exception.fields(&mut *context).or_raise(store.py())?;
            list_to_python(&fields, &store, context)
        })
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.store)
    }
}

impl ExnRef {
    /// Wraps a reference.
    pub(crate) fn new(store: &Bound<'_, Store>, reference: OwnedRooted<engine::ExnRef>) -> ExnRef {
        ExnRef { store: store.clone().unbind(), reference }
    }

    /// Returns the error by which a host function throws the exception.
    pub(crate) fn throw(&self, context: &mut Context<'_>) -> engine::Error {
        match self.reference.to_rooted(&mut *context) {
            Ok(exception) => exception.throw(context),
            Err(error) => error,
        }
    }
}

/// Converts a list of values whose types are known.
pub(crate) fn list_to_wasm(
    objects: &[Bound<'_, PyAny>],
    types: &[engine::ValType],
    store: &Bound<'_, Store>,
    context: &mut Context<'_>,
) -> PyResult<Vec<Val>> {
    if objects.len() != types.len() {
        let message = format!("expected {} values, got {}", types.len(), objects.len());
        return Err(PyTypeError::new_err(message));
    }
    objects.iter().zip(types).map(|(object, ty)| to_wasm(object, *ty, store, context)).collect()
}

/// Converts a list of values.
pub(crate) fn list_to_python<'py>(
    values: &[Val],
    store: &Bound<'py, Store>,
    context: &mut Context<'_>,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    values.iter().map(|value| to_python(value, store, context)).collect()
}

/// Converts the results of a function: `None` for no result, the value for one, a tuple for several.
pub(crate) fn results_to_python<'py>(
    values: &[Val],
    store: &Bound<'py, Store>,
    context: &mut Context<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    match values {
        [] => Ok(store.py().None().into_bound(store.py())),
        [value] => to_python(value, store, context),
        _ => Ok(PyTuple::new(store.py(), list_to_python(values, store, context)?)?.into_any()),
    }
}

/// Converts what a Python function returned to the results that its type lists.
pub(crate) fn results_to_wasm(
    returned: &Bound<'_, PyAny>,
    types: &[engine::ValType],
    store: &Bound<'_, Store>,
    context: &mut Context<'_>,
) -> PyResult<Vec<Val>> {
    match types {
        [] if returned.is_none() => Ok(Vec::new()),
        [] => Err(PyTypeError::new_err("the function has no result, but it returned something")),
        [ty] => Ok(vec![to_wasm(returned, *ty, store, context)?]),
        _ => list_to_wasm(&returned.extract::<Vec<_>>()?, types, store, context),
    }
}

/// Converts an object to a value of a type.
///
/// # Errors
///
/// `TypeError` if the object is of a class that does not fit, `OverflowError` if a number is too large.
pub(crate) fn to_wasm(
    object: &Bound<'_, PyAny>,
    ty: engine::ValType,
    store: &Bound<'_, Store>,
    context: &mut Context<'_>,
) -> PyResult<Val> {
    Ok(match Val::default_for_ty(ty) {
        Val::I32(_) => {
            let number: i64 = object.extract()?;
            let signed = i32::try_from(number).ok();
            let number = signed.or_else(|| u32::try_from(number).ok().map(u32::cast_signed));
            Val::I32(number.ok_or_else(|| too_large(ty))?)
        }
        Val::I64(_) => {
            let number: i128 = object.extract()?;
            let signed = i64::try_from(number).ok();
            let number = signed.or_else(|| u64::try_from(number).ok().map(u64::cast_signed));
            Val::I64(number.ok_or_else(|| too_large(ty))?)
        }
        Val::F32(_) => Val::F32(object.extract::<f32>()?.to_bits()),
        Val::F64(_) => Val::F64(object.extract::<f64>()?.to_bits()),
        Val::V128(_) => Val::V128(vector(object)?),
        _ if object.is_none() => Val::default_for_ty(ty),
        Val::FuncRef(_) => Val::FuncRef(Some(object.cast::<Func>()?.get().item)),
        Val::ExternRef(_) => match object.cast::<AnyRef>() {
            Ok(reference) => Val::ExternRef(Some(any_of(reference, store, context)?.to_extern())),
            Err(_) => Val::ExternRef(Some(external(object, store, context)?)),
        },
        Val::AnyRef(_) => Val::AnyRef(Some(any_to_wasm(object, store, context)?)),
        Val::ExnRef(_) => {
            let exception = &object.cast::<ExnRef>()?.get().reference;
            Val::ExnRef(Some(exception.to_rooted(context).or_raise(store.py())?))
        }
    })
}

/// Converts a value to an object.
pub(crate) fn to_python<'py>(
    value: &Val,
    store: &Bound<'py, Store>,
    context: &mut Context<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = store.py();
    Ok(match *value {
        Val::I32(number) => number.into_pyobject(py)?.into_any(),
        Val::I64(number) => number.into_pyobject(py)?.into_any(),
        Val::F32(bits) => f32::from_bits(bits).into_pyobject(py)?.into_any(),
        Val::F64(bits) => f64::from_bits(bits).into_pyobject(py)?.into_any(),
        Val::V128(bits) => bits.into_pyobject(py)?.into_any(),
        Val::FuncRef(None) | Val::ExternRef(None) | Val::AnyRef(None) | Val::ExnRef(None) => py.None().into_bound(py),
        Val::FuncRef(Some(func)) => Bound::new(py, Func::new(store, func))?.into_any(),
        Val::ExternRef(Some(value)) => any_to_python(value.to_any(), store, context)?,
        Val::AnyRef(Some(value)) => any_to_python(value, store, context)?,
        Val::ExnRef(Some(exception)) => {
            let exception = exception.to_owned_rooted(context).or_raise(py)?;
            Bound::new(py, ExnRef::new(store, exception))?.into_any()
        }
    })
}

/// Converts an object that is not `None` to a value of the hierarchy of `anyref`.
fn any_to_wasm(
    object: &Bound<'_, PyAny>,
    store: &Bound<'_, Store>,
    context: &mut Context<'_>,
) -> PyResult<engine::AnyRef> {
    if let Ok(reference) = object.cast::<AnyRef>() {
        return any_of(reference, store, context);
    }
    if object.is_instance_of::<PyInt>() {
        let number = object.extract::<i32>()?;
        let integer = I31::wrapping_i32(number);
        if integer.get_i32() != number {
            return Err(PyOverflowError::new_err("the number does not fit into the 31 bits of an i31"));
        }
        return Ok(engine::AnyRef::from_i31(context, integer));
    }
    Ok(external(object, store, context)?.to_any())
}

/// Converts a value of the hierarchy of `anyref`, or an `externref`, to an object.
fn any_to_python<'py>(
    value: engine::AnyRef,
    store: &Bound<'py, Store>,
    context: &mut Context<'_>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = store.py();
    if let Some(integer) = value.as_i31(&*context).or_raise(py)? {
        return Ok(integer.get_i32().into_pyobject(py)?.into_any());
    }
    if let Some(host) = value.to_extern().data(context.as_context()).or_raise(py)? {
        let token = host.downcast_ref::<Token>();
        return token.ok_or_else(|| error::usage_error(py, "the value is no Python object"))?.get(py);
    }
    let reference = value.to_owned_rooted(context).or_raise(py)?;
    Ok(Bound::new(py, AnyRef { store: store.clone().unbind(), reference })?.into_any())
}

/// Returns the reference that an `AnyRef` holds.
fn any_of(
    reference: &Bound<'_, AnyRef>,
    store: &Bound<'_, Store>,
    context: &mut Context<'_>,
) -> PyResult<engine::AnyRef> {
    reference.get().reference.to_rooted(context.as_context_mut()).or_raise(store.py())
}

/// Makes a reference to a Python object. The store owns the object until WebAssembly's garbage collector finds that
/// nothing refers to it.
fn external(object: &Bound<'_, PyAny>, store: &Bound<'_, Store>, context: &mut Context<'_>) -> PyResult<ExternRef> {
    let token = store.get().kept.keep(object.clone().unbind());
    ExternRef::new(context, token).or_raise(store.py())
}

/// Returns the bits of a vector, given as an integer or as 16 bytes.
fn vector(object: &Bound<'_, PyAny>) -> PyResult<u128> {
    if object.is_instance_of::<PyInt>() {
        return object.extract();
    }
    let bytes: Vec<u8> = object.extract()?;
    let bytes = <[u8; 16]>::try_from(bytes);
    let bytes = bytes.map_err(|bytes| error::value_error(format!("a v128 has 16 bytes, not {}", bytes.len())))?;
    Ok(u128::from_le_bytes(bytes))
}

fn too_large(ty: engine::ValType) -> PyErr {
    PyOverflowError::new_err(format!("the number does not fit into an {ty}"))
}
