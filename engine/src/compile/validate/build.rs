//! Builds the description of a module from its sections, each of which has been validated.

use super::hints::BranchHints;
use super::{Body, Refusal, Validated, types};
use crate::base::{Error, ErrorKind};
use crate::wasm::index::*;
use crate::wasm::memory_image::MemoryImage;
use crate::wasm::module::*;
use crate::wasm::types::*;
use smallvec::SmallVec;
use wasmparser::{
    ExternalKind, FuncToValidate, FunctionBody, KnownCustom, Name, Operator, Payload, TypeRef, ValidatorResources,
};

type Result<T, E = Refusal> = core::result::Result<T, E>;

/// A module under construction.
#[derive(Default)]
pub(super) struct Builder<'a> {
    module: Module,
    bodies: Vec<Body<'a>>,
    data: Vec<u8>,
    names: Option<NameSection>,
    hints: Option<BranchHints>,
}

/// The names that the engine uses of a name section ([Name
/// section](https://webassembly.github.io/spec/core/appendix/custom.html#name-section)).
#[derive(Default)]
struct NameSection {
    module: Option<String>,
    functions: Vec<(FuncIndex, String)>,
}

impl<'a> Builder<'a> {
    /// Adds a function body.
    pub(super) fn body(&mut self, body: FunctionBody<'a>, to_validate: FuncToValidate<ValidatorResources>) {
        let hints = self.hints.as_mut().map(|hints| hints.take(to_validate.index, &body));
        self.bodies.push(Body { body, to_validate, hints: hints.unwrap_or_default() });
    }

    /// Adds a section.
    ///
    /// # Errors
    /// The section does not decode, or the engine lacks something that it uses.
    pub(super) fn payload(&mut self, payload: Payload<'a>) -> Result<()> {
        match payload {
            Payload::TypeSection(section) => self.types(section),
            Payload::ImportSection(section) => self.imports(section),
            Payload::FunctionSection(section) => self.functions(section),
            Payload::TableSection(section) => self.tables(section),
            Payload::MemorySection(section) => self.memories(section),
            Payload::GlobalSection(section) => self.globals(section),
            Payload::TagSection(section) => self.tags(section),
            Payload::ExportSection(section) => self.exports(section),
            Payload::StartSection { func, .. } => {
                self.module.start = Some(FuncIndex(func));
                Ok(())
            }
            Payload::ElementSection(section) => self.elements(section),
            Payload::DataSection(section) => self.data(section),
            Payload::CustomSection(section) => {
                match section.as_known() {
                    KnownCustom::Name(section) if self.names.is_none() => self.names = read_names(section).ok(),
                    KnownCustom::BranchHints(section) if self.hints.is_none() => {
                        self.hints = BranchHints::read(section).ok();
                    }
                    _ => {}
                }
                Ok(())
            }
            Payload::CodeSectionStart { count, .. } => {
                self.bodies.reserve(count as usize);
                Ok(())
            }
            Payload::Version { .. } | Payload::DataCountSection { .. } | Payload::End(_) => Ok(()),
            other => {
                let offset = other.as_section().map_or(0, |(_, range)| range.start);
                Err(unsupported("this kind of section", offset))
            }
        }
    }

