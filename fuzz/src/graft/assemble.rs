//! Reads the base module and writes it again with the graft added to each section.
//!
//! The graft's imports come first in the function index space, so each function index of the base moves up by their
//! number; everything else of the graft is appended and moves nothing.

use super::body::val_type;
use super::{Entry, Function, Global, Grafted, HOST, Import, ImportRole, NULL_SLOTS, Plan, SEGMENT_LEN, index};
use crate::nan;
use crate::value::Signature;
use arbitrary::{Error, Result, Unstructured};
use lanes::{Behaviour, HeapType, HostFunc, ValType};
use std::collections::HashSet;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, FunctionSection, GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType, Module,
    NameMap, NameSection, RefType, StartSection, TableSection, TableType, TypeSection,
};
use wasmparser::{CompositeInnerType, ExternalKind, Parser, Payload};

/// The module that is grafted upon, section by section. It imports nothing.
#[derive(Default)]
pub struct Base<'a> {
    types: Option<wasmparser::TypeSectionReader<'a>>,
    function_types: Option<wasmparser::FunctionSectionReader<'a>>,
    tables: Option<wasmparser::TableSectionReader<'a>>,
    memories: Option<wasmparser::MemorySectionReader<'a>>,
    globals: Option<wasmparser::GlobalSectionReader<'a>>,
    exports: Option<wasmparser::ExportSectionReader<'a>>,
    start: Option<u32>,
    elements: Option<wasmparser::ElementSectionReader<'a>>,
    data: Option<wasmparser::DataSectionReader<'a>>,
    bodies: Vec<wasmparser::FunctionBody<'a>>,
    functions: Vec<Signature>,
}

impl<'a> Base<'a> {
    /// Reads a valid module of WebAssembly 2.0 without imports.
    ///
    /// # Errors
    ///
    /// When it is not that.
    pub fn read(wasm: &'a [u8]) -> Result<Base<'a>> {
        let mut base = Base::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(refused)? {
                Payload::TypeSection(section) => base.types = Some(section),
                Payload::ImportSection(section) if section.count() > 0 => return Err(Error::IncorrectFormat),
                Payload::FunctionSection(section) => base.function_types = Some(section),
                Payload::TableSection(section) => base.tables = Some(section),
                Payload::MemorySection(section) => base.memories = Some(section),
                Payload::GlobalSection(section) => base.globals = Some(section),
                Payload::ExportSection(section) => base.exports = Some(section),
                Payload::StartSection { func, .. } => base.start = Some(func),
                Payload::ElementSection(section) => base.elements = Some(section),
                Payload::DataSection(section) => base.data = Some(section),
                Payload::CodeSectionEntry(body) => base.bodies.push(body),
                _ => {}
            }
        }
        base.functions = base.signatures()?;
        Ok(base)
    }

    pub(super) fn types(&self) -> u32 {
        self.types.as_ref().map_or(0, |section| section.count())
    }

    pub(super) fn tables(&self) -> u32 {
        self.tables.as_ref().map_or(0, |section| section.count())
    }

    pub(super) fn globals(&self) -> u32 {
        self.globals.as_ref().map_or(0, |section| section.count())
    }

    pub(super) fn element_segments(&self) -> u32 {
        self.elements.as_ref().map_or(0, |section| section.count())
    }

    pub(super) fn data_segments(&self) -> u32 {
        self.data.as_ref().map_or(0, |section| section.count())
    }

    pub(super) fn functions(&self) -> &[Signature] {
        &self.functions
    }

    fn signatures(&self) -> Result<Vec<Signature>> {
        let mut types = Vec::new();
        for group in self.types.iter().flat_map(|section| section.clone()) {
            for ty in group.map_err(refused)?.types() {
                let CompositeInnerType::Func(function) = &ty.composite_type.inner else {
                    return Err(Error::IncorrectFormat);
                };
                types
                    .push(Signature { params: own_types(function.params())?, results: own_types(function.results())? });
            }
        }
        let indices = self.function_types.iter().flat_map(|section| section.clone());
        indices
            .map(|index| types.get(index.map_err(refused)? as usize).cloned().ok_or(Error::IncorrectFormat))
            .collect()
    }

    /// Names and types of the exported functions.
    fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for export in self.exports.iter().flat_map(|section| section.clone()) {
            let export = export.map_err(refused)?;
            if export.kind == ExternalKind::Func {
                let signature = self.functions.get(export.index as usize).ok_or(Error::IncorrectFormat)?;
                entries.push(Entry { name: export.name.to_string(), signature: signature.clone() });
            }
        }
        Ok(entries)
    }

    fn export_names(&self) -> Result<HashSet<&'a str>> {
        let exports = self.exports.iter().flat_map(|section| section.clone());
        exports.map(|export| export.map(|export| export.name).map_err(refused)).collect()
    }
}

/// The base does not read: the choices did not lead to a module.
fn refused(_: wasmparser::BinaryReaderError) -> Error {
    Error::IncorrectFormat
}

