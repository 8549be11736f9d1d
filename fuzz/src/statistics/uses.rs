//! Finds what a module uses of everything that came after WebAssembly 2.0. The statistics count it, since a feature
//! that is switched on but never used finds nothing.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use wasmparser::{
    BinaryReaderError, Catch, ConstExpr, ExternalKind, KnownCustom, MemoryType, Operator, Parser, Payload, TableType,
    TypeRef,
};

/// Defines [`Use`] from one row per item, so that no item lacks a name or is missing from the list.
macro_rules! uses {
    ($($name:ident = $words:literal,)*) => {
        /// An instruction or construct that came after WebAssembly 2.0.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum Use {
            $(#[serde(rename = $words)] $name,)*
        }

        impl Use {
            /// All items.
            pub const ALL: &[Use] = &[$(Use::$name),*];

            /// Returns the name, for people.
            pub fn name(self) -> &'static str {
                match self {
                    $(Use::$name => $words,)*
                }
            }
        }
    };
}

uses! {
    ReturnCall = "return_call",
    ReturnCallIndirect = "return_call_indirect",
    ReturnCallRef = "return_call_ref",
    CallRef = "call_ref",
    RefAsNonNull = "ref.as_non_null",
    BrOnNull = "br_on_null",
    BrOnNonNull = "br_on_non_null",
    SeveralMemories = "several memories",
    Memory64 = "64-bit memory",
    Table64 = "64-bit table",
    ExtendedConst = "extended constant",
    RelaxedSimd = "relaxed vector instruction",
    TryTable = "try_table",
    CatchRef = "catch_ref, catch_all_ref",
    Throw = "throw",
    ThrowRef = "throw_ref",
    TagImport = "imported tag",
    TagExport = "exported tag",
    RecursiveGroup = "recursive group",
    Subtype = "subtype",
    Struct = "struct",
    Array = "array",
    ArrayOfSegment = "array of a segment",
    I31 = "i31",
    Equal = "ref.eq",
    Cast = "ref.cast, ref.test",
    BrOnCast = "br_on_cast",
    Conversion = "any and extern",
    Descriptor = "descriptor",
    WideArithmetic = "wide arithmetic",
    CustomPageSize = "custom page size",
    SharedMemory = "shared memory",
    Atomic = "atomic access",
    Wait = "wait",
    Notify = "notify",
    BranchHint = "branch hint",
    LegacyTry = "try",
    LegacyDelegate = "delegate",
    LegacyRethrow = "rethrow",
}

/// Returns what a module uses, or nothing if it does not decode.
pub fn find_uses(wasm: &[u8]) -> BTreeSet<Use> {
    let mut found = BTreeSet::new();
    match collect(wasm, &mut found) {
        Ok(()) => found,
        Err(_) => BTreeSet::new(),
    }
}

fn collect(wasm: &[u8], found: &mut BTreeSet<Use>) -> Result<(), BinaryReaderError> {
    let mut memories = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload? {
            Payload::TypeSection(section) => types(section, found)?,
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    found.extend(matches!(import?.ty, TypeRef::Tag(_)).then_some(Use::TagImport));
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    found.extend(of_table(&table?.ty));
                }
            }
            Payload::MemorySection(section) => {
                memories += section.count();
                for memory in section {
                    found.extend(of_memory(&memory?));
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    constant(&global?.init_expr, found)?;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    found.extend((export?.kind == ExternalKind::Tag).then_some(Use::TagExport));
                }
            }
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader()? {
                    found.extend(of_operator(&operator?));
                }
            }
            Payload::CustomSection(section) if matches!(section.as_known(), KnownCustom::BranchHints(_)) => {
                found.insert(Use::BranchHint);
            }
            _ => {}
        }
    }
    found.extend((memories > 1).then_some(Use::SeveralMemories));
    Ok(())
}

fn types(section: wasmparser::TypeSectionReader<'_>, found: &mut BTreeSet<Use>) -> Result<(), BinaryReaderError> {
    for group in section {
        let group = group?;
        found.extend((group.types().len() > 1).then_some(Use::RecursiveGroup));
        for ty in group.types() {
            found.extend((!ty.supertype_idxs.is_empty()).then_some(Use::Subtype));
        }
    }
    Ok(())
}

fn of_table(ty: &TableType) -> Option<Use> {
    ty.table64.then_some(Use::Table64)
}

fn of_memory(ty: &MemoryType) -> impl Iterator<Item = Use> {
    let found = [
        (ty.memory64, Use::Memory64),
        (ty.shared, Use::SharedMemory),
        (ty.page_size_log2.is_some(), Use::CustomPageSize),
    ];
    found.into_iter().filter(|(is, _)| *is).map(|(_, what)| what)
}

