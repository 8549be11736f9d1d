//! Exceptions: leaves that throw them, and code around a call that catches them and throws them again.

use super::body::Body;
use super::{Global, Plan};
use arbitrary::{Result, Unstructured};
use lanes::Features;
use wasm_encoder::{BlockType, Catch, HeapType, Instruction as I, RefType, ValType};

/// Emits the instructions inside, which leave the operand stack as it was.
pub(super) type Inside<'a> = dyn FnMut(&mut Unstructured<'_>, &mut Body) -> Result<()> + 'a;

const EXNREF: ValType = ValType::Ref(RefType::EXNREF);

/// A clause of a `try_table`.
#[derive(Clone, Copy)]
struct Clause {
    /// The tag of the exceptions that it catches; all exceptions if `None`.
    tag: Option<usize>,
    /// True if it also receives the reference.
    reference: bool,
}

impl Clause {
    fn arbitrary(u: &mut Unstructured<'_>, plan: &Plan) -> Result<Clause> {
        let tag = if u.ratio(1, 3)? { None } else { Some(u.choose_index(plan.tags.len())?) };
        Ok(Clause { tag, reference: u.arbitrary()? })
    }

    /// Returns the types of the values that it receives.
    fn types(self, plan: &Plan) -> Vec<ValType> {
        let mut types = self.tag.map_or_else(Vec::new, |tag| plan.tags[tag].clone());
        types.extend(self.reference.then_some(EXNREF));
        types
    }

    /// Returns the type of the block that it branches to.
    fn block(self, plan: &Plan) -> BlockType {
        match self.tag {
            Some(tag) => BlockType::FunctionType(plan.handler_type_index(tag, self.reference)),
            None if self.reference => BlockType::Result(EXNREF),
            None => BlockType::Empty,
        }
    }

    fn catch(self, plan: &Plan, label: u32) -> Catch {
        match (self.tag.map(|tag| plan.tag_index(tag)), self.reference) {
            (Some(tag), false) => Catch::One { tag, label },
            (Some(tag), true) => Catch::OneRef { tag, label },
            (None, false) => Catch::All { label },
            (None, true) => Catch::AllRef { label },
        }
    }
}

/// Emits `inside` within a `try_table` of one to three clauses, or within a legacy `try`.
pub(super) fn caught(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, inside: &mut Inside<'_>) -> Result<()> {
    let (newer, older) = (Features::EXCEPTIONS, Features::LEGACY_EXCEPTIONS);
    if plan.features.contains(older) && (!plan.features.contains(newer) || u.arbitrary()?) {
        return legacy(u, plan, body, inside);
    }
    let mut clauses = (0..u.int_in_range(1..=2)?).map(|_| Clause::arbitrary(u, plan)).collect::<Result<Vec<_>>>()?;
    // Often a later clause would catch the exceptions of the first one, too.
    if u.ratio(2, 3)? {
        let tag = clauses[0].tag.filter(|_| u.ratio(1, 3).unwrap_or_default());
        clauses.push(Clause { tag, reference: u.arbitrary()? });
    }
    body.push(I::Block(BlockType::Empty));
    clauses.iter().rev().for_each(|clause| body.push(I::Block(clause.block(plan))));
    let catches: Vec<_> = (0..).zip(&clauses).map(|(label, clause)| clause.catch(plan, label)).collect();
    body.push(I::TryTable(BlockType::Empty, catches.into()));
    // The call seldom throws what the clauses catch, so an exception of the first clause is often thrown here.
    let tag = clauses[0].tag.unwrap_or_default();
    match u.int_in_range(0..=5)? {
        0 => {
            new(u, plan, body, tag)?;
            inside(u, body)?;
        }
        1 | 2 => {
            inside(u, body)?;
            new(u, plan, body, tag)?;
        }
        _ => inside(u, body)?,
    }
    body.extend([I::End, I::Br(super::index(clauses.len()))]);
    for (k, clause) in clauses.iter().enumerate() {
        body.push(I::End);
        handle(u, plan, body, *clause)?;
        body.push(I::Br(super::index(clauses.len() - 1 - k)));
    }
    body.push(I::End);
    Ok(())
}

