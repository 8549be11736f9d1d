//! References to objects of any kind: the type `wasm_ref_t`, of which all types of objects are wrappers.

use crate::host_info::{Finalizer, HostInfo, Slot};
use crate::module::ModuleObject;
use crate::store::{Context, Data, SharedStore};
use crate::touchstone::error::{report, usage};
use crate::trap::TrapObject;
use core::ffi::c_void;
use core::ptr;
use engine::{
    AnyRef, AsContextMut, ExnRef, Extern, ExternRef, Func, Global, Instance, Memory, OwnedRooted, RefType, Result,
    Table, Tag, Val, ValType,
};
use std::sync::Arc;

/// A reference to an object of any kind. The program owns it until it deletes it.
#[derive(Clone)]
pub struct wasm_ref_t {
    /// Keeps the store of the object. Vectors, which are no objects, have none.
    store: Option<Arc<SharedStore>>,
    object: Object,
}

/// The object that a reference refers to. It does not keep the store, since the store may hold it as an `externref`.
#[derive(Clone)]
pub(crate) enum Object {
    /// A part of the engine's store.
    Item(Item),
    /// A module.
    Module(Arc<ModuleObject>),
    /// A trap.
    Trap(Arc<TrapObject>),
    /// An object of the host. It is nothing but the data that the program gives to it.
    Foreign(Arc<Slot>),
    /// An `externref` that WebAssembly made of another reference.
    Extern(OwnedRooted<ExternRef>),
    /// An exception.
    Exn(OwnedRooted<ExnRef>),
    /// An object of the collected heap, or an integer of 31 bits.
    Any(OwnedRooted<AnyRef>),
    /// A `v128`, lane 0 first. It is here because it is larger than the other values.
    V128([u8; 16]),
}

/// A part of the engine's store.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    Func(Func),
    Global(Global),
    Table(Table),
    Memory(Memory),
    Tag(Tag),
    Instance(Instance),
}

impl wasm_ref_t {
    /// Makes a reference to an object of a store.
    pub(crate) fn new(store: &Arc<SharedStore>, object: Object) -> wasm_ref_t {
        wasm_ref_t { store: Some(Arc::clone(store)), object }
    }

    /// Makes a value that no store owns.
    pub(crate) fn v128(bytes: [u8; 16]) -> wasm_ref_t {
        wasm_ref_t { store: None, object: Object::V128(bytes) }
    }

    /// Returns the object.
    pub(crate) fn object(&self) -> &Object {
        &self.object
    }

    /// Returns the item. Only references that are known to be to items are asked.
    pub(crate) fn item(&self) -> Item {
        match self.object {
            Object::Item(item) => item,
            _ => unreachable!("the types of C tell items from other objects"),
        }
    }

    /// Returns the store.
    ///
    /// # Errors
    /// Kind [`Usage`](engine::ErrorKind::Usage) if this is a vector.
    pub(crate) fn store(&self) -> Result<&Arc<SharedStore>> {
        self.store.as_ref().ok_or_else(|| usage("a v128 is no reference, and belongs to no store"))
    }

    /// Checks that the object is of a store.
    ///
    /// # Errors
    /// Kind [`Usage`](engine::ErrorKind::Usage) if it is of another one.
    pub(crate) fn check_store(&self, store: &Arc<SharedStore>) -> Result<()> {
        if Arc::ptr_eq(self.store()?, store) {
            return Ok(());
        }
        Err(usage("an object belongs to another store than the one it is used with"))
    }

    /// Returns the value of the engine that has a reference type; `None` stands for null.
    ///
    /// # Errors
    /// Kind [`Usage`](engine::ErrorKind::Usage) if the object is of another store or cannot have the type;
    /// [`Trap::OutOfHeap`](engine::Trap::OutOfHeap) if the heap is full.
    pub(crate) fn to_engine(
        reference: Option<&wasm_ref_t>,
        store: &Arc<SharedStore>,
        context: impl AsContextMut<Data = Data>,
        ty: RefType,
    ) -> Result<Val> {
        let Some(reference) = reference else {
            return Ok(Val::default_for_ty(ValType::Ref(ty)));
        };
        reference.check_store(store)?;
        Ok(match (&reference.object, Val::default_for_ty(ValType::Ref(ty))) {
            (&Object::Item(Item::Func(func)), Val::FuncRef(_)) => func.into(),
            (Object::Exn(exception), Val::ExnRef(_)) => exception.to_rooted(context)?.into(),
            (Object::Any(any), Val::AnyRef(_)) => any.to_rooted(context)?.into(),
            (Object::Extern(external), Val::ExternRef(_)) => external.to_rooted(context)?.into(),
            (Object::Exn(_) | Object::Any(_) | Object::V128(_), _) => {
                return Err(usage(format!("an exception, an object of the heap or a v128 is no {ty}")));
            }
            (object, Val::ExternRef(_)) => ExternRef::new(context, object.clone())?.into(),
            _ => return Err(usage(format!("this object is no {ty}"))),
        })
    }

