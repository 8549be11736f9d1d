//! The description of a module without function bodies. `compile::validate` makes it, an artifact's metadata carries
//! it, and `runtime::instance` instantiates it
//! ([Modules](https://webassembly.github.io/spec/core/syntax/modules.html)).

use super::index::*;
use super::packed::{self, Packed};
use super::stored;
use super::types::*;
use core::fmt;
use core::ops::Range;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// A validated module. Imports come first in the index spaces, as in the specification.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Module {
    /// The module's name, from the name section.
    pub(crate) name: Option<String>,
    /// The type index space. The numbers of [`ConcreteType`]s in the module are its indices.
    pub(crate) types: Vec<SubType>,
    /// The end of each recursive group in `types`.
    pub(crate) rec_groups: Vec<u32>,
    /// Imports, in the order of the binary.
    pub(crate) imports: Vec<Import>,
    /// The function index space.
    #[serde(with = "packed")]
    pub(crate) functions: Vec<Function>,
    /// The table index space.
    #[serde(with = "stored")]
    pub(crate) tables: Vec<TableType>,
    /// The initial elements of the defined tables (`tables` after the imported ones); null without an expression.
    pub(crate) table_inits: Vec<Option<ConstExpr>>,
    /// The memory index space.
    pub(crate) memories: Vec<MemoryType>,
    /// The global index space.
    #[serde(with = "stored")]
    pub(crate) globals: Vec<GlobalType>,
    /// The tag index space: the type of each tag, which has no results.
    pub(crate) tags: Vec<TypeIndex>,
    /// The initial values of the defined globals (`globals` after the imported ones).
    pub(crate) global_inits: Vec<ConstExpr>,
    /// Exports, in the order of the binary; names are unique.
    pub(crate) exports: Vec<Export>,
    /// The start function, if there is one.
    pub(crate) start: Option<FuncIndex>,
    /// Element segments.
    pub(crate) elements: Vec<ElementSegment>,
    /// Data segments.
    pub(crate) data: Vec<DataSegment>,
    /// The number of imports in `functions`.
    pub(crate) imported_functions: u32,
    /// The number of imports in `tables`.
    pub(crate) imported_tables: u32,
    /// The number of imports in `memories`.
    pub(crate) imported_memories: u32,
    /// The number of imports in `globals`.
    pub(crate) imported_globals: u32,
    /// The number of imports in `tags`.
    pub(crate) imported_tags: u32,
    /// The number of functions that have a `func_ref`.
    pub(crate) func_refs: u32,
}

/// An entry of the function index space.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Function {
    /// The type.
    pub(crate) ty: TypeIndex,
    /// True if the function's type is exactly this one, as for every defined function. An imported function may have a
    /// subtype, unless the import asks for the exact type.
    pub(crate) exact: bool,
    /// The position of the function's reference among those of the instance. Only *defined* functions that escape have
    /// a reference: exported functions, functions named in an element segment, a global's initializer or a `ref.func`,
    /// and the start function, which the host calls. The positions are dense and in the order of the functions. An
    /// imported function keeps the reference with which it was imported.
    pub(crate) func_ref: Option<FuncRefIndex>,
}

impl Packed<9> for Function {
    /// The type, the position of the reference or [`u32::MAX`], and whether the type is exact.
    fn pack(&self) -> [u8; 9] {
        let mut bytes = [0; 9];
        bytes[..4].copy_from_slice(&self.ty.0.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.func_ref.map_or(u32::MAX, |reference| reference.0).to_le_bytes());
        bytes[8] = self.exact.into();
        bytes
    }

    fn unpack(bytes: [u8; 9]) -> Option<Function> {
        let [a, b, c, d, rest @ ..] = bytes;
        let [e, f, g, h, exact] = rest;
        let reference = u32::from_le_bytes([e, f, g, h]);
        Some(Function {
            ty: TypeIndex(u32::from_le_bytes([a, b, c, d])),
            exact: (exact <= 1).then_some(exact == 1)?,
            func_ref: (reference != u32::MAX).then_some(FuncRefIndex(reference)),
        })
    }
}

/// An import.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Import {
    /// The name of the module that it comes from.
    pub(crate) module: String,
    /// The name within that module.
    pub(crate) name: String,
    /// The imported item. Its index in its index space follows from the order of the imports.
    pub(crate) item: ImportItem,
}

/// An imported item.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ImportItem {
    /// A function of a type, or of a subtype unless the exact type is asked for.
    Func {
        /// The type.
        ty: TypeIndex,
        /// True if the function's type must be exactly this one.
        exact: bool,
    },
    /// A table.
    Table(#[serde(with = "stored")] TableType),
    /// A memory.
    Memory(MemoryType),
    /// A global.
    Global(#[serde(with = "stored")] GlobalType),
    /// A tag of this type.
    Tag(TypeIndex),
}

/// An export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Export {
    /// The name.
    pub(crate) name: String,
    /// The exported item.
    pub(crate) item: ExportItem,
}

/// An exported item.
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
///
/// Nearly all are a single instruction, for which nothing is allocated: a module may have thousands of segments.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ConstExpr(pub(crate) SmallVec<[ConstOp; 1]>);

