//! Functions: calls from the host, and callbacks.

use crate::host_info::{Finalizer, HostInfo};
use crate::reference::{Item, Object};
use crate::store::{Data, SharedStore, wasm_store_t};
use crate::touchstone::error::{non_null, report, usage};
use crate::trap::wasm_trap_t;
use crate::types::wasm_functype_t;
use crate::val::{wasm_val_t, wasm_val_vec_t};
use crate::vec::Vector;
use core::ffi::c_void;
use core::mem::ManuallyDrop;
use engine::{AsContextMut, Caller, ExternType, Func, FuncType, Result, Val, ValType};
use std::sync::{Arc, Weak};

declare_ref! {
    /// A function.
    wasm_func_t, |object| matches!(object, Object::Item(Item::Func(_)));
    wasm_func_delete, wasm_func_copy, wasm_func_same, wasm_func_get_host_info, wasm_func_set_host_info,
    wasm_func_set_host_info_with_finalizer, wasm_func_as_ref, wasm_ref_as_func, wasm_func_as_ref_const,
    wasm_ref_as_func_const
}

/// A function of the program. It returns null, or a trap.
pub type Callback = extern "C" fn(args: &wasm_val_vec_t, results: &mut wasm_val_vec_t) -> Option<Box<wasm_trap_t>>;

/// A function of the program that gets an address of its own.
pub type CallbackWithEnv =
    extern "C" fn(env: *mut c_void, args: &wasm_val_vec_t, results: &mut wasm_val_vec_t) -> Option<Box<wasm_trap_t>>;

/// A function of the program as one of a store.
struct HostFunction {
    /// Weak, since the store owns the function.
    store: Weak<SharedStore>,
    ty: FuncType,
    code: Code,
}

enum Code {
    Plain(Callback),
    WithEnv(CallbackWithEnv, HostInfo),
}

impl HostFunction {
    /// Calls the function of the program.
    fn call(&self, mut caller: Caller<'_, Data>, params: &[Val], results: &mut [Val]) -> Result<()> {
        let store = self.store.upgrade().expect("who calls a function has its store");
        let args = params.iter().map(|&value| wasm_val_t::from_engine(value, &store, &mut caller));
        let args: wasm_val_vec_t = args.collect::<Result<_>>()?;
        let nulls = results.iter().map(|&value| wasm_val_t::from_engine(value, &store, &mut caller));
        let returned: wasm_val_vec_t = nulls.collect::<Result<_>>()?;
        // The callback gets a view: if it changed the vector itself, dropping that would free what is not ours.
        let mut view = ManuallyDrop::new(Vector { size: returned.size, data: returned.data });
        let trap = store.lend(&mut caller, || match &self.code {
            Code::Plain(callback) => callback(&args, &mut view),
            Code::WithEnv(callback, env) => callback(env.data(), &args, &mut view),
        });
        if let Some(trap) = trap {
            return Err(trap.into_error(&mut caller));
        }
        if (view.size, view.data) != (returned.size, returned.data) {
            return Err(usage("a callback writes its results, but must not replace their vector"));
        }
        for ((result, value), &ty) in results.iter_mut().zip(returned.as_slice()).zip(&self.ty.results) {
            *result = value.to_engine(&store, &mut caller, ty)?;
        }
        Ok(())
    }
}

impl wasm_func_t {
    /// Returns the engine's function.
    pub(crate) fn func(&self) -> Func {
        match self.item() {
            Item::Func(func) => func,
            _ => unreachable!("the types of C tell functions from other items"),
        }
    }

    /// Returns the type.
    ///
    /// # Errors
    /// Kind [`Usage`](engine::ErrorKind::Usage) if the store is in use.
    pub(crate) fn ty(&self) -> Result<FuncType> {
        self.store()?.with(|context| self.func().ty(&*context))
    }

    /// Calls the function, and returns the results.
    ///
    /// # Errors
    /// Those of [`Func::call`]; kind [`Usage`](engine::ErrorKind::Usage) if an argument is not of its type, or, after
    /// the call, if the caller has less `room` than there are results.
    fn call(&self, args: &[wasm_val_t], room: usize) -> Result<Vec<wasm_val_t>> {
        let (store, func) = (self.store()?, self.func());
        store.with(|context| {
            let ty = func.ty(&*context)?;
            let (params, given) = (ty.params.len(), args.len());
            if given != params {
                let message = format!("a function of type {ty} has {params} parameters, but {given} values were given");
                return Err(usage(message));
            }
            let args = to_engine(args, &ty.params, store, &mut *context)?;
            let mut results = vec![Val::I32(0); ty.results.len()];
            func.call(&mut *context, &args, &mut results)?;
            // Programs that expect a trap bring no room, so that this comes last.
            if room < results.len() {
                return Err(usage(format!(
                    "a function of type {ty} has returned, but there is room for {room} results"
                )));
            }
            results.into_iter().map(|value| wasm_val_t::from_engine(value, store, &mut *context)).collect()
        })
    }
}

