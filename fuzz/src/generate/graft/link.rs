//! The functions between entry and leaf. Each calls the next one in one of the ways of WebAssembly.

use super::body::Body;
use super::exceptions::caught;
use super::{FunctionId, Global, ImportRole, Plan, index};
use crate::generate::choice::choose_weighted;
use arbitrary::{Result, Unstructured};
use lanes::Features;
use wasm_encoder::{BlockType, HeapType, Instruction, RefType, ValType};

/// The way of a call to its callee.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Way {
    route: Route,
    /// True for a tail call.
    tail: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    /// `call`.
    Direct,
    /// `call_indirect` through the grafted table.
    Indirect,
    /// `call_indirect` through an element of the grafted table that is written right before the call.
    FreshElement,
    /// Through a host function that calls its argument.
    Host,
    /// `call_ref`.
    Reference,
}

impl Way {
    const DIRECT: Way = Way { route: Route::Direct, tail: false };

    fn arbitrary(u: &mut Unstructured<'_>, plan: &Plan) -> Result<Way> {
        use Route::{Direct, FreshElement, Host, Indirect, Reference};
        const ROUTES: [(u32, Route); 5] = [(2, Direct), (2, Indirect), (1, FreshElement), (1, Host), (2, Reference)];
        let typed = plan.features.contains(Features::FUNCTION_REFERENCES);
        let route = *choose_weighted(u, ROUTES.iter().filter(|(_, route)| *route != Reference || typed))?;
        Ok(Way { route, tail: plan.features.contains(Features::TAIL_CALL) && u.ratio(2, 5)? })
    }

    fn name(self) -> String {
        let route = match self.route {
            Route::Direct => "call",
            Route::Indirect => "indirect",
            Route::FreshElement => "element",
            Route::Host => "host",
            Route::Reference => "ref",
        };
        format!("{}{route}", if self.tail { "tail_" } else { "" })
    }
}

/// Makes a function of a type from the pool that calls `target`. Some are recursive.
pub(super) fn function(u: &mut Unstructured<'_>, plan: &mut Plan, target: FunctionId) -> Result<FunctionId> {
    if u.ratio(1, 7)? { recursion(u, plan, target) } else { plain(u, plan, target) }
}

fn plain(u: &mut Unstructured<'_>, plan: &mut Plan, target: FunctionId) -> Result<FunctionId> {
    let way = Way::arbitrary(u, plan)?;
    let callee = plan.functions[target.0].signature;
    let signature = if way.tail { replaceable(u, plan, callee)? } else { u.choose_index(plan.pool.len())? };
    let types = plan.pool[signature].clone();
    let mut body = Body::new(u, plan, &types)?;
    let catches = plan.features.intersects(Features::EXCEPTIONS | Features::LEGACY_EXCEPTIONS) && u.arbitrary()?;
    held(u, plan, &mut body, |body, u| {
        body.nested(u, plan, |body, u| {
            let mut call = |u: &mut Unstructured<'_>, body: &mut Body| call(u, plan, body, way, target, callee);
            if catches { caught(u, plan, body, &mut call) } else { call(u, body) }
        })
    })?;
    let body = body.finish(u, plan, &types.results)?;
    let catches = if catches { "catch_" } else { "" };
    Ok(plan.push(format!("{catches}{}_{}", way.name(), plan.functions.len()), signature, body))
}

/// Chooses a type of the pool with the results of `callee`, as a tail call needs.
fn replaceable(u: &mut Unstructured<'_>, plan: &Plan, callee: usize) -> Result<usize> {
    let results = &plan.pool[callee].results;
    let fitting: Vec<_> = (0..plan.pool.len()).filter(|&k| plan.pool[k].results == *results).collect();
    u.choose(&fitting).copied()
}

/// Makes two functions: one that calls itself until a counter is zero and then calls `target`, and one that sets the
/// counter and calls the first.
fn recursion(u: &mut Unstructured<'_>, plan: &mut Plan, target: FunctionId) -> Result<FunctionId> {
    let signature = u.choose_index(plan.pool.len())?;
    let way = Way::arbitrary(u, plan)?;
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
    call(u, plan, &mut body, Way::DIRECT, target, callee)?;
    body.push(Instruction::End);
    let body = body.finish(u, plan, &types.results)?;
    let recursive = plan.push(format!("recurse_{}_{}", way.name(), plan.functions.len()), signature, body);

    // A host function in between takes much more native stack than a frame of WebAssembly.
    let times = if way.route == Route::Host { u.int_in_range(1..=6)? } else { u.int_in_range(1..=40)? };
    let mut body = Body::new(u, plan, &types)?;
    body.extend([Instruction::I32Const(times), Instruction::GlobalSet(countdown)]);
    call(u, plan, &mut body, Way::DIRECT, recursive, signature)?;
    let body = body.finish(u, plan, &types.results)?;
    Ok(plan.push(format!("count_{}", plan.functions.len()), signature, body))
}

