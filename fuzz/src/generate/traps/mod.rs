//! The generator of the target `traps`: chains of calls of every kind, with a trap of every kind at their end and at
//! every position in a function.
//!
//! ```text
//! main   exported entry -> frame -> .. -> leaf     each frame calls the next one in one way ([`call`])
//!                                                  each leaf traps in one way ([`leaf`])
//!                                                  in front of both stands code that moves them ([`position`])
//! other  functions that call back a function of `main`, from another instance
//! start  modules whose start function calls an entry of `main`
//! ```
//!
//! Half of the modules have more than 128 functions, each with a name, so that indices and offsets need several bytes.
//! All functions take and return one `i32`, so that each can call each.

mod call;
mod leaf;
mod other;
mod position;

use super::case::{Action, Call, Case, Instantiation, MAIN, choose_options};
use super::feature_set::{Audience, find_needed};
use super::input::{SEED_LEN, extend};
use arbitrary::{Result, Unstructured};
use call::Way;
use lanes::{Features, Value};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, FieldType, FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction as I,
    MemorySection, MemoryType, Module, NameMap, NameSection, RefType, StorageType, TableSection, TableType, TagKind,
    TagSection, TagType, TypeSection, ValType,
};

/// The bytes of choices.
const LEN: usize = 0x4000;
/// The functions of a large module, at least.
const MANY: usize = 140;
/// The most fuel of a case.
const MAX_FUEL: u64 = 2000;
/// The features that a case may draw.
const DRAWN: [Features; 7] = [
    Features::TAIL_CALL,
    Features::FUNCTION_REFERENCES,
    Features::EXCEPTIONS,
    Features::GC,
    Features::THREADS,
    Features::LEGACY_EXCEPTIONS,
    Features::MULTI_MEMORY,
];

/// The type of all functions: `(i32) -> (i32)`.
const TYPE: u32 = 0;
/// A type that no function has.
const FOREIGN_TYPE: u32 = 1;
/// `() -> ()`.
const EMPTY_TYPE: u32 = 2;
/// `(funcref, i32) -> (i32)`: functions that call their argument.
const CALLER_TYPE: u32 = 3;
/// `(i32) -> ()`: the type of a tag.
const PAYLOAD_TYPE: u32 = 4;
/// The types of objects, where there are any: a structure, one of its subtypes, and two arrays.
const STRUCT: u32 = 5;
const SUBSTRUCT: u32 = 6;
const ARRAY: u32 = 7;
const BYTES: u32 = 8;

/// The imported functions.
const HOST_CALL: u32 = 0;
const HOST_FAIL: u32 = 1;
const HOST_PANIC: u32 = 2;
/// The first of the imported functions of the module `other`.
const RELAYS: u32 = 3;

/// The counter of recursions.
const COUNTDOWN: u32 = 0;
/// A zero that the optimizer cannot know.
const ZERO: u32 = 1;

/// The tag of exceptions that only [`call`] throws, to run a handler.
const OWN_TAG: u32 = 0;
/// The tag of exceptions that leaves throw.
const LEAF_TAG: u32 = 1;

/// The null elements of the table, after the functions.
const NULLS: u32 = 3;
/// The length of the passive segments.
const SEGMENT_LEN: u32 = 4;
/// The bytes of the memory.
const MEMORY_LEN: i32 = 0x1_0000;

/// A body under construction.
#[derive(Default)]
struct Body {
    pieces: Vec<Piece>,
}

enum Piece {
    Instruction(I<'static>),
    /// Instructions in an encoding that is longer than needed.
    Raw(Vec<u8>),
}

impl Body {
    fn push(&mut self, instruction: I<'static>) {
        self.pieces.push(Piece::Instruction(instruction));
    }

    fn extend(&mut self, instructions: impl IntoIterator<Item = I<'static>>) {
        self.pieces.extend(instructions.into_iter().map(Piece::Instruction));
    }
}

/// A function, and the rest of its chain.
struct Function {
    name: String,
    body: Body,
}

/// The functions of the module `main`.
struct Plan {
    features: Features,
    functions: Vec<Function>,
    /// The first functions of the chains, which are exported.
    entries: Vec<u32>,
}

impl Plan {
    /// Returns the number of functions before those of the plan.
    fn imported() -> u32 {
        RELAYS + other::RELAYS.len() as u32
    }

