//! Checks of the module description in an artifact: whether validation could have made it, as far as the runtime relies
//! on it. Every index is in range, counts agree, and constant expressions have the right types. A digest detects
//! accidents only; these checks make forged descriptions safe too.

mod constant;
mod require;
mod types;

use crate::abi::vmctx::VmLayout;
use crate::base::Features;
use crate::wasm::index::{FuncRefIndex, TableIndex};
use crate::wasm::module::*;
use crate::wasm::types::*;
use constant::{check_const, check_reference};
use require::{Checked, require};
use std::collections::HashSet;
use types::CheckedTypes;

/// Checks a module that uses these features and whose data section has `data` bytes. Returns what is wrong.
pub(super) fn check(module: &Module, features: Features, data: usize) -> Checked {
    let types = &CheckedTypes::new(module)?;
    check_imports(module)?;
    check_functions(module)?;
    check_spaces(module, types, features)?;
    check_exports(module)?;
    check_elements(module, types)?;
    check_data(module, types, data)?;
    VmLayout::of(module).map(|_| ()).ok_or_else(|| "the module's context would be too large".to_owned())
}

/// Checks that the imports are the first entries of their index spaces.
fn check_imports(module: &Module) -> Checked {
    let [mut functions, mut tables, mut memories, mut globals, mut tags] = [0usize; 5];
    let next = |count: &mut usize| core::mem::replace(count, *count + 1);
    for import in &module.imports {
        let agrees = match import.item {
            ImportItem::Func { ty, exact } => {
                module.functions.get(next(&mut functions)).is_some_and(|own| (own.ty, own.exact) == (ty, exact))
            }
            ImportItem::Table(ty) => module.tables.get(next(&mut tables)) == Some(&ty),
            ImportItem::Memory(ty) => module.memories.get(next(&mut memories)) == Some(&ty),
            ImportItem::Global(ty) => module.globals.get(next(&mut globals)) == Some(&ty),
            ImportItem::Tag(ty) => module.tags.get(next(&mut tags)) == Some(&ty),
        };
        require(agrees, "an import is not in its index space")?;
    }
    let found = [functions, tables, memories, globals, tags];
    let stated = [
        module.imported_functions,
        module.imported_tables,
        module.imported_memories,
        module.imported_globals,
        module.imported_tags,
    ];
    require(found == stated.map(|count| count as usize), "the number of imports is wrong")
}

/// Checks that the functions' types exist, and that the positions of function references are dense.
fn check_functions(module: &Module) -> Checked {
    let mut references = 0;
    for (index, function) in module.functions.iter().enumerate() {
        let ty = module.types.get(function.ty.index()).and_then(|ty| ty.composite.func());
        require(ty.is_some(), "a function's type does not exist")?;
        if let Some(position) = function.func_ref {
            require(index >= module.imported_functions as usize, "an imported function has a reference of its own")?;
            require(position == FuncRefIndex(references), "the positions of function references are not dense")?;
            references += 1;
        }
    }
    require(references == module.func_refs, "the number of function references is wrong")?;
    let Some(start) = module.start else { return Ok(()) };
    check_reference(module, start)?;
    let ty = module.func_type(start);
    require(ty.params.is_empty() && ty.results.is_empty(), "the start function has parameters or results")
}

