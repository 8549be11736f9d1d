//! The description of a module without function bodies: what `compile::validate` makes, what the artifact's metadata
//! carries, and what `runtime::instance` instantiates
//! ([Modules](https://webassembly.github.io/spec/core/syntax/modules.html)).

use super::index::*;
use super::types::*;
use core::ops::Range;
use serde::{Deserialize, Serialize};

/// A validated module. Index spaces hold the imports first, as in the specification.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Module {
    /// The module's name, from the name section.
    pub(crate) name: Option<String>,
    /// The type index space. In the whole module [`ConcreteType`]s are its indices.
    pub(crate) types: Vec<SubType>,
    /// Where in `types` each recursive group ends.
    pub(crate) rec_groups: Vec<u32>,
    /// Imports, in the order of the binary.
    pub(crate) imports: Vec<Import>,
    /// The function index space: each function's type and, if it can be referred to at run time, its reference's place.
    pub(crate) functions: Vec<Function>,
    /// The table index space.
    pub(crate) tables: Vec<TableType>,
    /// What the elements of the defined tables (`tables` past the imported ones) start as; null without an expression.
    pub(crate) table_inits: Vec<Option<ConstExpr>>,
    /// The memory index space.
    pub(crate) memories: Vec<MemoryType>,
    /// The global index space.
    pub(crate) globals: Vec<GlobalType>,
    /// The tag index space: each tag's type, which has no results.
    pub(crate) tags: Vec<TypeIndex>,
    /// What the defined globals (`globals` past the imported ones) start as.
    pub(crate) global_inits: Vec<ConstExpr>,
    /// Exports, in the order of the binary; names are unique.
    pub(crate) exports: Vec<Export>,
    /// The start function.
    pub(crate) start: Option<FuncIndex>,
    /// Element segments.
    pub(crate) elements: Vec<ElementSegment>,
    /// Data segments.
    pub(crate) data: Vec<DataSegment>,
    /// How many entries of `functions` are imports.
    pub(crate) imported_functions: u32,
    /// How many entries of `tables` are imports.
    pub(crate) imported_tables: u32,
    /// How many entries of `memories` are imports.
    pub(crate) imported_memories: u32,
    /// How many entries of `globals` are imports.
    pub(crate) imported_globals: u32,
    /// How many entries of `tags` are imports.
    pub(crate) imported_tags: u32,
    /// How many functions have a `func_ref`.
    pub(crate) func_refs: u32,
}

/// An entry of the function index space.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Function {
    /// Its type.
    pub(crate) ty: TypeIndex,
    /// Whether its type is just this one, as is that of a defined function. An imported one may be of a subtype, unless
    /// the import asks for the exact type.
    pub(crate) exact: bool,
    /// Its place among the instance's function references. Only *defined* functions that escape have one: exported,
    /// named in an element segment, a global's initializer or a `ref.func`, or the start function, which the host
    /// calls. Places are dense, in function order. A reference to an imported function is the one that was imported.
    pub(crate) func_ref: Option<FuncRefIndex>,
}

/// An import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Import {
    /// The first name.
    pub(crate) module: String,
    /// The second name.
    pub(crate) name: String,
    /// What is imported; its index in its space follows from the order.
    pub(crate) item: ImportItem,
}

/// What is imported.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ImportItem {
    /// A function of this type, or, unless it must be of just this one, of a type that extends it.
    Func {
        /// The type.
        ty: TypeIndex,
        /// Whether it must be of just this type.
        exact: bool,
    },
    /// A table.
    Table(TableType),
    /// A memory.
    Memory(MemoryType),
    /// A global.
    Global(GlobalType),
    /// A tag of this type.
    Tag(TypeIndex),
}

/// An export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Export {
    /// Its name.
    pub(crate) name: String,
    /// What is exported.
    pub(crate) item: ExportItem,
}

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ExportItem {
    /// A function.
    Func(FuncIndex),
    /// A table.
    Table(TableIndex),
    /// A memory.
    Memory(MemoryIndex),
    /// A global.
    Global(GlobalIndex),
    /// A tag.
    Tag(TagIndex),
}

/// A constant expression, in postfix order, evaluated on a small stack at instantiation
/// ([Constant expressions](https://webassembly.github.io/spec/core/valid/instructions.html#constant-expressions)).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConstExpr(pub(crate) Vec<ConstOp>);

