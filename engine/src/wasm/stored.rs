//! The form in which an artifact stores the types that can name a defined type, for `#[serde(with = "stored")]`.
//!
//! The types themselves implement neither `Serialize` nor `Deserialize`. The number in a [`ConcreteType`] is an index
//! of the module in an artifact, and a canonical id of an engine elsewhere. If an embedder could make one from a
//! number, it could pass off one type as another.

use super::references::{CompositeKind, ConcreteType, HeapType, RefType, Stamp};
use super::storage::{GlobalType, Limits, TableType};
use super::value::{FuncType, ValType};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A type with a stored form.
pub(super) trait Stored: Sized {
    fn store<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    fn load<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

pub(super) fn serialize<T: Stored, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.store(serializer)
}

pub(super) fn deserialize<'de, T: Stored, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::load(deserializer)
}

macro_rules! stored {
    ($($ty:ident as $form:ident;)*) => {$(
        impl Stored for $ty {
            fn store<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $form::serialize(self, serializer)
            }

            fn load<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$ty, D::Error> {
                $form::deserialize(deserializer)
            }
        }
    )*};
}

stored! {
    ConcreteType as StoredConcreteType;
    HeapType as StoredHeapType;
    RefType as StoredRefType;
    ValType as StoredValType;
    FuncType as StoredFuncType;
    TableType as StoredTableType;
    GlobalType as StoredGlobalType;
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ConcreteType")]
struct StoredConcreteType {
    kind: CompositeKind,
    index: u32,
    #[serde(skip)]
    stamp: Stamp,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "HeapType")]
enum StoredHeapType {
    Func,
    Extern,
    NoFunc,
    NoExtern,
    Any,
    Eq,
    I31,
    Struct,
    Array,
    None,
    Exn,
    NoExn,
    Concrete(#[serde(with = "super::stored")] ConcreteType),
    Exact(#[serde(with = "super::stored")] ConcreteType),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "RefType")]
struct StoredRefType {
    nullable: bool,
    #[serde(with = "super::stored")]
    heap: HeapType,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "ValType")]
enum StoredValType {
    I32,
    I64,
    F32,
    F64,
    V128,
    Ref(#[serde(with = "super::stored")] RefType),
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "FuncType")]
struct StoredFuncType {
    #[serde(with = "super::stored")]
    params: Box<[ValType]>,
    #[serde(with = "super::stored")]
    results: Box<[ValType]>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "TableType")]
struct StoredTableType {
    limits: Limits,
    index64: bool,
    #[serde(with = "super::stored")]
    element: RefType,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "GlobalType")]
struct StoredGlobalType {
    #[serde(with = "super::stored")]
    content: ValType,
    mutable: bool,
}

/// An item of a container, to store.
struct View<'a, T>(&'a T);

impl<T: Stored> Serialize for View<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.store(serializer)
    }
}

/// An item of a container, loaded.
struct Loaded<T>(T);

impl<'de, T: Stored> Deserialize<'de> for Loaded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::load(deserializer).map(Loaded)
    }
}

impl<T: Stored> Stored for Option<T> {
    fn store<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().map(View).serialize(serializer)
    }

    fn load<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<Loaded<T>>::deserialize(deserializer)?.map(|item| item.0))
    }
}

impl<T: Stored> Stored for Vec<T> {
    fn store<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(View))
    }

    fn load<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::<Loaded<T>>::deserialize(deserializer)?;
        Ok(items.into_iter().map(|item| item.0).collect())
    }
}

impl<T: Stored> Stored for Box<[T]> {
    fn store<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(View))
    }

    fn load<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::load(deserializer).map(Vec::into_boxed_slice)
    }
}
