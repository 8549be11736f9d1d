//! Rewrites the bodies of a module: adds, replaces and removes instructions.
//!
//! A rewritten module keeps its indices and names; only byte offsets move. Instructions that are added must leave the
//! operand stack as it would be without them. They may use scratch locals, which a function gets on demand.

pub mod extend;
pub mod identities;
pub mod prune;
pub mod shadow;
pub mod shrink;
pub mod typed;

use std::convert::Infallible;
use std::ops::Range;
use wasm_encoder::reencode::{Error, Reencode};
use wasm_encoder::{CodeSection, Function, Instruction, Module, RawSection, ValType};
use wasmparser::{CompositeInnerType, FunctionBody, Operator, Parser, Payload, TypeRef};

/// The result of a rewrite, which fails if the module is not valid.
pub type Result<T> = std::result::Result<T, Error<Infallible>>;

/// The locals that are added to a function.
pub struct Scratch {
    first: usize,
    /// The type of each, and its number among those of the type.
    locals: Vec<(ValType, u32)>,
}

impl Scratch {
    fn new(first: usize) -> Scratch {
        Scratch { first, locals: Vec::new() }
    }

    /// Returns the scratch local of this type.
    pub fn local(&mut self, ty: ValType) -> u32 {
        self.further_local(ty, 0)
    }

    /// Returns the scratch local of this type with this number.
    pub fn further_local(&mut self, ty: ValType, number: u32) -> u32 {
        let known = self.locals.iter().position(|&known| known == (ty, number)).unwrap_or_else(|| {
            self.locals.push((ty, number));
            self.locals.len() - 1
        });
        u32::try_from(self.first + known).expect("a valid function has fewer than 2^32 locals")
    }

    /// Returns the locals as a function declares them.
    fn declarations(&self) -> Vec<(u32, ValType)> {
        let mut groups: Vec<(u32, ValType)> = Vec::new();
        for &(ty, _) in &self.locals {
            match groups.last_mut() {
                Some((count, last)) if *last == ty => *count += 1,
                _ => groups.push((1, ty)),
            }
        }
        groups
    }
}

/// The code to add around an instruction.
#[derive(Default)]
pub struct Patch {
    /// Code right before it.
    pub before: Vec<Instruction<'static>>,
    /// Code right after it.
    pub after: Vec<Instruction<'static>>,
    /// True to leave the instruction itself out.
    pub replaces: bool,
}

/// Returns the code to add around the first operator. The second is the one that follows it.
pub type Patcher<'p> = dyn FnMut(&Operator<'_>, Option<&Operator<'_>>, &mut Scratch) -> Patch + 'p;

/// Returns `wasm` with the code that `patch` adds around each instruction.
///
/// # Errors
///
/// If `wasm` is not a valid module.
pub fn rewrite(wasm: &[u8], patch: &mut Patcher<'_>) -> Result<Vec<u8>> {
    let mut module = Module::new();
    let mut rewriter = Rewriter { params: params(wasm)?.into_iter(), patch };
    rewriter.parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

/// Returns the new operators of a body.
pub type Editor<'p> = dyn for<'a> FnMut(Vec<Operator<'a>>) -> Vec<Operator<'a>> + 'p;

/// Returns `wasm` with each body as `edit` changes it.
///
/// # Errors
///
/// If `wasm` is not a valid module.
pub fn edit(wasm: &[u8], edit: &mut Editor<'_>) -> Result<Vec<u8>> {
    let mut module = Module::new();
    Editing(edit).parse_core_module(&mut module, Parser::new(0), wasm)?;
    Ok(module.finish())
}

struct Editing<'a, 'p>(&'a mut Editor<'p>);

impl Reencode for Editing<'_, '_> {
    type Error = Infallible;

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<()> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let operators = body.get_operators_reader()?.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
        for operator in (self.0)(operators) {
            function.instruction(&self.instruction(operator)?);
        }
        code.function(&function);
        Ok(())
    }
}

/// Returns the number of parameters of each function that has a body.
fn params(wasm: &[u8]) -> Result<Vec<usize>> {
    let (mut types, mut functions) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(function) => function.params().len(),
                        _ => 0,
                    }));
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    functions.push(types.get(index? as usize).copied().ok_or(Error::InvalidCodeSectionSize)?);
                }
            }
            _ => {}
        }
    }
    Ok(functions)
}

/// Returns `wasm` without `length` instructions from number `start` on, counted over all bodies. The result need not be
/// valid. `None` if there are no such instructions, or if the rest cannot be written.
pub fn remove(wasm: &[u8], start: usize, length: usize) -> Option<Vec<u8>> {
    let mut module = Module::new();
    let mut cutter = Cutter { next: 0, cut: start..start + length };
    cutter.parse_core_module(&mut module, Parser::new(0), wasm).ok()?;
    (cutter.next > start).then(|| module.finish())
}

struct Cutter {
    /// The number of the next instruction.
    next: usize,
    cut: Range<usize>,
}

