//! The parts of a module ([Modules](https://webassembly.github.io/spec/core/syntax/modules.html)).
//!
//! In each index space the imported items come first.

use crate::types::{
    CompositeType, EntityType, FuncType, GlobalType, MemoryType, RefType, SubType, TableType, TypeIndex,
};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A valid module without its instructions.
#[derive(Default, Debug)]
pub(crate) struct Description {
    /// The defined types.
    pub(crate) types: Vec<SubType<TypeIndex>>,
    /// The end of each recursive group in `types`.
    pub(crate) group_ends: Vec<u32>,
    /// The imports, in the order of the binary.
    pub(crate) imports: Vec<Import>,
    /// The types of the functions, and whether each is exactly this type. A defined function is; an imported one may
    /// have a subtype unless the import asks for the exact type.
    pub(crate) functions: Vec<(TypeIndex, bool)>,
    /// The types of the tables.
    pub(crate) tables: Vec<TableType<TypeIndex>>,
    /// The types of the memories.
    pub(crate) memories: Vec<MemoryType>,
    /// The types of the globals.
    pub(crate) globals: Vec<GlobalType<TypeIndex>>,
    /// The types of the tags.
    pub(crate) tags: Vec<TypeIndex>,
    /// The bodies of the defined functions, as ranges of the bytes.
    pub(crate) bodies: Vec<(u32, u32)>,
    /// For each defined function, whether the module refers to it outside of bodies: references to it can exist then.
    pub(crate) referred_to: Vec<bool>,
    /// The initial elements of the defined tables; null without an expression.
    pub(crate) table_inits: Vec<Option<ConstExpr>>,
    /// The initial values of the defined globals.
    pub(crate) global_inits: Vec<ConstExpr>,
    /// The exports, in the order of the binary. Their names differ.
    pub(crate) exports: Vec<Export>,
    /// The positions of the exports, sorted by name.
    pub(crate) exports_by_name: Vec<u32>,
    /// The start function, if there is one.
    pub(crate) start: Option<u32>,
    /// The element segments.
    pub(crate) elements: Vec<ElementSegment>,
    /// The data segments.
    pub(crate) data: Vec<DataSegment>,
    /// The name sections, as ranges of the bytes.
    pub(crate) name_sections: Vec<(u32, u32)>,
}

/// An import.
#[derive(Debug)]
pub(crate) struct Import {
    /// The name of the module that it comes from.
    pub(crate) module: Box<str>,
    /// The name within that module.
    pub(crate) name: Box<str>,
    /// The type. The index in its index space follows from the order of the imports.
    pub(crate) ty: EntityType<TypeIndex>,
}

/// An export.
#[derive(Debug)]
pub(crate) struct Export {
    /// The name.
    pub(crate) name: Box<str>,
    /// The exported item.
    pub(crate) item: ExportItem,
}

/// An exported item, by its index.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ExportItem {
    /// A function.
    Func(u32),
    /// A table.
    Table(u32),
    /// A memory.
    Memory(u32),
    /// A global.
    Global(u32),
    /// A tag.
    Tag(u32),
}

/// A constant expression, as a range of the bytes with its `end`
/// ([Constant expressions](https://webassembly.github.io/spec/core/valid/instructions.html#valid-constant)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ConstExpr {
    /// The offset of the first instruction.
    pub(crate) start: u32,
    /// The offset after `end`.
    pub(crate) end: u32,
}

/// An element segment
/// ([Element segments](https://webassembly.github.io/spec/core/syntax/modules.html#syntax-elem)).
#[derive(Debug)]
pub(crate) struct ElementSegment {
    /// The time and destination of its initialization.
    pub(crate) mode: ElementMode,
    /// The type of the elements.
    pub(crate) ty: RefType<TypeIndex>,
    /// The elements.
    pub(crate) items: ElementItems,
}

/// The time and destination of an element segment's initialization.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ElementMode {
    /// By `table.init`.
    Passive,
    /// At instantiation.
    Active {
        /// The table.
        table: u32,
        /// The first element.
        offset: ConstExpr,
    },
    /// Never: the segment only declares that its functions may be referred to.
    Declared,
}

/// The elements of a segment, in the form that the binary has.
#[derive(Debug)]
pub(crate) enum ElementItems {
    /// Functions, by index.
    Functions(Box<[u32]>),
    /// Constant expressions.
    Expressions(Box<[ConstExpr]>),
}