    /// Returns the reference of a value of the engine; `None` if the value is null or a number.
    ///
    /// # Errors
    /// Kind [`Usage`](engine::ErrorKind::Usage) if the value is of another store.
    pub(crate) fn from_engine(
        value: Val,
        store: &Arc<SharedStore>,
        context: impl AsContextMut<Data = Data>,
    ) -> Result<Option<Box<wasm_ref_t>>> {
        let object = match value {
            Val::FuncRef(Some(func)) => Object::Item(Item::Func(func)),
            Val::ExnRef(Some(exception)) => Object::Exn(exception.to_owned_rooted(context)?),
            Val::AnyRef(Some(any)) => Object::Any(any.to_owned_rooted(context)?),
            Val::ExternRef(Some(external)) => {
                let data = external.data(context.as_context())?;
                match data.and_then(|data| data.downcast_ref::<Object>()) {
                    Some(object) => object.clone(),
                    None => Object::Extern(external.to_owned_rooted(context)?),
                }
            }
            Val::V128(bits) => return Ok(Some(Box::new(wasm_ref_t::v128(bits.to_le_bytes())))),
            _ => return Ok(None),
        };
        Ok(Some(Box::new(wasm_ref_t::new(store, object))))
    }

    /// Returns whether both refer to the same object.
    pub(crate) fn same(&self, other: &wasm_ref_t) -> bool {
        match (&self.object, &other.object) {
            (Object::Item(own), Object::Item(other)) => own == other,
            (Object::Module(own), Object::Module(other)) => Arc::ptr_eq(own, other),
            (Object::Trap(own), Object::Trap(other)) => Arc::ptr_eq(own, other),
            (Object::Foreign(own), Object::Foreign(other)) => Arc::ptr_eq(own, other),
            (Object::V128(own), Object::V128(other)) => own == other,
            (Object::Extern(_), Object::Extern(_))
            | (Object::Exn(_), Object::Exn(_))
            | (Object::Any(_), Object::Any(_)) => self.same_in_heap(other),
            _ => false,
        }
    }

    /// Returns whether both refer to the same object of the collected heap.
    fn same_in_heap(&self, other: &wasm_ref_t) -> bool {
        let (Some(store), Some(others)) = (&self.store, &other.store) else { return false };
        let same = || report(store.with(|context| refer_to_one(context, self, other))).unwrap_or_default();
        Arc::ptr_eq(store, others) && same()
    }

    /// Works on the data of the object; `None` if objects of its kind carry none.
    fn with_host_info<R>(&self, work: impl FnOnce(&mut Option<HostInfo>) -> R) -> Option<R> {
        let slot = match &self.object {
            Object::Item(item) => {
                let mut infos = self.store.as_ref()?.host_infos.lock().ok()?;
                let mut info = infos.remove(item);
                let result = work(&mut info);
                infos.extend(info.map(|info| (*item, info)));
                return Some(result);
            }
            Object::Module(module) => &module.host_info,
            Object::Trap(trap) => &trap.host_info,
            Object::Foreign(slot) => slot,
            Object::Extern(_) | Object::Exn(_) | Object::Any(_) | Object::V128(_) => return None,
        };
        Some(work(&mut *slot.lock().ok()?))
    }

    /// Returns the address of the data that the program gave to the object; null if it gave none.
    pub(crate) fn host_info(&self) -> *mut c_void {
        self.with_host_info(|info| info.as_ref().map(HostInfo::data)).flatten().unwrap_or(ptr::null_mut())
    }

    /// Gives data to the object. Its old data is freed.
    pub(crate) fn set_host_info(&self, data: *mut c_void, finalizer: Option<Finalizer>) {
        let new = HostInfo::new(data, finalizer);
        let old = self.with_host_info(|info| info.replace(new));
        let refused = || usage("a reference to an object that WebAssembly made carries no data of the host");
        // The old data is freed here, where no lock is held: its finalizer may use the object.
        drop(report(old.ok_or_else(refused)));
    }
}

