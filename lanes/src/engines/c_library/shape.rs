//! The shape of a module: what it imports and exports, read from its binary. The interface could tell most of it, but
//! libraries end the process where a type is none of the interface's.

use crate::{HeapType, ValType};
use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasmparser::{
    AbstractHeapType, BinaryReaderError, CompositeInnerType, ExternalKind, Parser, Payload, RefType, TypeRef,
    UnpackedIndex,
};

/// The imports and exports of a module, in the order of its binary.
#[derive(Default)]
pub(super) struct Shape {
    /// The types.
    pub(super) types: TypeSection,
    /// The module name and the name of each import.
    pub(super) imports: Vec<(String, String)>,
    /// The name and the kind of each export.
    pub(super) exports: Vec<(String, Kind)>,
}

/// A type section, as it stands in the binary: a module that has the same one has the same types.
#[derive(Default, Clone)]
pub(super) struct TypeSection {
    /// The number of groups.
    pub(super) groups: u32,
    /// The number of types.
    pub(super) count: u32,
    /// The groups.
    pub(super) bytes: Vec<u8>,
}

/// The kind of an export.
#[derive(Clone)]
pub(super) enum Kind {
    /// A function.
    Func(Signature),
    /// A global.
    Global { ty: Type, mutable: bool },
    /// A table.
    Table { element: Type },
    /// A memory.
    Memory,
    /// A tag, which the interface does not have.
    Tag,
}

/// The type of a function.
#[derive(Clone)]
pub(super) struct Signature {
    /// The index of the type.
    pub(super) index: u32,
    pub(super) params: Vec<Type>,
    pub(super) results: Vec<Type>,
}

/// The type of a value.
#[derive(Clone, Copy)]
pub(super) struct Type {
    /// The type in the module.
    pub(super) exact: wasm_encoder::ValType,
    /// The type that lanes know: of references, the top of the hierarchy. `None` if they have no values of it.
    pub(super) shown: Option<ValType>,
}

/// Reads the shape of a module that the engine has accepted.
///
/// # Errors
///
/// The parser's, for a binary that it does not understand.
pub(super) fn read(binary: &[u8]) -> Result<Shape, String> {
    let mut reader = ShapeReader::default();
    for payload in Parser::new(0).parse_all(binary) {
        reader.payload(payload.map_err(text)?, binary).map_err(text)?;
    }
    Ok(reader.shape)
}

fn text(error: BinaryReaderError) -> String {
    format!("the module cannot be read to know its exports: {error}")
}

/// A type of a type section.
enum Defined {
    Func(wasmparser::FuncType),
    Object,
    Other,
}

/// The index spaces of a module that is being read.
#[derive(Default)]
struct ShapeReader {
    shape: Shape,
    types: Vec<Defined>,
    funcs: Vec<u32>,
    globals: Vec<wasmparser::GlobalType>,
    tables: Vec<RefType>,
}

