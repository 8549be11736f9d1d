//! Tests of whole artifacts, made by hand from a few bytes of code: they are written, read and refused. Forged ones are
//! signed again after the damage, so that the structural checks alone must refuse them.

use super::functions::{FunctionEntry, FunctionKind, Functions};
use super::handlers::Handlers;
use super::metadata::{Metadata, Settings, host_target};
use super::names::Names;
use super::source_map::SourceMap;
use super::stack_maps::StackMaps;
use super::traps::Traps;
use super::unwind::FrameIndex;
use super::write::{PAGE, Parts, fde_address, write};
use super::*;
use crate::abi::builtins::Builtin;
use crate::abi::signature::{LoweredSignature, MachineType};
use crate::base::{Config, DigestCheck, ErrorKind, Features, MemoryChecks, TextOffset, Tier, Trap, WasmOffset};
use crate::wasm::composite::{FieldType, StorageType, StructType};
use crate::wasm::index::*;
use crate::wasm::module::*;
use crate::wasm::types::*;
use gimli::X86_64;
use gimli::write::{CallFrameInstruction, CommonInformationEntry, Dwarf, FrameDescriptionEntry};
use smallvec::smallvec;

/// A small generator of random numbers, so that every run damages the same bytes.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

fn func(ty: FuncType) -> SubType {
    SubType::plain(CompositeType::Func(ty))
}

fn concrete(index: u32) -> ConcreteType {
    ConcreteType::in_module(CompositeKind::Func, index)
}

/// A type of structs with `count` fields of one type.
fn record(field: ValType, count: usize) -> SubType {
    let field = FieldType { storage: StorageType::Val(field), mutable: true };
    SubType::plain(CompositeType::Struct(StructType { fields: vec![field; count].into(), ..StructType::default() }))
}

/// A type that names the type with this index, as if it were of this kind.
fn naming(kind: CompositeKind, index: u32) -> SubType {
    let heap = HeapType::Concrete(ConcreteType::in_module(kind, index));
    func(FuncType::new([ValType::Ref(RefType { nullable: true, heap })], []))
}

fn module() -> Module {
    let table = TableType::new(RefType::FUNC, 2, None);
    let memory = MemoryType::new(1, Some(2));
    let global = GlobalType { content: ValType::I64, mutable: true };
    Module {
        name: Some("sample".to_owned()),
        types: [FuncType::new([ValType::I32], [ValType::I32]), FuncType::new([], [])].map(func).into(),
        rec_groups: vec![1, 2],
        imports: vec![Import {
            module: "host".to_owned(),
            name: "print".to_owned(),
            item: ImportItem::Func { ty: TypeIndex(0), exact: false },
        }],
        functions: vec![
            Function { ty: TypeIndex(0), exact: false, func_ref: None },
            Function { ty: TypeIndex(0), exact: true, func_ref: Some(FuncRefIndex(0)) },
            Function { ty: TypeIndex(1), exact: true, func_ref: Some(FuncRefIndex(1)) },
            Function { ty: TypeIndex(1), exact: true, func_ref: None },
        ],
        tables: vec![table],
        table_inits: vec![None],
        memories: vec![memory],
        globals: vec![global],
        global_inits: vec![ConstExpr(smallvec![ConstOp::I64Const(-1)])],
        exports: vec![
            Export { name: "run".to_owned(), item: ExportItem::Func(FuncIndex(1)) },
            Export { name: "memory".to_owned(), item: ExportItem::Memory(MemoryIndex(0)) },
        ],
        start: Some(FuncIndex(2)),
        elements: vec![ElementSegment {
            mode: ElementMode::Active { table: TableIndex(0), offset: ConstExpr(smallvec![ConstOp::I32Const(0)]) },
            ty: RefType::FUNC,
            items: ElementItems::Functions(vec![FuncIndex(0), FuncIndex(1)]),
        }],
        data: vec![DataSegment {
            mode: DataMode::Active { memory: MemoryIndex(0), offset: ConstExpr(smallvec![ConstOp::I32Const(8)]) },
            bytes: 0..5,
        }],
        imported_functions: 1,
        func_refs: 2,
        ..Module::default()
    }
}

fn metadata() -> Metadata {
    let signature = |types: &[MachineType]| LoweredSignature { params: types.into(), results: types.into() };
    let (none, one) = (signature(&[]), signature(&[MachineType::I32]));
    Metadata {
        module: module(),
        target: host_target(),
        cpu_features: vec!["sse3".to_owned()],
        settings: Settings::from(&Config::new()),
        entries: vec![(none.clone(), TextOffset(64)), (one.clone(), TextOffset(80))],
        exits: vec![(none, TextOffset(96)), (one, TextOffset(108))],
        unoptimized: vec![DefinedFuncIndex(1)],
    }
}

