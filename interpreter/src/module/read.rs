//! Bytes to description: wasmparser decodes and validates, section by section, in one pass.

use super::description::{
    ConstExpr, DataMode, DataSegment, Description, ElementItems, ElementMode, ElementSegment, Export, ExportItem,
    Import,
};
use super::refusal;
use crate::error::{Error, ErrorKind, Result};
use crate::types::{
    EntityType, RefType, TypeIndex, Unsupported, global_type, memory_type, ref_type, sub_type, table_type,
};
use alloc::format;
use core::ops::Range;
use features::Features;
use wasmparser::{
    ExternalKind, FuncValidatorAllocations, FunctionBody, Parser, Payload, TypeRef, ValidPayload, Validator,
    WasmFeatures, WasmModuleResources,
};

/// The reason for which reading a module stopped.
enum Refusal {
    /// wasmparser refused the module.
    Parser(wasmparser::Error),
    /// The interpreter lacks something that the module uses.
    Own(Error),
}

impl From<wasmparser::Error> for Refusal {
    fn from(error: wasmparser::Error) -> Refusal {
        Refusal::Parser(error)
    }
}

impl From<Unsupported> for Refusal {
    fn from(what: Unsupported) -> Refusal {
        Refusal::Own(what.into())
    }
}

/// Returns wasmparser's flags for a set of features. Floats and references to objects have flags of their own there,
/// though they are no features.
pub(super) fn parser_features(features: Features) -> WasmFeatures {
    let flags = features.parser_flags().filter_map(WasmFeatures::from_name);
    flags.fold(WasmFeatures::FLOATS | WasmFeatures::GC_TYPES, WasmFeatures::union)
}

/// Decodes and validates a module.
///
/// # Errors
/// Those of [`Module::new`](super::Module::new).
pub(super) fn read(features: WasmFeatures, wasm: &[u8]) -> Result<Description> {
    if u32::try_from(wasm.len()).is_err() {
        return Err(Error::new(ErrorKind::TooLarge, "the module is 4 GiB long or longer"));
    }
    read_all(features, wasm).map_err(|refusal| match refusal {
        Refusal::Parser(error) => refusal::classify(features, wasm, &error),
        Refusal::Own(error) => error,
    })
}

fn read_all(features: WasmFeatures, wasm: &[u8]) -> Result<Description, Refusal> {
    let mut parser = Parser::new(0);
    parser.set_features(features);
    let mut validator = Validator::new_with_features(features);
    let mut reader = Reader::default();
    let mut allocations = FuncValidatorAllocations::default();
    for payload in parser.parse_all(wasm) {
        let payload = payload?;
        match validator.payload(&payload)? {
            ValidPayload::Func(func, body) => {
                let referred_to = func.resources.is_function_referenced(func.index);
                let mut func = func.into_validator(allocations);
                func.validate(&body)?;
                allocations = func.into_allocations();
                reader.body(&body, referred_to);
            }
            ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::End(_) => reader.payload(payload)?,
        }
    }
    Ok(reader.description)
}

/// A description under construction.
#[derive(Default)]
struct Reader {
    description: Description,
}

impl Reader {
    fn body(&mut self, body: &FunctionBody<'_>, referred_to: bool) {
        self.description.bodies.push(bounds(body.range()));
        self.description.referred_to.push(referred_to);
    }