/// Calls `target`, whose type is `callee` of the pool, and consumes the results.
fn call(
    u: &mut Unstructured<'_>,
    plan: &Plan,
    body: &mut Body,
    way: Way,
    target: FunctionId,
    callee: usize,
) -> Result<()> {
    let types = &plan.pool[callee];
    let (type_index, table_index) = (plan.type_index(callee), plan.table());
    if way.route == Route::FreshElement {
        slot(u, plan, body, target)?;
        body.push(Instruction::RefFunc(plan.function_index(target)));
        body.push(Instruction::TableSet(plan.table()));
    }
    if way.route == Route::Host {
        body.push(Instruction::RefFunc(plan.function_index(target)));
    }
    body.values(u, plan, &types.params)?;
    match way.route {
        Route::Indirect | Route::FreshElement => slot(u, plan, body, target)?,
        Route::Reference => reference(u, plan, body, target, type_index)?,
        Route::Direct | Route::Host => {}
    }
    let function = if way.route == Route::Host { callback(plan, callee) } else { plan.function_index(target) };
    body.push(match (way.route, way.tail) {
        (Route::Direct | Route::Host, false) => Instruction::Call(function),
        (Route::Direct | Route::Host, true) => Instruction::ReturnCall(function),
        (Route::Indirect | Route::FreshElement, false) => Instruction::CallIndirect { type_index, table_index },
        (Route::Indirect | Route::FreshElement, true) => Instruction::ReturnCallIndirect { type_index, table_index },
        (Route::Reference, false) => Instruction::CallRef(type_index),
        (Route::Reference, true) => Instruction::ReturnCallRef(type_index),
    });
    if way.tail { Ok(()) } else { body.consume_all(u, plan, &types.results) }
}

/// Pushes the index of `target` in the grafted table.
fn slot(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, target: FunctionId) -> Result<()> {
    let slot = i64::try_from(target.0).expect("a plan has a few hundred functions at most");
    body.index(u, plan, plan.table64, slot)
}

/// Returns the host function that calls its argument, a function of type `callee` of the pool.
fn callback(plan: &Plan, callee: usize) -> u32 {
    let imports = plan.imports_with(|role| *role == ImportRole::Call(callee));
    index(*imports.first().expect("there is a callback for each type of the pool"))
}

/// Pushes a reference to `target`: directly, from a local, or from a local with a test for null.
fn reference(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, target: FunctionId, ty: u32) -> Result<()> {
    let heap_type = HeapType::Concrete(ty);
    body.push(Instruction::RefFunc(plan.function_index(target)));
    let way = u.int_in_range(0..=3)?;
    if way == 0 {
        return Ok(());
    }
    let local = body.scratch(ValType::Ref(RefType { nullable: true, heap_type }));
    body.push(Instruction::LocalSet(local));
    match way {
        1 => body.push(Instruction::LocalGet(local)),
        2 => body.extend([Instruction::LocalGet(local), Instruction::RefAsNonNull]),
        _ => {
            let result = ValType::Ref(RefType { nullable: false, heap_type });
            body.extend([Instruction::Block(BlockType::Result(result)), Instruction::LocalGet(local)]);
            body.extend([Instruction::BrOnNonNull(0), Instruction::Unreachable, Instruction::End]);
        }
    }
    Ok(())
}

/// Keeps up to four values on the operand stack while `inside` runs.
fn held(
    u: &mut Unstructured<'_>,
    plan: &Plan,
    body: &mut Body,
    inside: impl FnOnce(&mut Body, &mut Unstructured<'_>) -> Result<()>,
) -> Result<()> {
    let types =
        (0..u.int_in_range(0..=4)?).map(|_| u.choose(&plan.local_types).copied()).collect::<Result<Vec<ValType>>>()?;
    body.values(u, plan, &types)?;
    inside(body, u)?;
    body.consume_all(u, plan, &types)
}