    /// Returns the index of the function that is added next.
    fn next(&self) -> u32 {
        Plan::imported() + u32::try_from(self.functions.len()).expect("a plan is small")
    }

    /// Returns the element of the table that holds a function.
    fn element(function: u32) -> i32 {
        (function - Plan::imported()).cast_signed()
    }

    fn has(&self, features: Features) -> bool {
        self.features.contains(features)
    }

    /// Adds a chain of calls with a trap at its end.
    fn chain(&mut self, u: &mut Unstructured<'_>) -> Result<()> {
        let mut callee = self.leaf(u)?;
        let depth = if u.ratio(1, 8)? { u.int_in_range(8..=40)? } else { u.int_in_range(0..=6)? };
        for _ in 0..depth {
            callee = self.frame(u, callee)?;
        }
        self.entries.push(callee);
        Ok(())
    }

    fn leaf(&mut self, u: &mut Unstructured<'_>) -> Result<u32> {
        let leaf = leaf::choose(u, self.features)?;
        let mut body = Body::default();
        position::around(u, self.features, &mut body, |u, body| (leaf.emit)(u, self, body))?;
        body.extend([I::I32Const(7), I::End]);
        Ok(self.add(leaf.name, body))
    }

    /// Adds a function that calls `callee`.
    fn frame(&mut self, u: &mut Unstructured<'_>, callee: u32) -> Result<u32> {
        if u.ratio(1, 10)? {
            return self.recursion(u, callee);
        }
        let way = Way::choose(u, self.features)?;
        let mut body = Body::default();
        // An operand that is alive across the call.
        body.push(I::I32Const(u.arbitrary::<i8>()?.into()));
        position::around(u, self.features, &mut body, |u, body| {
            way.emit(u, body, callee)?;
            body.push(I::LocalSet(position::RESULT));
            Ok(())
        })?;
        body.extend([I::LocalGet(position::RESULT), I::I32Add, I::End]);
        Ok(self.add(&way.name(), body))
    }

    /// Adds two functions that call each other until a counter is zero, and one that sets the counter.
    fn recursion(&mut self, u: &mut Unstructured<'_>, callee: u32) -> Result<u32> {
        let (first, second) = (self.next(), self.next() + 1);
        for (this, target) in [(first, second), (second, first)] {
            let (again, end) = (Way::choose(u, self.features)?, Way::choose(u, self.features)?);
            let mut body = Body::default();
            body.extend([I::GlobalGet(COUNTDOWN), I::If(wasm_encoder::BlockType::Result(ValType::I32))]);
            body.extend([I::GlobalGet(COUNTDOWN), I::I32Const(1), I::I32Sub, I::GlobalSet(COUNTDOWN)]);
            again.emit(u, &mut body, target)?;
            body.push(I::Else);
            end.emit(u, &mut body, callee)?;
            body.extend([I::End, I::End]);
            let name = if this == first { "ping" } else { "pong" };
            self.add(name, body);
        }
        let mut body = Body::default();
        // A host function in between takes much more native stack than a frame of WebAssembly.
        body.extend([I::I32Const(u.int_in_range(1..=12)?), I::GlobalSet(COUNTDOWN)]);
        body.extend([I::LocalGet(0), I::Call(first), I::End]);
        Ok(self.add("recurse", body))
    }