fn own_types(types: &[wasmparser::ValType]) -> Result<Vec<ValType>> {
    let own = |ty: &wasmparser::ValType| match *ty {
        wasmparser::ValType::I32 => Ok(ValType::I32),
        wasmparser::ValType::I64 => Ok(ValType::I64),
        wasmparser::ValType::F32 => Ok(ValType::F32),
        wasmparser::ValType::F64 => Ok(ValType::F64),
        wasmparser::ValType::V128 => Ok(ValType::V128),
        wasmparser::ValType::Ref(wasmparser::RefType::FUNCREF) => Ok(ValType::Ref(HeapType::Func)),
        wasmparser::ValType::Ref(wasmparser::RefType::EXTERNREF) => Ok(ValType::Ref(HeapType::Extern)),
        wasmparser::ValType::Ref(_) => Err(Error::IncorrectFormat),
    };
    types.iter().map(own).collect()
}

/// Moves the base's function indices up.
struct Shift {
    imports: u32,
}

impl Reencode for Shift {
    type Error = std::convert::Infallible;

    fn function_index(&mut self, function: u32) -> std::result::Result<u32, reencode::Error> {
        Ok(function + self.imports)
    }
}

/// Writes the module.
pub(super) fn assemble(u: &mut Unstructured<'_>, base: &Base<'_>, plan: Plan) -> Result<Grafted> {
    let base_exports = base.entries()?;
    let taken = base.export_names()?;
    if taken.iter().any(|name| name.starts_with("graft:")) {
        return Err(Error::IncorrectFormat);
    }
    let names = names(u, &plan)?;
    let wasm = module(base, &plan, &names).map_err(|_| Error::IncorrectFormat)?.finish();
    let wasm = nan::canonicalise(&wasm).map_err(|_| Error::IncorrectFormat)?;
    let hosts = plan.imports.iter().filter(|import| import.module == HOST).map(host_function).collect();
    Ok(Grafted { wasm, entries: plan.entries.into_iter().map(|(entry, _)| entry).collect(), base_exports, hosts })
}

fn host_function(import: &Import) -> HostFunc {
    let behaviour = match &import.role {
        ImportRole::Leaf(Some(behaviour)) => behaviour.clone(),
        _ => Behaviour::Call,
    };
    HostFunc {
        module: import.module.clone(),
        name: import.name.clone(),
        params: import.signature.params.clone(),
        results: import.signature.results.clone(),
        behaviour,
    }
}

fn module(base: &Base<'_>, plan: &Plan, names: &NameSection) -> std::result::Result<Module, reencode::Error> {
    let mut shift = Shift { imports: index(plan.imports.len()) };
    let mut module = Module::new();
    module.section(&types(base, plan, &mut shift)?);
    module.section(&import_section(plan));
    module.section(&functions(base, plan, &mut shift)?);
    module.section(&tables(base, plan, &mut shift)?);
    module.section(&memories(base, &mut shift)?);
    module.section(&globals(base, &mut shift)?);
    module.section(&exports(base, plan, &mut shift)?);
    if let Some(start) = base.start {
        module.section(&StartSection { function_index: start + shift.imports });
    }
    module.section(&elements(base, plan, &mut shift)?);
    module.section(&DataCountSection { count: base.data_segments() + 1 });
    module.section(&code(base, plan, &mut shift)?);
    let mut data = DataSection::new();
    if let Some(section) = &base.data {
        shift.parse_data_section(&mut data, section.clone())?;
    }
    data.passive([0x5a; SEGMENT_LEN as usize]);
    module.section(&data);
    module.section(names);
    Ok(module)
}

/// The base's types, those of the pool, the one that no function has, and those of the imports.
fn types(base: &Base<'_>, plan: &Plan, shift: &mut Shift) -> std::result::Result<TypeSection, reencode::Error> {
    let mut types = TypeSection::new();
    if let Some(section) = &base.types {
        shift.parse_type_section(&mut types, section.clone())?;
    }
    let mut add = |signature: &Signature| {
        let params = signature.params.iter().copied().map(val_type);
        types.ty().function(params, signature.results.iter().copied().map(val_type));
    };
    plan.pool.iter().for_each(&mut add);
    // A call as this type passes one i64. Even if a base function has it, none in the grafted table has unless the
    // pool has it too, and then the call is a call like any other.
    add(&Signature { params: vec![ValType::I64], results: vec![ValType::F32] });
    plan.imports.iter().map(|import| &import.signature).for_each(add);
    Ok(types)
}

fn import_section(plan: &Plan) -> ImportSection {
    let mut imports = ImportSection::new();
    for (k, import) in plan.imports.iter().enumerate() {
        let ty = plan.foreign_type_index() + 1 + index(k);
        imports.import(&import.module, &import.name, EntityType::Function(ty));
    }
    imports
}

fn functions(base: &Base<'_>, plan: &Plan, shift: &mut Shift) -> std::result::Result<FunctionSection, reencode::Error> {
    let mut functions = FunctionSection::new();
    if let Some(section) = &base.function_types {
        shift.parse_function_section(&mut functions, section.clone())?;
    }
    for function in &plan.functions {
        functions.function(plan.type_index(function.signature));
    }
    Ok(functions)
}

