//! Adds items to a module: types, imports, functions and globals. All indices of the module stay the same, except that
//! imported memories and globals come before those that it had.

use super::Result;
use std::convert::Infallible;
use wasm_encoder::reencode::{Error, Reencode, utils};
use wasm_encoder::{
    CodeSection, ConstExpr, EntityType, Function, FunctionSection, GlobalSection, GlobalType, ImportSection, Module,
    SectionId, TypeSection, ValType,
};
use wasmparser::{
    FunctionBody, FunctionSectionReader, GlobalSectionReader, ImportSectionReader, Parser, Payload, TypeSectionReader,
};

/// The numbers of items in a module, which are the indices of the first added ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sizes {
    /// Types.
    pub types: u32,
    /// Imported functions.
    pub imported_functions: u32,
    /// Functions, the imported ones among them.
    pub functions: u32,
    /// Globals, the imported ones among them.
    pub globals: u32,
}

impl Sizes {
    /// Counts the items of `wasm`.
    ///
    /// # Errors
    ///
    /// If `wasm` does not decode.
    pub fn of(wasm: &[u8]) -> Result<Sizes> {
        let mut sizes = Sizes::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::TypeSection(section) => {
                    for group in section {
                        sizes.types += u32::try_from(group?.types().len()).unwrap_or(u32::MAX);
                    }
                }
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        match import?.ty {
                            wasmparser::TypeRef::Func(_) | wasmparser::TypeRef::FuncExact(_) => {
                                sizes.imported_functions += 1;
                                sizes.functions += 1;
                            }
                            wasmparser::TypeRef::Global(_) => sizes.globals += 1,
                            _ => {}
                        }
                    }
                }
                Payload::FunctionSection(section) => sizes.functions += section.count(),
                Payload::GlobalSection(section) => sizes.globals += section.count(),
                _ => {}
            }
        }
        Ok(sizes)
    }
}

/// The items to add to a module, and its new bodies.
#[derive(Default)]
pub struct Extension {
    /// The types of functions.
    pub types: Vec<(Vec<ValType>, Vec<ValType>)>,
    /// Imported memories and globals: module, name and type.
    pub imports: Vec<(String, String, EntityType)>,
    /// Globals with their first values.
    pub globals: Vec<(GlobalType, ConstExpr)>,
    /// The body of each function that the module has, in the indices after the change. As they are if there are none.
    pub bodies: Vec<Function>,
    /// Functions with the indices of their types.
    pub functions: Vec<(u32, Function)>,
}

impl Extension {
    /// Returns the index of a function type among those that are added, where the module has `sizes`.
    pub fn type_index(&mut self, sizes: Sizes, params: &[ValType], results: &[ValType]) -> u32 {
        let is_same = |(known, its): &(Vec<ValType>, Vec<ValType>)| known == params && its == results;
        let position = self.types.iter().position(is_same).unwrap_or_else(|| {
            self.types.push((params.to_vec(), results.to_vec()));
            self.types.len() - 1
        });
        sizes.types + u32::try_from(position).expect("there are fewer than 2^32 types")
    }

    /// Adds a function of these types and returns its index, where the module has `sizes`.
    pub fn add_function(&mut self, sizes: Sizes, params: &[ValType], results: &[ValType], body: Function) -> u32 {
        let ty = self.type_index(sizes, params, results);
        self.functions.push((ty, body));
        sizes.functions + u32::try_from(self.functions.len() - 1).expect("there are fewer than 2^32 functions")
    }

    /// Adds a global and returns its index, where the module has `sizes`.
    pub fn add_global(&mut self, sizes: Sizes, val_type: ValType, value: ConstExpr) -> u32 {
        self.globals.push((GlobalType { val_type, mutable: true, shared: false }, value));
        sizes.globals + u32::try_from(self.globals.len() - 1).expect("there are fewer than 2^32 globals")
    }