impl ShapeReader {
    fn payload(&mut self, payload: Payload<'_>, binary: &[u8]) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::TypeSection(section) => self.types(section, binary)?,
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    self.shape.imports.push((import.module.to_string(), import.name.to_string()));
                    match import.ty {
                        TypeRef::Func(index) | TypeRef::FuncExact(index) => self.funcs.push(index),
                        TypeRef::Global(ty) => self.globals.push(ty),
                        TypeRef::Table(ty) => self.tables.push(ty.element_type),
                        TypeRef::Memory(_) | TypeRef::Tag(_) => {}
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for index in section {
                    self.funcs.push(index?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.tables.push(table?.ty.element_type);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    self.globals.push(global?.ty);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.shape.exports.push((export.name.to_string(), self.kind(export.kind, export.index)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn types(&mut self, section: wasmparser::TypeSectionReader<'_>, binary: &[u8]) -> Result<(), BinaryReaderError> {
        let range = section.range();
        let bytes = &binary[usize::try_from(range.start).unwrap_or(0)..usize::try_from(range.end).unwrap_or(0)];
        let count_length = bytes.iter().position(|byte| byte & 0x80 == 0).map_or(0, |last| last + 1);
        self.shape.types.groups = section.count();
        self.shape.types.bytes = bytes[count_length..].to_vec();
        for group in section {
            for ty in group?.into_types() {
                self.types.push(match ty.composite_type.inner {
                    CompositeInnerType::Func(ty) => Defined::Func(ty),
                    CompositeInnerType::Struct(_) | CompositeInnerType::Array(_) => Defined::Object,
                    CompositeInnerType::Cont(_) => Defined::Other,
                });
            }
        }
        self.shape.types.count = u32::try_from(self.types.len()).unwrap_or(u32::MAX);
        Ok(())
    }

    /// Returns the kind of an export. The engine has validated the module, so the index is right.
    fn kind(&self, kind: ExternalKind, index: u32) -> Kind {
        let at = index as usize;
        match kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                let index = self.funcs.get(at).copied().unwrap_or(0);
                let (params, results) = match self.types.get(index as usize) {
                    Some(Defined::Func(ty)) => (self.all(ty.params()), self.all(ty.results())),
                    _ => (Vec::new(), Vec::new()),
                };
                Kind::Func(Signature { index, params, results })
            }
            ExternalKind::Global => match self.globals.get(at) {
                Some(global) => Kind::Global { ty: self.ty(global.content_type), mutable: global.mutable },
                None => Kind::Tag,
            },
            ExternalKind::Table => match self.tables.get(at) {
                Some(&element) => Kind::Table { element: self.ty(wasmparser::ValType::Ref(element)) },
                None => Kind::Tag,
            },
            ExternalKind::Memory => Kind::Memory,
            ExternalKind::Tag => Kind::Tag,
        }
    }

    fn all(&self, types: &[wasmparser::ValType]) -> Vec<Type> {
        types.iter().map(|&ty| self.ty(ty)).collect()
    }

    fn ty(&self, ty: wasmparser::ValType) -> Type {
        let exact = RoundtripReencoder.val_type(ty).unwrap_or(wasm_encoder::ValType::I32);
        let shown = match ty {
            wasmparser::ValType::I32 => Some(ValType::I32),
            wasmparser::ValType::I64 => Some(ValType::I64),
            wasmparser::ValType::F32 => Some(ValType::F32),
            wasmparser::ValType::F64 => Some(ValType::F64),
            wasmparser::ValType::V128 => Some(ValType::V128),
            wasmparser::ValType::Ref(ty) => self.top(ty).map(ValType::Ref),
        };
        Type { exact, shown }
    }

    /// Returns the top of a reference type's hierarchy.
    fn top(&self, ty: RefType) -> Option<HeapType> {
        use AbstractHeapType as Abstract;
        match ty.heap_type() {
            wasmparser::HeapType::Abstract { ty, .. } => match ty {
                Abstract::Func | Abstract::NoFunc => Some(HeapType::Func),
                Abstract::Extern | Abstract::NoExtern => Some(HeapType::Extern),
                Abstract::Any | Abstract::None | Abstract::Eq | Abstract::Struct | Abstract::Array | Abstract::I31 => {
                    Some(HeapType::Any)
                }
                Abstract::Exn | Abstract::NoExn => Some(HeapType::Exn),
                _ => None,
            },
            wasmparser::HeapType::Concrete(index) | wasmparser::HeapType::Exact(index) => {
                let UnpackedIndex::Module(index) = index else { return None };
                match self.types.get(index as usize)? {
                    Defined::Func(_) => Some(HeapType::Func),
                    Defined::Object => Some(HeapType::Any),
                    Defined::Other => None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_count_in_the_index_spaces() {
        let text = r#"(module (type $s (struct)) (import "a" "f" (func (param i32))) (import "a" "g" (global v128))
            (import "b" "t" (table 1 externref)) (func $own (result (ref null $s)) unreachable) (memory (export "m") 1)
            (tag (export "e")) (export "f" (func 0)) (export "own" (func $own)) (export "g" (global 0))
            (export "t" (table 0)))"#;
        let shape = read(&wat::parse_str(text).expect("a module")).expect("a shape");
        let names: Vec<&str> = shape.exports.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names, shape.imports.len()), (vec!["m", "e", "f", "own", "g", "t"], 3));
        let kinds: Vec<&Kind> = shape.exports.iter().map(|(_, kind)| kind).collect();
        let any = Some(ValType::Ref(HeapType::Any));
        let external = Some(ValType::Ref(HeapType::Extern));
        assert!(matches!(kinds[..2], [Kind::Memory, Kind::Tag]));
        assert!(matches!(kinds[2], Kind::Func(Signature { params, .. }) if params[0].shown == Some(ValType::I32)));
        assert!(matches!(kinds[3], Kind::Func(Signature { results, .. }) if results[0].shown == any));
        assert!(matches!(kinds[4], Kind::Global { ty, mutable: false } if ty.shown == Some(ValType::V128)));
        assert!(matches!(kinds[5], Kind::Table { element } if element.shown == external));
    }
}