    fn add(&mut self, name: &str, body: Body) -> u32 {
        let index = self.next();
        self.functions.push(Function { name: format!("{name}_{index}"), body });
        index
    }
}

/// Returns the case that these bytes describe.
///
/// # Errors
///
/// If the choices in the bytes do not lead to a module.
pub fn generate(data: &[u8], audience: Audience) -> Result<Case> {
    let bytes = extend(data, LEN);
    let mut u = Unstructured::new(&bytes[SEED_LEN..]);
    let u = &mut u;
    let fuel = if audience.own && u.ratio(1, 4)? { Some(u.int_in_range(5..=MAX_FUEL)?) } else { None };
    let options = choose_options(u, fuel)?;
    let features = choose_features(u, audience)?;
    let mut plan = Plan { features, functions: Vec::new(), entries: Vec::new() };
    let many = if u.arbitrary()? { MANY } else { u.int_in_range(1..=30)? };
    while plan.functions.len() < many {
        plan.chain(u)?;
    }
    let mut modules = vec![other::module(features), plan.module()];
    let mut actions = vec![instantiate(0, "other"), instantiate(1, MAIN)];
    for k in 0..plan.entries.len() {
        if u.ratio(1, 8)? {
            actions.push(instantiate(modules.len(), &format!("start{k}")));
            modules.push(other::start_module(k));
        }
        let arguments = vec![Value::I32(i32::from(u.ratio(1, 8)?))];
        actions.push(Action::Call(Call { instance: MAIN.to_string(), function: k.to_string(), arguments }));
    }
    let needed = find_needed(modules.iter().map(Vec::as_slice), features);
    Ok(Case { features, needed, modules, actions, options, ..Case::default() })
}

fn instantiate(module: usize, name: &str) -> Action {
    Action::Instantiate(Instantiation { module, name: name.to_string() })
}

fn choose_features(u: &mut Unstructured<'_>, audience: Audience) -> Result<Features> {
    let mut features = Features::WASM_2_0;
    for feature in DRAWN {
        if u.ratio(2, 3)? {
            features |= feature;
        }
    }
    features &= audience.common | Features::WASM_2_0;
    // Other engines refuse a module with both forms of exception handling.
    if !audience.own && features.contains(Features::LEGACY_EXCEPTIONS) {
        features -= Features::EXCEPTIONS;
    }
    Ok(features.with(features))
}

impl Plan {
    fn module(&self) -> Vec<u8> {
        let count = u32::try_from(self.functions.len()).expect("a plan is small");
        let mut module = Module::new();
        module.section(&types(self.features)).section(&imports());
        let mut functions = FunctionSection::new();
        (0..count).for_each(|_| _ = functions.function(TYPE));
        module.section(&functions);
        let mut tables = TableSection::new();
        let size = u64::from(count + NULLS);
        let element_type = RefType::FUNCREF;
        tables.table(TableType { element_type, table64: false, minimum: size, maximum: Some(size), shared: false });
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: Some(1),
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        module.section(&tables).section(&memories);
        if self.throws() {
            let mut tags = TagSection::new();
            for func_type_idx in [EMPTY_TYPE, PAYLOAD_TYPE] {
                tags.tag(TagType { kind: TagKind::Exception, func_type_idx });
            }
            module.section(&tags);
        }
        let mut globals = GlobalSection::new();
        for _ in [COUNTDOWN, ZERO] {
            globals
                .global(GlobalType { val_type: ValType::I32, mutable: true, shared: false }, &ConstExpr::i32_const(0));
        }
        module.section(&globals).section(&self.exports());
        let elements: Vec<u32> = (Plan::imported()..self.next()).collect();
        let mut segments = ElementSection::new();
        segments.active(None, &ConstExpr::i32_const(0), Elements::Functions(elements.as_slice().into()));
        segments.passive(Elements::Functions(elements.iter().copied().cycle().take(SEGMENT_LEN as usize).collect()));
        module.section(&segments).section(&DataCountSection { count: 1 });
        let mut data = DataSection::new();
        data.passive(*b"data");
        module.section(&self.code()).section(&data).section(&self.names());
        module.finish()
    }

    fn throws(&self) -> bool {
        self.features.intersects(Features::EXCEPTIONS | Features::LEGACY_EXCEPTIONS)
    }

    fn exports(&self) -> ExportSection {
        let mut exports = ExportSection::new();
        for (k, &entry) in self.entries.iter().enumerate() {
            exports.export(&k.to_string(), ExportKind::Func, entry);
        }
        exports.export("countdown", ExportKind::Global, COUNTDOWN);
        exports.export("memory", ExportKind::Memory, 0);
        exports
    }