impl Reencode for Cutter {
    type Error = Infallible;

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<()> {
        let mut function = self.new_function_with_parsed_locals(&body)?;
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let instruction = self.parse_instruction(&mut reader)?;
            // The last instruction closes the body.
            let cut = self.cut.contains(&self.next) && !reader.eof();
            self.next += 1;
            if !cut {
                function.instruction(&instruction);
            }
        }
        code.function(&function);
        Ok(())
    }
}

/// Returns `wasm` with `unreachable` for the whole body number `stub`. `None` if there is no such body, or if it is
/// that already.
pub fn stub_body(wasm: &[u8], stub: usize) -> Option<Vec<u8>> {
    let mut module = Module::new();
    let mut stubber = Stubber { next: 0, stub, changed: false };
    stubber.parse_core_module(&mut module, Parser::new(0), wasm).ok()?;
    stubber.changed.then(|| module.finish())
}

/// The part of a function that [`cut_functions`] replaces by `unreachable`.
pub enum Cut {
    /// The whole body.
    Body,
    /// From each of these offsets in the binary, in order, to the end of the block around it. For an arm of an `if` or
    /// the body of a `catch`, this is its own end.
    From(Vec<u32>),
}

/// Returns `wasm` without a part of each function, which `cut` chooses by the function's index. All that is outside of
/// functions stays as it is, byte for byte. `None` if `wasm` does not decode.
pub fn cut_functions(wasm: &[u8], mut cut: impl FnMut(u32) -> Cut) -> Option<Vec<u8>> {
    let mut module = Module::new();
    let (mut code, mut function, mut left) = (CodeSection::new(), 0, 0);
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.ok()?;
        match &payload {
            Payload::ImportSection(section) => function = count_functions(section.clone())?,
            Payload::CodeSectionStart { count, .. } if *count > 0 => {
                left = *count;
                continue;
            }
            Payload::CodeSectionEntry(body) => {
                match cut(function) {
                    Cut::Body => code.raw(&UNREACHABLE),
                    Cut::From(offsets) if offsets.is_empty() => code.raw(body.as_bytes()),
                    Cut::From(offsets) => code.raw(&cut_body(body, &offsets)?),
                };
                (function, left) = (function + 1, left - 1);
                if left == 0 {
                    module.section(&code);
                }
                continue;
            }
            _ => {}
        }
        if let Some((id, range)) = payload.as_section() {
            let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
            module.section(&RawSection { id, data: &wasm[range] });
        }
    }
    Some(module.finish())
}

/// Returns a body with `unreachable` from each of these offsets to the end of the block around it. After `unreachable`,
/// operands may have any type, so the body stays valid.
fn cut_body(body: &FunctionBody<'_>, offsets: &[u32]) -> Option<Vec<u8>> {
    use Operator::{Block, Catch, CatchAll, Delegate, Else, End, If, Loop, Try, TryTable};
    let bytes = body.as_bytes();
    let position = |offset: u64| usize::try_from(offset - body.range().start).ok();
    let (mut shorter, mut kept_from) = (Vec::new(), 0);
    // The number of blocks that were entered since the cut began.
    let mut blocks: Option<u32> = None;
    let mut reader = body.get_operators_reader().ok()?;
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset().ok()?;
        let begins_cut = blocks.is_none() && offsets.binary_search(&u32::try_from(offset).ok()?).is_ok();
        match (operator, blocks) {
            (End | Else | Catch { .. } | CatchAll | Delegate { .. }, None) => {}
            (End | Else | Catch { .. } | CatchAll | Delegate { .. }, Some(0)) => {
                kept_from = position(offset)?;
                blocks = None;
            }
            (End | Delegate { .. }, Some(entered)) => blocks = Some(entered - 1),
            (operator, _) => {
                if begins_cut {
                    shorter.extend_from_slice(&bytes[kept_from..position(offset)?]);
                    shorter.push(UNREACHABLE[1]);
                    blocks = Some(0);
                }
                let enters = matches!(operator, Block { .. } | Loop { .. } | If { .. } | Try { .. } | TryTable { .. });
                blocks = blocks.map(|entered| entered + u32::from(enters));
            }
        }
    }
    shorter.extend_from_slice(&bytes[kept_from..]);
    Some(shorter)
}

/// A body that is nothing but `unreachable`.
const UNREACHABLE: [u8; 3] = [0, 0x00, 0x0b];

