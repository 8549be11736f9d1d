//! The functions between entry and leaf: each calls the next one in one of the ways that WebAssembly has.

use super::body::Body;
use super::{FunctionId, Global, ImportRole, Plan, index};
use arbitrary::{Result, Unstructured};
use lanes::ValType;
use wasm_encoder::{BlockType, Instruction};

/// How a call reaches its callee.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `call`.
    Direct,
    /// `call_indirect` through the grafted table.
    Indirect,
    /// As before, but the element is written right before the call.
    FreshElement,
    /// Through a host function that calls its argument.
    Host,
}

/// Makes a function of a type from the pool that calls `target`; a recursive one now and then.
pub(super) fn function(u: &mut Unstructured<'_>, plan: &mut Plan, target: FunctionId) -> Result<FunctionId> {
    if u.ratio(1, 7)? { recursion(u, plan, target) } else { plain(u, plan, target) }
}

fn plain(u: &mut Unstructured<'_>, plan: &mut Plan, target: FunctionId) -> Result<FunctionId> {
    let signature = u.choose_index(plan.pool.len())?;
    let way = way(u)?;
    let callee = plan.functions[target.0].signature;
    let types = plan.pool[signature].clone();
    let mut body = Body::new(u, plan, &types)?;
    held(u, plan, &mut body, |body, u| body.nested(u, plan, |body, u| call(u, plan, body, way, target, callee)))?;
    let body = body.finish(u, plan, &types.results)?;
    Ok(plan.push(format!("{}_{}", way.name(), plan.functions.len()), signature, body))
}

/// Two functions: one that calls itself until a counter is down and then calls `target`, and one that sets the
/// counter and calls the first.
fn recursion(u: &mut Unstructured<'_>, plan: &mut Plan, target: FunctionId) -> Result<FunctionId> {
    let signature = u.choose_index(plan.pool.len())?;
    let way = way(u)?;
    let callee = plan.functions[target.0].signature;
    let types = plan.pool[signature].clone();
    let this = plan.next();
    let countdown = plan.global_index(Global::Countdown);
    let mut body = Body::new(u, plan, &types)?;
    body.extend([Instruction::GlobalGet(countdown), Instruction::If(BlockType::Empty)]);
    body.extend([Instruction::GlobalGet(countdown), Instruction::I32Const(1), Instruction::I32Sub]);
    body.push(Instruction::GlobalSet(countdown));
    call(u, plan, &mut body, way, this, signature)?;
    body.push(Instruction::Else);
    call(u, plan, &mut body, Way::Direct, target, callee)?;
    body.push(Instruction::End);
    let body = body.finish(u, plan, &types.results)?;
    let recursive = plan.push(format!("recurse_{}_{}", way.name(), plan.functions.len()), signature, body);

    // Each host function in between costs much more native stack than a frame of WebAssembly.
    let times = if way == Way::Host { u.int_in_range(1..=6)? } else { u.int_in_range(1..=40)? };
    let mut body = Body::new(u, plan, &types)?;
    body.extend([Instruction::I32Const(times), Instruction::GlobalSet(countdown)]);
    call(u, plan, &mut body, Way::Direct, recursive, signature)?;
    let body = body.finish(u, plan, &types.results)?;
    Ok(plan.push(format!("count_{}", plan.functions.len()), signature, body))
}

fn way(u: &mut Unstructured<'_>) -> Result<Way> {
    Ok(*u.choose(&[Way::Direct, Way::Direct, Way::Indirect, Way::Indirect, Way::FreshElement, Way::Host])?)
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Way::Direct => "call",
            Way::Indirect => "indirect",
            Way::FreshElement => "element",
            Way::Host => "host",
        }
    }
}

/// Calls `target`, whose type is `callee` of the pool, with values and consumes what it returns.
fn call(
    u: &mut Unstructured<'_>,
    plan: &Plan,
    body: &mut Body,
    way: Way,
    target: FunctionId,
    callee: usize,
) -> Result<()> {
    let types = &plan.pool[callee];
    let slot = i32::try_from(target.0).expect("a plan has a few hundred functions at most");
    match way {
        Way::Direct => {
            body.values(u, plan, &types.params)?;
            body.push(Instruction::Call(plan.function_index(target)));
        }
        Way::Indirect | Way::FreshElement => {
            if way == Way::FreshElement {
                body.i32(u, plan, slot)?;
                body.push(Instruction::RefFunc(plan.function_index(target)));
                body.push(Instruction::TableSet(plan.table));
            }
            body.values(u, plan, &types.params)?;
            body.i32(u, plan, slot)?;
            body.push(Instruction::CallIndirect { type_index: plan.type_index(callee), table_index: plan.table });
        }
        Way::Host => {
            let import = *plan
                .imports_with(|role| *role == ImportRole::Call(callee))
                .first()
                .expect("there is a callback for each type of the pool");
            body.push(Instruction::RefFunc(plan.function_index(target)));
            body.values(u, plan, &types.params)?;
            body.push(Instruction::Call(index(import)));
        }
    }
    body.consume_all(u, plan, &types.results)
}

/// Keeps up to four values on the operand stack while `inside` runs.
fn held(
    u: &mut Unstructured<'_>,
    plan: &Plan,
    body: &mut Body,
    inside: impl FnOnce(&mut Body, &mut Unstructured<'_>) -> Result<()>,
) -> Result<()> {
    let types = (0..u.int_in_range(0..=4)?)
        .map(|_| u.choose(&crate::value::TYPES).copied())
        .collect::<Result<Vec<ValType>>>()?;
    body.values(u, plan, &types)?;
    inside(body, u)?;
    body.consume_all(u, plan, &types)
}