/// A data segment ([Data segments](https://webassembly.github.io/spec/core/syntax/modules.html#syntax-data)), as a
/// range of the bytes.
#[derive(Debug)]
pub(crate) struct DataSegment {
    /// The time and destination of its initialization.
    pub(crate) mode: DataMode,
    /// The offset of the first byte.
    pub(crate) start: u32,
    /// The offset after the last byte.
    pub(crate) end: u32,
}

/// The time and destination of a data segment's initialization.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DataMode {
    /// By `memory.init`.
    Passive,
    /// At instantiation.
    Active {
        /// The memory.
        memory: u32,
        /// The first byte.
        offset: ConstExpr,
    },
}

impl ElementItems {
    /// Returns the number of elements.
    pub(crate) fn len(&self) -> usize {
        match self {
            ElementItems::Functions(functions) => functions.len(),
            ElementItems::Expressions(expressions) => expressions.len(),
        }
    }
}

impl Description {
    /// Returns the number of functions that are imported.
    pub(crate) fn imported_functions(&self) -> u32 {
        (self.functions.len() - self.bodies.len()) as u32
    }

    /// Returns the number of tables that are imported.
    pub(crate) fn imported_tables(&self) -> u32 {
        (self.tables.len() - self.table_inits.len()) as u32
    }

    /// Returns the number of globals that are imported.
    pub(crate) fn imported_globals(&self) -> u32 {
        (self.globals.len() - self.global_inits.len()) as u32
    }

    /// Returns the number of memories that are imported.
    pub(crate) fn imported_memories(&self) -> u32 {
        self.count_imports(|ty| matches!(ty, EntityType::Memory(_)))
    }

    /// Returns the number of tags that are imported.
    pub(crate) fn imported_tags(&self) -> u32 {
        self.count_imports(|ty| matches!(ty, EntityType::Tag(_)))
    }

    fn count_imports(&self, has_kind: impl Fn(&EntityType<TypeIndex>) -> bool) -> u32 {
        self.imports.iter().filter(|import| has_kind(&import.ty)).count() as u32
    }

    /// Returns the position of a function among the defined ones; `None` if it is imported.
    pub(crate) fn defined(&self, func: u32) -> Option<u32> {
        func.checked_sub(self.imported_functions())
    }

    /// Returns whether a reference to a function can exist: it is imported, or the module refers to it.
    pub(crate) fn is_referred_to(&self, func: u32) -> bool {
        self.defined(func).is_none_or(|defined| self.referred_to.get(defined as usize).is_some_and(|&is| is))
    }

    /// Returns the function type with this index.
    ///
    /// # Panics
    /// If the type is no function type, which validation excludes where one is needed.
    pub(crate) fn func_type(&self, ty: TypeIndex) -> &FuncType<TypeIndex> {
        self.types[ty.index()].func().expect("a valid module has a function type here")
    }

    /// Returns the type of the function that continuations of the type with this index are the rest of.
    ///
    /// # Panics
    /// If the type is no continuation type, which validation excludes where one is needed.
    pub(crate) fn continued_type(&self, ty: u32) -> &FuncType<TypeIndex> {
        match self.types[ty as usize].composite {
            CompositeType::Cont(func) => self.func_type(func),
            _ => panic!("a valid module has a continuation type here"),
        }
    }

    /// Returns the signature of a function.
    pub(crate) fn signature(&self, func: u32) -> &FuncType<TypeIndex> {
        self.func_type(self.functions[func as usize].0)
    }

    /// Returns the function type of a tag.
    pub(crate) fn tag_type(&self, tag: u32) -> &FuncType<TypeIndex> {
        self.func_type(self.tags[tag as usize])
    }

    /// Returns the type of an item.
    pub(crate) fn entity_type(&self, item: ExportItem) -> EntityType<TypeIndex> {
        match item {
            ExportItem::Func(index) => {
                let (ty, exact) = self.functions[index as usize];
                EntityType::Func { ty, exact }
            }
            ExportItem::Table(index) => EntityType::Table(self.tables[index as usize]),
            ExportItem::Memory(index) => EntityType::Memory(self.memories[index as usize]),
            ExportItem::Global(index) => EntityType::Global(self.globals[index as usize]),
            ExportItem::Tag(index) => EntityType::Tag(self.tags[index as usize]),
        }
    }

    /// Returns the export of this name.
    pub(crate) fn export(&self, name: &str) -> Option<&Export> {
        let export = |&position: &u32| &self.exports[position as usize];
        let found = self.exports_by_name.binary_search_by(|position| (*export(position).name).cmp(name)).ok()?;
        Some(export(&self.exports_by_name[found]))
    }
}
