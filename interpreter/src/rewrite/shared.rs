//! Atomic instructions on globals, tables and objects
//! ([Shared-everything threads][proposal]).
//!
//! [proposal]: https://github.com/WebAssembly/shared-everything-threads/blob/main/proposals/shared-everything-threads/Overview.md

use super::Rewriter;
use super::rare::Rare;
use crate::execute::shared::{self, Add, And, CompareExchange, Exchange, Modification, Or, Sub, Xor};
use crate::types::{StorageType, TypeIndex, ValType};
use wasmparser::Operator;

/// Calls a macro with the instructions that read and write at once, by what they change, and their modification.
macro_rules! for_each_modification {
    ($callback:ident) => {
        $callback! {
            GlobalAtomicRmwAdd StructAtomicRmwAdd ArrayAtomicRmwAdd Add;
            GlobalAtomicRmwSub StructAtomicRmwSub ArrayAtomicRmwSub Sub;
            GlobalAtomicRmwAnd StructAtomicRmwAnd ArrayAtomicRmwAnd And;
            GlobalAtomicRmwOr StructAtomicRmwOr ArrayAtomicRmwOr Or;
            GlobalAtomicRmwXor StructAtomicRmwXor ArrayAtomicRmwXor Xor;
            GlobalAtomicRmwXchg StructAtomicRmwXchg ArrayAtomicRmwXchg Exchange;
            GlobalAtomicRmwCmpxchg StructAtomicRmwCmpxchg ArrayAtomicRmwCmpxchg CompareExchange;
        }
    };
}

macro_rules! define {
    ($($global:ident $structure:ident $array:ident $modification:ident;)*) => {
        impl Rewriter<'_> {
            /// Rewrites an instruction that reads and writes at once, if it is one.
            fn modification(&mut self, operator: &Operator<'_>) -> bool {
                match *operator {
                    $(Operator::$global { global_index, .. } => self.global_rmw::<$modification>(global_index),)*
                    $(Operator::$structure { struct_type_index, field_index, .. } => {
                        self.struct_rmw::<$modification>(struct_type_index, field_index);
                    })*
                    $(Operator::$array { array_type_index, .. } => self.array_rmw::<$modification>(array_type_index),)*
                    Operator::TableAtomicRmwXchg { table_index, .. } => self.table_rmw::<Exchange>(table_index),
                    Operator::TableAtomicRmwCmpxchg { table_index, .. } => {
                        self.table_rmw::<CompareExchange>(table_index);
                    }
                    _ => return false,
                }
                true
            }
        }
    };
}
for_each_modification!(define);

impl Rewriter<'_> {
    /// Rewrites an atomic instruction on a global, a table, or an object, if it is one.
    pub(super) fn shared(&mut self, operator: &Operator<'_>) -> bool {
        match plain(operator) {
            Some(plain) => self.variable(&plain) || self.table(&plain) || self.structure(&plain) || self.array(&plain),
            None => self.modification(operator),
        }
    }

    fn global_rmw<M: Modification>(&mut self, global: u32) {
        let width = width(StorageType::Val(self.module.globals[global as usize].content));
        let rare = Rare::new(shared::global_rmw::<M>).x(global).y(width);
        self.emit_rare_with_result(M::OPERANDS, 1, rare);
    }

    fn table_rmw<M: Modification>(&mut self, table: u32) {
        self.emit_rare_with_result(1 + M::OPERANDS, 1, Rare::new(shared::table_rmw::<M>).x(table));
    }

    fn struct_rmw<M: Modification>(&mut self, ty: u32, field: u32) {
        let (slot, field) = self.field(ty, field);
        let rare = Rare::new(shared::struct_rmw::<M>).x(slot).y(width(field.storage));
        self.emit_rare_with_result(1 + M::OPERANDS, 1, rare);
    }

    fn array_rmw<M: Modification>(&mut self, ty: u32) {
        let width = width(self.element(ty).storage);
        self.emit_rare_with_result(2 + M::OPERANDS, 1, Rare::new(shared::array_rmw::<M>).y(width));
    }
}

/// Returns the instruction that does the same, but for its ordering; `None` if there is none.
fn plain(operator: &Operator<'_>) -> Option<Operator<'static>> {
    Some(match *operator {
        Operator::GlobalAtomicGet { global_index, .. } => Operator::GlobalGet { global_index },
        Operator::GlobalAtomicSet { global_index, .. } => Operator::GlobalSet { global_index },
        Operator::TableAtomicGet { table_index, .. } => Operator::TableGet { table: table_index },
        Operator::TableAtomicSet { table_index, .. } => Operator::TableSet { table: table_index },
        Operator::StructAtomicGet { struct_type_index, field_index, .. } => {
            Operator::StructGet { struct_type_index, field_index }
        }
        Operator::StructAtomicGetS { struct_type_index, field_index, .. } => {
            Operator::StructGetS { struct_type_index, field_index }
        }
        Operator::StructAtomicGetU { struct_type_index, field_index, .. } => {
            Operator::StructGetU { struct_type_index, field_index }
        }
        Operator::StructAtomicSet { struct_type_index, field_index, .. } => {
            Operator::StructSet { struct_type_index, field_index }
        }
        Operator::ArrayAtomicGet { array_type_index, .. } => Operator::ArrayGet { array_type_index },
        Operator::ArrayAtomicGetS { array_type_index, .. } => Operator::ArrayGetS { array_type_index },
        Operator::ArrayAtomicGetU { array_type_index, .. } => Operator::ArrayGetU { array_type_index },
        Operator::ArrayAtomicSet { array_type_index, .. } => Operator::ArraySet { array_type_index },
        _ => return None,
    })
}

/// Returns 32 for a type of 32 bits, and 64 for others.
fn width(ty: StorageType<TypeIndex>) -> u32 {
    if ty.unpacked() == ValType::I32 { 32 } else { 64 }
}
