//! Takes a module of somebody else as the base of a case: what it imports becomes its own, its memories and tables get
//! a small maximum, and its code counts its steps, so that it ends.

use crate::rewrite::shrink::{constant, constant_expression};
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, RoundtripReencoder};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, Function, FunctionSection, GlobalSection, GlobalType, Instruction,
    MemorySection, MemoryType, Module, RawSection, SectionId, TableSection, TableType, TagSection, TagType, ValType,
};
use wasmparser::{CompositeInnerType, FunctionBody, Operator, Parser, Payload, TypeRef, TypeSectionReader};

/// The first bytes of every module.
pub const MAGIC: &[u8] = b"\0asm\x01\0\0\0";

/// The size of a page of a memory, unless its type gives another one: the logarithm.
const PAGE_LOG2: u32 = 16;
/// The most bytes of a memory: room for a small program, and little enough for every engine.
const MOST_BYTES: u64 = 4 << 20;
/// The most elements of a table.
const MOST_ELEMENTS: u64 = 4096;

/// Returns the module in a form that a case can use, or `None` if it has none: it is malformed, it is too large, or it
/// imports something that has no default.
pub fn adopt(wasm: &[u8], steps: u32) -> Option<Vec<u8>> {
    let mut seed = Seed::default();
    seed.read(wasm).ok()??;
    seed.write(wasm, steps).ok()?
}

type Result<T> = std::result::Result<T, Error<Infallible>>;

/// The sections of a module that change. Imported items come first, as in the index spaces.
#[derive(Default)]
struct Seed<'a> {
    /// The results of each type that is a function type.
    results: Vec<Option<Vec<ValType>>>,
    functions: Vec<u32>,
    imported_functions: usize,
    tables: Vec<(TableType, Option<ConstExpr>)>,
    memories: Vec<MemoryType>,
    tags: Vec<TagType>,
    globals: Vec<(GlobalType, ConstExpr)>,
    bodies: Vec<FunctionBody<'a>>,
}

