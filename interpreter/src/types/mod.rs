//! Types ([Types](https://webassembly.github.io/spec/core/syntax/types.html)): their form, equality and matching.
//!
//! A type that names defined types is generic over the names. In the description of a module a name is a
//! [`TypeIndex`], as in the binary. In a store it is a [`TypeId`], which is the same for equal types of all modules.
//! [`CanonicalTypes`] makes the second of the first.
//!
//! | file | holds |
//! |---|---|
//! | `name` | names of defined types |
//! | `reference`, `value`, `composite`, `external` | the types |
//! | `binary` | conversion of wasmparser's types |
//! | `canonical` | equality: the defined types of a store |
//! | `matching` | subtyping, of imports too |
//! | `text` | defined types spelled out, for messages |

mod binary;
mod canonical;
mod composite;
mod external;
mod matching;
mod name;
mod reference;
mod text;
mod value;

pub(crate) use binary::{Unsupported, global_type, heap_type, memory_type, ref_type, sub_type, table_type};
pub(crate) use canonical::CanonicalTypes;
pub use composite::{ArrayType, FieldType, StorageType, StructType};
pub(crate) use composite::{CompositeType, SubType};
pub(crate) use external::EntityType;
pub use external::{ExternType, GlobalType, Limits, MemoryType, PAGE_SIZE, TableType};
pub use name::{TypeId, TypeIndex};
pub use reference::{HeapType, RefType, SharedType};
pub use value::{FuncType, ValType};

#[cfg(test)]
mod tests;
