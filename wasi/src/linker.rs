//! The functions in a linker of our engine.

use crate::{FUNCTIONS, Function, MODULE, NumType, Stop, Wasi};
use engine::{Backtrace, Error, Extern, FuncType, Linker, Result, Val, ValType};

impl Wasi {
    /// Defines all functions of preview 1 in a linker. What the guest may use is this context's.
    ///
    /// A guest that ends the program, or passes a wrong pointer, stops with an error of the host that downcasts to
    /// [`Stop`] and holds the backtrace.
    ///
    /// # Errors
    ///
    /// Those of [`Linker::func_new`]: one of the names is taken.
    pub fn define_in<T: 'static>(&self, linker: &mut Linker<T>) -> Result<()> {
        FUNCTIONS.iter().try_for_each(|function| self.define_function(linker, function))
    }

    /// Defines one function like [`define_in`](Wasi::define_in).
    ///
    /// # Errors
    ///
    /// Those of [`Linker::func_new`]: the name is taken.
    pub fn define_function<T: 'static>(&self, linker: &mut Linker<T>, function: &'static Function) -> Result<()> {
        let ty = FuncType::new(function.params.iter().map(val_type), function.result.iter().map(val_type));
        let wasi = self.clone();
        let defined = linker.func_new(MODULE, function.name, ty, move |mut caller, arguments, results| {
            let numbers: Vec<u64> = arguments.iter().map(number).collect();
            let memory = match caller.get_export("memory").and_then(Extern::into_memory) {
                Some(memory) => memory.data_mut(&mut caller)?,
                None => &mut [],
            };
            match wasi.call(function, &numbers, memory) {
                Ok(result) => {
                    results.iter_mut().zip(result).for_each(|(slot, number)| *slot = Val::I32(number));
                    Ok(())
                }
                Err(stop) => Err(Error::host(stop).with_backtrace(Backtrace::capture(&caller))),
            }
        });
        defined.map(|_| ())
    }
}

/// Returns the exit code with which the guest ended the program, if the error says that it did.
pub fn exit_code(error: &Error) -> Option<u32> {
    match error.downcast_ref() {
        Some(Stop::Exit(code)) => Some(*code),
        _ => None,
    }
}

fn val_type(ty: &NumType) -> ValType {
    match ty {
        NumType::I32 => ValType::I32,
        NumType::I64 => ValType::I64,
    }
}

/// Returns an argument as a plain number.
fn number(value: &Val) -> u64 {
    match *value {
        Val::I32(number) => u64::from(number as u32),
        Val::I64(number) => number as u64,
        _ => unreachable!("functions of WASI take integers"),
    }
}
