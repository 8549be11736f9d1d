//! Instructions on memories and tables that are rare.

use super::Rewriter;
use super::rare::Rare;
use crate::execute::memory::{self, for_each_access};
use crate::execute::table;
use wasmparser::Operator;

macro_rules! define {
    (
        load { $($load:ident $load_fn:ident;)* }
        load_vector { $($load_vector:ident $load_vector_fn:ident;)* }
        store { $($store:ident $store_fn:ident;)* }
        load_lane { $($load_lane:ident $load_lane_fn:ident;)* }
        store_lane { $($store_lane:ident $store_lane_fn:ident;)* }
    ) => {
        impl Rewriter<'_> {
            /// Rewrites an access of any memory, if it is one.
            pub(super) fn access(&mut self, operator: &Operator<'_>) -> bool {
                match *operator {
                    $(Operator::$load { memarg } => {
                        self.emit_rare_with_result(1, 1, Rare::new(memory::$load_fn).access(memarg));
                    })*
                    $(Operator::$load_vector { memarg } => {
                        self.emit_rare_with_result(1, 2, Rare::new(memory::$load_vector_fn).access(memarg));
                    })*
                    $(Operator::$store { memarg } => {
                        self.emit_rare(2, Rare::new(memory::$store_fn).access(memarg));
                    })*
                    $(Operator::$load_lane { memarg, lane } => {
                        let rare = Rare::new(memory::$load_lane_fn).access(memarg).y(lane.into());
                        self.emit_rare_with_result(2, 2, rare);
                    })*
                    $(Operator::$store_lane { memarg, lane } => {
                        self.emit_rare(2, Rare::new(memory::$store_lane_fn).access(memarg).y(lane.into()));
                    })*
                    _ => return false,
                }
                true
            }
        }
    };
}
for_each_access!(define);

impl Rewriter<'_> {
    /// Rewrites an instruction on a whole memory, if it is one.
    pub(super) fn memory(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::MemorySize { mem } => self.emit_rare_with_result(0, 1, Rare::new(memory::memory_size).x(mem)),
            Operator::MemoryGrow { mem } => {
                let wide = self.module.memories[mem as usize].index64.into();
                self.emit_rare_with_result(1, 1, Rare::new(memory::memory_grow).x(mem).y(wide));
            }
            Operator::MemoryFill { mem } => self.emit_rare(3, Rare::new(memory::memory_fill).x(mem)),
            Operator::MemoryCopy { dst_mem, src_mem } => {
                self.emit_rare(3, Rare::new(memory::memory_copy).x(dst_mem).y(src_mem));
            }
            Operator::MemoryInit { data_index, mem } => {
                self.emit_rare(3, Rare::new(memory::memory_init).x(mem).y(data_index));
            }
            Operator::DataDrop { data_index } => self.emit_rare(0, Rare::new(memory::data_drop).x(data_index)),
            _ => return false,
        }
        true
    }

    /// Rewrites an instruction on a table, if it is one.
    pub(super) fn table(&mut self, operator: &Operator<'_>) -> bool {
        match *operator {
            Operator::TableGet { table } => self.emit_rare_with_result(1, 1, Rare::new(table::table_get).x(table)),
            Operator::TableSet { table } => self.emit_rare(2, Rare::new(table::table_set).x(table)),
            Operator::TableSize { table } => self.emit_rare_with_result(0, 1, Rare::new(table::table_size).x(table)),
            Operator::TableGrow { table } => {
                let wide = self.module.tables[table as usize].index64.into();
                self.emit_rare_with_result(2, 1, Rare::new(table::table_grow).x(table).y(wide));
            }
            Operator::TableFill { table } => self.emit_rare(3, Rare::new(table::table_fill).x(table)),
            Operator::TableCopy { dst_table, src_table } => {
                self.emit_rare(3, Rare::new(table::table_copy).x(dst_table).y(src_table));
            }
            Operator::TableInit { elem_index, table } => {
                self.emit_rare(3, Rare::new(table::table_init).x(table).y(elem_index));
            }
            Operator::ElemDrop { elem_index } => self.emit_rare(0, Rare::new(table::elem_drop).x(elem_index)),
            _ => return false,
        }
        true
    }
}