/// Returns whether two references into the heap, of one store and one kind, are to the same object.
fn refer_to_one(context: &mut Context<'_>, one: &wasm_ref_t, other: &wasm_ref_t) -> Result<bool> {
    match (&one.object, &other.object) {
        (Object::Extern(one), Object::Extern(other)) => {
            let [one, other] = [one.to_rooted(&mut *context)?, other.to_rooted(&mut *context)?];
            one.ref_eq(&other, &*context)
        }
        (Object::Exn(one), Object::Exn(other)) => {
            let [one, other] = [one.to_rooted(&mut *context)?, other.to_rooted(&mut *context)?];
            one.ref_eq(&other, &*context)
        }
        (Object::Any(one), Object::Any(other)) => {
            let [one, other] = [one.to_rooted(&mut *context)?, other.to_rooted(&mut *context)?];
            one.ref_eq(&other, &*context)
        }
        _ => Ok(false),
    }
}

impl From<Extern> for Item {
    fn from(item: Extern) -> Item {
        match item {
            Extern::Func(func) => Item::Func(func),
            Extern::Global(global) => Item::Global(global),
            Extern::Table(table) => Item::Table(table),
            Extern::Memory(memory) => Item::Memory(memory),
            Extern::Tag(tag) => Item::Tag(tag),
        }
    }
}

/// Defines the functions that each type of references has, and the type itself unless it is `wasm_ref_t`.
macro_rules! declare_ref_base {
    ($name:ident: $delete:ident, $copy:ident, $same:ident, $get:ident, $set:ident, $set_with_finalizer:ident) => {
        /// Deletes a reference. The object lives for as long as anything else refers to it.
        #[unsafe(no_mangle)]
        pub extern "C" fn $delete(_object: Option<Box<$name>>) {}

        /// Makes another reference to the same object.
        #[unsafe(no_mangle)]
        pub extern "C" fn $copy(object: Option<&$name>) -> Option<Box<$name>> {
            object.map(|object| Box::new(object.clone()))
        }

        /// Returns whether both references are to the same object, or both are null.
        #[unsafe(no_mangle)]
        pub extern "C" fn $same(object: Option<&$name>, other: Option<&$name>) -> bool {
            match (object, other) {
                (Some(object), Some(other)) => object.same(other),
                (object, other) => object.is_none() && other.is_none(),
            }
        }

        /// Returns the data that the program gave to the object; null if it gave none.
        #[unsafe(no_mangle)]
        pub extern "C" fn $get(object: Option<&$name>) -> *mut core::ffi::c_void {
            object.map_or(core::ptr::null_mut(), |object| object.host_info())
        }

        /// Gives data to the object.
        #[unsafe(no_mangle)]
        pub extern "C" fn $set(object: Option<&$name>, data: *mut core::ffi::c_void) {
            $set_with_finalizer(object, data, None);
        }

        /// Gives data to the object, and the function that frees it when the object ends or gets other data.
        #[unsafe(no_mangle)]
        pub extern "C" fn $set_with_finalizer(
            object: Option<&$name>,
            data: *mut core::ffi::c_void,
            finalizer: Option<$crate::host_info::Finalizer>,
        ) {
            if let Some(object) = object {
                object.set_host_info(data, finalizer);
            }
        }
    };
}

/// Defines a type of references to one kind of objects, and its functions.
macro_rules! declare_ref {
    ($(#[$doc:meta])* $name:ident, $check:expr; $delete:ident, $copy:ident, $same:ident, $get:ident, $set:ident,
        $set_with_finalizer:ident, $as_ref:ident, $from_ref:ident, $as_ref_const:ident, $from_ref_const:ident) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Clone)]
        pub struct $name($crate::reference::wasm_ref_t);

        impl core::ops::Deref for $name {
            type Target = $crate::reference::wasm_ref_t;

            fn deref(&self) -> &$crate::reference::wasm_ref_t {
                &self.0
            }
        }

        impl $name {
            /// Makes a reference that the program will own, to an object of this kind.
            pub(crate) fn boxed(
                store: &std::sync::Arc<$crate::store::SharedStore>,
                object: $crate::reference::Object,
            ) -> Box<$name> {
                Box::new($name($crate::reference::wasm_ref_t::new(store, object)))
            }
        }

        declare_ref_base!($name: $delete, $copy, $same, $get, $set, $set_with_finalizer);
        declare_cast!($name, $crate::reference::wasm_ref_t, $as_ref, $as_ref_const, |_| true);
        declare_cast!($crate::reference::wasm_ref_t, $name, $from_ref, $from_ref_const, |reference| {
            let check: fn(&$crate::reference::Object) -> bool = $check;
            check(reference.object())
        });
    };
}

declare_ref_base!(wasm_ref_t: wasm_ref_delete, wasm_ref_copy, wasm_ref_same, wasm_ref_get_host_info,
    wasm_ref_set_host_info, wasm_ref_set_host_info_with_finalizer);