/// An instruction of a constant expression. Floats are their bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ConstOp {
    I32Const(i32),
    I64Const(i64),
    F32Const(u32),
    F64Const(u64),
    V128Const(u128),
    GlobalGet(GlobalIndex),
    RefNull(HeapType),
    RefFunc(FuncIndex),
    I32Add,
    I32Sub,
    I32Mul,
    I64Add,
    I64Sub,
    I64Mul,
    RefI31,
    AnyConvertExtern,
    ExternConvertAny,
    StructNew(TypeIndex),
    StructNewDefault(TypeIndex),
    StructNewDesc(TypeIndex),
    StructNewDefaultDesc(TypeIndex),
    ArrayNew(TypeIndex),
    ArrayNewDefault(TypeIndex),
    ArrayNewFixed(TypeIndex, u32),
}

/// An element segment ([Element segments](https://webassembly.github.io/spec/core/syntax/modules.html#element-segments)).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ElementSegment {
    /// When and where it is written.
    pub(crate) mode: ElementMode,
    /// The type of its elements.
    pub(crate) ty: RefType,
    /// Its elements.
    pub(crate) items: ElementItems,
}

/// The elements of a segment, in the form of the binary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ElementItems {
    /// Function indices.
    Functions(Vec<FuncIndex>),
    /// Constant expressions.
    Expressions(Vec<ConstExpr>),
}

/// When and where an element segment is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ElementMode {
    /// By `table.init`.
    Passive,
    /// At instantiation.
    Active { table: TableIndex, offset: ConstExpr },
    /// Never: it only declares that its functions are referred to.
    Declared,
}

/// A data segment ([Data segments](https://webassembly.github.io/spec/core/syntax/modules.html#data-segments)).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataSegment {
    /// When and where it is written.
    pub(crate) mode: DataMode,
    /// Its bytes, as a range of the artifact's data section.
    pub(crate) bytes: Range<u32>,
}

/// When and where a data segment is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum DataMode {
    /// By `memory.init`.
    Passive,
    /// At instantiation.
    Active { memory: MemoryIndex, offset: ConstExpr },
}

impl ConstOp {
    /// Whether the instruction pops two values; every other one pops none. Each pushes one.
    pub(crate) fn is_binary(self) -> bool {
        use ConstOp::{I32Add, I32Mul, I32Sub, I64Add, I64Mul, I64Sub};
        matches!(self, I32Add | I32Sub | I32Mul | I64Add | I64Sub | I64Mul)
    }
}

impl Module {
    /// The type of a function.
    pub(crate) fn func_type(&self, function: FuncIndex) -> &FuncType {
        self.signature(self.functions[function.index()].ty)
    }

    /// The function type of this index.
    ///
    /// # Panics
    /// If the type is not one of functions, which validation excludes wherever it is used as one.
    pub(crate) fn signature(&self, ty: TypeIndex) -> &FuncType {
        self.types[ty.index()].composite.func().expect("validation has seen that it is a function type")
    }

    /// The types of functions among the types.
    #[cfg(feature = "compile")]
    pub(crate) fn signatures(&self) -> impl Iterator<Item = &FuncType> {
        self.types.iter().filter_map(|ty| ty.composite.func())
    }

    /// The type of a tag.
    pub(crate) fn tag_type(&self, tag: TagIndex) -> &FuncType {
        self.signature(self.tags[tag.index()])
    }

    /// The position of a function among the defined ones; `None` if it is imported.
    pub(crate) fn defined(&self, function: FuncIndex) -> Option<DefinedFuncIndex> {
        function.0.checked_sub(self.imported_functions).map(DefinedFuncIndex)
    }

    /// The index of a defined function in the function index space.
    #[cfg(feature = "compile")]
    pub(crate) fn func_index(&self, function: DefinedFuncIndex) -> FuncIndex {
        FuncIndex(self.imported_functions + function.0)
    }

    /// The type of an import.
    pub(crate) fn import_type(&self, item: ImportItem) -> ExternType {
        match item {
            ImportItem::Func { ty, .. } => ExternType::Func(self.signature(ty).clone()),
            ImportItem::Table(ty) => ExternType::Table(ty),
            ImportItem::Memory(ty) => ExternType::Memory(ty),
            ImportItem::Global(ty) => ExternType::Global(ty),
            ImportItem::Tag(ty) => ExternType::Tag(self.signature(ty).clone()),
        }
    }

    /// The type of an export.
    pub(crate) fn export_type(&self, item: ExportItem) -> ExternType {
        match item {
            ExportItem::Func(index) => ExternType::Func(self.func_type(index).clone()),
            ExportItem::Table(index) => ExternType::Table(self.tables[index.index()]),
            ExportItem::Memory(index) => ExternType::Memory(self.memories[index.index()]),
            ExportItem::Global(index) => ExternType::Global(self.globals[index.index()]),
            ExportItem::Tag(index) => ExternType::Tag(self.tag_type(index).clone()),
        }
    }
}