    /// Completes the module after its last section.
    pub(super) fn finish(mut self) -> Validated<'a> {
        number_func_refs(&mut self.module);
        let NameSection { module: name, functions: mut func_names } = self.names.unwrap_or_default();
        func_names.retain(|(index, _)| index.index() < self.module.functions.len());
        self.module.name = name;
        let data = match MemoryImage::of(&self.module) {
            Some(image) => image.lay_out(&mut self.module, &self.data),
            None => self.data,
        };
        Validated { module: self.module, bodies: self.bodies, data, func_names }
    }

    fn types(&mut self, section: wasmparser::TypeSectionReader<'_>) -> Result<()> {
        let mut kinds = Vec::new();
        for group in section {
            let group = group?;
            for ty in group.types() {
                kinds.push(types::kind(ty)?);
            }
            for ty in group.types() {
                self.module.types.push(types::sub_type(ty, &kinds)?);
            }
            self.module.rec_groups.push(u32::try_from(kinds.len()).expect("index spaces hold fewer than 2^32 items"));
        }
        Ok(())
    }

    fn imports(&mut self, section: wasmparser::ImportSectionReader<'_>) -> Result<()> {
        let module = &mut self.module;
        for import in section.into_imports() {
            let import = import?;
            let item = match import.ty {
                TypeRef::Func(ty) => ImportItem::Func { ty: TypeIndex(ty), exact: false },
                TypeRef::FuncExact(ty) => ImportItem::Func { ty: TypeIndex(ty), exact: true },
                TypeRef::Table(ty) => ImportItem::Table(table_type(ty, module)?),
                TypeRef::Memory(ty) => ImportItem::Memory(memory_type(ty)?),
                TypeRef::Global(ty) => ImportItem::Global(global_type(ty, module)?),
                TypeRef::Tag(ty) => ImportItem::Tag(TypeIndex(ty.func_type_idx)),
            };
            match item {
                ImportItem::Func { ty, exact } => {
                    module.functions.push(Function { ty, exact, func_ref: None });
                    module.imported_functions += 1;
                }
                ImportItem::Table(ty) => {
                    module.tables.push(ty);
                    module.imported_tables += 1;
                }
                ImportItem::Memory(ty) => {
                    module.memories.push(ty);
                    module.imported_memories += 1;
                }
                ImportItem::Global(ty) => {
                    module.globals.push(ty);
                    module.imported_globals += 1;
                }
                ImportItem::Tag(ty) => {
                    module.tags.push(ty);
                    module.imported_tags += 1;
                }
            }
            module.imports.push(Import { module: import.module.to_owned(), name: import.name.to_owned(), item });
        }
        Ok(())
    }

    fn functions(&mut self, section: wasmparser::FunctionSectionReader<'_>) -> Result<()> {
        for ty in section {
            self.module.functions.push(Function { ty: TypeIndex(ty?), exact: true, func_ref: None });
        }
        Ok(())
    }

    fn tables(&mut self, section: wasmparser::TableSectionReader<'_>) -> Result<()> {
        for table in section {
            let table = table?;
            let ty = table_type(table.ty, &self.module)?;
            let init = match &table.init {
                wasmparser::TableInit::RefNull => None,
                wasmparser::TableInit::Expr(init) => Some(const_expr(init, &self.module)?),
            };
            self.module.tables.push(ty);
            self.module.table_inits.push(init);
        }
        Ok(())
    }

    fn memories(&mut self, section: wasmparser::MemorySectionReader<'_>) -> Result<()> {
        for memory in section {
            self.module.memories.push(memory_type(memory?)?);
        }
        Ok(())
    }

    fn globals(&mut self, section: wasmparser::GlobalSectionReader<'_>) -> Result<()> {
        for global in section {
            let global = global?;
            let (ty, init) = (global_type(global.ty, &self.module)?, const_expr(&global.init_expr, &self.module)?);
            self.module.globals.push(ty);
            self.module.global_inits.push(init);
        }
        Ok(())
    }

    fn tags(&mut self, section: wasmparser::TagSectionReader<'_>) -> Result<()> {
        for tag in section {
            self.module.tags.push(TypeIndex(tag?.func_type_idx));
        }
        Ok(())
    }

    fn exports(&mut self, section: wasmparser::ExportSectionReader<'_>) -> Result<()> {
        for export in section.into_iter_with_offsets() {
            let (offset, export) = export?;
            let item = match export.kind {
                ExternalKind::Func => ExportItem::Func(FuncIndex(export.index)),
                ExternalKind::Table => ExportItem::Table(TableIndex(export.index)),
                ExternalKind::Memory => ExportItem::Memory(MemoryIndex(export.index)),
                ExternalKind::Global => ExportItem::Global(GlobalIndex(export.index)),
                ExternalKind::Tag => ExportItem::Tag(TagIndex(export.index)),
                ExternalKind::FuncExact => return Err(unsupported("this kind of export", offset)),
            };
            self.module.exports.push(Export { name: export.name.to_owned(), item });
        }
        Ok(())
    }

    fn elements(&mut self, section: wasmparser::ElementSectionReader<'_>) -> Result<()> {
        for segment in section {
            let segment = segment?;
            let mode = match &segment.kind {
                wasmparser::ElementKind::Passive => ElementMode::Passive,
                wasmparser::ElementKind::Declared => ElementMode::Declared,
                wasmparser::ElementKind::Active { table_index, offset_expr } => ElementMode::Active {
                    table: TableIndex(table_index.unwrap_or(0)),
                    offset: const_expr(offset_expr, &self.module)?,
                },
            };
            let (ty, items) = match segment.items {
                wasmparser::ElementItems::Functions(items) => {
                    let functions = items.into_iter().map(|index| Ok(FuncIndex(index?)));
                    let ty = RefType { nullable: false, heap: HeapType::Func };
                    (ty, ElementItems::Functions(functions.collect::<Result<_>>()?))
                }
                wasmparser::ElementItems::Expressions(ty, items) => {
                    let expressions = items.into_iter().map(|item| const_expr(&item?, &self.module));
                    (types::ref_type(ty, &self.module)?, ElementItems::Expressions(expressions.collect::<Result<_>>()?))
                }
            };
            self.module.elements.push(ElementSegment { mode, ty, items });
        }
        Ok(())
    }

    fn data(&mut self, section: wasmparser::DataSectionReader<'_>) -> Result<()> {
        for segment in section {
            let segment = segment?;
            let mode = match &segment.kind {
                wasmparser::DataKind::Passive => DataMode::Passive,
                wasmparser::DataKind::Active { memory_index, offset_expr } => DataMode::Active {
                    memory: MemoryIndex(*memory_index),
                    offset: const_expr(offset_expr, &self.module)?,
                },
            };
            let start = self.data.len();
            self.data.extend_from_slice(segment.data);
            let position = |at: usize| u32::try_from(at).expect("a module is shorter than 4 GiB");
            self.module.data.push(DataSegment { mode, bytes: position(start)..position(self.data.len()) });
        }
        Ok(())
    }
}