/// Consumes what a clause caught, and sometimes throws it again.
fn handle(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, clause: Clause) -> Result<()> {
    let payload = Clause { reference: false, ..clause }.types(plan);
    mark(u, plan, body)?;
    if clause.reference {
        if u.arbitrary()? {
            let kept = body.scratch(EXNREF);
            body.push(I::LocalSet(kept));
            body.consume_all(u, plan, &payload)?;
            body.push(I::LocalGet(kept));
            body.push(I::ThrowRef);
            return Ok(());
        }
        body.consume(u, plan, EXNREF)?;
    }
    body.consume_all(u, plan, &payload)
}

/// Adds a number to a sum, so that it shows that the handler ran.
fn mark(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    body.push(I::I32Const(u.arbitrary()?));
    body.sum(u, plan, ValType::I32)
}

/// Emits a legacy `try`, whose handlers follow the code and may throw again.
fn legacy(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, inside: &mut Inside<'_>) -> Result<()> {
    body.push(I::Try(BlockType::Empty));
    inside(u, body)?;
    if u.ratio(1, 5)? {
        body.push(I::Delegate(0));
        return Ok(());
    }
    for _ in 0..u.int_in_range(1..=2)? {
        let tag = u.choose_index(plan.tags.len())?;
        body.push(I::Catch(plan.tag_index(tag)));
        mark(u, plan, body)?;
        body.consume_all(u, plan, &plan.tags[tag])?;
        again(u, plan, body)?;
    }
    if u.arbitrary()? {
        body.push(I::CatchAll);
        mark(u, plan, body)?;
        again(u, plan, body)?;
    }
    body.push(I::End);
    Ok(())
}

/// Throws the caught exception again, one time in three. Half of these are in a branch that the optimizer cannot
/// decide.
fn again(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    match u.int_in_range(0..=5)? {
        0 => body.push(I::Rethrow(0)),
        1 => {
            body.extend([I::GlobalGet(plan.global_index(Global::Countdown)), I::I32Eqz]);
            body.extend([I::If(BlockType::Empty), I::Rethrow(1), I::End]);
        }
        _ => {}
    }
    Ok(())
}

/// Emits a leaf that throws a new exception, one that it caught before, or null, which traps.
pub(super) fn throw(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body) -> Result<()> {
    let tag = u.choose_index(plan.tags.len())?;
    let catches = plan.features.contains(Features::EXCEPTIONS);
    match u.int_in_range(0..=5)? {
        0 if catches => body.extend([I::RefNull(exn()), I::ThrowRef]),
        1 if catches => caught(u, plan, body, &mut |u, body| new(u, plan, body, tag))?,
        2 if catches => {
            // Only the reference is kept, which must still be the same exception.
            body.extend([I::Block(BlockType::Result(EXNREF))]);
            body.push(I::TryTable(BlockType::Empty, vec![Catch::AllRef { label: 0 }].into()));
            new(u, plan, body, tag)?;
            body.extend([I::End, I::Unreachable, I::End]);
            let kept = body.scratch(EXNREF);
            body.push(I::LocalSet(kept));
            body.sum_locals(u, plan)?;
            body.extend([I::LocalGet(kept), I::ThrowRef]);
        }
        _ => new(u, plan, body, tag)?,
    }
    Ok(())
}

fn new(u: &mut Unstructured<'_>, plan: &Plan, body: &mut Body, tag: usize) -> Result<()> {
    body.values(u, plan, &plan.tags[tag])?;
    body.push(I::Throw(plan.tag_index(tag)));
    Ok(())
}

fn exn() -> HeapType {
    RefType::EXNREF.heap_type
}