/// The CIE that Cranelift makes.
pub(super) fn cie() -> CommonInformationEntry {
    let encoding = gimli::Encoding { address_size: 8, format: gimli::Format::Dwarf32, version: 1 };
    let mut cie = CommonInformationEntry::new(encoding, 1, -8, X86_64::RA);
    cie.add_instruction(CallFrameInstruction::Cfa(X86_64::RSP, 8));
    cie.add_instruction(CallFrameInstruction::Offset(X86_64::RA, -8));
    cie
}

fn fde(function: &FunctionEntry) -> FrameDescriptionEntry {
    let mut fde = FrameDescriptionEntry::new(fde_address(function.start, PAGE), function.end.0 - function.start.0);
    fde.add_instruction(1, CallFrameInstruction::CfaOffset(16));
    fde.add_instruction(1, CallFrameInstruction::Offset(X86_64::RBP, -16));
    fde.add_instruction(4, CallFrameInstruction::CfaRegister(X86_64::RBP));
    fde
}

const FUNCTIONS: [(FunctionKind, u32, u32); 8] = [
    (FunctionKind::Function(FuncIndex(1)), 0, 20),
    (FunctionKind::Function(FuncIndex(2)), 32, 50),
    (FunctionKind::Function(FuncIndex(3)), 50, 60),
    (FunctionKind::Entry(0), 64, 79),
    (FunctionKind::Entry(1), 80, 90),
    (FunctionKind::Exit(0), 96, 108),
    (FunctionKind::Exit(1), 108, 120),
    (FunctionKind::Builtin(Builtin::MemoryGrow), 128, 150),
];

/// An artifact of `metadata`, signed with `key`.
fn artifact(metadata: &Metadata, key: Option<&[u8; 32]>) -> Vec<u8> {
    artifact_with(metadata, key, None)
}

fn artifact_with(metadata: &Metadata, key: Option<&[u8; 32]>, debug_info: Option<Dwarf>) -> Vec<u8> {
    let functions =
        FUNCTIONS.map(|(kind, start, end)| FunctionEntry { kind, start: TextOffset(start), end: TextOffset(end) });
    let handler = handlers::Handler { catch: handlers::Catch::All, target: TextOffset(70) };
    write(Parts {
        metadata,
        text: vec![0xcc; PAGE],
        functions: &functions,
        cie: cie(),
        fdes: functions.iter().map(fde).collect(),
        traps: &[(TextOffset(5), Trap::Unreachable), (TextOffset(40), Trap::IntegerDivisionByZero)],
        source_map: &[(TextOffset(4), TextOffset(9), WasmOffset(77)), (TextOffset(40), TextOffset(50), WasmOffset(90))],
        names: &[(FuncIndex(0), "print".to_owned()), (FuncIndex(2), "two words\u{1b}".to_owned())],
        handlers: &[(TextOffset(68), 16, vec![handler])],
        stack_maps: &[(TextOffset(10), 32, vec![0, 8])],
        data: b"hello",
        debug_info,
        key,
    })
    .expect("the sample fits")
}

/// An artifact whose functions all unwind as [`fde`] says.
pub(crate) fn sample() -> Vec<u8> {
    artifact(&metadata(), None)
}

/// The sample with debug information.
pub(super) fn sample_with_debug_info(dwarf: Dwarf) -> Vec<u8> {
    let settings = Settings::from(&*Config::new().debug_info(true));
    artifact_with(&Metadata { settings, ..metadata() }, None, Some(dwarf))
}

/// The message of the refusal.
#[track_caller]
fn refusal(bytes: &[u8], config: &Config) -> String {
    let error = check(bytes, config).expect_err("the artifact must be refused");
    assert_eq!(error.kind(), ErrorKind::Artifact);
    let at = error.offset().expect("a refusal says where");
    assert!(at <= bytes.len().max(header::START + header::SIZE) as u64, "{error} is outside {} bytes", bytes.len());
    error.to_string()
}

#[test]
fn accepted_as_written() {
    let bytes = sample();
    let (sections, found) = check(&bytes, &Config::new()).unwrap();
    assert_eq!(found, metadata());
    assert_eq!(&bytes[sections.data.clone()], b"hello");
    assert_eq!(sections.text.start % PAGE, 0);
    assert_eq!(sections.eh_frame.start, sections.text.end);
    let traps = Traps::new(&bytes[sections.traps.clone()]);
    assert_eq!(traps.lookup(TextOffset(40)), Some(Trap::IntegerDivisionByZero));
    let names = Names::new(&bytes[sections.names.clone()]);
    assert_eq!(names.function(FuncIndex(2)), Some("two words\u{1b}"));
}

#[test]
fn same_parts_same_bytes() {
    assert_eq!(sample(), sample());
}

