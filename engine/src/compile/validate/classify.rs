//! Which phase refuses a module: decoding or validation.
//!
//! wasmparser decodes and validates in one pass and does not say which of the two refused. The specification does
//! ([Binary format](https://webassembly.github.io/spec/core/binary/index.html)): a module that does not decode is
//! malformed, whatever else is wrong with it. So the answer comes from a second pass over the module that decodes only.
//! Messages are never looked at.
//!
//! Some rules of the binary format are not part of wasmparser's decoding and are added here: section ids, flags of
//! limits and of globals, and alignments that are unknown or belong to a feature that is off, and instructions that name
//! a data segment in a module without a data count.

use super::parser_features;
use crate::base::{Error, ErrorKind, Features};
use wasmparser::{
    DataKind, ElementItems, ElementKind, Encoding, FromReader, FunctionBody, GlobalType, MemoryType, Operator, Parser,
    Payload, SectionLimited, TableType, TypeRef, WasmFeatures,
};

/// The error for a module that wasmparser refused with `error`, in any function or section.
pub(crate) fn classify(features: Features, wasm: &[u8], error: wasmparser::Error) -> Error {
    match decode_only(parser_features(features), wasm) {
        Err(Refused { kind, message, offset }) => Error::new(kind, message).at(offset),
        Ok(()) => Error::new(ErrorKind::Invalid, error.message()).at(error.offset()),
    }
}

/// What the decoding pass has against a module.
struct Refused {
    kind: ErrorKind,
    message: String,
    offset: u64,
}

impl Refused {
    fn malformed(message: &str, offset: u64) -> Refused {
        // wasmparser spreads the bytes of a wrong magic number over ten lines.
        let message = message.split_once(" - expected=[\n").map_or(message, |(head, _)| head).to_owned();
        Refused { kind: ErrorKind::Malformed, message, offset }
    }
}

impl From<wasmparser::Error> for Refused {
    fn from(error: wasmparser::Error) -> Refused {
        Refused::malformed(error.message(), error.offset())
    }
}

/// A limit of this implementation that wasmparser enforces while it validates
/// ([Implementation limitations](https://webassembly.github.io/spec/js-api/#limits)). Those that it enforces while it
/// decodes (1,000 parameters or results, 100,000 bytes in a name) cannot be told from other decoding errors.
struct Limit {
    what: &'static str,
    most: u64,
}

const TYPES: Limit = Limit { what: "types", most: 1_000_000 };
const IMPORTS: Limit = Limit { what: "imports", most: 1_000_000 };
const FUNCTIONS: Limit = Limit { what: "functions", most: 1_000_000 };
const TABLES: Limit = Limit { what: "tables", most: 100_000 };
const MEMORIES: Limit = Limit { what: "memories", most: 100 };
const GLOBALS: Limit = Limit { what: "globals", most: 1_000_000 };
const EXPORTS: Limit = Limit { what: "exports", most: 1_000_000 };
const ELEMENT_SEGMENTS: Limit = Limit { what: "element segments", most: 100_000 };
const ELEMENTS: Limit = Limit { what: "elements of one segment", most: 10_000_000 };
const DATA_SEGMENTS: Limit = Limit { what: "data segments", most: 100_000 };
const LOCALS: Limit = Limit { what: "locals of one function", most: 50_000 };
const BODY: Limit = Limit { what: "bytes of one function body", most: 7_654_321 };

/// The decoding pass. Limits are reported only when the whole module decodes: a malformed module is malformed first.
fn decode_only(features: WasmFeatures, wasm: &[u8]) -> Result<(), Refused> {
    let mut decoder = Decoder { features, has_data_count: false, too_large: None };
    let mut parser = Parser::new(0);
    parser.set_features(features);
    for payload in parser.parse_all(wasm) {
        decoder.payload(payload?)?;
    }
    match decoder.too_large {
        Some(refused) => Err(refused),
        None => Ok(()),
    }
}

struct Decoder {
    features: WasmFeatures,
    has_data_count: bool,
    too_large: Option<Refused>,
}

