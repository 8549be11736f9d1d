//! The reason for which a module is refused: malformed, invalid, or too large.
//!
//! wasmparser decodes and validates in one pass and does not say which of the two failed. The specification tells them
//! apart: a module that does not decode is malformed, whatever else is wrong with it
//! ([Binary format](https://webassembly.github.io/spec/core/binary/conventions.html)). So a module that was refused is
//! decoded once more, without validation. If that succeeds, the module is too large if it passes one of wasmparser's
//! limits, and invalid otherwise.
//!
//! Some rules of the binary format are part of wasmparser's validation. The second pass checks them itself:
//! - the ids of sections that belong to a feature,
//! - the flags of limits and globals,
//! - exponents of alignments, which are below 32 without 64-bit memories,
//! - the data count section, without which no instruction names a data segment.

use crate::error::{Error, ErrorKind};
use alloc::format;
use alloc::string::String;
use wasmparser::{
    BinaryReader, ConstExpr, DataKind, ElementItems, ElementKind, Encoding, FunctionBody, MemoryType, Operator, Parser,
    Payload, TypeRef, WasmFeatures,
};

/// The greatest number of something in a module that wasmparser accepts
/// ([Implementation limitations](https://webassembly.github.io/spec/js-api/#limits)). Limits that it checks while it
/// decodes are not among these: they cannot be told from other errors.
#[derive(Clone, Copy)]
struct Limit(&'static str, u64);

const TYPES: Limit = Limit("types", 1_000_000);
const IMPORTS: Limit = Limit("imports", 1_000_000);
const FUNCTIONS: Limit = Limit("functions", 1_000_000);
const TABLES: Limit = Limit("tables", 100_000);
const MEMORIES: Limit = Limit("memories", 100);
const GLOBALS: Limit = Limit("globals", 1_000_000);
const EXPORTS: Limit = Limit("exports", 1_000_000);
const ELEMENT_SEGMENTS: Limit = Limit("element segments", 100_000);
const ELEMENTS: Limit = Limit("elements of one segment", 10_000_000);
const DATA_SEGMENTS: Limit = Limit("data segments", 100_000);
const LOCALS: Limit = Limit("locals of one function", 50_000);
const BODY: Limit = Limit("bytes of one function body", 7_654_321);

/// Returns the error of a module that wasmparser refused with `error`.
#[cold]
pub(super) fn classify(features: WasmFeatures, wasm: &[u8], error: &wasmparser::Error) -> Error {
    if wasm.starts_with(b"\x7fELF") {
        let message = "this is an ELF file, perhaps a compiled module; only modules in the binary format can be run";
        return Error::new(ErrorKind::Malformed, message).at(0);
    }
    let mut decoder = Decoder { features, wasm, has_data_count: false, too_large: None };
    match decoder.run() {
        Err(Flaw(error)) => error,
        Ok(()) => decoder
            .too_large
            .unwrap_or_else(|| Error::new(ErrorKind::Invalid, name_instructions(error.message())).at(error.offset())),
    }
}

/// The pass that decodes without validation.
struct Decoder<'a> {
    features: WasmFeatures,
    wasm: &'a [u8],
    has_data_count: bool,
    /// The first limit that the module passes.
    too_large: Option<Error>,
}

/// The error of a malformed module.
struct Flaw(Error);

/// The result of a step of decoding.
type Decoded<T = ()> = Result<T, Flaw>;

impl From<wasmparser::Error> for Flaw {
    fn from(error: wasmparser::Error) -> Flaw {
        // The message of a wrong magic number goes on with ten lines of bytes.
        let message = error.message().lines().next().unwrap_or_default();
        malformed(message.trim_end_matches(" - expected=["), error.offset())
    }
}

fn malformed(message: &str, offset: u64) -> Flaw {
    Flaw(Error::new(ErrorKind::Malformed, message).at(offset))
}

/// Checks a condition of the binary format.
fn require(holds: bool, message: &str, offset: u64) -> Decoded {
    if holds { Ok(()) } else { Err(malformed(message, offset)) }
}