impl<'a> Seed<'a> {
    /// Reads the sections that change. `None` if an item is too large or has no default.
    fn read(&mut self, wasm: &'a [u8]) -> Result<Option<()>> {
        let mut same = RoundtripReencoder;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => self.read_types(section)?,
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        if self.import(import?.ty)?.is_none() {
                            return Ok(None);
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        self.functions.push(ty?);
                    }
                }
                Payload::TableSection(section) => {
                    for table in section {
                        let table = table?;
                        let init = match table.init {
                            wasmparser::TableInit::RefNull => None,
                            wasmparser::TableInit::Expr(init) => Some(same.const_expr(init)?),
                        };
                        self.tables.push((same.table_type(table.ty)?, init));
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        self.memories.push(same.memory_type(memory?)?);
                    }
                }
                Payload::TagSection(section) => {
                    for tag in section {
                        self.tags.push(same.tag_type(tag?)?);
                    }
                }
                Payload::GlobalSection(section) => {
                    for global in section {
                        let global = global?;
                        self.globals.push((same.global_type(global.ty)?, same.const_expr(global.init_expr)?));
                    }
                }
                Payload::CodeSectionEntry(body) => self.bodies.push(body),
                _ => {}
            }
        }
        let fits =
            self.tables.iter_mut().all(|(table, _)| limit_table(table)) && self.memories.iter_mut().all(limit_memory);
        Ok(fits.then_some(()))
    }

    /// Reads the results of function types.
    fn read_types(&mut self, section: TypeSectionReader<'_>) -> Result<()> {
        for group in section {
            for ty in group?.into_types() {
                self.results.push(match ty.composite_type.inner {
                    CompositeInnerType::Func(function) => {
                        let results = function.results().iter().map(|&ty| RoundtripReencoder.val_type(ty));
                        Some(results.collect::<Result<_>>()?)
                    }
                    _ => None,
                });
            }
        }
        Ok(())
    }

    /// Makes an imported item the module's own. `None` if it has no default.
    fn import(&mut self, ty: TypeRef) -> Result<Option<()>> {
        let mut same = RoundtripReencoder;
        match ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.functions.push(ty);
                self.imported_functions += 1;
            }
            TypeRef::Table(ty) if ty.element_type.is_nullable() => self.tables.push((same.table_type(ty)?, None)),
            TypeRef::Table(_) => return Ok(None),
            TypeRef::Memory(ty) => self.memories.push(same.memory_type(ty)?),
            TypeRef::Tag(ty) => self.tags.push(same.tag_type(ty)?),
            TypeRef::Global(ty) => {
                let ty = same.global_type(ty)?;
                let Some(init) = constant_expression(ty.val_type) else { return Ok(None) };
                self.globals.push((ty, init));
            }
        }
        Ok(Some(()))
    }

    /// Writes the module. Sections that stay the same are copied.
    fn write(&self, wasm: &[u8], steps: u32) -> Result<Option<Vec<u8>>> {
        let mut raw: Vec<(u8, &[u8])> = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            let Some((id, range)) = payload?.as_section() else { continue };
            let at = |offset| usize::try_from(offset).ok();
            let range = at(range.start).zip(at(range.end)).map(|(start, end)| start..end);
            if let Some(data) = range.and_then(|range| wasm.get(range)) {
                raw.push((id, data));
            }
        }
        let mut module = Module::new();
        let copy = |module: &mut Module, wanted: SectionId| {
            if let Some(&(id, data)) = raw.iter().find(|(id, _)| *id == u8::from(wanted)) {
                module.section(&RawSection { id, data });
            }
        };
        copy(&mut module, SectionId::Type);
        let mut functions = FunctionSection::new();
        self.functions.iter().for_each(|&ty| _ = functions.function(ty));
        module.section(&functions);
        self.write_tables(&mut module);
        let mut memories = MemorySection::new();
        self.memories.iter().for_each(|&ty| _ = memories.memory(ty));
        module.section(&memories);
        if !self.tags.is_empty() {
            let mut tags = TagSection::new();
            self.tags.iter().for_each(|&tag| _ = tags.tag(tag));
            module.section(&tags);
        }
        let counter = self.write_globals(&mut module, steps);
        for section in [SectionId::Export, SectionId::Start, SectionId::Element, SectionId::DataCount] {
            copy(&mut module, section);
        }
        let Some(code) = self.code(counter)? else { return Ok(None) };
        module.section(&code);
        copy(&mut module, SectionId::Data);
        Ok(Some(module.finish()))
    }

    fn write_tables(&self, module: &mut Module) {
        let mut tables = TableSection::new();
        for (ty, init) in &self.tables {
            match init {
                Some(init) => tables.table_with_init(*ty, init),
                None => tables.table(*ty),
            };
        }
        module.section(&tables);
    }

    /// Writes the globals and one more, which counts down. Returns its index.
    fn write_globals(&self, module: &mut Module, steps: u32) -> u32 {
        let mut globals = GlobalSection::new();
        self.globals.iter().for_each(|(ty, init)| _ = globals.global(*ty, init));
        let ty = GlobalType { val_type: ValType::I32, mutable: true, shared: false };
        globals.global(ty, &ConstExpr::i32_const(steps.cast_signed()));
        module.section(&globals);
        u32::try_from(self.globals.len()).expect("a module has fewer than 2^32 globals")
    }

    /// Returns the bodies: of imported functions, which return defaults, and of the others, which count their steps.
    fn code(&self, counter: u32) -> Result<Option<CodeSection>> {
        let mut code = CodeSection::new();
        for &ty in &self.functions[..self.imported_functions] {
            let Some(Some(results)) = self.results.get(ty as usize) else { return Ok(None) };
            let mut function = Function::new([]);
            for &result in results {
                function.instruction(&constant(result).unwrap_or(Instruction::Unreachable));
            }
            function.instruction(&Instruction::End);
            code.function(&function);
        }
        let mut same = RoundtripReencoder;
        for body in &self.bodies {
            let mut function = same.new_function_with_parsed_locals(body)?;
            count_step(&mut function, counter);
            for operator in body.get_operators_reader()? {
                let operator = operator?;
                let is_loop = matches!(operator, Operator::Loop { .. });
                function.instruction(&same.instruction(operator)?);
                if is_loop {
                    count_step(&mut function, counter);
                }
            }
            code.function(&function);
        }
        Ok(Some(code))
    }
}

