//! Tags and exceptions. An exception is a reference of kind `TOUCHSTONE_EXNREF`.

use super::error::{non_null, report, usage};
use crate::func::to_engine;
use crate::reference::{Item, Object, wasm_ref_t};
use crate::store::wasm_store_t;
use crate::trap::wasm_trap_t;
use crate::types::{take_types, values, wasm_externtype_t, wasm_valtype_vec_t};
use crate::val::{wasm_val_t, wasm_val_vec_t};
use core::mem::MaybeUninit;
use engine::{AsContextMut, ExnRef, FuncType, OwnedRooted, Result, Tag};

declare_ref! {
    /// A tag of exceptions.
    touchstone_tag_t, |object| matches!(object, Object::Item(Item::Tag(_)));
    touchstone_tag_delete, touchstone_tag_copy, touchstone_tag_same, touchstone_tag_get_host_info,
    touchstone_tag_set_host_info, touchstone_tag_set_host_info_with_finalizer, touchstone_tag_as_ref,
    touchstone_ref_as_tag, touchstone_tag_as_ref_const, touchstone_ref_as_tag_const
}

impl touchstone_tag_t {
    fn tag(&self) -> Tag {
        match self.item() {
            Item::Tag(tag) => tag,
            _ => unreachable!("the types of C tell tags from other items"),
        }
    }
}

/// Makes a tag. It takes over the types of the values that its exceptions carry; null stands for none. The caller owns
/// the tag.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_tag_new(
    store: Option<&wasm_store_t>,
    params: Option<&mut wasm_valtype_vec_t>,
) -> Option<Box<touchstone_tag_t>> {
    let params = report(take_types(params))?;
    let new = || {
        let store = &non_null(store, "store")?.0;
        let tag = store.with(|context| Tag::new(context, FuncType::new(values(&params), [])))?;
        Ok(touchstone_tag_t::boxed(store, Object::Item(Item::Tag(tag))))
    };
    report(new())
}

/// Returns the types of the values that exceptions of a tag carry; null if the type is not one of tags. The type owns
/// the result.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_externtype_tag_params(ty: Option<&wasm_externtype_t>) -> Option<&wasm_valtype_vec_t> {
    ty?.tag_params()
}

/// Makes an exception of a tag and its values. The caller owns it.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_exception_new(
    tag: Option<&touchstone_tag_t>,
    args: Option<&wasm_val_vec_t>,
) -> Option<Box<wasm_ref_t>> {
    let new = || {
        let tag = non_null(tag, "tag")?;
        let store = tag.store()?;
        let args = args.map_or(&[][..], |args| args.as_slice());
        let exception = store.with(|context| {
            let types = tag.tag().ty(&*context)?.params;
            if types.len() != args.len() {
                let (carried, given) = (types.len(), args.len());
                return Err(usage(format!("exceptions of the tag carry {carried} values, but {given} were given")));
            }
            let args = to_engine(args, &types, store, &mut *context)?;
            ExnRef::new(&mut *context, tag.tag(), &args)?.to_owned_rooted(context)
        })?;
        Ok(Box::new(wasm_ref_t::new(store, Object::Exn(exception))))
    };
    report(new())
}

fn exception(reference: Option<&wasm_ref_t>) -> Result<(&wasm_ref_t, &OwnedRooted<ExnRef>)> {
    let reference = non_null(reference, "exception")?;
    match reference.object() {
        Object::Exn(exception) => Ok((reference, exception)),
        _ => Err(usage("the reference is to no exception")),
    }
}

/// Returns the tag of an exception. The caller owns it.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_exception_tag(reference: Option<&wasm_ref_t>) -> Option<Box<touchstone_tag_t>> {
    let tag = || {
        let (reference, exception) = exception(reference)?;
        let store = reference.store()?;
        let tag = store.with(|context| exception.to_rooted(&mut *context)?.tag(&*context))?;
        Ok(touchstone_tag_t::boxed(store, Object::Item(Item::Tag(tag))))
    };
    report(tag())
}

/// Writes the values that an exception carries, which the caller owns. Returns false if the reference is to no
/// exception.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_exception_values(
    reference: Option<&wasm_ref_t>,
    out: Option<&mut MaybeUninit<wasm_val_vec_t>>,
) -> bool {
    let values = || {
        let (reference, exception) = exception(reference)?;
        let store = reference.store()?;
        store.with(|context| {
            let fields = exception.to_rooted(&mut *context)?.fields(&mut *context)?;
            let values =
                fields.into_iter().map(|field| wasm_val_t::from_engine(field, store, context.as_context_mut()));
            values.collect::<Result<wasm_val_vec_t>>()
        })
    };
    let values = report(values());
    let succeeded = values.is_some();
    if let Some(out) = out {
        out.write(values.unwrap_or_default());
    }
    succeeded
}

/// Makes the trap by which a callback throws an exception. The caller owns it until the callback returns it.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_trap_throw(reference: Option<&wasm_ref_t>) -> Option<Box<wasm_trap_t>> {
    let throw = || {
        let (reference, exception) = exception(reference)?;
        Ok(wasm_trap_t::throwing(reference.store()?, exception.clone()))
    };
    report(throw())
}

/// Returns the exception that nothing caught, which the caller owns; null if the trap is another one.
#[unsafe(no_mangle)]
pub extern "C" fn touchstone_trap_exception(trap: Option<&wasm_trap_t>) -> Option<Box<wasm_ref_t>> {
    let trap = report(non_null(trap, "trap"))?;
    let exception = trap.exception()?.clone();
    Some(Box::new(wasm_ref_t::new(report(trap.store())?, Object::Exn(exception))))
}