impl Decoder<'_> {
    fn run(&mut self) -> Decoded {
        let mut parser = Parser::new(0);
        parser.set_features(self.features);
        for payload in parser.parse_all(self.wasm) {
            self.payload(payload?)?;
        }
        Ok(())
    }

    fn payload(&mut self, payload: Payload<'_>) -> Decoded {
        match payload {
            Payload::Version { encoding: Encoding::Component, range, .. } => {
                Err(malformed("unknown binary version: this is a component, not a module", range.start))
            }
            Payload::TypeSection(section) => self.items(TYPES, section, |_, _, _| Ok(())),
            Payload::ImportSection(section) => self.imports(section),
            Payload::FunctionSection(section) => self.items(FUNCTIONS, section, |_, _, _| Ok(())),
            Payload::TableSection(section) => self.items(TABLES, section, |decoder, offset, table| {
                decoder.table(&table.ty, offset)?;
                match &table.init {
                    wasmparser::TableInit::RefNull => Ok(()),
                    wasmparser::TableInit::Expr(init) => const_expr(init),
                }
            }),
            Payload::MemorySection(section) => {
                self.items(MEMORIES, section, |decoder, offset, ty| decoder.memory(&ty, offset))
            }
            Payload::TagSection(section) => {
                require(self.features.exceptions(), "malformed section id", section.range().start)?;
                Ok(section.into_iter().try_for_each(|tag| tag.map(drop))?)
            }
            Payload::GlobalSection(section) => self.items(GLOBALS, section, |decoder, offset, global| {
                decoder.global(&global.ty, offset)?;
                const_expr(&global.init_expr)
            }),
            Payload::ExportSection(section) => self.items(EXPORTS, section, |_, _, _| Ok(())),
            Payload::ElementSection(section) => self.elements(section),
            Payload::DataCountSection { range, .. } => {
                self.has_data_count = true;
                require(self.features.bulk_memory(), "malformed section id", range.start)
            }
            Payload::DataSection(section) => self.items(DATA_SEGMENTS, section, |_, _, segment| match segment.kind {
                DataKind::Active { offset_expr, .. } => const_expr(&offset_expr),
                DataKind::Passive => Ok(()),
            }),
            Payload::CodeSectionEntry(body) => self.body(&body),
            Payload::UnknownSection { range, .. } => Err(malformed("malformed section id", range.start)),
            _ => Ok(()),
        }
    }

    /// Decodes the items of a section and checks each with its offset.
    fn items<'a, T: wasmparser::FromReader<'a>>(
        &mut self,
        limit: Limit,
        section: wasmparser::SectionLimited<'a, T>,
        check: impl Fn(&mut Self, u64, T) -> Decoded,
    ) -> Decoded {
        self.limit(limit, section.count().into(), section.range().start);
        for item in section.into_iter_with_offsets() {
            let (offset, item) = item?;
            check(self, offset, item)?;
        }
        Ok(())
    }

    fn imports(&mut self, section: wasmparser::ImportSectionReader<'_>) -> Decoded {
        self.limit(IMPORTS, section.count().into(), section.range().start);
        for import in section.into_imports_with_offsets() {
            let (offset, import) = import?;
            match import.ty {
                TypeRef::Table(ty) => self.table(&ty, offset)?,
                TypeRef::Memory(ty) => self.memory(&ty, offset)?,
                TypeRef::Global(ty) => self.global(&ty, offset)?,
                TypeRef::Func(_) | TypeRef::FuncExact(_) | TypeRef::Tag(_) => {}
            }
        }
        Ok(())
    }

    fn table(&self, ty: &wasmparser::TableType, offset: u64) -> Decoded {
        let is_known =
            (!ty.shared || self.features.shared_everything_threads()) && (!ty.table64 || self.features.memory64());
        require(is_known, "malformed limits flags", offset)
    }

    fn memory(&self, ty: &MemoryType, offset: u64) -> Decoded {
        let is_known = (!ty.shared || self.features.threads())
            && (!ty.memory64 || self.features.memory64())
            && (ty.page_size_log2.is_none() || self.features.custom_page_sizes());
        require(is_known, "malformed limits flags", offset)
    }

    fn global(&self, ty: &wasmparser::GlobalType, offset: u64) -> Decoded {
        let is_known = !ty.shared || self.features.shared_everything_threads();
        require(is_known, "malformed mutability", offset)
    }

    fn elements(&mut self, section: wasmparser::ElementSectionReader<'_>) -> Decoded {
        self.items(ELEMENT_SEGMENTS, section, |decoder, _, segment| {
            if let ElementKind::Active { offset_expr, .. } = &segment.kind {
                const_expr(offset_expr)?;
            }
            match segment.items {
                ElementItems::Functions(items) => decoder.items(ELEMENTS, items, |_, _, _| Ok(())),
                ElementItems::Expressions(_, items) => decoder.items(ELEMENTS, items, |_, _, item| const_expr(&item)),
            }
        })
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Decoded {
        let range = body.range();
        self.limit(BODY, range.end - range.start, range.start);
        let mut locals = 0;
        for group in body.get_locals_reader()? {
            locals += u64::from(group?.0);
        }
        self.limit(LOCALS, locals, range.start);
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            let (operator, offset) = operators.read_with_offset()?;
            use Operator::{ArrayInitData, ArrayNewData, DataDrop, MemoryInit};
            let names_data =
                matches!(operator, MemoryInit { .. } | DataDrop { .. } | ArrayNewData { .. } | ArrayInitData { .. });
            require(self.has_data_count || !names_data, "data count section required", offset)?;
            let is_aligned = self.features.memory64() || self.alignment(offset)? < 32;
            require(is_aligned, "malformed memop flags", offset)?;
        }
        Ok(operators.finish()?)
    }

    /// Returns the exponent of the alignment of the instruction at this offset, if it is a load or store; 0 otherwise
    /// ([Memory instructions](https://webassembly.github.io/spec/core/binary/instructions.html#binary-memarg)).
    fn alignment(&self, offset: u64) -> Decoded<u32> {
        let mut reader = BinaryReader::new(&self.wasm[offset as usize..], offset);
        let has_memarg = match reader.read_u8()? {
            0x28..=0x3e => true,
            0xfd => matches!(reader.read_var_u32()?, 0..=11 | 84..=93),
            _ => false,
        };
        // Bit 6 says that a memory index follows.
        if has_memarg { Ok(reader.read_var_u32()? & !(1 << 6)) } else { Ok(0) }
    }

    fn limit(&mut self, Limit(what, most): Limit, count: u64, offset: u64) {
        if count > most && self.too_large.is_none() {
            let message = format!("{count} {what} are too many: the interpreter accepts {most}");
            self.too_large = Some(Error::new(ErrorKind::TooLarge, message).at(offset));
        }
    }
}

