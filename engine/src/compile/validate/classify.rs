//! Classification of refused modules: malformed, invalid or too large.
//!
//! wasmparser decodes and validates in one pass and does not tell which of the two refused a module. The specification
//! does ([Binary format](https://webassembly.github.io/spec/core/binary/index.html)): a module that does not decode is
//! malformed, whatever else is wrong with it. The answer therefore comes from a second pass over the module that only
//! decodes, and never from messages.
//!
//! This pass adds the rules of the binary format that wasmparser checks only in validation: section ids, flags of
//! limits and globals, and alignments must be known and belong to a feature that is on, and a module whose instructions
//! name a data segment needs a data count.

use super::parser_features;
use crate::base::{Error, ErrorKind, Features};
use wasmparser::{
    DataKind, ElementItems, ElementKind, Encoding, FromReader, FunctionBody, GlobalType, MemoryType, Operator, Parser,
    Payload, SectionLimited, TableType, TypeRef, WasmFeatures,
};

/// Returns the error for a module that wasmparser refused with `error`, in any function or section.
pub(crate) fn classify(features: Features, wasm: &[u8], error: wasmparser::Error) -> Error {
    if wasm.starts_with(b"\x7fELF") {
        let message = "this is an ELF file and not a module: an artifact is loaded, not compiled";
        return Error::new(ErrorKind::Malformed, message).at(0);
    }
    match decode_only(parser_features(features), wasm) {
        Err(DecodeError { kind, message, offset }) => Error::new(kind, message).at(offset),
        Ok(()) => Error::new(ErrorKind::Invalid, with_instruction_names(error.message())).at(error.offset()),
    }
}

/// Returns a message with the names of instructions as the text format has them. wasmparser writes the names of its own
/// methods: `visit_i32_div_s`.
fn with_instruction_names(message: &str) -> String {
    let Some((before, rest)) = message.split_once("visit_") else { return message.to_owned() };
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    let (method, after) = rest.split_at(end);
    // The first word of a dotted name is a type, or what the instruction works on.
    let dotted = [
        "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2", "local", "global",
        "memory", "table", "ref", "struct", "array", "i31", "any", "extern", "data", "elem", "atomic", "cont",
    ];
    let name = match method.split_once('_') {
        Some((first, rest)) if dotted.contains(&first) => match rest.strip_prefix("atomic_") {
            Some(rmw) if rmw.starts_with("rmw") => format!("{first}.atomic.{}", rmw.replacen('_', ".", 1)),
            Some(access) => format!("{first}.atomic.{access}"),
            None => format!("{first}.{rest}"),
        },
        _ => method.to_owned(),
    };
    format!("{before}{name}{after}")
}

/// An error of the decoding pass.
struct DecodeError {
    kind: ErrorKind,
    message: String,
    offset: u64,
}

impl DecodeError {
    fn malformed(message: &str, offset: u64) -> DecodeError {
        // wasmparser prints the bytes of a wrong magic number on ten lines.
        let message = message.split_once(" - expected=[\n").map_or(message, |(head, _)| head).to_owned();
        DecodeError { kind: ErrorKind::Malformed, message, offset }
    }
}

impl From<wasmparser::Error> for DecodeError {
    fn from(error: wasmparser::Error) -> DecodeError {
        DecodeError::malformed(error.message(), error.offset())
    }
}

/// A limit that wasmparser enforces while it validates ([Implementation
/// limitations](https://webassembly.github.io/spec/js-api/#limits)). The limits that it enforces while it decodes
/// (1,000 parameters or results, 100,000 bytes in a name) cannot be told from other decoding errors.
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

/// Runs the decoding pass. A limit is reported only if the whole module decodes: malformed takes precedence.
fn decode_only(features: WasmFeatures, wasm: &[u8]) -> Result<(), DecodeError> {
    let mut decoder = Decoder { features, has_data_count: false, too_large: None };
    let mut parser = Parser::new(0);
    parser.set_features(features);
    for payload in parser.parse_all(wasm) {
        decoder.payload(payload?)?;
    }
    match decoder.too_large {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The state of the decoding pass.
struct Decoder {
    features: WasmFeatures,
    has_data_count: bool,
    too_large: Option<DecodeError>,
}

impl Decoder {
    fn payload(&mut self, payload: Payload<'_>) -> Result<(), DecodeError> {
        match payload {
            Payload::Version { encoding: Encoding::Component, range, .. } => {
                return Err(DecodeError::malformed(
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
                return Err(DecodeError::malformed("malformed section id", section.range().start));
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
                    return Err(DecodeError::malformed("malformed section id", range.start));
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
                return Err(DecodeError::malformed("malformed section id", range.start));
            }
            _ => {}
        }
        Ok(())
    }

    fn elements(&mut self, section: wasmparser::ElementSectionReader<'_>) -> Result<(), DecodeError> {
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

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), DecodeError> {
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
                return Err(DecodeError::malformed("data count section required", offset));
            }
            // With memory64 the format allows larger exponents, which validation then refuses.
            if !self.features.memory64() && alignment(&operator).is_some_and(|exponent| exponent >= 32) {
                return Err(DecodeError::malformed("malformed memop flags", offset));
            }
        }
        Ok(operators.finish()?)
    }

    fn section<'a, T: FromReader<'a>>(
        &mut self,
        limit: &Limit,
        section: SectionLimited<'a, T>,
        mut check: impl FnMut(&Decoder, T, u64) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.limit(limit, section.count().into(), section.range().start);
        for item in section.into_iter_with_offsets() {
            let (offset, item) = item?;
            check(self, item, offset)?;
        }
        Ok(())
    }

    fn table_flags(&self, ty: &TableType, offset: u64) -> Result<(), DecodeError> {
        let known =
            (!ty.shared || self.features.shared_everything_threads()) && (!ty.table64 || self.features.memory64());
        if known { Ok(()) } else { Err(DecodeError::malformed("malformed limits flags", offset)) }
    }

    fn memory_flags(&self, ty: &MemoryType, offset: u64) -> Result<(), DecodeError> {
        let known = (!ty.shared || self.features.threads())
            && (!ty.memory64 || self.features.memory64())
            && (ty.page_size_log2.is_none() || self.features.custom_page_sizes());
        if known { Ok(()) } else { Err(DecodeError::malformed("malformed limits flags", offset)) }
    }

    fn global_flags(&self, ty: &GlobalType, offset: u64) -> Result<(), DecodeError> {
        let known = !ty.shared || self.features.shared_everything_threads();
        if known { Ok(()) } else { Err(DecodeError::malformed("malformed mutability", offset)) }
    }

    fn limit(&mut self, limit: &Limit, count: u64, offset: u64) {
        if count > limit.most && self.too_large.is_none() {
            let message = format!("too many {}: {count}, but this engine accepts at most {}", limit.what, limit.most);
            self.too_large = Some(DecodeError { kind: ErrorKind::TooLarge, message, offset });
        }
    }
}

fn decode_expression(expression: &wasmparser::ConstExpr<'_>) -> Result<(), DecodeError> {
    let mut operators = expression.get_operators_reader();
    while !operators.eof() {
        operators.read()?;
    }
    Ok(operators.finish()?)
}

/// Returns the alignment exponent of a load or store.
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