/// An instruction of a constant expression. Floats are stored as their bits.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ConstOp {
    I32Const(i32),
    I64Const(i64),
    F32Const(u32),
    F64Const(u64),
    V128Const(u128),
    GlobalGet(GlobalIndex),
    RefNull(#[serde(with = "stored")] HeapType),
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

/// An element segment
/// ([Element segments](https://webassembly.github.io/spec/core/syntax/modules.html#element-segments)).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ElementSegment {
    /// The time and destination of its initialization.
    pub(crate) mode: ElementMode,
    /// The type of the elements.
    #[serde(with = "stored")]
    pub(crate) ty: RefType,
    /// The elements.
    pub(crate) items: ElementItems,
}

/// The elements of a segment, in the form that the binary has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ElementItems {
    /// Function indices.
    Functions(#[serde(with = "packed")] Vec<FuncIndex>),
    /// Constant expressions.
    Expressions(Vec<ConstExpr>),
}

/// The time and destination of an element segment's initialization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum ElementMode {
    /// By `table.init`.
    Passive,
    /// At instantiation.
    Active { table: TableIndex, offset: ConstExpr },
    /// Never: the segment only declares that its functions may be referred to.
    Declared,
}

/// A data segment ([Data segments](https://webassembly.github.io/spec/core/syntax/modules.html#data-segments)).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataSegment {
    /// The time and destination of its initialization.
    pub(crate) mode: DataMode,
    /// The bytes, as a range of the artifact's data section.
    pub(crate) bytes: Range<u32>,
}

/// The time and destination of a data segment's initialization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum DataMode {
    /// By `memory.init`.
    Passive,
    /// At instantiation.
    Active { memory: MemoryIndex, offset: ConstExpr },
}

impl Serialize for ConstExpr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_slice().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ConstExpr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ConstExpr, D::Error> {
        deserializer.deserialize_seq(ReadOps)
    }
}

/// The reader of the instructions of a constant expression.
struct ReadOps;

impl<'de> Visitor<'de> for ReadOps {
    type Value = ConstExpr;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a constant expression")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<ConstExpr, A::Error> {
        let mut ops = SmallVec::new();
        while let Some(op) = items.next_element()? {
            ops.push(op);
        }
        Ok(ConstExpr(ops))
    }
}

impl ConstOp {
    /// Returns whether the instruction is integer arithmetic, which pops two values and pushes one.
    pub(crate) fn is_binary(self) -> bool {
        use ConstOp::{I32Add, I32Mul, I32Sub, I64Add, I64Mul, I64Sub};
        matches!(self, I32Add | I32Sub | I32Mul | I64Add | I64Sub | I64Mul)
    }
}

impl Module {
    /// Returns the type of a function.
    pub(crate) fn func_type(&self, function: FuncIndex) -> &FuncType {
        self.signature(self.functions[function.index()].ty)
    }

    /// Returns the function type with this index.
    ///
    /// # Panics
    /// If the type is no function type, which validation excludes.
    pub(crate) fn signature(&self, ty: TypeIndex) -> &FuncType {
        self.types[ty.index()].composite.func().expect("validation has seen that it is a function type")
    }

    /// Returns the type of a tag.
    pub(crate) fn tag_type(&self, tag: TagIndex) -> &FuncType {
        self.signature(self.tags[tag.index()])
    }

    /// Returns the position of a function among the defined ones; `None` if it is imported.
    pub(crate) fn defined(&self, function: FuncIndex) -> Option<DefinedFuncIndex> {
        function.0.checked_sub(self.imported_functions).map(DefinedFuncIndex)
    }

    /// Returns the index of a defined function in the function index space.
    #[cfg(feature = "compile")]
    pub(crate) fn func_index(&self, function: DefinedFuncIndex) -> FuncIndex {
        FuncIndex(self.imported_functions + function.0)
    }

    /// Returns whether the type of an import or export names a defined type.
    pub(crate) fn shows_defined_types(&self) -> bool {
        let reference = |ty: RefType| ty.heap.defined().is_some();
        let value = |ty: &ValType| matches!(ty, ValType::Ref(ty) if reference(*ty));
        let signature = |ty: &FuncType| ty.params.iter().chain(&ty.results).any(value);
        let imported = self.imports.iter().any(|import| match import.item {
            ImportItem::Func { ty, .. } | ImportItem::Tag(ty) => signature(self.signature(ty)),
            ImportItem::Table(ty) => reference(ty.element),
            ImportItem::Global(ty) => value(&ty.content),
            ImportItem::Memory(_) => false,
        });
        imported
            || self.exports.iter().any(|export| match export.item {
                ExportItem::Func(index) => signature(self.func_type(index)),
                ExportItem::Tag(index) => signature(self.tag_type(index)),
                ExportItem::Table(index) => reference(self.tables[index.index()].element),
                ExportItem::Global(index) => value(&self.globals[index.index()].content),
                ExportItem::Memory(_) => false,
            })
    }

    /// Returns the type of an import.
    pub(crate) fn import_type(&self, item: ImportItem) -> ExternType {
        match item {
            ImportItem::Func { ty, .. } => ExternType::Func(self.signature(ty).clone()),
            ImportItem::Table(ty) => ExternType::Table(ty),
            ImportItem::Memory(ty) => ExternType::Memory(ty),
            ImportItem::Global(ty) => ExternType::Global(ty),
            ImportItem::Tag(ty) => ExternType::Tag(self.signature(ty).clone()),
        }
    }

    /// Returns the type of an export.
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
