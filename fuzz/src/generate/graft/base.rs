//! The base module, section by section, and the parts of it that the graft can use.

use super::{Entry, Memory};
use crate::generate::value::Signature;
use arbitrary::{Error, Result};
use std::collections::HashSet;
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{AbstractHeapType, HeapType, RefType, ValType};
use wasmparser::{CompositeInnerType, ExternalKind, Parser, Payload};

/// The number of items in each index space, which is the index of the next item.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub(super) types: u32,
    pub(super) functions: u32,
    pub(super) tables: u32,
    pub(super) globals: u32,
    pub(super) elements: u32,
}

impl Counts {
    /// Returns the counts with the items of `base` added.
    pub(super) fn with(self, base: &Base<'_>) -> Counts {
        let count = |section: Option<u32>| section.unwrap_or_default();
        Counts {
            types: self.types + base.type_count,
            functions: self.functions + super::index(base.functions.len()),
            tables: self.tables + count(base.tables.as_ref().map(|section| section.count())),
            globals: self.globals + count(base.globals.as_ref().map(|section| section.count())),
            elements: self.elements + count(base.elements.as_ref().map(|section| section.count())),
        }
    }
}

/// A module to graft upon. It imports nothing.
#[derive(Default)]
pub struct Base<'a> {
    pub(super) types: Option<wasmparser::TypeSectionReader<'a>>,
    pub(super) function_types: Option<wasmparser::FunctionSectionReader<'a>>,
    pub(super) tables: Option<wasmparser::TableSectionReader<'a>>,
    pub(super) memories: Option<wasmparser::MemorySectionReader<'a>>,
    pub(super) tags: Option<wasmparser::TagSectionReader<'a>>,
    pub(super) globals: Option<wasmparser::GlobalSectionReader<'a>>,
    pub(super) exports: Option<wasmparser::ExportSectionReader<'a>>,
    pub(super) start: Option<u32>,
    pub(super) elements: Option<wasmparser::ElementSectionReader<'a>>,
    pub(super) data: Option<wasmparser::DataSectionReader<'a>>,
    pub(super) bodies: Vec<wasmparser::FunctionBody<'a>>,
    type_count: u32,
    /// For each type, whether it is a function type.
    function_kinds: Vec<bool>,
    functions: Vec<Signature>,
}

impl<'a> Base<'a> {
    /// Reads a valid module without imports.
    ///
    /// # Errors
    ///
    /// If `wasm` is not such a module.
    pub fn read(wasm: &'a [u8]) -> Result<Base<'a>> {
        let mut base = Base::default();
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(undecodable)? {
                Payload::TypeSection(section) => base.types = Some(section),
                Payload::ImportSection(section) if section.count() > 0 => return Err(Error::IncorrectFormat),
                Payload::FunctionSection(section) => base.function_types = Some(section),
                Payload::TableSection(section) => base.tables = Some(section),
                Payload::MemorySection(section) => base.memories = Some(section),
                Payload::TagSection(section) => base.tags = Some(section),
                Payload::GlobalSection(section) => base.globals = Some(section),
                Payload::ExportSection(section) => base.exports = Some(section),
                Payload::StartSection { func, .. } => base.start = Some(func),
                Payload::ElementSection(section) => base.elements = Some(section),
                Payload::DataSection(section) => base.data = Some(section),
                Payload::CodeSectionEntry(body) => base.bodies.push(body),
                _ => {}
            }
        }
        base.read_functions()?;
        Ok(base)
    }

    pub(super) fn tags(&self) -> u32 {
        self.tags.as_ref().map_or(0, |section| section.count())
    }

    pub(super) fn data_segments(&self) -> u32 {
        self.data.as_ref().map_or(0, |section| section.count())
    }

    pub(super) fn functions(&self) -> &[Signature] {
        &self.functions
    }

    pub(super) fn memories(&self) -> Result<Vec<Memory>> {
        let memories = items(self.memories.as_ref());
        memories.map(|memory| memory.map(Memory::from).map_err(undecodable)).collect()
    }

    /// Reads the types, and the types of the functions.
    fn read_functions(&mut self) -> Result<()> {
        let mut types = Vec::new();
        for group in items(self.types.as_ref()) {
            for ty in group.map_err(undecodable)?.types() {
                types.push(match &ty.composite_type.inner {
                    CompositeInnerType::Func(function) => Some(Signature {
                        params: encoder_types(function.params())?,
                        results: encoder_types(function.results())?,
                    }),
                    _ => None,
                });
            }
        }
        for index in items(self.function_types.as_ref()) {
            let signature = types.get(index.map_err(undecodable)? as usize).cloned().flatten();
            self.functions.push(signature.ok_or(Error::IncorrectFormat)?);
        }
        self.type_count = super::index(types.len());
        self.function_kinds = types.iter().map(Option::is_some).collect();
        Ok(())
    }

    /// Returns the exported functions that a host can call. Of references that only the module can make, a host has at
    /// most null, so the type of such a parameter is replaced by the bottom of its hierarchy.
    pub(super) fn entries(&self) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for export in items(self.exports.as_ref()) {
            let export = export.map_err(undecodable)?;
            if export.kind != ExternalKind::Func {
                continue;
            }
            let signature = self.functions.get(export.index as usize).ok_or(Error::IncorrectFormat)?;
            let params: Vec<_> = signature.params.iter().map(|&ty| self.without_index(ty)).collect();
            if params.iter().all(|ty| ty.is_defaultable()) {
                let signature = Signature { params, results: signature.results.clone() };
                entries.push(Entry { name: export.name.to_string(), signature });
            }
        }
        Ok(entries)
    }

    fn without_index(&self, ty: ValType) -> ValType {
        match ty {
            ValType::Ref(RefType { nullable, heap_type: HeapType::Concrete(index) | HeapType::Exact(index) }) => {
                let function = self.function_kinds.get(index as usize).copied().unwrap_or_default();
                let bottom = if function { AbstractHeapType::NoFunc } else { AbstractHeapType::None };
                let heap_type = HeapType::Abstract { shared: false, ty: bottom };
                ValType::Ref(RefType { nullable, heap_type })
            }
            other => other,
        }
    }

    pub(super) fn export_names(&self) -> Result<HashSet<&'a str>> {
        let exports = items(self.exports.as_ref());
        exports.map(|export| export.map(|export| export.name).map_err(undecodable)).collect()
    }
}

/// Returns the items of a section: none if the module lacks it.
fn items<S: Clone + IntoIterator>(section: Option<&S>) -> impl Iterator<Item = S::Item> {
    section.cloned().into_iter().flatten()
}

/// Converts the error of a base that does not decode: the choices did not lead to a module.
fn undecodable(_: wasmparser::BinaryReaderError) -> Error {
    Error::IncorrectFormat
}

fn encoder_types(types: &[wasmparser::ValType]) -> Result<Vec<ValType>> {
    types.iter().map(|&ty| RoundtripReencoder.val_type(ty).map_err(|_| Error::IncorrectFormat)).collect()
}