/// Numbers the defined functions that escape: an instance holds a function reference for each of them. A function
/// escapes if it is exported, named in a segment or a constant expression, or the start function, which the host calls.
///
/// Function bodies need not be searched: a `ref.func` in a body is valid only for a function that is named outside of
/// the bodies ([`C.refs`](https://webassembly.github.io/spec/core/valid/modules.html#valid-module)).
fn number_func_refs(module: &mut Module) {
    let mut escapes = vec![false; module.functions.len()];
    let mut mark = |index: FuncIndex| escapes[index.index()] = true;
    module.start.into_iter().for_each(&mut mark);
    for export in &module.exports {
        if let ExportItem::Func(index) = export.item {
            mark(index);
        }
    }
    let mut expressions: Vec<&ConstExpr> = module.global_inits.iter().collect();
    expressions.extend(module.table_inits.iter().flatten());
    for segment in &module.elements {
        match &segment.items {
            ElementItems::Functions(functions) => functions.iter().copied().for_each(&mut mark),
            ElementItems::Expressions(items) => expressions.extend(items),
        }
    }
    for op in expressions.into_iter().flat_map(|expression| &expression.0) {
        if let ConstOp::RefFunc(index) = *op {
            mark(index);
        }
    }
    let defined = module.functions.iter_mut().zip(escapes).skip(module.imported_functions as usize);
    for (function, _) in defined.filter(|(_, escapes)| *escapes) {
        function.func_ref = Some(FuncRefIndex(module.func_refs));
        module.func_refs += 1;
    }
}

/// Reads a name section.
fn read_names(section: wasmparser::NameSectionReader<'_>) -> wasmparser::Result<NameSection> {
    let mut names = NameSection::default();
    for subsection in section {
        match subsection? {
            Name::Module { name, .. } => names.module = Some(name.to_owned()),
            Name::Function(map) => {
                names.functions = map
                    .map(|naming| naming.map(|naming| (FuncIndex(naming.index), naming.name.to_owned())))
                    .collect::<wasmparser::Result<_>>()?;
            }
            _ => {}
        }
    }
    Ok(names)
}

