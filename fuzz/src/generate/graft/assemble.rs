//! Writes the module: the base, then the parts that make objects, if any, then the graft.
//!
//! Imports come first in the index spaces of functions and tags, so the functions and tags of the base move up by their
//! number. Everything else is appended, and moves only what follows it.

use super::base::Counts;
use super::hints::hints;
use super::{
    Base, Function, Global, Grafted, HOST, Import, ImportRole, LIBRARY, NULL_SLOTS, Plan, SEGMENT_LEN, Tag, heap, index,
};
use crate::generate::deterministic::make_deterministic;
use crate::generate::value::lanes_type;
use arbitrary::{Error, Unstructured};
use lanes::{Behavior, Features, HostFunc};
use std::mem::{replace, take};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, FunctionSection, GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType, Module,
    NameMap, NameSection, RefType, StartSection, TableSection, TableType, TagKind, TagSection, TagType, TypeSection,
    ValType,
};

/// A module that is merged into the result, and the numbers by which its indices move up.
struct Part<'a> {
    module: Base<'a>,
    at: Counts,
    tags: u32,
}

impl Reencode for Part<'_> {
    type Error = std::convert::Infallible;

    fn type_index(&mut self, ty: u32) -> Result<u32, reencode::Error> {
        Ok(ty + self.at.types)
    }

    fn function_index(&mut self, function: u32) -> Result<u32, reencode::Error> {
        Ok(function + self.at.functions)
    }

    fn table_index(&mut self, table: u32) -> Result<u32, reencode::Error> {
        Ok(table + self.at.tables)
    }

    fn tag_index(&mut self, tag: u32) -> Result<u32, reencode::Error> {
        Ok(tag + self.tags)
    }

    fn global_index(&mut self, global: u32) -> Result<u32, reencode::Error> {
        Ok(global + self.at.globals)
    }

    fn element_index(&mut self, element: u32) -> Result<u32, reencode::Error> {
        Ok(element + self.at.elements)
    }
}

/// Writes the module.
pub(super) fn assemble(u: &mut Unstructured<'_>, base: Base<'_>, plan: Plan) -> arbitrary::Result<Grafted> {
    let base_exports = base.entries()?;
    let taken = base.export_names()?;
    if taken.iter().any(|name| name.starts_with("graft:")) {
        return Err(Error::IncorrectFormat);
    }
    let names = names(u, &plan)?;
    let parts = heap::parts(plan.features)?;
    let wasm = module([base].into_iter().chain(parts), &plan, &names).map_err(|_| Error::IncorrectFormat)?.finish();
    let wasm = make_deterministic(&wasm).map_err(|_| Error::IncorrectFormat)?;
    let wasm = if u.ratio(1, 3)? { hints(u, &wasm)? } else { wasm };
    let hosts = plan.imports.iter().filter(|import| import.module == HOST).map(host_function).collect();
    let tags = own_tags(&plan).map(|(name, payload)| Tag { name, payload: payload.clone() }).collect();
    let entries = plan.entries.into_iter().map(|(entry, _)| entry).collect();
    Ok(Grafted { wasm, entries, base_exports, hosts, tags })
}

fn host_function(import: &Import) -> HostFunc {
    let behavior = match &import.role {
        ImportRole::Leaf(Some(behavior)) => behavior.clone(),
        _ => Behavior::Call,
    };
    HostFunc {
        module: import.module.clone(),
        name: import.name.clone(),
        params: import.signature.params.iter().copied().map(lanes_type).collect(),
        results: import.signature.results.iter().copied().map(lanes_type).collect(),
        behavior,
    }
}

/// Returns the grafted tags: the names of their exports, and their payload types.
fn own_tags(plan: &Plan) -> impl Iterator<Item = (String, &Vec<ValType>)> {
    let own = plan.tags.iter().skip(plan.imported_tags.len());
    own.enumerate().map(|(k, payload)| (format!("graft:tag{k}"), payload))
}

fn module<'a>(
    modules: impl Iterator<Item = Base<'a>>,
    plan: &Plan,
    names: &NameSection,
) -> Result<Module, reencode::Error> {
    let (imports, tags) = (index(plan.imports.len()), index(plan.imported_tags.len()));
    let mut at = Counts { functions: imports, ..Counts::default() };
    let part = |module: Base<'a>| {
        let next = at.with(&module);
        Part { module, at: replace(&mut at, next), tags }
    };
    let mut parts: Vec<_> = modules.map(part).collect();
    let mut module = Module::new();
    module.section(&types(plan, &mut parts)?);
    module.section(&import_section(plan));
    module.section(&functions(plan, &mut parts)?);
    module.section(&tables(plan, &mut parts)?);
    module.section(&memories(plan, &mut parts)?);
    if plan.base_tags > 0 || plan.tags.len() > plan.imported_tags.len() {
        module.section(&tag_section(plan, &mut parts)?);
    }
    module.section(&globals(plan, &mut parts)?);
    module.section(&exports(plan, &mut parts)?);
    if let Some(start) = parts[0].module.start {
        module.section(&StartSection { function_index: start + imports });
    }
    module.section(&elements(plan, &mut parts)?);
    module.section(&DataCountSection { count: plan.data_segment + 1 });
    module.section(&code(plan, &mut parts)?);
    module.section(&data(&mut parts)?);
    module.section(names);
    Ok(module)
}