/// Collects what a constant expression uses. In WebAssembly 2.0 it is one instruction without arithmetic.
fn constant(expression: &ConstExpr<'_>, found: &mut BTreeSet<Use>) -> Result<(), BinaryReaderError> {
    for operator in expression.get_operators_reader() {
        let operator = operator?;
        let arithmetic = matches!(
            operator,
            Operator::I32Add
                | Operator::I32Sub
                | Operator::I32Mul
                | Operator::I64Add
                | Operator::I64Sub
                | Operator::I64Mul
        );
        found.extend(arithmetic.then_some(Use::ExtendedConst));
        found.extend(of_operator(&operator));
    }
    Ok(())
}

/// Defines `origin`, which returns the proposal of an instruction, and the instruction's name with underscores for
/// dots.
macro_rules! origin {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        fn origin(operator: &Operator<'_>) -> (&'static str, &'static str) {
            match operator {
                $(Operator::$op { .. } => (stringify!($proposal), stringify!($visit)),)*
                _ => ("", ""),
            }
        }
    };
}
wasmparser::for_each_operator!(origin);

fn of_operator(operator: &Operator<'_>) -> Option<Use> {
    let (proposal, name) = origin(operator);
    let name = name.strip_prefix("visit_").unwrap_or_default();
    Some(match (proposal, name) {
        ("relaxed_simd", _) => Use::RelaxedSimd,
        ("wide_arithmetic", _) => Use::WideArithmetic,
        (_, "memory_atomic_wait32" | "memory_atomic_wait64") => Use::Wait,
        (_, "memory_atomic_notify") => Use::Notify,
        ("threads", _) => Use::Atomic,
        (_, "return_call") => Use::ReturnCall,
        (_, "return_call_indirect") => Use::ReturnCallIndirect,
        (_, "return_call_ref") => Use::ReturnCallRef,
        (_, "call_ref") => Use::CallRef,
        (_, "ref_as_non_null") => Use::RefAsNonNull,
        (_, "br_on_null") => Use::BrOnNull,
        (_, "br_on_non_null") => Use::BrOnNonNull,
        (_, "throw") => Use::Throw,
        (_, "throw_ref") => Use::ThrowRef,
        (_, "try_table") => try_table(operator),
        (_, "try") => Use::LegacyTry,
        (_, "delegate") => Use::LegacyDelegate,
        (_, "rethrow") => Use::LegacyRethrow,
        (_, "any_convert_extern" | "extern_convert_any") => Use::Conversion,
        (_, "array_new_data" | "array_new_elem" | "array_init_data" | "array_init_elem") => Use::ArrayOfSegment,
        (_, "ref_eq") => Use::Equal,
        (_, "ref_i31" | "i31_get_s" | "i31_get_u") => Use::I31,
        (_, "br_on_cast" | "br_on_cast_fail") => Use::BrOnCast,
        ("custom_descriptors", _) => Use::Descriptor,
        ("gc", name) if name.starts_with("ref_cast") || name.starts_with("ref_test") => Use::Cast,
        ("gc", name) if name.starts_with("struct") => Use::Struct,
        ("gc", name) if name.starts_with("array") => Use::Array,
        _ => return None,
    })
}

fn try_table(operator: &Operator<'_>) -> Use {
    let Operator::TryTable { try_table } = operator else { return Use::TryTable };
    let keeps = |catch: &Catch| matches!(catch, Catch::OneRef { .. } | Catch::AllRef { .. });
    if try_table.catches.iter().any(keeps) { Use::CatchRef } else { Use::TryTable }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<Use> {
        find_uses(&wat::parse_str(text).expect("it parses")).into_iter().collect()
    }

    #[test]
    fn uses_are_found() {
        assert_eq!(of("(module (memory 1) (func (drop (i32.load (i32.const 0)))))"), []);
        assert_eq!(
            of("(module (memory 1) (memory i64 1) (table i64 1 funcref))"),
            [Use::SeveralMemories, Use::Memory64, Use::Table64]
        );
        assert_eq!(of("(module (global i32 (i32.add (i32.const 1) (i32.const 2))))"), [Use::ExtendedConst]);
        assert_eq!(of("(module (tag (import \"a\" \"b\")) (tag (export \"c\")))"), [Use::TagImport, Use::TagExport]);
        assert_eq!(
            of("(module (rec (type $s (sub (struct))) (type (sub $s (struct)))) (func (drop (struct.new $s))))"),
            [Use::RecursiveGroup, Use::Subtype, Use::Struct]
        );
        assert_eq!(
            of("(module (func (drop (block (result exnref) (try_table (catch_all_ref 0)) unreachable))))"),
            [Use::CatchRef]
        );
    }
}
