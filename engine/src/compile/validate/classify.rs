//! Which phase refuses a module: decoding or validation.
//!
//! wasmparser decodes and validates in one pass and does not say which of the two refused. The specification does
//! ([Binary format](https://webassembly.github.io/spec/core/binary/index.html)): a module that does not decode is
//! malformed, whatever else is wrong with it. So the answer comes from a second pass over the module that decodes only.
//! Messages are never looked at.
//!
//! Three rules of the binary format are not part of wasmparser's decoding and are added here: an unknown section id, a
//! section of a feature that is off, and an instruction that names a data segment in a module without a data count.

use super::parser_features;
use crate::base::{Error, ErrorKind, Features};
use wasmparser::{
    DataKind, ElementItems, ElementKind, Encoding, FunctionBody, Operator, Parser, Payload, SectionLimited,
    WasmFeatures,
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
        Refused { kind: ErrorKind::Malformed, message: message.to_owned(), offset }
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
            Payload::TypeSection(section) => self.section(&TYPES, section)?,
            Payload::ImportSection(section) => {
                self.limit(&IMPORTS, section.count().into(), section.range().start);
                section.into_imports().try_for_each(|import| import.map(drop))?;
            }
            Payload::FunctionSection(section) => self.section(&FUNCTIONS, section)?,
            Payload::TableSection(section) => self.section(&TABLES, section)?,
            Payload::MemorySection(section) => section.into_iter().try_for_each(|memory| memory.map(drop))?,
            Payload::TagSection(section) if !self.features.exceptions() => {
                return Err(Refused::malformed("malformed section id", section.range().start));
            }
            Payload::TagSection(section) => section.into_iter().try_for_each(|tag| tag.map(drop))?,
            Payload::GlobalSection(section) => self.section(&GLOBALS, section)?,
            Payload::ExportSection(section) => self.section(&EXPORTS, section)?,
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
            if let Operator::MemoryInit { .. } | Operator::DataDrop { .. } = operator
                && !self.has_data_count
            {
                return Err(Refused::malformed("data count section required", offset));
            }
        }
        Ok(operators.finish()?)
    }

    fn section<'a, T>(&mut self, limit: &Limit, section: SectionLimited<'a, T>) -> Result<(), Refused>
    where
        T: wasmparser::FromReader<'a>,
    {
        self.limit(limit, section.count().into(), section.range().start);
        Ok(section.into_iter().try_for_each(|item| item.map(drop))?)
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