fn count_functions(section: wasmparser::ImportSectionReader<'_>) -> Option<u32> {
    let mut functions = 0;
    for import in section.into_imports() {
        functions += u32::from(matches!(import.ok()?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
    }
    Some(functions)
}

struct Stubber {
    /// The number of the next body.
    next: usize,
    stub: usize,
    changed: bool,
}

impl Reencode for Stubber {
    type Error = Infallible;

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<()> {
        let this = self.next;
        self.next += 1;
        if this != self.stub {
            return wasm_encoder::reencode::utils::parse_function_body(self, code, body);
        }
        let mut function = Function::new([]);
        function.instruction(&Instruction::Unreachable).instruction(&Instruction::End);
        self.changed = body.as_bytes().len() > function.byte_len();
        code.function(&function);
        Ok(())
    }
}

/// Returns the number of bodies of `wasm`.
pub fn count_bodies(wasm: &[u8]) -> usize {
    let payloads = Parser::new(0).parse_all(wasm);
    payloads.filter(|payload| matches!(payload, Ok(Payload::CodeSectionEntry(_)))).count()
}

struct Rewriter<'a, 'p> {
    /// The numbers of parameters of the functions whose bodies are still to come.
    params: std::vec::IntoIter<usize>,
    patch: &'a mut Patcher<'p>,
}

impl Reencode for Rewriter<'_, '_> {
    type Error = Infallible;

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<()> {
        let mut locals = Vec::new();
        let mut first = self.params.next().ok_or(Error::InvalidCodeSectionSize)?;
        for group in body.get_locals_reader()? {
            let (count, ty) = group?;
            locals.push((count, self.val_type(ty)?));
            first += count as usize;
        }
        let mut scratch = Scratch::new(first);
        let operators = body.get_operators_reader()?.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
        let mut instructions = Vec::new();
        for (k, operator) in operators.iter().enumerate() {
            let patch = (self.patch)(operator, operators.get(k + 1), &mut scratch);
            instructions.extend(patch.before);
            if !patch.replaces {
                instructions.push(self.instruction(operator.clone())?);
            }
            instructions.extend(patch.after);
        }
        locals.extend(scratch.declarations());
        let mut function = Function::new(locals);
        instructions.iter().for_each(|instruction| _ = function.instruction(instruction));
        code.function(&function);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_removed_but_never_the_last() {
        let module = |body: &str| wat::parse_str(format!("(module (func {body}) (func nop))")).expect("it parses");
        let whole = module("nop i32.const 1 drop");
        assert_eq!(remove(&whole, 1, 2), Some(module("nop")));
        assert_eq!(remove(&whole, 3, 1), Some(whole.clone()), "the end of a body stays");
        assert_eq!(remove(&whole, 6, 1), None);
    }

    #[test]
    fn functions_are_replaced_by_their_index() {
        let module = |bodies: [&str; 2]| {
            let [first, second] = bodies;
            let text =
                format!("(module $m (import \"m\" \"f\" (func)) (func $a {first}) (func $b {second}) (memory 1))");
            wat::parse_str(text).expect("it parses")
        };
        let whole = module(["nop nop", "nop nop nop"]);
        let second = |function| if function == 2 { Cut::Body } else { Cut::From(Vec::new()) };
        assert_eq!(cut_functions(&whole, second), Some(module(["nop nop", "unreachable"])));
        assert_eq!(cut_functions(&whole, |_| Cut::From(Vec::new())), Some(whole));
        let none = wat::parse_str("(module (memory 1))").expect("it parses");
        assert_eq!(cut_functions(&none, |_| Cut::Body), Some(none));
        assert_eq!(cut_functions(b"no module", |_| Cut::Body), None);
    }

    #[test]
    fn functions_are_cut_to_the_end_of_a_block() {
        const WHOLE: &str = "block loop nop br 1 i32.const 7 if nop else nop end end nop end \
            i32.const 0 if (result i32) i32.const 1 else block nop end i32.const 2 end drop";
        let module = |body: &str| wat::parse_str(format!("(module (func {body}))")).expect("it parses");
        let whole = module(WHOLE);
        let body = Parser::new(0).parse_all(&whole).find_map(|payload| match payload {
            Ok(Payload::CodeSectionEntry(body)) => Some(body),
            _ => None,
        });
        let offsets: Vec<u64> = body
            .and_then(|body| body.get_operators_reader().ok())
            .map(|reader| reader.into_iter_with_offsets().map(|operator| operator.expect("it decodes").1).collect())
            .expect("there is a body");
        let cut = |operators: &[usize]| {
            let offsets = operators.iter().map(|&operator| offsets[operator] as u32).collect::<Vec<_>>();
            cut_functions(&whole, |_| Cut::From(offsets.clone())).expect("it decodes")
        };
        // Operator 4 is the constant before the `if`: the cut takes the `if` with both arms.
        let expected = WHOLE.replace("i32.const 7 if nop else nop end", "unreachable");
        assert_eq!(cut(&[4]), module(&expected));
        assert_eq!(cut(&[4, 6, 8]), module(&expected), "cuts within a cut change nothing");
        // The `if` with a result begins at operator 14: its arms are cut one by one.
        assert_eq!(cut(&[15]), module(&WHOLE.replace("i32.const 1", "unreachable")));
        assert_eq!(cut(&[17]), module(&WHOLE.replace("block nop end i32.const 2", "unreachable")));
        // The end of a block stays where it is.
        assert_eq!(cut(&[10]), whole);
        assert_eq!(cut(&[0]), module("unreachable"));
    }

    #[test]
    fn bodies_are_replaced_once() {
        let module = |body: &str| wat::parse_str(format!("(module (func {body}) (func nop))")).expect("it parses");
        let whole = module("nop i32.const 1 drop");
        assert_eq!(count_bodies(&whole), 2);
        assert_eq!(stub_body(&whole, 0), Some(module("unreachable")));
        assert_eq!(stub_body(&module("unreachable"), 0), None);
        assert_eq!(stub_body(&whole, 2), None);
    }
}
