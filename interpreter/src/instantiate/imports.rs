//! The imports of an instantiation: whether they are of the types that the module declares
//! ([Import matching](https://webassembly.github.io/spec/core/valid/matching.html#external-types)).

use crate::embed::Extern;
use crate::error::{Error, ErrorKind, Result};
use crate::module::{Import, Module};
use crate::store::StoreInner;
use crate::types::{CanonicalTypes, EntityType, TypeId, TypeIndex};
use alloc::format;
use alloc::string::String;

/// Checks that the imports are of the types that the module declares. `types` are the module's types in the store.
///
/// # Errors
/// Kind [`Link`](ErrorKind::Link) if their number or a type is wrong; [`Usage`](ErrorKind::Usage) if an import belongs
/// to another store.
pub(super) fn check(store: &StoreInner, module: &Module, types: &[TypeId], imports: &[Extern]) -> Result<()> {
    let declared = &module.description().imports;
    if declared.len() != imports.len() {
        let message = format!("the module has {} imports, but {} were given", declared.len(), imports.len());
        return Err(Error::new(ErrorKind::Link, message));
    }
    for (import, item) in declared.iter().zip(imports) {
        let (wanted, given) = (canonical(import.ty, types), item.entity_type(store)?);
        if !store.types.entity_matches(given, wanted) {
            let (wanted, given) = describe_mismatch(&store.types, wanted, given);
            let Import { module, name, .. } = import;
            let message = format!("incompatible import type for {module}.{name}: expected {wanted}, found {given}");
            return Err(Error::new(ErrorKind::Link, message));
        }
    }
    Ok(())
}

/// Returns the error of an import that is not defined.
#[cold]
pub(crate) fn unknown_import(module: &Module, import: &Import) -> Error {
    let description = module.description();
    let mut types = CanonicalTypes::default();
    let wanted = match types.intern(&description.types, &description.group_ends) {
        Ok(names) => types.describe(canonical(import.ty, &names)),
        Err(error) => return error,
    };
    let Import { module, name, .. } = import;
    Error::new(ErrorKind::Link, format!("unknown import {module}.{name}: expected {wanted}"))
}

fn canonical(ty: EntityType<TypeIndex>, types: &[TypeId]) -> EntityType {
    ty.map(|index| types[index.index()])
}

/// Describes the type that a module declares and the type of the import.
fn describe_mismatch(types: &CanonicalTypes, wanted: EntityType, given: EntityType) -> (String, String) {
    // A function is always of exactly its type. That is worth a word only if it is asked for.
    let given = match (wanted, given) {
        (EntityType::Func { exact: true, .. }, given) => given,
        (_, EntityType::Func { ty, .. }) => EntityType::Func { ty, exact: false },
        (_, given) => given,
    };
    (types.describe(wanted), types.describe(given))
}