    /// Returns `wasm` with these items.
    ///
    /// # Errors
    ///
    /// If `wasm` is not a valid module.
    pub fn apply(&self, wasm: &[u8]) -> Result<Vec<u8>> {
        let mut module = Module::new();
        let count = |is_kind: fn(&EntityType) -> bool| {
            let imported = self.imports.iter().filter(|(_, _, ty)| is_kind(ty)).count();
            u32::try_from(imported).expect("there are fewer than 2^32 imports")
        };
        let mut extender = Extender {
            extension: self,
            memories: count(|ty| matches!(ty, EntityType::Memory(_))),
            globals: count(|ty| matches!(ty, EntityType::Global(_))),
            bodies: self.bodies.iter(),
            written: Vec::new(),
        };
        extender.parse_core_module(&mut module, Parser::new(0), wasm)?;
        Ok(module.finish())
    }
}

/// The sections that may get further items, in their order.
const EXTENDED: [SectionId; 5] =
    [SectionId::Type, SectionId::Import, SectionId::Function, SectionId::Global, SectionId::Code];
/// All sections, in their order.
const ORDER: [SectionId; 13] = [
    SectionId::Type,
    SectionId::Import,
    SectionId::Function,
    SectionId::Table,
    SectionId::Memory,
    SectionId::Tag,
    SectionId::Global,
    SectionId::Export,
    SectionId::Start,
    SectionId::Element,
    SectionId::DataCount,
    SectionId::Code,
    SectionId::Data,
];

struct Extender<'a> {
    extension: &'a Extension,
    /// The number of added memories, all imported.
    memories: u32,
    /// The number of added imported globals.
    globals: u32,
    /// The new bodies that are still to come.
    bodies: std::slice::Iter<'a, Function>,
    /// The sections that have their further items.
    written: Vec<SectionId>,
}

/// Returns the position of a section among all.
fn position(section: SectionId) -> usize {
    ORDER.iter().position(|&known| known == section).unwrap_or(ORDER.len())
}

impl Extender<'_> {
    fn add_types(&mut self, types: &mut TypeSection) {
        self.written.push(SectionId::Type);
        for (params, results) in &self.extension.types {
            types.ty().function(params.iter().copied(), results.iter().copied());
        }
    }

    fn add_imports(&mut self, imports: &mut ImportSection) {
        self.written.push(SectionId::Import);
        for (module, name, ty) in &self.extension.imports {
            imports.import(module, name, *ty);
        }
    }

    fn add_functions(&mut self, functions: &mut FunctionSection) {
        self.written.push(SectionId::Function);
        for (ty, _) in &self.extension.functions {
            functions.function(*ty);
        }
    }

    fn add_globals(&mut self, globals: &mut GlobalSection) {
        self.written.push(SectionId::Global);
        for (ty, value) in &self.extension.globals {
            globals.global(*ty, value);
        }
    }

    fn add_bodies(&mut self, code: &mut CodeSection) {
        self.written.push(SectionId::Code);
        for (_, body) in &self.extension.functions {
            code.function(body);
        }
    }

    /// Writes a section that the module itself does not have, unless it would be empty.
    fn write_missing(&mut self, section: SectionId, module: &mut Module) {
        let Extension { types, imports, globals, functions, .. } = self.extension;
        match section {
            SectionId::Type if !types.is_empty() => {
                let mut section = TypeSection::new();
                self.add_types(&mut section);
                module.section(&section);
            }
            SectionId::Import if !imports.is_empty() => {
                let mut section = ImportSection::new();
                self.add_imports(&mut section);
                module.section(&section);
            }
            SectionId::Function if !functions.is_empty() => {
                let mut section = FunctionSection::new();
                self.add_functions(&mut section);
                module.section(&section);
            }
            SectionId::Global if !globals.is_empty() => {
                let mut section = GlobalSection::new();
                self.add_globals(&mut section);
                module.section(&section);
            }
            SectionId::Code if !functions.is_empty() => {
                let mut section = CodeSection::new();
                self.add_bodies(&mut section);
                module.section(&section);
            }
            _ => {}
        }
    }
}