/// Converts values to those of the engine, each of its type.
///
/// # Errors
/// The errors of [`wasm_val_t::to_engine`].
pub(crate) fn to_engine(
    values: &[wasm_val_t],
    types: &[ValType],
    store: &Arc<SharedStore>,
    mut context: impl AsContextMut<Data = Data>,
) -> Result<Vec<Val>> {
    values.iter().zip(types).map(|(value, &ty)| value.to_engine(store, context.as_context_mut(), ty)).collect()
}

/// Adds a function of the program to a store.
fn new_func(store: Option<&wasm_store_t>, ty: Option<&wasm_functype_t>, code: Code) -> Result<Box<wasm_func_t>> {
    let store = &non_null(store, "store")?.0;
    let ExternType::Func(ty) = non_null(ty, "function type")?.to_engine() else {
        unreachable!("the types of C tell function types from others")
    };
    let host = HostFunction { store: Arc::downgrade(store), ty: ty.clone(), code };
    let call = move |caller: Caller<'_, Data>, params: &[Val], results: &mut [Val]| host.call(caller, params, results);
    let func = store.with(|context| Ok(Func::new(context, ty, call)))?;
    Ok(wasm_func_t::boxed(store, Object::Item(Item::Func(func))))
}

/// Makes a function of a callback.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_func_new(
    store: Option<&wasm_store_t>,
    ty: Option<&wasm_functype_t>,
    callback: Option<Callback>,
) -> Option<Box<wasm_func_t>> {
    let callback = report(non_null(callback, "callback"))?;
    report(new_func(store, ty, Code::Plain(callback)))
}

/// Makes a function of a callback and an address, which it gets with each call. The finalizer is called with the
/// address when the store ends, and at once if the function cannot be made.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_func_new_with_env(
    store: Option<&wasm_store_t>,
    ty: Option<&wasm_functype_t>,
    callback: Option<CallbackWithEnv>,
    env: *mut c_void,
    finalizer: Option<Finalizer>,
) -> Option<Box<wasm_func_t>> {
    let env = HostInfo::new(env, finalizer);
    let callback = report(non_null(callback, "callback"))?;
    report(new_func(store, ty, Code::WithEnv(callback, env)))
}

/// Returns the type.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_func_type(func: Option<&wasm_func_t>) -> Option<Box<wasm_functype_t>> {
    let ty = report(non_null(func, "function").and_then(|func| func.ty()))?;
    Some(Box::new(wasm_functype_t::of(ExternType::Func(ty))))
}

/// Returns the number of parameters.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_func_param_arity(func: Option<&wasm_func_t>) -> usize {
    report(non_null(func, "function").and_then(|func| func.ty())).map_or(0, |ty| ty.params.len())
}

/// Returns the number of results.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_func_result_arity(func: Option<&wasm_func_t>) -> usize {
    report(non_null(func, "function").and_then(|func| func.ty())).map_or(0, |ty| ty.results.len())
}

/// Calls a function. Returns null, and writes the results, which the caller owns; or returns a trap, and writes
/// nothing. Null stands for an empty vector.
#[unsafe(no_mangle)]
pub extern "C" fn wasm_func_call(
    func: Option<&wasm_func_t>,
    args: Option<&wasm_val_vec_t>,
    results: Option<&mut wasm_val_vec_t>,
) -> Option<Box<wasm_trap_t>> {
    // Without a function there is no store that a trap could belong to.
    let func = report(non_null(func, "function"))?;
    let room = results.as_ref().map_or(0, |results| if results.data.is_null() { 0 } else { results.size });
    match func.call(args.map_or(&[], Vector::as_slice), room) {
        Ok(values) => {
            if let Some(results) = results {
                results.overwrite(values);
            }
            None
        }
        Err(error) => Some(wasm_trap_t::of(func.store().expect("functions have a store"), &error)),
    }
}