fn tables(base: &Base<'_>, plan: &Plan, shift: &mut Shift) -> std::result::Result<TableSection, reencode::Error> {
    let mut tables = TableSection::new();
    if let Some(section) = &base.tables {
        shift.parse_table_section(&mut tables, section.clone())?;
    }
    let length = u64::from(index(plan.functions.len()) + NULL_SLOTS);
    let maximum = Some(length + 8);
    tables.table(TableType { element_type: RefType::FUNCREF, table64: false, minimum: length, maximum, shared: false });
    Ok(tables)
}

fn memories(base: &Base<'_>, shift: &mut Shift) -> std::result::Result<MemorySection, reencode::Error> {
    let mut memories = MemorySection::new();
    if let Some(section) = &base.memories {
        shift.parse_memory_section(&mut memories, section.clone())?;
    }
    if memories.is_empty() {
        memories.memory(MemoryType {
            minimum: 1,
            maximum: Some(2),
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
    }
    Ok(memories)
}

fn globals(base: &Base<'_>, shift: &mut Shift) -> std::result::Result<GlobalSection, reencode::Error> {
    let mut globals = GlobalSection::new();
    if let Some(section) = &base.globals {
        shift.parse_global_section(&mut globals, section.clone())?;
    }
    for global in [Global::Sum32, Global::Sum64, Global::Countdown, Global::Zero] {
        let (val_type, zero) = match global {
            Global::Sum64 => (wasm_encoder::ValType::I64, ConstExpr::i64_const(0)),
            _ => (wasm_encoder::ValType::I32, ConstExpr::i32_const(0)),
        };
        globals.global(GlobalType { val_type, mutable: true, shared: false }, &zero);
    }
    Ok(globals)
}

fn exports(base: &Base<'_>, plan: &Plan, shift: &mut Shift) -> std::result::Result<ExportSection, reencode::Error> {
    let mut exports = ExportSection::new();
    if let Some(section) = &base.exports {
        shift.parse_export_section(&mut exports, section.clone())?;
    }
    for (entry, function) in &plan.entries {
        exports.export(&entry.name, ExportKind::Func, plan.function_index(*function));
    }
    exports.export("graft:table", ExportKind::Table, plan.table);
    exports.export("graft:sum32", ExportKind::Global, plan.global_index(Global::Sum32));
    exports.export("graft:sum64", ExportKind::Global, plan.global_index(Global::Sum64));
    exports.export("graft:countdown", ExportKind::Global, plan.global_index(Global::Countdown));
    exports.export("graft:zero", ExportKind::Global, plan.global_index(Global::Zero));
    if base.memories.as_ref().is_none_or(|section| section.count() == 0) {
        exports.export("graft:memory", ExportKind::Memory, 0);
    }
    Ok(exports)
}

fn elements(base: &Base<'_>, plan: &Plan, shift: &mut Shift) -> std::result::Result<ElementSection, reencode::Error> {
    let mut elements = ElementSection::new();
    if let Some(section) = &base.elements {
        shift.parse_element_section(&mut elements, section.clone())?;
    }
    let all: Vec<u32> = (0..plan.functions.len()).map(|id| plan.function_index(super::FunctionId(id))).collect();
    elements.active(Some(plan.table), &ConstExpr::i32_const(0), Elements::Functions(all.as_slice().into()));
    let some: Vec<u32> = all.iter().copied().cycle().take(SEGMENT_LEN as usize).collect();
    elements.passive(Elements::Functions(some.as_slice().into()));
    Ok(elements)
}

fn code(base: &Base<'_>, plan: &Plan, shift: &mut Shift) -> std::result::Result<CodeSection, reencode::Error> {
    let mut code = CodeSection::new();
    for body in &base.bodies {
        shift.parse_function_body(&mut code, body.clone())?;
    }
    for Function { body, .. } in &plan.functions {
        let locals = body.declared_locals().iter().copied().map(val_type);
        let mut function = wasm_encoder::Function::new_with_locals_types(locals);
        for instruction in body.instructions() {
            function.instruction(instruction);
        }
        code.function(&function);
    }
    Ok(code)
}

/// Names for the module and most functions; some are odd, some stand twice, some are missing.
fn names(u: &mut Unstructured<'_>, plan: &Plan) -> Result<NameSection> {
    const ODD: [&str; 5] = ["", "twice", "na\u{ef}ve \u{1f980}", "with \"quotes\" and\nlines", "$dollar!7"];
    let mut names = NameSection::new();
    if !u.ratio(1, 8)? {
        names.module(&plan.name);
    }
    let imports = plan.imports.iter().map(|import| import.name.clone());
    let base = (0..plan.base_functions.len()).map(|k| format!("base_{k}"));
    let grafted = plan.functions.iter().map(|function| function.name.clone());
    let mut map = NameMap::new();
    for (k, name) in imports.chain(base).chain(grafted).enumerate() {
        match u.int_in_range(0..=9)? {
            0 => {}
            1 => map.append(index(k), u.choose(&ODD)?),
            _ => map.append(index(k), &name),
        }
    }
    names.functions(&map);
    Ok(names)
}