impl Reencode for Extender<'_> {
    type Error = Infallible;

    fn memory_index(&mut self, memory: u32) -> Result<u32> {
        Ok(memory + self.memories)
    }

    fn global_index(&mut self, global: u32) -> Result<u32> {
        Ok(global + self.globals)
    }

    fn intersperse_section_hook(
        &mut self,
        module: &mut Module,
        _: Option<SectionId>,
        before: Option<SectionId>,
    ) -> Result<()> {
        let end = before.map_or(ORDER.len(), position);
        for section in EXTENDED {
            if position(section) < end && !self.written.contains(&section) {
                self.write_missing(section, module);
            }
        }
        Ok(())
    }

    fn parse_type_section(&mut self, types: &mut TypeSection, section: TypeSectionReader<'_>) -> Result<()> {
        utils::parse_type_section(self, types, section)?;
        self.add_types(types);
        Ok(())
    }

    fn parse_import_section(&mut self, imports: &mut ImportSection, section: ImportSectionReader<'_>) -> Result<()> {
        self.add_imports(imports);
        utils::parse_import_section(self, imports, section)
    }

    fn parse_function_section(
        &mut self,
        functions: &mut FunctionSection,
        section: FunctionSectionReader<'_>,
    ) -> Result<()> {
        utils::parse_function_section(self, functions, section)?;
        self.add_functions(functions);
        Ok(())
    }

    fn parse_global_section(&mut self, globals: &mut GlobalSection, section: GlobalSectionReader<'_>) -> Result<()> {
        utils::parse_global_section(self, globals, section)?;
        self.add_globals(globals);
        Ok(())
    }

    fn parse_code_section(&mut self, code: &mut CodeSection, section: wasmparser::CodeSectionReader<'_>) -> Result<()> {
        utils::parse_code_section(self, code, section)?;
        self.add_bodies(code);
        Ok(())
    }

    fn parse_function_body(&mut self, code: &mut CodeSection, body: FunctionBody<'_>) -> Result<()> {
        if self.extension.bodies.is_empty() {
            return utils::parse_function_body(self, code, body);
        }
        code.function(self.bodies.next().ok_or(Error::InvalidCodeSectionSize)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasm_encoder::{Instruction, MemoryType};

    fn extend(wasm: &[u8]) -> Vec<u8> {
        let sizes = Sizes::of(wasm).expect("it decodes");
        let mut extension = Extension::default();
        let memory = MemoryType { minimum: 1, maximum: Some(1), memory64: false, shared: false, page_size_log2: None };
        extension.imports.push(("m".to_string(), "memory".to_string(), memory.into()));
        let global = extension.add_global(sizes, ValType::I64, ConstExpr::i64_const(5));
        let mut body = Function::new([]);
        body.instruction(&Instruction::GlobalGet(global)).instruction(&Instruction::End);
        let function = extension.add_function(sizes, &[], &[ValType::I64], body);
        assert_eq!((global, function), (sizes.globals, sizes.functions));
        extension.apply(wasm).expect("it is valid")
    }

    /// Sections that the module lacks are written where they belong.
    #[test]
    fn an_empty_module_is_extended() {
        let expected = r#"(module (type (func (result i64))) (import "m" "memory" (memory 1 1))
            (func (result i64) global.get 0) (global (mut i64) (i64.const 5)))"#;
        assert_eq!(extend(&Module::new().finish()), wat::parse_str(expected).expect("it parses"));
    }

    #[test]
    fn imported_memories_come_first() {
        let before = r#"(module (import "a" "f" (func)) (memory 2) (global i32 (i32.const 0)) (export "x" (memory 0))
            (func (drop (i32.load (i32.const 0)))))"#;
        let after = r#"(module (type (func)) (type (func (result i64))) (import "m" "memory" (memory 1 1))
            (import "a" "f" (func)) (memory 2) (global i32 (i32.const 0)) (global (mut i64) (i64.const 5))
            (export "x" (memory 1)) (func (type 0) (drop (i32.load 1 (i32.const 0)))) (func (type 1) global.get 1))"#;
        let wasm = extend(&wat::parse_str(before).expect("it parses"));
        assert_eq!(wasm, wat::parse_str(after).expect("it parses"));
    }
}
