//! Canonical ids of function types, one id per type in the whole engine, so that `call_indirect` compares two numbers.
//!
//! A type keeps its id as long as somebody holds a registration of it. Modules and host functions do, and a store holds
//! both, so an id that a store's code can see means one type while the store lives. Ids are never given out twice.

use crate::base::{Error, ErrorKind, Result};
use crate::wasm::types::FuncType;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The types of an engine that are in use.
#[derive(Default)]
pub(crate) struct TypeRegistry {
    types: Mutex<Types>,
}

#[derive(Default)]
struct Types {
    ids: HashMap<FuncType, Entry>,
    next: u32,
}

struct Entry {
    id: u32,
    registrations: usize,
}

/// Some types and their ids, which stay theirs as long as this lives.
pub(crate) struct RegisteredTypes {
    registry: Arc<TypeRegistry>,
    types: Box<[FuncType]>,
    ids: Box<[u32]>,
}

impl RegisteredTypes {
    /// Registers types, in this order; one type may stand there several times.
    pub(crate) fn new(registry: &Arc<TypeRegistry>, types: Box<[FuncType]>) -> Result<RegisteredTypes> {
        let mut registered = registry.lock();
        if registered.next.checked_add(u32::try_from(types.len()).unwrap_or(u32::MAX)).is_none() {
            return Err(Error::new(ErrorKind::Resource, "this engine has used up its 2^32 function type ids"));
        }
        let ids = types.iter().map(|ty| registered.register(ty)).collect();
        drop(registered);
        Ok(RegisteredTypes { registry: registry.clone(), types, ids })
    }

    /// The ids, in the order of the types. They do not move while this lives.
    pub(crate) fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The types.
    pub(crate) fn types(&self) -> &[FuncType] {
        &self.types
    }
}

impl Drop for RegisteredTypes {
    fn drop(&mut self) {
        let mut registered = self.registry.lock();
        for ty in &self.types {
            registered.release(ty);
        }
    }
}

impl TypeRegistry {
    fn lock(&self) -> MutexGuard<'_, Types> {
        // No step of an update can panic half-way, so a poisoned registry is a whole one.
        self.types.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Types {
    fn register(&mut self, ty: &FuncType) -> u32 {
        if let Some(entry) = self.ids.get_mut(ty) {
            entry.registrations += 1;
            return entry.id;
        }
        let id = self.next;
        self.next += 1;
        self.ids.insert(ty.clone(), Entry { id, registrations: 1 });
        id
    }

    fn release(&mut self, ty: &FuncType) {
        let entry = self.ids.get_mut(ty).expect("a registered type stays until its last release");
        entry.registrations -= 1;
        if entry.registrations == 0 {
            self.ids.remove(ty);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm::types::ValType;

    fn ty(params: usize) -> FuncType {
        FuncType::new(vec![ValType::I32; params], [])
    }

    #[test]
    fn equal_types_share_an_id_while_somebody_holds_it() {
        let registry = Arc::<TypeRegistry>::default();
        let first = RegisteredTypes::new(&registry, [ty(0), ty(1), ty(0)].into()).unwrap();
        let second = RegisteredTypes::new(&registry, [ty(1)].into()).unwrap();
        assert_eq!(first.ids()[0], first.ids()[2]);
        assert_ne!(first.ids()[0], first.ids()[1]);
        assert_eq!(first.ids()[1], second.ids()[0]);
        drop(first);
        assert_eq!(RegisteredTypes::new(&registry, [ty(1)].into()).unwrap().ids(), second.ids());
    }

    #[test]
    fn an_id_is_not_used_again() {
        let registry = Arc::<TypeRegistry>::default();
        let old = RegisteredTypes::new(&registry, [ty(0)].into()).unwrap().ids()[0];
        assert!(registry.lock().ids.is_empty());
        let other = RegisteredTypes::new(&registry, [ty(1), ty(0)].into()).unwrap();
        assert!(!other.ids().contains(&old));
    }
}