#[test]
fn a_module_without_code_fits() {
    let metadata = Metadata {
        module: Module::default(),
        entries: Vec::new(),
        exits: Vec::new(),
        unoptimized: Vec::new(),
        ..metadata()
    };
    let bytes = write(Parts {
        metadata: &metadata,
        text: vec![0xcc; PAGE],
        functions: &[],
        cie: cie(),
        fdes: Vec::new(),
        traps: &[],
        source_map: &[],
        names: &[],
        handlers: &[],
        stack_maps: &[],
        data: &[],
        debug_info: None,
        key: None,
    });
    let bytes = bytes.unwrap();
    let (sections, found) = check(&bytes, &Config::new()).unwrap();
    assert_eq!(found, metadata);
    assert_eq!(sections.eh_frame.len(), 4, "the terminator alone");
    assert!(inspect(&bytes).unwrap().is_sound());
}

#[test]
fn every_truncation_is_refused() {
    let bytes = sample();
    for length in 0..bytes.len() {
        let message = refusal(&bytes[..length], &Config::new());
        assert!(["truncated", "empty", "too short"].iter().any(|what| message.contains(what)), "{length}: {message}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(refusal(&longer, &Config::new()).contains("altered"));
}

#[test]
fn every_altered_byte_is_refused() {
    let mut bytes = sample();
    for at in 0..bytes.len() {
        for bit in [at % 8, (at + 3) % 8] {
            bytes[at] ^= 1 << bit;
            refusal(&bytes, &Config::new());
            bytes[at] ^= 1 << bit;
        }
    }
    check(&bytes, &Config::new()).unwrap();
}

#[test]
fn the_metadata_digest_alone_guards_what_it_covers() {
    let mut config = Config::new();
    config.digest_check(DigestCheck::Metadata);
    let mut bytes = sample();
    let (sections, _) = check(&bytes, &config).unwrap();
    for at in (0..header::METADATA_DIGEST.end).chain(sections.metadata.clone()).chain(sections.headers.clone()) {
        bytes[at] ^= 0x10;
        refusal(&bytes, &config);
        bytes[at] ^= 0x10;
    }
    bytes[sections.text.start] ^= 1;
    check(&bytes, &config).expect("the text is the caller's to answer for");
    assert!(refusal(&bytes, &Config::new()).contains("digest of the file"));
}

#[test]
fn another_configuration_is_refused() {
    let bytes = sample();
    type Change = fn(&mut Config);
    let changes: &[(&str, Change)] = &[
        ("tier", |config| _ = config.tier(Tier::Quick)),
        ("features", |config| _ = config.features(Features::WASM_1_0)),
        ("memory checks", |config| _ = config.memory_checks(MemoryChecks::Explicit)),
        ("relaxed SIMD", |config| _ = config.relaxed_simd_deterministic(true)),
        ("NaN", |config| _ = config.canonicalize_nans(true)),
        ("fuel", |config| _ = config.consume_fuel(true)),
        ("epoch", |config| _ = config.epoch_interruption(true)),
        #[cfg(feature = "planted-faults")]
        ("fault", |config| _ = config.fault(Some(crate::base::Fault::SubtractionAdds))),
    ];
    for (what, change) in changes {
        let mut config = Config::new();
        change(&mut config);
        let message = refusal(&bytes, &config);
        assert!(message.contains(what) && message.contains("foreign"), "{message}");
        assert!(inspect(&bytes).unwrap().is_sound(), "an inspection asks for no configuration");
    }
}

#[test]
fn another_target_is_refused() {
    let bytes = artifact(&Metadata { target: "riscv64-linux".to_owned(), ..metadata() }, None);
    assert!(refusal(&bytes, &Config::new()).contains("compiled for riscv64-linux"));
    let mut bytes = sample();
    bytes[18] = 183;
    assert!(refusal(&bytes, &Config::new()).contains("another machine"));
    let mut bytes = sample();
    bytes[header::fingerprint_at()] ^= 1;
    assert!(refusal(&bytes, &Config::new()).contains("another build of the engine"));
    bytes[header::START] ^= 1;
    assert!(refusal(&bytes, &Config::new()).contains("not an artifact of this engine"));
    assert!(refusal(b"\0asm\x01\0\0\0", &Config::new()).contains("not an artifact"));
}

#[test]
fn keys_are_told_apart() {
    let keyed = |key: Option<[u8; 32]>| {
        let mut config = Config::new();
        config.artifact_key(key);
        config
    };
    let bytes = artifact(&metadata(), Some(&[7; 32]));
    check(&bytes, &keyed(Some([7; 32]))).unwrap();
    assert!(refusal(&bytes, &keyed(Some([8; 32]))).contains("another key"));
    assert!(refusal(&bytes, &keyed(None)).contains("no `artifact_key`"));
    assert!(refusal(&sample(), &keyed(Some([7; 32]))).contains("not keyed"));
}

#[test]
fn an_inspection_vouches_for_what_it_verified_only() {
    let state = |bytes: &[u8], key: Option<[u8; 32]>| {
        let inspection = inspect_with_key(bytes, key.as_ref()).unwrap();
        assert_eq!(inspection.is_sound(), inspection.digest.state == DigestState::Right);
        assert_eq!(inspection.metadata_digest.state, inspection.digest.state);
        assert!(inspection.flaw.is_none());
        inspection.digest.state
    };
    let (keyed, plain) = (artifact(&metadata(), Some(&[7; 32])), sample());
    assert_eq!(state(&plain, None), DigestState::Right);
    assert_eq!(state(&plain, Some([7; 32])), DigestState::NotKeyed);
    assert_eq!(state(&keyed, None), DigestState::NeedsKey);
    assert_eq!(state(&keyed, Some([7; 32])), DigestState::Right);
    assert_eq!(state(&keyed, Some([8; 32])), DigestState::Wrong);
    // The flag alone makes nothing right.
    for (mut bytes, flag, without, with) in [
        (plain.clone(), 1, DigestState::NeedsKey, DigestState::Wrong),
        (plain.clone(), 2, DigestState::Wrong, DigestState::Wrong),
        (keyed, 0, DigestState::Wrong, DigestState::NotKeyed),
    ] {
        bytes[header::keyed_at()] = flag;
        assert_eq!((state(&bytes, None), state(&bytes, Some([7; 32]))), (without, with), "the flag {flag}");
    }
    let mut resealed = plain;
    resealed[header::keyed_at()] = 2;
    assert!(sign_again(&mut resealed));
    assert_eq!(state(&resealed, None), DigestState::Wrong, "a kind of digest that no engine makes");
}

/// A fault in metadata.
type Change = fn(&mut Metadata);

/// Faults in metadata, with a part of the refusal of each.
const CHANGES: &[(&str, Change)] = &[
    ("import", |m| m.module.imported_functions = 2),
    ("import", |m| m.module.imported_tables = 1),
    ("import", |m| m.module.functions[0].ty = TypeIndex(1)),
    ("import", |m| m.module.functions[0].exact = true),
    ("type does not exist", |m| m.module.functions[2].ty = TypeIndex(2)),
    ("recursive groups", |m| m.module.rec_groups = vec![2, 1]),
    ("recursive groups", |m| m.module.rec_groups.clear()),
    ("a type names one", |m| m.module.types[0] = naming(CompositeKind::Func, 1)),
    ("a type names one", |m| m.module.types[1] = naming(CompositeKind::Struct, 0)),
    ("a type names one", |m| m.module.tables[0].element.heap = HeapType::Concrete(concrete(5))),
    ("too many fields", |m| m.module.types[1] = record(ValType::I32, 10_001)),
    ("comes after", |m| {
        m.module.types[1].supertype = Some(concrete(1));
    }),
    ("does not match", |m| m.module.types[1].supertype = Some(concrete(0))),
    ("reference of its own", |m| m.module.functions[0].func_ref = Some(FuncRefIndex(0))),
    ("not dense", |m| m.module.functions[1].func_ref = Some(FuncRefIndex(1))),
    ("function references", |m| m.module.func_refs = 3),
    ("function does not exist", |m| m.module.start = Some(FuncIndex(4))),
    ("has no reference", |m| m.module.start = Some(FuncIndex(3))),
    ("start function", |m| m.module.start = Some(FuncIndex(1))),
    ("limits", |m| m.module.memories[0].limits.min = 65_537),
    ("limits", |m| m.module.tables[0].limits.max = Some(1)),
    ("features do not include", |m| m.module.memories[0].index64 = true),
    ("features do not include", |m| m.module.memories[0].shared = true),
    ("features do not include", |m| m.module.memories[0].page_size_log2 = 0),
    ("limits", |m| m.module.memories[0].page_size_log2 = 200),
    ("features do not include", |m| m.module.tables[0].index64 = true),
    ("number of table initializers", |m| m.module.table_inits.clear()),
    ("have no initializer", |m| m.module.tables[0].element.nullable = false),
    ("wrong type", |m| m.module.table_inits[0] = Some(ConstExpr(smallvec![ConstOp::I32Const(0)]))),
    ("initializer", |m| m.module.global_inits.clear()),
    ("wrong type", |m| m.module.global_inits[0].0[0] = ConstOp::I32Const(0)),
    ("one value", |m| m.module.global_inits[0].0.clear()),
    ("does not exist yet", |m| m.module.global_inits[0].0[0] = ConstOp::GlobalGet(GlobalIndex(0))),
    ("one name", |m| m.module.exports[1].name = "run".to_owned()),
    ("exported memory", |m| m.module.exports[1].item = ExportItem::Memory(MemoryIndex(1))),
    ("table does not exist", |m| m.module.exports[1].item = ExportItem::Table(TableIndex(1))),
    ("exported global", |m| m.module.exports[1].item = ExportItem::Global(GlobalIndex(1))),
    ("exported tag", |m| m.module.exports[1].item = ExportItem::Tag(TagIndex(0))),
    ("tag's type does not exist", |m| m.module.tags.push(TypeIndex(9))),
    ("tag has results", |m| m.module.tags.push(TypeIndex(0))),
    ("the module has tags", |m| m.module.tags.push(TypeIndex(1))),
    ("number of imports", |m| m.module.imported_tags = 1),
    ("has no reference", |m| m.module.exports[0].item = ExportItem::Func(FuncIndex(3))),
    ("does not fit its table", |m| m.module.elements[0].ty = RefType::EXTERN),
    ("function does not exist", |m| m.module.elements[0].items = ElementItems::Functions(vec![FuncIndex(9)])),
    ("leaves the data section", |m| m.module.data[0].bytes = 0..6),
    ("leaves the data section", |m| m.module.data[0].bytes = core::ops::Range { start: 3, end: 2 }),
    ("where none starts", |m| m.entries[0].1 = TextOffset(65)),
    ("no entry trampoline", |m| m.entries[1].0.results = Box::new([])),
    ("no exit trampoline", |m| m.exits[1].0.results = Box::new([])),
    ("no exit trampoline", |m| {
        m.module.types.push(func(FuncType::new([ValType::F64], [])));
        m.module.rec_groups.push(3);
        m.module.functions[0].ty = TypeIndex(2);
        m.module.imports[0].item = ImportItem::Func { ty: TypeIndex(2), exact: false };
    }),
    ("functions past the budget", |m| m.unoptimized = vec![DefinedFuncIndex(3)]),
    ("functions past the budget", |m| m.unoptimized = vec![DefinedFuncIndex(1), DefinedFuncIndex(0)]),
    ("differ from the module", |m| m.module.functions.truncate(3)),
    ("too few functions", |m| {
        m.module.functions.resize(10, Function { ty: TypeIndex(1), exact: true, func_ref: None })
    }),
];

#[test]
fn forged_metadata_is_refused() {
    for (position, (what, change)) in CHANGES.iter().enumerate() {
        let mut metadata = metadata();
        metadata.settings.features = Features::WASM_2_0;
        change(&mut metadata);
        let message = refusal(&artifact(&metadata, None), Config::new().features(Features::WASM_2_0));
        assert!(message.contains(what), "change {position}: {message}");
    }
}

#[test]
fn offsets_of_segments_are_of_the_index_type() {
    let mut metadata = metadata();
    let config = Config::new();
    metadata.module.memories[0].index64 = true;
    assert!(refusal(&artifact(&metadata, None), &config).contains("wrong type"));
    metadata.module.data[0].mode =
        DataMode::Active { memory: MemoryIndex(0), offset: ConstExpr(smallvec![ConstOp::I64Const(8)]) };
    assert!(check(&artifact(&metadata, None), &config).is_ok());
    metadata.module.tables[0].index64 = true;
    assert!(refusal(&artifact(&metadata, None), &config).contains("wrong type"));
}

/// The module's types are two function types, structs with one field and arrays of references to them.
#[test]
fn forged_constant_objects_are_refused() {
    use ConstOp::*;
    let some = |kind, index| {
        ValType::Ref(RefType { nullable: false, heap: HeapType::Concrete(ConcreteType::in_module(kind, index)) })
    };
    let [record_ref, array_ref] = [some(CompositeKind::Struct, 2), some(CompositeKind::Array, 3)];
    let (record_type, array_type) = (TypeIndex(2), TypeIndex(3));
    let check = |content: ValType, ops: &[ConstOp]| {
        let mut metadata = metadata();
        let module = &mut metadata.module;
        let element = FieldType { storage: StorageType::Val(record_ref), mutable: false };
        module.types.push(record(ValType::I32, 1));
        module.types.push(SubType::plain(CompositeType::Array(element)));
        module.rec_groups.extend([3, 4]);
        module.globals[0].content = content;
        module.global_inits[0] = ConstExpr(ops.into());
        let bytes = artifact(&metadata, None);
        super::check(&bytes, &Config::new()).map(drop).map_err(|error| error.to_string())
    };
    let refused = |content, ops: &[ConstOp], what: &str| {
        let message = check(content, ops).expect_err("forged");
        assert!(message.contains(what), "{ops:?}: {message}");
    };
    check(record_ref, &[I32Const(1), StructNew(record_type)]).unwrap();
    check(array_ref, &[StructNewDefault(record_type), I32Const(1), ArrayNew(array_type)]).unwrap();
    check(ValType::EXTERNREF, &[I32Const(1), RefI31, ExternConvertAny, AnyConvertExtern, ExternConvertAny]).unwrap();

    let wrong = "missing or of the wrong type";
    refused(record_ref, &[StructNew(record_type)], wrong);
    refused(record_ref, &[I64Const(1), StructNew(record_type)], wrong);
    refused(record_ref, &[StructNewDefault(array_type)], "no struct type");
    refused(record_ref, &[StructNewDefault(TypeIndex(9))], "no struct type");
    refused(array_ref, &[I32Const(1), ArrayNewDefault(array_type)], "no default");
    refused(array_ref, &[I32Const(1), ArrayNewDefault(record_type)], "no array type");
    refused(array_ref, &[StructNewDefault(record_type), ArrayNewFixed(array_type, u32::MAX)], wrong);
    refused(array_ref, &[I32Const(1), RefI31, I32Const(1), ArrayNew(array_type)], wrong);
    refused(ValType::EXTERNREF, &[I32Const(1), ExternConvertAny], wrong);
    refused(array_ref, &[StructNewDefault(record_type)], "wrong type");
    refused(record_ref, &[I32Const(1), I32Const(1), StructNew(record_type)], "one value");
}

/// Adds two groups of structs: 2 with its descriptor 3, and 4 with its descriptor 5, which extend 2 and 3.
fn described(metadata: &mut Metadata) {
    let ty = |index| ConcreteType::in_module(CompositeKind::Struct, index);
    let sub = |describes: Option<u32>, descriptor: Option<u32>, supertype: Option<u32>| {
        let (describes, descriptor) = (describes.map(ty), descriptor.map(ty));
        let composite = CompositeType::Struct(StructType { describes, descriptor, ..StructType::default() });
        SubType { is_final: false, supertype: supertype.map(ty), composite }
    };
    let types =
        [sub(None, Some(3), None), sub(Some(2), None, None), sub(None, Some(5), Some(2)), sub(Some(4), None, Some(3))];
    metadata.module.types.extend(types);
    metadata.module.rec_groups.extend([4, 6]);
}

fn clauses(metadata: &mut Metadata, ty: usize) -> &mut StructType {
    match &mut metadata.module.types[ty].composite {
        CompositeType::Struct(ty) => ty,
        other => panic!("{other} is no struct's type"),
    }
}

#[test]
fn forged_descriptors_are_refused() {
    type Change = fn(&mut Metadata);
    let named = |index| Some(ConcreteType::in_module(CompositeKind::Struct, index));
    let refused = |what: &str, change: &dyn Fn(&mut Metadata)| {
        let mut metadata = metadata();
        described(&mut metadata);
        change(&mut metadata);
        let message = refusal(&artifact(&metadata, None), &Config::new());
        assert!(message.contains(what), "{what}: {message}");
    };
    let mut good = metadata();
    described(&mut good);
    check(&artifact(&good, None), &Config::new()).unwrap();

    let other = "do not name each other";
    refused(other, &|m| clauses(m, 2).descriptor = None);
    refused(other, &|m| clauses(m, 3).describes = None);
    refused(other, &|m| clauses(m, 4).descriptor = named(3));
    refused(other, &|m| clauses(m, 5).describes = named(2));
    // Two types that describe each other in the wrong order, and one that describes itself.
    refused(other, &|m| {
        (clauses(m, 2).descriptor, clauses(m, 2).describes) = (None, named(3));
        (clauses(m, 3).describes, clauses(m, 3).descriptor) = (None, named(2));
    });
    refused(other, &|m| (clauses(m, 2).descriptor, clauses(m, 2).describes) = (named(2), named(2)));
    // A descriptor in another group.
    refused("a type names one", &|m| m.module.rec_groups = vec![1, 2, 3, 4, 6]);
    refused(other, &|m| clauses(m, 2).descriptor = Some(concrete(1)));
    refused("a type names one", &|m| clauses(m, 4).descriptor = named(9));
    // The descriptor of a subtype must extend that of the supertype, and the other way round.
    let changes: [Change; 3] = [
        |m| m.module.types[5].supertype = None,
        |m| m.module.types[4].supertype = None,
        |m| (clauses(m, 4).descriptor, clauses(m, 5).describes) = (None, None),
    ];
    changes.iter().for_each(|change| refused("does not match", change));
}

/// Constant expressions that make structs with descriptors or refer to functions of exact types.
#[test]
fn forged_exact_constants_are_refused() {
    use ConstOp::*;
    let exact = |kind, index| {
        ValType::Ref(RefType { nullable: false, heap: HeapType::Exact(ConcreteType::in_module(kind, index)) })
    };
    let null = |index| RefNull(HeapType::Concrete(ConcreteType::in_module(CompositeKind::Struct, index)));
    let check = |content: ValType, ops: &[ConstOp]| {
        let mut metadata = metadata();
        described(&mut metadata);
        metadata.module.globals[0].content = content;
        metadata.module.global_inits[0] = ConstExpr(ops.into());
        super::check(&artifact(&metadata, None), &Config::new()).map(drop).map_err(|error| error.to_string())
    };
    let refused = |content, ops: &[ConstOp], what: &str| {
        let message = check(content, ops).expect_err("forged");
        assert!(message.contains(what), "{ops:?}: {message}");
    };
    let [two, three, five] = [2, 3, 5].map(|index| exact(CompositeKind::Struct, index));
    check(three, &[StructNew(TypeIndex(3))]).unwrap();
    check(two, &[StructNew(TypeIndex(3)), StructNewDesc(TypeIndex(2))]).unwrap();
    check(two, &[RefNull(HeapType::None), StructNewDefaultDesc(TypeIndex(2))]).unwrap();
    refused(two, &[StructNew(TypeIndex(2))], "lacks its descriptor");
    refused(three, &[RefNull(HeapType::None), StructNewDesc(TypeIndex(3))], "does not have");
    refused(two, &[StructNewDesc(TypeIndex(2))], "missing or of the wrong type");
    refused(two, &[StructNew(TypeIndex(5)), StructNewDesc(TypeIndex(2))], "missing or of the wrong type");
    refused(two, &[null(3), StructNewDesc(TypeIndex(2))], "missing or of the wrong type");
    refused(three, &[StructNew(TypeIndex(5))], "wrong type");
    check(five, &[StructNew(TypeIndex(5))]).unwrap();

    // Function 1 is defined, of type 0; function 0 is imported, of type 0 or one that extends it.
    let function = exact(CompositeKind::Func, 0);
    check(function, &[RefFunc(FuncIndex(1))]).unwrap();
    refused(function, &[RefFunc(FuncIndex(0))], "wrong type");
}

/// Checks that any bytes are read without a panic, and that accepted ones can be followed without leaving the file.
/// Returns whether the bytes are accepted.
fn follow(bytes: &[u8], config: &Config) -> bool {
    let _ = inspect(bytes).map(|inspection| inspection.to_string());
    let Ok((sections, metadata)) = check(bytes, config) else { return false };
    let text = sections.text.len() as u32;
    for entry in Functions::new(&bytes[sections.functions.clone()]).iter() {
        assert!(entry.start < entry.end && entry.end.0 <= text);
    }
    for (_, offset) in metadata.entries.iter().chain(&metadata.exits) {
        assert!(offset.0 < text);
    }
    for segment in &metadata.module.data {
        let range = segment.bytes.start as usize..segment.bytes.end as usize;
        assert!(bytes[sections.data.clone()].get(range).is_some());
    }
    for offset in (0..=text).step_by(7).map(TextOffset) {
        let handlers = Handlers::new(&bytes[sections.handlers.clone()]).lookup(offset);
        assert!(handlers.is_none_or(|site| site.handlers().all(|handler| handler.target.0 < text)));
        StackMaps::new(&bytes[sections.stack_maps.clone()]).lookup(offset).map(|map| map.slots().count());
        SourceMap::new(&bytes[sections.source_map.clone()]).lookup(offset);
        let base = 0x5000_0000 + sections.eh_frame_hdr.start as u64;
        FrameIndex::new(&bytes[sections.eh_frame_hdr.clone()]).lookup(base - u64::from(offset.0), base);
    }
    true
}

#[test]
fn forged_unwind_tables_are_refused() {
    let original = sample();
    let (sections, _) = check(&original, &Config::new()).unwrap();
    let forged = |at: usize| {
        let mut bytes = original.clone();
        bytes[at] ^= 4;
        assert!(sign_again(&mut bytes));
        check(&bytes, &Config::new())
    };
    // The index follows from the other sections, so that no bit of it is free.
    for at in sections.eh_frame_hdr.clone() {
        assert!(forged(at).is_err(), "byte {at:#x} of .eh_frame_hdr");
    }
    // Length, pointer to the CIE, start and length of the function, absence of augmentation data; then the terminator.
    let eh_frame = &original[sections.eh_frame.clone()];
    let length = |at: usize| u32::from_ne_bytes(*eh_frame[at..].first_chunk().unwrap()) as usize;
    let mut fde = 4 + length(0);
    for _ in FUNCTIONS {
        for at in fde..fde + 17 {
            assert!(forged(sections.eh_frame.start + at).is_err(), "byte {at:#x} of .eh_frame");
        }
        fde += 4 + length(fde);
    }
    for at in fde..eh_frame.len() {
        assert!(forged(sections.eh_frame.start + at).is_err(), "byte {at:#x} of the terminator");
    }
}

#[test]
fn absurd_lengths_are_refused() {
    let original = sample();
    let (sections, _) = check(&original, &Config::new()).unwrap();
    // Every byte of the metadata in turn begins the largest number that the serialization can hold.
    for at in sections.metadata.clone() {
        let mut bytes = original.clone();
        let end = (at + 9).min(sections.metadata.end);
        bytes[at..end].fill(0xff);
        bytes[end - 1] = 0x7f;
        assert!(sign_again(&mut bytes));
        follow(&bytes, &Config::new());
    }
}

#[test]
fn forged_bytes_are_refused_or_harmless() {
    let original = sample();
    let (sections, _) = check(&original, &Config::new()).unwrap();
    let interesting: Vec<usize> = (0..sections.text.start)
        .chain(sections.eh_frame.start..sections.stack_maps.end)
        .chain(sections.headers.clone())
        .collect();
    let mut random = Random(0x5eed_1234_5678_9abc);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut bytes = original.clone();
        for _ in 0..=random.below(3) {
            let at = interesting[random.below(interesting.len())];
            bytes[at] = match random.below(4) {
                0 => 0,
                1 => 0xff,
                2 => bytes[at].wrapping_add(1),
                _ => random.next() as u8,
            };
        }
        sign_again(&mut bytes);
        accepted += usize::from(follow(&bytes, &Config::new()));
    }
    // Names, trap codes and the like have other valid values. If all forgeries were refused, only the signature would
    // be tested.
    assert!((100..19_000).contains(&accepted), "{accepted} of 20000 were accepted");
}

#[test]
fn noise_is_refused() {
    let mut random = Random(0xfeed);
    for length in (0..600).chain([5000]) {
        let mut bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        assert!(!follow(&bytes, &Config::new()));
        let head = sample();
        let keep = random.below(head.len()).min(length);
        bytes[..keep].copy_from_slice(&head[..keep]);
        assert!(!follow(&bytes, &Config::new()));
    }
}

#[test]
fn an_inspection_describes_the_artifact() {
    let mut bytes = sample();
    let inspection = inspect(&bytes).unwrap();
    assert!(inspection.is_sound());
    assert_eq!(inspection.functions.len(), FUNCTIONS.len());
    assert_eq!(inspection.functions[1].name.as_deref(), Some("two words\u{1b}"));
    assert_eq!(inspection.functions[4].kind, "entry i32->i32");
    let counts = (inspection.traps, inspection.names, inspection.handlers, inspection.stack_maps);
    assert_eq!(counts, (2, 2, 1, 1));
    assert!(!inspection.to_string().contains('\u{1b}'), "names cannot write to the terminal");

    let (sections, _) = check(&bytes, &Config::new()).unwrap();
    bytes[sections.traps.end - 1] = 127;
    let inspection = inspect(&bytes).unwrap();
    assert_eq!(inspection.digest.state, DigestState::Wrong);
    assert_eq!(inspection.metadata_digest.state, DigestState::Right);
    assert!(inspection.flaw.as_deref().is_some_and(|flaw| flaw.contains("names no trap")));
    assert!(!inspection.is_sound());
}

/// Returns the output of `readelf`; `None`, with a message, where it is not installed.
fn readelf(options: &[&str]) -> Option<String> {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::io::Write::write_all(&mut file, &sample()).expect("a temporary file can be written");
    let output = match std::process::Command::new("readelf").args(options).arg(file.path()).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: readelf (binutils) cannot be run: {error}");
            return None;
        }
    };
    let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && warnings.is_empty(), "{warnings}");
    Some(String::from_utf8(output.stdout).expect("readelf writes text"))
}