impl Decoder {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), Refused> {
        match payload {
            Payload::Version { encoding: Encoding::Component, range, .. } => {
                return Err(Refused::malformed(
                    "unknown binary version: this is a component, not a module",
                    range.start,
                ));
            }
            Payload::TypeSection(section) => self.section(&TYPES, section, |_, _, _| Ok(()))?,
            Payload::ImportSection(section) => {
                self.limit(&IMPORTS, section.count().into(), section.range().start);
                for import in section.into_imports_with_offsets() {
                    let (offset, import) = import?;
                    match import.ty {
                        TypeRef::Table(ty) => self.table_flags(&ty, offset)?,
                        TypeRef::Memory(ty) => self.memory_flags(&ty, offset)?,
                        TypeRef::Global(ty) => self.global_flags(&ty, offset)?,
                        _ => {}
                    }
                }
            }
            Payload::FunctionSection(section) => self.section(&FUNCTIONS, section, |_, _, _| Ok(()))?,
            Payload::TableSection(section) => {
                self.section(&TABLES, section, |decoder, table, offset| decoder.table_flags(&table.ty, offset))?
            }
            Payload::MemorySection(section) => {
                self.section(&MEMORIES, section, |decoder, memory, offset| decoder.memory_flags(&memory, offset))?
            }
            Payload::TagSection(section) if !self.features.exceptions() => {
                return Err(Refused::malformed("malformed section id", section.range().start));
            }
            Payload::TagSection(section) => section.into_iter().try_for_each(|tag| tag.map(drop))?,
            Payload::GlobalSection(section) => self.section(&GLOBALS, section, |decoder, global, offset| {
                decoder.global_flags(&global.ty, offset)?;
                decode_expression(&global.init_expr)
            })?,
            Payload::ExportSection(section) => self.section(&EXPORTS, section, |_, _, _| Ok(()))?,
            Payload::ElementSection(section) => self.elements(section)?,
            Payload::DataCountSection { range, .. } => {
                if !self.features.bulk_memory() {
                    return Err(Refused::malformed("malformed section id", range.start));
                }
                self.has_data_count = true;
            }
            Payload::DataSection(section) => {
                self.limit(&DATA_SEGMENTS, section.count().into(), section.range().start);
                for segment in section {
                    if let DataKind::Active { offset_expr, .. } = segment?.kind {
                        decode_expression(&offset_expr)?;
                    }
                }
            }
            Payload::CodeSectionEntry(body) => self.body(&body)?,
            Payload::UnknownSection { range, .. } => {
                return Err(Refused::malformed("malformed section id", range.start));
            }
            _ => {}
        }
        Ok(())
    }

    fn elements(&mut self, section: wasmparser::ElementSectionReader<'_>) -> Result<(), Refused> {
        self.limit(&ELEMENT_SEGMENTS, section.count().into(), section.range().start);
        for segment in section {
            let segment = segment?;
            if let ElementKind::Active { offset_expr, .. } = &segment.kind {
                decode_expression(offset_expr)?;
            }
            let count = match segment.items {
                ElementItems::Functions(items) => items.count(),
                ElementItems::Expressions(_, items) => {
                    let count = items.count();
                    for item in items {
                        decode_expression(&item?)?;
                    }
                    count
                }
            };
            self.limit(&ELEMENTS, count.into(), segment.range.start);
        }
        Ok(())
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), Refused> {
        let range = body.range();
        self.limit(&BODY, range.end - range.start, range.start);
        let mut locals = 0;
        for group in body.get_locals_reader()? {
            locals += u64::from(group?.0);
        }
        self.limit(&LOCALS, locals, range.start);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            let names_data = matches!(
                operator,
                Operator::MemoryInit { .. }
                    | Operator::DataDrop { .. }
                    | Operator::ArrayNewData { .. }
                    | Operator::ArrayInitData { .. }
            );
            if names_data && !self.has_data_count {
                return Err(Refused::malformed("data count section required", offset));
            }
            // The format of memory64 has room for larger exponents, which are then invalid.
            if !self.features.memory64() && alignment(&operator).is_some_and(|exponent| exponent >= 32) {
                return Err(Refused::malformed("malformed memop flags", offset));
            }
        }
        Ok(operators.finish()?)
    }

    fn section<'a, T: FromReader<'a>>(
        &mut self,
        limit: &Limit,
        section: SectionLimited<'a, T>,
        mut check: impl FnMut(&Decoder, T, u64) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        self.limit(limit, section.count().into(), section.range().start);
        for item in section.into_iter_with_offsets() {
            let (offset, item) = item?;
            check(self, item, offset)?;
        }
        Ok(())
    }

    fn table_flags(&self, ty: &TableType, offset: u64) -> Result<(), Refused> {
        let known =
            (!ty.shared || self.features.shared_everything_threads()) && (!ty.table64 || self.features.memory64());
        known.then_some(()).ok_or_else(|| Refused::malformed("malformed limits flags", offset))
    }

    fn memory_flags(&self, ty: &MemoryType, offset: u64) -> Result<(), Refused> {
        let known = (!ty.shared || self.features.threads())
            && (!ty.memory64 || self.features.memory64())
            && (ty.page_size_log2.is_none() || self.features.custom_page_sizes());
        known.then_some(()).ok_or_else(|| Refused::malformed("malformed limits flags", offset))
    }

    fn global_flags(&self, ty: &GlobalType, offset: u64) -> Result<(), Refused> {
        let known = !ty.shared || self.features.shared_everything_threads();
        known.then_some(()).ok_or_else(|| Refused::malformed("malformed mutability", offset))
    }

    fn limit(&mut self, limit: &Limit, count: u64, offset: u64) {
        if count > limit.most && self.too_large.is_none() {
            let message = format!("too many {}: {count}, and this engine takes {}", limit.what, limit.most);
            self.too_large = Some(Refused { kind: ErrorKind::TooLarge, message, offset });
        }
    }
}