/// Checks tables, memories, globals and tags: limits are valid, tags have no results, and each defined global has an
/// initializer of its type.
fn check_spaces(module: &Module, types: &CheckedTypes<'_>, features: Features) -> Checked {
    let has = |feature: Features, used: bool| !used || features.contains(feature);
    for table in &module.tables {
        require(table.is_valid(), "a table has impossible limits")?;
        require(has(Features::MEMORY64, table.index64), "a table is of a kind that the features do not include")?;
        types.check_ref(table.element)?;
    }
    for memory in &module.memories {
        require(memory.is_valid(), "a memory has impossible limits")?;
        let known = has(Features::MEMORY64, memory.index64)
            && has(Features::CUSTOM_PAGE_SIZES, memory.page_size() != PAGE_SIZE)
            && has(Features::THREADS, memory.shared);
        require(known, "a memory is of a kind that the features do not include")?;
    }
    for global in &module.globals {
        if let ValType::Ref(content) = global.content {
            types.check_ref(content)?;
        }
    }
    check_table_inits(module, types)?;
    for &tag in &module.tags {
        let ty =
            module.types.get(tag.index()).and_then(|ty| ty.composite.func()).ok_or("a tag's type does not exist")?;
        require(ty.results.is_empty(), "a tag has results")?;
    }
    let known = module.tags.is_empty() || features.intersects(Features::EXCEPTIONS | Features::LEGACY_EXCEPTIONS);
    require(known, "the module has tags, which the features do not include")?;
    let imported = module.imported_globals as usize;
    require(module.global_inits.len() == module.globals.len() - imported, "a global lacks its initializer")?;
    for (index, init) in module.global_inits.iter().enumerate() {
        check_const(module, types, init, module.globals[imported + index].content, imported + index)?;
    }
    Ok(())
}

/// Checks that each defined table has nullable elements or an initializer of its type, which uses imported globals
/// only.
fn check_table_inits(module: &Module, types: &CheckedTypes<'_>) -> Checked {
    let own = &module.tables[module.imported_tables as usize..];
    require(module.table_inits.len() == own.len(), "the number of table initializers is wrong")?;
    for (table, init) in own.iter().zip(&module.table_inits) {
        match init {
            Some(init) => {
                check_const(module, types, init, ValType::Ref(table.element), module.imported_globals as usize)?;
            }
            None => require(table.element.nullable, "a table's elements cannot be null and have no initializer")?,
        }
    }
    Ok(())
}

fn check_exports(module: &Module) -> Checked {
    let mut names = HashSet::with_capacity(module.exports.len());
    for export in &module.exports {
        require(names.insert(export.name.as_str()), "two exports have one name")?;
        match export.item {
            ExportItem::Func(index) => check_reference(module, index)?,
            ExportItem::Table(index) => check_table(module, index).map(|_| ())?,
            ExportItem::Memory(index) => {
                require(index.index() < module.memories.len(), "an exported memory does not exist")?;
            }
            ExportItem::Global(index) => {
                require(index.index() < module.globals.len(), "an exported global does not exist")?;
            }
            ExportItem::Tag(index) => {
                require(index.index() < module.tags.len(), "an exported tag does not exist")?;
            }
        }
    }
    Ok(())
}

fn check_elements(module: &Module, types: &CheckedTypes<'_>) -> Checked {
    for segment in &module.elements {
        types.check_ref(segment.ty)?;
        if let ElementMode::Active { table, offset } = &segment.mode {
            let table = check_table(module, *table)?;
            require(types.fits(segment.ty, table.element), "an element segment does not fit its table")?;
            check_const(module, types, offset, table.index_type(), module.globals.len())?;
        }
        match &segment.items {
            ElementItems::Functions(functions) => {
                let func = RefType { nullable: false, heap: HeapType::Func };
                require(types.fits(func, segment.ty), "an element segment of functions is of another type")?;
                functions.iter().try_for_each(|&function| check_reference(module, function))?;
            }
            ElementItems::Expressions(items) => {
                let ty = ValType::Ref(segment.ty);
                items.iter().try_for_each(|item| check_const(module, types, item, ty, module.globals.len()))?;
            }
        }
    }
    Ok(())
}

fn check_data(module: &Module, types: &CheckedTypes<'_>, data: usize) -> Checked {
    for segment in &module.data {
        let range = segment.bytes.start as usize..segment.bytes.end as usize;
        require(range.start <= range.end && range.end <= data, "a data segment leaves the data section")?;
        if let DataMode::Active { memory, offset } = &segment.mode {
            let memory = module.memories.get(memory.index()).ok_or("a data segment's memory does not exist")?;
            check_const(module, types, offset, memory.index_type(), module.globals.len())?;
        }
    }
    Ok(())
}

fn check_table(module: &Module, table: TableIndex) -> Result<&TableType, String> {
    module.tables.get(table.index()).ok_or_else(|| "a table does not exist".to_owned())
}