#[test]
fn readelf_reads_the_structure() {
    let Some(text) = readelf(&["-hlSs", "-W"]) else { return };
    assert!(!text.to_lowercase().contains("warning"), "{text}");
    for expected in
        ["DYN (Shared object file)", ".touchstone.functions", "GNU_EH_FRAME", "two_words", "entry(i32->i32)"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let symbols = text.lines().filter(|line| line.contains(" FUNC ")).count();
    assert_eq!(symbols, FUNCTIONS.len(), "one symbol per function and trampoline");
}

#[test]
fn readelf_reads_the_unwind_information() {
    let Some(text) = readelf(&["--debug-dump=frames", "-W"]) else { return };
    assert!(!text.to_lowercase().contains("warning"), "{text}");
    let bytes = sample();
    let (sections, _) = check(&bytes, &Config::new()).unwrap();
    let found: Vec<&str> = text.lines().filter_map(|line| line.split("pc=").nth(1)).collect();
    let expected = FUNCTIONS.map(|(_, start, end)| {
        let address = |offset: u32| sections.text.start + offset as usize;
        format!("{:016x}..{:016x}", address(start), address(end))
    });
    assert_eq!(found, expected, "one FDE per function and trampoline, at its address: {text}");
    assert!(text.contains("ZERO terminator"), "{text}");
}