/// Adds code that counts a step, and traps when none is left.
fn count_step(function: &mut Function, counter: u32) {
    let code = [
        Instruction::GlobalGet(counter),
        Instruction::I32Eqz,
        Instruction::If(BlockType::Empty),
        Instruction::Unreachable,
        Instruction::End,
        Instruction::GlobalGet(counter),
        Instruction::I32Const(1),
        Instruction::I32Sub,
        Instruction::GlobalSet(counter),
    ];
    code.iter().for_each(|instruction| _ = function.instruction(instruction));
}

/// Gives a table a small maximum. Returns whether it fits.
fn limit_table(ty: &mut TableType) -> bool {
    ty.maximum = Some(ty.maximum.unwrap_or(MOST_ELEMENTS).min(MOST_ELEMENTS));
    ty.minimum <= MOST_ELEMENTS
}

/// Gives a memory a small maximum. Returns whether it fits.
fn limit_memory(ty: &mut MemoryType) -> bool {
    let most = MOST_BYTES >> ty.page_size_log2.unwrap_or(PAGE_LOG2);
    ty.maximum = Some(ty.maximum.unwrap_or(most).min(most));
    ty.minimum <= most
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanes::{Binary, Features, Value};

    /// Adopts a module, and calls its export `f`.
    fn call(text: &str, steps: u32) -> Result<Option<String>> {
        let module = wat::parse_str(text).expect("it parses");
        let Some(adopted) = adopt(&module, steps) else { return Ok(None) };
        let lane = crate::panel::own_lane("quick/fresh", &lanes::Options::default());
        let mut session = lane.session(Features::WASM_3_0).expect("a session");
        let loaded = session.load(&Binary::new(adopted)).unwrap_or_else(|refusal| panic!("{refusal}: {text}"));
        let instance = session.instantiate(loaded).expect("it imports nothing");
        let result = session.invoke(instance, "f", &[Value::I32(7)]);
        Ok(Some(result.map_or_else(|failure| failure.to_string(), |values| format!("{values:?}"))))
    }

    #[test]
    fn imports_become_the_modules_own() {
        let text = r#"(module
            (import "a" "f" (func $f (param i32) (result i32 f64)))
            (import "a" "g" (global $g i64))
            (import "a" "m" (memory 1))
            (import "a" "t" (table $t 3 funcref))
            (global $own i32 (i32.const 30))
            (elem (i32.const 1) $own)
            (func $own (result i32) (i32.const 12))
            (func (export "f") (param i32) (result i32)
              (i32.store (i32.const 8) (local.get 0))
              (drop (call $f (local.get 0)))
              (i32.add (call_indirect $t (result i32) (i32.const 1)))
              (i32.add (i32.load (i32.const 8)))
              (i32.add (global.get $own))
              (i32.add (i32.wrap_i64 (global.get $g)))))"#;
        assert_eq!(call(text, 100).expect("it is written"), Some("[i32 49]".to_string()));
    }

    #[test]
    fn endless_code_ends() {
        let ends = |body: &str| {
            let text = format!("(module (func $f (export \"f\") (param i32) {body}))");
            call(&text, 100).expect("it is written").expect("it is adopted")
        };
        assert!(ends("(loop (br 0))").contains("unreachable"));
        assert!(ends("(return_call $f (local.get 0))").contains("unreachable"));
        assert!(ends("(block)").starts_with("[]"));
    }

    #[test]
    fn what_no_case_can_have_is_left_out() {
        for text in [
            "(module (memory 60000) (func (export \"f\") (param i32)))",
            "(module (import \"a\" \"g\" (global (ref func))) (func (export \"f\") (param i32)))",
        ] {
            assert_eq!(call(text, 1).expect("it is read"), None, "{text}");
        }
        assert_eq!(adopt(b"\0asm\x01\0\0\0\x01\x05", 1), None);
    }
}