    fn code(&self) -> CodeSection {
        let mut code = CodeSection::new();
        for function in &self.functions {
            let mut body = wasm_encoder::Function::new([(position::LOCALS, ValType::I32)]);
            for piece in &function.body.pieces {
                match piece {
                    Piece::Instruction(instruction) => _ = body.instruction(instruction),
                    Piece::Raw(bytes) => _ = body.raw(bytes.iter().copied()),
                }
            }
            code.function(&body);
        }
        code
    }

    fn names(&self) -> NameSection {
        let mut names = NameMap::new();
        for (k, function) in (Plan::imported()..).zip(&self.functions) {
            names.append(k, &function.name);
        }
        let mut section = NameSection::new();
        section.module(MAIN);
        section.functions(&names);
        section
    }
}

/// Adds the types that all modules have.
fn function_types(types: &mut TypeSection) {
    types.ty().function([ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I64], [ValType::I64]);
    types.ty().function([], []);
    types.ty().function([ValType::FUNCREF, ValType::I32], [ValType::I32]);
    types.ty().function([ValType::I32], []);
}

/// Returns the types of functions, and those of objects.
fn types(features: Features) -> TypeSection {
    let mut types = TypeSection::new();
    function_types(&mut types);
    if features.contains(Features::GC) {
        let field = |storage| FieldType { element_type: storage, mutable: true };
        let sub = |supertype: Option<u32>, storage| wasm_encoder::SubType {
            is_final: false,
            supertype_idxs: supertype.into_iter().collect(),
            composite_type: wasm_encoder::CompositeType {
                inner: wasm_encoder::CompositeInnerType::Struct(wasm_encoder::StructType {
                    fields: vec![field(storage)].into(),
                }),
                shared: false,
                descriptor: None,
                describes: None,
            },
        };
        types.ty().subtype(&sub(None, StorageType::Val(ValType::I32)));
        types.ty().subtype(&sub(Some(STRUCT), StorageType::Val(ValType::I32)));
        types.ty().array(&StorageType::Val(ValType::I32), true);
        types.ty().array(&StorageType::I8, true);
    }
    types
}

fn imports() -> ImportSection {
    let mut imports = ImportSection::new();
    imports.import("host", "call_i32", EntityType::Function(CALLER_TYPE));
    imports.import("host", "fail", EntityType::Function(EMPTY_TYPE));
    imports.import("host", "panic", EntityType::Function(EMPTY_TYPE));
    for name in other::RELAYS {
        imports.import("other", name, EntityType::Function(CALLER_TYPE));
    }
    imports
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::input::Random;
    use lanes::is_valid_with;

    /// Returns the cases of the first inputs.
    fn cases() -> impl Iterator<Item = Case> {
        let input = |seed| Random::new(seed).next_u64().to_le_bytes();
        (0..200).filter_map(move |seed| generate(&input(seed), Audience::OWN).ok())
    }

    #[test]
    fn modules_are_valid_and_half_are_large() {
        let mut large = 0;
        for case in cases() {
            for wasm in &case.modules {
                if !is_valid_with(wasm, case.features) {
                    let error = wasmparser::validate(wasm).map(|_| ());
                    panic!("{error:?}\n{}", wasmprinter::print_bytes(wasm).expect("it decodes"));
                }
            }
            large += usize::from(crate::rewrite::count_bodies(&case.modules[1]) > 128);
        }
        assert!((60..140).contains(&large), "{large} of 200 modules are large");
    }

    /// Each leaf and each way occurs, by the names of the functions.
    #[test]
    fn every_trap_and_every_call_is_generated() {
        let names: String =
            cases().map(|case| wasmprinter::print_bytes(&case.modules[1]).expect("it decodes")).collect();
        for name in leaf::names().chain(call::names()).chain(["ping", "recurse"]) {
            assert!(names.contains(&format!("(func ${name}_")), "no {name}");
        }
    }
}
