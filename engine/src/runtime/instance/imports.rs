//! The imports of an instantiation: whether they are of the types that the module declares.

use crate::base::{Error, ErrorKind, Result, planted};
use crate::runtime::store::StoreOpaque;
use crate::runtime::type_text::{describe, describe_defined};
use crate::runtime::{Extern, Module};
use crate::wasm::module::ImportItem;
use crate::wasm::types::ExternType;

/// Checks that the imports are of the types that the module declares.
pub(super) fn check_imports(store: &StoreOpaque, module: &Module, imports: &[Extern]) -> Result<()> {
    let wasm = module.wasm();
    if imports.len() != wasm.imports.len() {
        let message = format!("the module has {} imports, but {} were given", wasm.imports.len(), imports.len());
        return Err(Error::new(ErrorKind::Link, message));
    }
    for (import, item) in wasm.imports.iter().zip(imports) {
        if !matches(store, module, import.item, item)? {
            let (wanted, given) = describe_mismatch(store, module, import.item, item)?;
            let (module, name) = (&import.module, &import.name);
            let message = format!("incompatible import type for {module}.{name}: expected {wanted}, found {given}");
            return Err(Error::new(ErrorKind::Link, message));
        }
    }
    Ok(())
}

/// Describes the type that a module declares and the type of the import, in texts that differ: function types that read
/// alike are told apart by their definitions.
fn describe_mismatch(
    store: &StoreOpaque,
    module: &Module,
    wanted: ImportItem,
    item: &Extern,
) -> Result<(String, String)> {
    let types = store.engine().types();
    let declared = module.canonical(module.wasm().import_type(wanted));
    let texts = (describe(types, &declared), describe(types, &item.ty_in(store)?));
    let (ImportItem::Func { ty, exact }, Extern::Func(func), true) = (wanted, item, texts.0 == texts.1) else {
        return Ok(texts);
    };
    let named = describe_defined(types, module.types().names()[ty.index()]);
    let named = if exact { format!("(exact {named})") } else { named };
    let given = describe_defined(types, func.type_name(store)?);
    Ok((format!("{} of type {named}", texts.0), format!("{} of type (exact {given})", texts.1)))
}

/// Returns whether an import is of the type that a module declares
/// ([Import matching](https://webassembly.github.io/spec/core/valid/matching.html)). Memories and tables match by their
/// current sizes.
///
/// # Errors
/// Kind [`Usage`](ErrorKind::Usage) if the import belongs to another store, which each arm checks.
fn matches(store: &StoreOpaque, module: &Module, wanted: ImportItem, item: &Extern) -> Result<bool> {
    let canonical = |ty| module.types().canonical(ty);
    let extends = |ty, of| store.extends(ty, of);
    Ok(match (wanted, item) {
        (ImportItem::Func { ty, exact }, Extern::Func(func)) => {
            let (own, wanted) = (func.type_name(store)?, module.types().names()[ty.index()]);
            if exact { own == wanted } else { store.extends(own, wanted) }
        }
        (ImportItem::Tag(ty), Extern::Tag(tag)) => tag.type_id(store)? == module.types().ids()[ty.index()],
        (_, Extern::Func(func)) => {
            func.type_id(store)?;
            false
        }
        (ImportItem::Global(wanted), _) => match item.ty_in(store)? {
            ExternType::Global(ty) => ty.matches(wanted.map(&canonical), &extends),
            _ => false,
        },
        (ImportItem::Table(wanted), _) => match item.ty_in(store)? {
            ExternType::Table(ty) => ty.element == wanted.map(&canonical).element && ty.bounds_match(&wanted),
            _ => false,
        },
        (ImportItem::Memory(wanted), _) => match item.ty_in(store)? {
            ExternType::Memory(ty) => ty.matches(&wanted) || planted!(ImportLimitsUnchecked),
            _ => false,
        },
        (ImportItem::Func { .. } | ImportItem::Tag(_), _) => {
            item.ty_in(store)?;
            false
        }
    })
}