    /// Adds a section.
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::TypeSection(section) => self.types(section),
            Payload::ImportSection(section) => self.imports(section),
            Payload::FunctionSection(section) => self.functions(section),
            Payload::TableSection(section) => self.tables(section),
            Payload::MemorySection(section) => self.memories(section),
            Payload::TagSection(section) => self.tags(section),
            Payload::GlobalSection(section) => self.globals(section),
            Payload::ExportSection(section) => self.exports(section),
            Payload::StartSection { func, .. } => {
                self.description.start = Some(func);
                Ok(())
            }
            Payload::ElementSection(section) => self.elements(section),
            Payload::DataSection(section) => self.data(section),
            Payload::CodeSectionStart { count, .. } => {
                self.description.bodies.reserve(count as usize);
                Ok(())
            }
            Payload::CustomSection(section) => {
                if section.name() == "name" {
                    let end = section.data_offset() + section.data().len() as u64;
                    self.description.name_sections.push(bounds(section.data_offset()..end));
                }
                Ok(())
            }
            Payload::Version { .. } | Payload::DataCountSection { .. } | Payload::End(_) => Ok(()),
            other => {
                let offset = other.as_section().map_or(0, |(_, range)| range.start);
                Err(unsupported("this kind of section", offset))
            }
        }
    }

    fn types(&mut self, section: wasmparser::TypeSectionReader<'_>) -> Result<(), Refusal> {
        let types = &mut self.description.types;
        for group in section {
            for ty in group?.types() {
                types.push(sub_type(ty)?);
            }
            self.description.group_ends.push(types.len() as u32);
        }
        Ok(())
    }

    fn imports(&mut self, section: wasmparser::ImportSectionReader<'_>) -> Result<(), Refusal> {
        for import in section.into_imports() {
            let import = import?;
            let ty = entity_type(import.ty)?;
            let description = &mut self.description;
            match ty {
                EntityType::Func { ty, exact } => description.functions.push((ty, exact)),
                EntityType::Table(ty) => description.tables.push(ty),
                EntityType::Memory(ty) => description.memories.push(ty),
                EntityType::Global(ty) => description.globals.push(ty),
                EntityType::Tag(ty) => description.tags.push(ty),
            }
            description.imports.push(Import { module: import.module.into(), name: import.name.into(), ty });
        }
        Ok(())
    }

    fn functions(&mut self, section: wasmparser::FunctionSectionReader<'_>) -> Result<(), Refusal> {
        for ty in section {
            self.description.functions.push((TypeIndex(ty?), true));
        }
        Ok(())
    }

    fn tables(&mut self, section: wasmparser::TableSectionReader<'_>) -> Result<(), Refusal> {
        for table in section {
            let table = table?;
            self.description.tables.push(table_type(table.ty)?);
            self.description.table_inits.push(match &table.init {
                wasmparser::TableInit::RefNull => None,
                wasmparser::TableInit::Expr(init) => Some(const_expr(init)),
            });
        }
        Ok(())
    }

    fn memories(&mut self, section: wasmparser::MemorySectionReader<'_>) -> Result<(), Refusal> {
        for memory in section {
            self.description.memories.push(memory_type(memory?)?);
        }
        Ok(())
    }

    fn tags(&mut self, section: wasmparser::TagSectionReader<'_>) -> Result<(), Refusal> {
        for tag in section {
            self.description.tags.push(TypeIndex(tag?.func_type_idx));
        }
        Ok(())
    }

    fn globals(&mut self, section: wasmparser::GlobalSectionReader<'_>) -> Result<(), Refusal> {
        for global in section {
            let global = global?;
            self.description.globals.push(global_type(global.ty)?);
            self.description.global_inits.push(const_expr(&global.init_expr));
        }
        Ok(())
    }

    fn exports(&mut self, section: wasmparser::ExportSectionReader<'_>) -> Result<(), Refusal> {
        let exports = &mut self.description.exports;
        for export in section.into_iter_with_offsets() {
            let (offset, export) = export?;
            let item = match export.kind {
                ExternalKind::Func => ExportItem::Func(export.index),
                ExternalKind::Table => ExportItem::Table(export.index),
                ExternalKind::Memory => ExportItem::Memory(export.index),
                ExternalKind::Global => ExportItem::Global(export.index),
                ExternalKind::Tag => ExportItem::Tag(export.index),
                ExternalKind::FuncExact => return Err(unsupported("this kind of export", offset)),
            };
            exports.push(Export { name: export.name.into(), item });
        }
        let by_name = &mut self.description.exports_by_name;
        by_name.extend(0..exports.len() as u32);
        by_name.sort_unstable_by(|&one, &other| exports[one as usize].name.cmp(&exports[other as usize].name));
        Ok(())
    }

    fn elements(&mut self, section: wasmparser::ElementSectionReader<'_>) -> Result<(), Refusal> {
        for segment in section {
            let segment = segment?;
            let mode = match &segment.kind {
                wasmparser::ElementKind::Passive => ElementMode::Passive,
                wasmparser::ElementKind::Declared => ElementMode::Declared,
                wasmparser::ElementKind::Active { table_index, offset_expr } => {
                    ElementMode::Active { table: table_index.unwrap_or(0), offset: const_expr(offset_expr) }
                }
            };
            let (ty, items) = match segment.items {
                wasmparser::ElementItems::Functions(functions) => {
                    // ([Element section](https://webassembly.github.io/spec/core/binary/modules.html#binary-elemsec))
                    let ty = RefType { nullable: false, ..RefType::FUNC };
                    (ty, ElementItems::Functions(functions.into_iter().collect::<wasmparser::Result<_>>()?))
                }
                wasmparser::ElementItems::Expressions(ty, items) => {
                    let items = items.into_iter().map(|item| Ok(const_expr(&item?)));
                    (ref_type(ty)?, ElementItems::Expressions(items.collect::<wasmparser::Result<_>>()?))
                }
            };
            self.description.elements.push(ElementSegment { mode, ty, items });
        }
        Ok(())
    }

    fn data(&mut self, section: wasmparser::DataSectionReader<'_>) -> Result<(), Refusal> {
        for segment in section {
            let segment = segment?;
            let mode = match &segment.kind {
                wasmparser::DataKind::Passive => DataMode::Passive,
                wasmparser::DataKind::Active { memory_index, offset_expr } => {
                    DataMode::Active { memory: *memory_index, offset: const_expr(offset_expr) }
                }
            };
            // The bytes are the last part of a segment.
            let end = segment.range.end;
            let (start, end) = bounds(end - segment.data.len() as u64..end);
            self.description.data.push(DataSegment { mode, start, end });
        }
        Ok(())
    }
}

fn entity_type(ty: TypeRef) -> Result<EntityType<TypeIndex>, Unsupported> {
    Ok(match ty {
        TypeRef::Func(ty) => EntityType::Func { ty: TypeIndex(ty), exact: false },
        TypeRef::FuncExact(ty) => EntityType::Func { ty: TypeIndex(ty), exact: true },
        TypeRef::Table(ty) => EntityType::Table(table_type(ty)?),
        TypeRef::Memory(ty) => EntityType::Memory(memory_type(ty)?),
        TypeRef::Global(ty) => EntityType::Global(global_type(ty)?),
        TypeRef::Tag(ty) => EntityType::Tag(TypeIndex(ty.func_type_idx)),
    })
}

fn const_expr(expression: &wasmparser::ConstExpr<'_>) -> ConstExpr {
    let (start, end) = bounds(expression.get_binary_reader().range());
    ConstExpr { start, end }
}

/// Converts a range of a module, whose length fits into 32 bits.
fn bounds(range: Range<u64>) -> (u32, u32) {
    (range.start as u32, range.end as u32)
}

/// The refusal of something that wasmparser knows and the interpreter lacks. No supported feature turns it on, so this
/// is a second line of defense.
fn unsupported(what: &str, offset: u64) -> Refusal {
    Refusal::Own(Error::new(ErrorKind::Unsupported, format!("{what} is not supported")).at(offset))
}