/// Writes the types: of the parts, of the pool, the one for mismatches, of the imports and of the tags.
fn types(plan: &Plan, parts: &mut [Part<'_>]) -> Result<TypeSection, reencode::Error> {
    let mut types = TypeSection::new();
    for part in parts {
        if let Some(section) = part.module.types.take() {
            part.parse_type_section(&mut types, section)?;
        }
    }
    let mut add = |params: &[ValType], results: &[ValType]| {
        types.ty().function(params.iter().copied(), results.iter().copied());
    };
    plan.pool.iter().for_each(|signature| add(&signature.params, &signature.results));
    // The type of calls that must fail for a mismatch. The grafted table has no function of it, unless the pool has it
    // too. In that case the call is a call like any other.
    add(&[ValType::I64], &[ValType::F32]);
    plan.imports.iter().for_each(|import| add(&import.signature.params, &import.signature.results));
    for payload in &plan.tags {
        add(payload, &[]);
        add(&[], payload);
        if plan.features.contains(Features::EXCEPTIONS) {
            add(&[], &[payload.as_slice(), &[ValType::Ref(RefType::EXNREF)]].concat());
        } else {
            add(&[], &[]);
        }
    }
    Ok(types)
}

fn import_section(plan: &Plan) -> ImportSection {
    let mut imports = ImportSection::new();
    for (k, import) in plan.imports.iter().enumerate() {
        imports.import(&import.module, &import.name, EntityType::Function(plan.import_type_index(k)));
    }
    for (k, tag) in plan.imported_tags.iter().enumerate() {
        imports.import(LIBRARY, &tag.name, EntityType::Tag(tag_type(plan, k)));
    }
    imports
}

fn tag_type(plan: &Plan, tag: usize) -> TagType {
    TagType { kind: TagKind::Exception, func_type_idx: plan.tag_type_index(tag) }
}

fn functions(plan: &Plan, parts: &mut [Part<'_>]) -> Result<FunctionSection, reencode::Error> {
    let mut functions = FunctionSection::new();
    for part in parts {
        if let Some(section) = part.module.function_types.take() {
            part.parse_function_section(&mut functions, section)?;
        }
    }
    for function in &plan.functions {
        functions.function(plan.type_index(function.signature));
    }
    Ok(functions)
}

fn tables(plan: &Plan, parts: &mut [Part<'_>]) -> Result<TableSection, reencode::Error> {
    let mut tables = TableSection::new();
    for part in parts {
        if let Some(section) = part.module.tables.take() {
            part.parse_table_section(&mut tables, section)?;
        }
    }
    let length = u64::from(index(plan.functions.len()) + NULL_SLOTS);
    let (maximum, table64) = (Some(length + 8), plan.table64);
    tables.table(TableType { element_type: RefType::FUNCREF, table64, minimum: length, maximum, shared: false });
    Ok(tables)
}

fn memories(plan: &Plan, parts: &mut [Part<'_>]) -> Result<MemorySection, reencode::Error> {
    let mut memories = MemorySection::new();
    for part in parts {
        if let Some(section) = part.module.memories.take() {
            part.parse_memory_section(&mut memories, section)?;
        }
    }
    for memory in &plan.memories[plan.base_memories..] {
        memories.memory(MemoryType {
            minimum: memory.minimum,
            maximum: Some(memory.maximum),
            memory64: memory.index64,
            shared: memory.shared,
            page_size_log2: memory.page_size_log2,
        });
    }
    Ok(memories)
}

fn tag_section(plan: &Plan, parts: &mut [Part<'_>]) -> Result<TagSection, reencode::Error> {
    let mut tags = TagSection::new();
    for part in parts {
        if let Some(section) = part.module.tags.take() {
            part.parse_tag_section(&mut tags, section)?;
        }
    }
    for tag in plan.imported_tags.len()..plan.tags.len() {
        tags.tag(tag_type(plan, tag));
    }
    Ok(tags)
}

/// Returns a constant expression for zero, with arithmetic if the features allow it.
fn zero(plan: &Plan, wide: bool) -> ConstExpr {
    let zero = if wide { ConstExpr::i64_const(0) } else { ConstExpr::i32_const(0) };
    if !plan.features.contains(Features::EXTENDED_CONST) {
        return zero;
    }
    if wide { zero.with_i64_const(-7).with_i64_mul() } else { zero.with_i32_const(-7).with_i32_mul() }
}

fn globals(plan: &Plan, parts: &mut [Part<'_>]) -> Result<GlobalSection, reencode::Error> {
    let mut globals = GlobalSection::new();
    for part in parts {
        if let Some(section) = part.module.globals.take() {
            part.parse_global_section(&mut globals, section)?;
        }
    }
    for global in [Global::Sum32, Global::Sum64, Global::Countdown, Global::Zero] {
        let wide = matches!(global, Global::Sum64);
        let val_type = if wide { ValType::I64 } else { ValType::I32 };
        globals.global(GlobalType { val_type, mutable: true, shared: false }, &zero(plan, wide));
    }
    Ok(globals)
}

fn exports(plan: &Plan, parts: &mut [Part<'_>]) -> Result<ExportSection, reencode::Error> {
    let mut exports = ExportSection::new();
    for part in parts {
        if let Some(section) = part.module.exports.take() {
            part.parse_export_section(&mut exports, section)?;
        }
    }
    for (entry, function) in &plan.entries {
        exports.export(&entry.name, ExportKind::Func, plan.function_index(*function));
    }
    exports.export("graft:table", ExportKind::Table, plan.table());
    exports.export("graft:sum32", ExportKind::Global, plan.global_index(Global::Sum32));
    exports.export("graft:sum64", ExportKind::Global, plan.global_index(Global::Sum64));
    exports.export("graft:countdown", ExportKind::Global, plan.global_index(Global::Countdown));
    exports.export("graft:zero", ExportKind::Global, plan.global_index(Global::Zero));
    for memory in plan.base_memories..plan.memories.len() {
        exports.export(&format!("graft:memory{memory}"), ExportKind::Memory, index(memory));
    }
    for (k, (name, _)) in own_tags(plan).enumerate() {
        exports.export(&name, ExportKind::Tag, plan.tag_index(plan.imported_tags.len() + k));
    }
    Ok(exports)
}

fn elements(plan: &Plan, parts: &mut [Part<'_>]) -> Result<ElementSection, reencode::Error> {
    let mut elements = ElementSection::new();
    for part in parts {
        if let Some(section) = part.module.elements.take() {
            part.parse_element_section(&mut elements, section)?;
        }
    }
    let all: Vec<u32> = (0..plan.functions.len()).map(|id| plan.function_index(super::FunctionId(id))).collect();
    elements.active(Some(plan.table()), &zero(plan, plan.table64), Elements::Functions(all.as_slice().into()));
    let some: Vec<u32> = all.iter().copied().cycle().take(SEGMENT_LEN as usize).collect();
    elements.passive(Elements::Functions(some.as_slice().into()));
    Ok(elements)
}

fn code(plan: &Plan, parts: &mut [Part<'_>]) -> Result<CodeSection, reencode::Error> {
    let mut code = CodeSection::new();
    for part in parts {
        for body in take(&mut part.module.bodies) {
            part.parse_function_body(&mut code, body)?;
        }
    }
    for Function { body, .. } in &plan.functions {
        let locals = body.declared_locals().iter().copied();
        let mut function = wasm_encoder::Function::new_with_locals_types(locals);
        for instruction in body.instructions() {
            function.instruction(instruction);
        }
        code.function(&function);
    }
    Ok(code)
}

fn data(parts: &mut [Part<'_>]) -> Result<DataSection, reencode::Error> {
    let mut data = DataSection::new();
    for part in parts {
        if let Some(section) = part.module.data.take() {
            part.parse_data_section(&mut data, section)?;
        }
    }
    data.passive([0x5a; SEGMENT_LEN as usize]);
    Ok(data)
}

/// Chooses names for the module and most functions. Some are odd, some occur twice, some are missing.
fn names(u: &mut Unstructured<'_>, plan: &Plan) -> arbitrary::Result<NameSection> {
    const ODD: [&str; 5] = ["", "twice", "na\u{ef}ve \u{1f980}", "with \"quotes\" and\nlines", "$dollar!7"];
    let mut names = NameSection::new();
    if !u.ratio(1, 8)? {
        names.module(&plan.name);
    }
    let imports = plan.imports.iter().map(|import| import.name.clone());
    let base = (0..plan.base_functions.len()).map(|k| format!("base_{k}"));
    let heap = heap::names(plan.features);
    let grafted = plan.functions.iter().map(|function| function.name.clone());
    let mut map = NameMap::new();
    for (k, name) in imports.chain(base).chain(heap).chain(grafted).enumerate() {
        match u.int_in_range(0..=9)? {
            0 => {}
            1 => map.append(index(k), u.choose(&ODD)?),
            _ => map.append(index(k), &name),
        }
    }
    names.functions(&map);
    Ok(names)
}
