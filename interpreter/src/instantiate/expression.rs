//! Constant expressions
//! ([Constant expressions](https://webassembly.github.io/spec/core/valid/instructions.html#valid-constant)).
//!
//! Most consist of one instruction, whose value is known at once. Others run as the body of a function that exists for
//! as long as they run.

use crate::error::Result;
use crate::execute::{Exit, Stop, enter, run};
use crate::module::{ConstExpr, Module};
use crate::rewrite::{decoded, rewrite_expression};
use crate::slot::RawRef;
use crate::store::{Function, FunctionKind, StoreInner};
use crate::types::{TypeId, TypeIndex, ValType};
use alloc::sync::Arc;
use wasmparser::Operator;

/// Evaluates a constant expression of an instance of `module`, whose value is a `ty`. It costs the fuel that the same
/// instructions cost in a function, all at once. Returns the slots of the value; one that is no vector has only the
/// first.
///
/// # Errors
/// [`Trap::OutOfFuel`](crate::Trap::OutOfFuel), [`Trap::Interrupted`](crate::Trap::Interrupted), or the error of an
/// instruction that makes an object.
pub(super) fn evaluate(
    store: &mut StoreInner,
    module: &Module,
    instance: u32,
    expression: ConstExpr,
    ty: ValType<TypeIndex>,
) -> Result<[u64; 2]> {
    let (price, only) = read(module, expression).map_err(decoded)?;
    store.metering.charge_unless_free(price)?;
    store.metering.poll()?;
    match only.and_then(|operator| value_of(store, instance, &operator)) {
        Some(value) => Ok(value),
        None => evaluate_as_function(store, module, instance, expression, ty),
    }
}

/// Returns the number of instructions without the `end`, and the instruction if there is only one.
fn read(module: &Module, expression: ConstExpr) -> wasmparser::Result<(u64, Option<Operator<'_>>)> {
    let mut operators = module.const_expr(expression);
    let first = operators.read()?;
    let mut count = 1;
    while !matches!(operators.read()?, Operator::End) {
        count += 1;
    }
    Ok((count, (count == 1).then_some(first)))
}

/// Returns the value of an instruction without operands; `None` if it makes an object.
fn value_of(store: &StoreInner, instance: u32, operator: &Operator<'_>) -> Option<[u64; 2]> {
    let instance = &store.instances[instance as usize];
    Some(match *operator {
        Operator::I32Const { value } => [value.cast_unsigned().into(), 0],
        Operator::I64Const { value } => [value.cast_unsigned(), 0],
        Operator::F32Const { value } => [value.bits().into(), 0],
        Operator::F64Const { value } => [value.bits(), 0],
        Operator::V128Const { value } => {
            let bits = value.i128().cast_unsigned();
            [bits as u64, (bits >> 64) as u64]
        }
        Operator::RefNull { .. } => [RawRef::NULL.0, 0],
        Operator::RefFunc { function_index } => [RawRef::from_func(instance.functions[function_index as usize]).0, 0],
        Operator::GlobalGet { global_index } => store.globals[instance.globals[global_index as usize] as usize].slots(),
        _ => return None,
    })
}

/// Evaluates an expression as the body of a function.
fn evaluate_as_function(
    store: &mut StoreInner,
    module: &Module,
    instance: u32,
    expression: ConstExpr,
    ty: ValType<TypeIndex>,
) -> Result<[u64; 2]> {
    let code = rewrite_expression(module.description(), ty, &module.const_expr(expression))?;
    // Nothing asks for the type.
    let (ty, kind) = (TypeId(0), FunctionKind::Expression);
    let function = store.add_function(Function { ty, instance, kind, code: Some(Arc::new(code)) });
    let (depth, base) = (store.frames.len(), store.first_free);
    let exit = match enter(store, function, base as u32) {
        Ok(()) => run(store, depth),
        Err(stop) => Exit::Stopped(stop),
    };
    store.frames.truncate(depth);
    store.functions.pop();
    match exit {
        Exit::Returned => Ok([store.stack[base], store.stack[base + 1]]),
        Exit::Stopped(Stop::Trap(trap)) => Err(trap.into()),
        Exit::Stopped(Stop::Error(error)) => Err(error),
        Exit::Stopped(Stop::Exception(_)) | Exit::Host { .. } => unreachable!("a constant expression calls nothing"),
    }
}