/// Converts a constant expression.
fn const_expr(expression: &wasmparser::ConstExpr<'_>, module: &Module) -> Result<ConstExpr> {
    let mut ops = SmallVec::new();
    let mut reader = expression.get_operators_reader();
    while !reader.eof() {
        let (operator, offset) = reader.read_with_offset()?;
        ops.push(match operator {
            Operator::I32Const { value } => ConstOp::I32Const(value),
            Operator::I64Const { value } => ConstOp::I64Const(value),
            Operator::F32Const { value } => ConstOp::F32Const(value.bits()),
            Operator::F64Const { value } => ConstOp::F64Const(value.bits()),
            Operator::V128Const { value } => ConstOp::V128Const(u128::from_le_bytes(*value.bytes())),
            Operator::GlobalGet { global_index } => ConstOp::GlobalGet(GlobalIndex(global_index)),
            Operator::RefNull { hty } => ConstOp::RefNull(types::heap_type(hty, module)?),
            Operator::RefFunc { function_index } => ConstOp::RefFunc(FuncIndex(function_index)),
            Operator::I32Add => ConstOp::I32Add,
            Operator::I32Sub => ConstOp::I32Sub,
            Operator::I32Mul => ConstOp::I32Mul,
            Operator::I64Add => ConstOp::I64Add,
            Operator::I64Sub => ConstOp::I64Sub,
            Operator::I64Mul => ConstOp::I64Mul,
            Operator::RefI31 => ConstOp::RefI31,
            Operator::AnyConvertExtern => ConstOp::AnyConvertExtern,
            Operator::ExternConvertAny => ConstOp::ExternConvertAny,
            Operator::StructNew { struct_type_index } => ConstOp::StructNew(TypeIndex(struct_type_index)),
            Operator::StructNewDefault { struct_type_index } => ConstOp::StructNewDefault(TypeIndex(struct_type_index)),
            Operator::StructNewDesc { struct_type_index } => ConstOp::StructNewDesc(TypeIndex(struct_type_index)),
            Operator::StructNewDefaultDesc { struct_type_index } => {
                ConstOp::StructNewDefaultDesc(TypeIndex(struct_type_index))
            }
            Operator::ArrayNew { array_type_index } => ConstOp::ArrayNew(TypeIndex(array_type_index)),
            Operator::ArrayNewDefault { array_type_index } => ConstOp::ArrayNewDefault(TypeIndex(array_type_index)),
            Operator::ArrayNewFixed { array_type_index, array_size } => {
                ConstOp::ArrayNewFixed(TypeIndex(array_type_index), array_size)
            }
            Operator::End => break,
            _ => return Err(unsupported("this instruction in a constant expression", offset)),
        });
    }
    Ok(ConstExpr(ops))
}

fn table_type(ty: wasmparser::TableType, module: &Module) -> Result<TableType> {
    if ty.shared {
        return Err(unsupported("a shared table", None));
    }
    let limits = Limits { min: ty.initial, max: ty.maximum };
    Ok(TableType { limits, index64: ty.table64, element: types::ref_type(ty.element_type, module)? })
}

fn memory_type(ty: wasmparser::MemoryType) -> Result<MemoryType> {
    let mut kind = MemoryType::new(ty.initial, ty.maximum);
    (kind.index64, kind.shared) = (ty.memory64, ty.shared);
    if let Some(log2) = ty.page_size_log2 {
        kind.page_size_log2 = u8::try_from(log2).expect("validation admits 0 and 16");
    }
    Ok(kind)
}

fn global_type(ty: wasmparser::GlobalType, module: &Module) -> Result<GlobalType> {
    Ok(GlobalType { content: types::val_type(ty.content_type, module)?, mutable: ty.mutable })
}

/// The refusal of something that wasmparser knows and the engine lacks. An engine's configuration turns on no such
/// feature, so that this is a second line of defense.
fn unsupported(what: &str, offset: impl Into<Option<u64>>) -> Refusal {
    let error = Error::new(ErrorKind::Unsupported, format!("{what} is not supported"));
    Refusal::Engine(match offset.into() {
        Some(offset) => error.at(offset),
        None => error,
    })
}