fn decode_expression(expression: &wasmparser::ConstExpr<'_>) -> Result<(), Refused> {
    let mut operators = expression.get_operators_reader();
    while !operators.eof() {
        operators.read()?;
    }
    Ok(operators.finish()?)
}

/// The alignment exponent of a load or store.
fn alignment(operator: &Operator<'_>) -> Option<u8> {
    use Operator::*;
    match operator {
        I32Load { memarg }
        | I64Load { memarg }
        | F32Load { memarg }
        | F64Load { memarg }
        | I32Load8S { memarg }
        | I32Load8U { memarg }
        | I32Load16S { memarg }
        | I32Load16U { memarg }
        | I64Load8S { memarg }
        | I64Load8U { memarg }
        | I64Load16S { memarg }
        | I64Load16U { memarg }
        | I64Load32S { memarg }
        | I64Load32U { memarg }
        | I32Store { memarg }
        | I64Store { memarg }
        | F32Store { memarg }
        | F64Store { memarg }
        | I32Store8 { memarg }
        | I32Store16 { memarg }
        | I64Store8 { memarg }
        | I64Store16 { memarg }
        | I64Store32 { memarg }
        | V128Load { memarg }
        | V128Load8x8S { memarg }
        | V128Load8x8U { memarg }
        | V128Load16x4S { memarg }
        | V128Load16x4U { memarg }
        | V128Load32x2S { memarg }
        | V128Load32x2U { memarg }
        | V128Load8Splat { memarg }
        | V128Load16Splat { memarg }
        | V128Load32Splat { memarg }
        | V128Load64Splat { memarg }
        | V128Load32Zero { memarg }
        | V128Load64Zero { memarg }
        | V128Store { memarg }
        | V128Load8Lane { memarg, .. }
        | V128Load16Lane { memarg, .. }
        | V128Load32Lane { memarg, .. }
        | V128Load64Lane { memarg, .. }
        | V128Store8Lane { memarg, .. }
        | V128Store16Lane { memarg, .. }
        | V128Store32Lane { memarg, .. }
        | V128Store64Lane { memarg, .. } => Some(memarg.align),
        _ => None,
    }
}