fn const_expr(expression: &ConstExpr<'_>) -> Decoded {
    let mut operators = expression.get_operators_reader();
    while !operators.eof() {
        operators.read()?;
    }
    Ok(operators.finish()?)
}

/// Returns a message of wasmparser with the name of an instruction as the text format has it. There it is the name of a
/// method: `visit_i32_div_s`.
fn name_instructions(message: &str) -> String {
    const PREFIX: &str = "visit_";
    /// The first words of the names that have a dot after it.
    const DOTTED: &[&str] = &[
        "i32", "i64", "f32", "f64", "v128", "i8x16", "i16x8", "i32x4", "i64x2", "f32x4", "f64x2", "local", "global",
        "memory", "table", "data", "elem", "ref", "i31", "struct", "array", "any", "extern", "atomic",
    ];
    let mut named = String::with_capacity(message.len());
    for (position, word) in message.split(' ').enumerate() {
        named.push_str(if position == 0 { "" } else { " " });
        let Some(method) = word.strip_prefix(PREFIX) else {
            named.push_str(word);
            continue;
        };
        let dotted = method.split_once('_').filter(|(first, _)| DOTTED.contains(first));
        match dotted.map(|(first, rest)| (first, rest.strip_prefix("atomic_"), rest)) {
            // As in `i64.atomic.rmw8.add_u` and `i32.atomic.load`.
            Some((first, Some(access), _)) if access.starts_with("rmw") => {
                named.push_str(&format!("{first}.atomic.{}", access.replacen('_', ".", 1)));
            }
            Some((first, Some(access), _)) => named.push_str(&format!("{first}.atomic.{access}")),
            Some((first, None, rest)) => named.push_str(&format!("{first}.{rest}")),
            None => named.push_str(method),
        }
    }
    named
}
