//! Tests of equality and matching.

use super::*;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use wasmparser::{Parser, Payload};

/// Reads the type section of a module, without validating it.
fn read(source: &str) -> (Vec<SubType<TypeIndex>>, Vec<u32>) {
    let wasm = wat::parse_str(source).expect("the test's text parses");
    let (mut types, mut ends) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(&wasm) {
        let Payload::TypeSection(section) = payload.expect("the module decodes") else { continue };
        for group in section {
            let group = group.expect("the types decode");
            types.extend(group.types().map(|ty| sub_type(ty).expect("the types are supported")));
            ends.push(types.len() as u32);
        }
    }
    (types, ends)
}

/// Adds the types of a module to those of a store.
fn intern(store: &mut CanonicalTypes, source: &str) -> Vec<TypeId> {
    let (types, ends) = read(source);
    store.intern(&types, &ends).expect("the store has room").into()
}

/// Checks whether two modules have the same types.
#[track_caller]
fn check_equal(one: &str, other: &str, expected: bool) {
    let mut store = CanonicalTypes::default();
    let (one, other) = (intern(&mut store, one), intern(&mut store, other));
    assert!(!one.is_empty() && one.len() == other.len());
    assert!(one.iter().zip(&other).all(|(one, other)| (one == other) == expected), "{one:?} {other:?}");
}

fn defined(id: TypeId) -> RefType {
    RefType { nullable: false, heap: HeapType::Defined(id) }
}

const LIST: &str = "(rec (type $list (struct (field i32) (field (ref null $list)))))";

#[test]
fn equal_groups_have_equal_ids() {
    check_equal("(type (func (param i32)))", "(type (func (param i32)))", true);
    check_equal("(type (func (param i32)))", "(type (func (param i64)))", false);
    check_equal("(type (func (param i32)))", "(type (func (result i32)))", false);
    check_equal("(type (struct (field i8)))", "(type (struct (field i16)))", false);
    check_equal("(type (struct (field i8)))", "(type (array i8))", false);
    check_equal("(type (array i32))", "(type (array (mut i32)))", false);
    check_equal("(type (func))", "(rec (type (func)))", true);
    check_equal(LIST, "(rec (type $l (struct (field i32) (field (ref null $l)))))", true);
    check_equal(LIST, "(rec (type $l (struct (field i32) (field (ref $l)))))", false);
}

#[test]
fn finality_and_supertypes_tell_types_apart() {
    check_equal("(type (sub final (func)))", "(type (func))", true);
    check_equal("(type (sub (func)))", "(type (func))", false);
    let extending = "(type $a (sub (struct))) (type (sub $a (struct)))";
    let mut store = CanonicalTypes::default();
    let ids = intern(&mut store, extending);
    let other = intern(&mut store, "(type $a (sub (struct))) (type (sub final $a (struct))) (type (sub (struct)))");
    assert_eq!(ids[0], other[0]);
    assert_eq!(other[2], other[0]);
    assert!(ids[1] != other[1] && ids[0] != ids[1]);
}

#[test]
fn the_position_in_a_group_and_the_whole_group_count() {
    let mut store = CanonicalTypes::default();
    let pair = intern(&mut store, "(rec (type (struct)) (type (struct)))");
    let single = intern(&mut store, "(type (struct)) (type (struct))");
    assert!(pair[0] != pair[1] && single[0] == single[1] && !pair.contains(&single[0]));
    let mixed = intern(&mut store, "(rec) (type (struct)) (rec) (rec (type (struct)) (type (struct)))");
    assert_eq!(mixed, [single[0], pair[0], pair[1]]);
    // A reference to another group's type of the same form is not one to the own type.
    let own = intern(&mut store, "(rec (type $a (struct (field (ref $a)))))");
    let others = intern(&mut store, "(rec (type $a (struct (field (ref $a))))) (type (struct (field (ref $a))))");
    assert!(others[0] == own[0] && others[1] != own[0]);
}

#[test]
fn descriptors_tell_types_apart() {
    let text = "(rec (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct)))";
    check_equal(text, "(rec (type $x (descriptor $y) (struct)) (type $y (describes $x) (struct)))", true);
    check_equal(text, "(rec (type $a (struct)) (type $b (struct)))", false);
    let mut store = CanonicalTypes::default();
    let ids = intern(&mut store, text);
    assert_eq!((store.get(ids[0]).descriptor, store.get(ids[1]).describes), (Some(ids[1]), Some(ids[0])));
    assert_eq!(store.position(ids[1]), (1, 2));
}

#[test]
fn types_of_the_host_are_those_of_modules() {
    let mut store = CanonicalTypes::default();
    let ids = intern(&mut store, "(type $s (struct)) (type (func (param i32 (ref $s)) (result externref)))");
    let ty = FuncType::new([ValType::I32, ValType::Ref(defined(ids[0]))], [ValType::EXTERNREF]);
    assert_eq!(store.intern_func(&ty).ok(), Some(ids[1]));
    let foreign = FuncType::new([ValType::Ref(defined(TypeId(2)))], []);
    assert_eq!(store.intern_func(&foreign).map_err(|error| error.kind()), Err(crate::ErrorKind::Usage));
}

/// A chain of types, each of which extends the one before.
fn chain(length: usize) -> String {
    let mut text = String::from("(type $t0 (sub (struct)))");
    for position in 1..length {
        text += &alloc::format!("(type $t{position} (sub $t{} (struct)))", position - 1);
    }
    text
}

#[test]
fn casts_see_all_supertypes() {
    let mut store = CanonicalTypes::default();
    let ids = intern(&mut store, &chain(64));
    let branch = intern(&mut store, &(chain(12) + "(type (sub $t10 (struct (field i32))))"))[12];
    for (depth, &ty) in ids.iter().enumerate() {
        for (above, &of) in ids.iter().enumerate() {
            assert_eq!(store.is_subtype(ty, of), above <= depth, "{depth} {above}");
        }
        assert_eq!((store.is_subtype(branch, ty), store.is_subtype(ty, branch)), (depth <= 10, false), "{depth}");
    }
}

const ABSTRACT: [HeapType; 12] = [
    HeapType::Any,
    HeapType::Eq,
    HeapType::I31,
    HeapType::Struct,
    HeapType::Array,
    HeapType::None,
    HeapType::Func,
    HeapType::NoFunc,
    HeapType::Exn,
    HeapType::NoExn,
    HeapType::Extern,
    HeapType::NoExtern,
];

/// The pairs of abstract types of which the first matches the second, besides equal ones.
const BELOW: &str = "eq any; i31 any; i31 eq; struct any; struct eq; array any; array eq; none any; none eq; none i31; \
    none struct; none array; nofunc func; noexn exn; noextern extern; ";

#[test]
fn abstract_types_match_as_the_specification_lists() {
    let store = CanonicalTypes::default();
    for one in ABSTRACT {
        for other in ABSTRACT {
            let listed = BELOW.contains(&alloc::format!("{one} {other}; ")) || one == other;
            assert_eq!(store.heap_matches(one, other), listed, "{one} {other}");
        }
    }
}

#[test]
fn defined_types_match_abstract_ones() {
    let mut store = CanonicalTypes::default();
    let ids = intern(&mut store, "(type (func)) (type (struct)) (type (array i8))");
    let expected: [(&[&str], &str); 3] =
        [(&["func"], "nofunc"), (&["any", "eq", "struct"], "none"), (&["any", "eq", "array"], "none")];
    for (&id, (above, bottom)) in ids.iter().zip(expected) {
        for heap in [HeapType::Defined(id), HeapType::Exact(id)] {
            let up = ABSTRACT.into_iter().filter(|&other| store.heap_matches(heap, other));
            assert_eq!(up.map(|heap| heap.to_string()).collect::<Vec<_>>(), above);
            let down = ABSTRACT.into_iter().filter(|&other| store.heap_matches(other, heap));
            assert_eq!(down.map(|heap| heap.to_string()).collect::<Vec<_>>(), [bottom]);
        }
    }
}

#[test]
fn exact_types_match_themselves_and_what_is_above() {
    let mut store = CanonicalTypes::default();
    let ids = intern(&mut store, "(type $a (sub (struct))) (type (sub $a (struct)))");
    let (above, below) = (ids[0], ids[1]);
    assert!(store.heap_matches(HeapType::Exact(below), HeapType::Exact(below)));
    assert!(store.heap_matches(HeapType::Exact(below), HeapType::Defined(above)));
    assert!(store.heap_matches(HeapType::Exact(below), HeapType::Defined(below)));
    assert!(!store.heap_matches(HeapType::Exact(below), HeapType::Exact(above)));
    assert!(!store.heap_matches(HeapType::Defined(below), HeapType::Exact(below)));
    assert!(!store.heap_matches(HeapType::Exact(above), HeapType::Defined(below)));
    let nullable = RefType { nullable: true, ..defined(below) };
    assert!(store.ref_matches(defined(below), nullable) && !store.ref_matches(nullable, defined(below)));
    assert!(!store.val_matches(ValType::I32, ValType::I64) && store.val_matches(ValType::V128, ValType::V128));
}

#[test]
fn imports_of_functions_and_tags() {
    let mut store = CanonicalTypes::default();
    let ids = intern(&mut store, "(type $f (sub (func))) (type (sub $f (func)))");
    let func = |position: usize, exact| EntityType::Func { ty: ids[position], exact };
    let matches = |ty, wanted| store.entity_matches(ty, wanted);
    assert!(matches(func(1, true), func(0, false)) && !matches(func(0, true), func(1, false)));
    assert!(!matches(func(1, true), func(0, true)) && matches(func(1, true), func(1, true)));
    assert!(!matches(func(1, false), func(1, true)));
    assert!(!matches(EntityType::Tag(ids[1]), EntityType::Tag(ids[0])));
    assert!(matches(EntityType::Tag(ids[0]), EntityType::Tag(ids[0])));
    assert!(!matches(EntityType::Tag(ids[0]), func(0, false)));
}

#[test]
fn imports_of_tables_memories_and_globals() {
    let store = CanonicalTypes::default();
    let matches = |ty, wanted| store.entity_matches(ty, wanted);
    let memory = |min, max| EntityType::Memory(MemoryType::new(min, max));
    assert!(matches(memory(2, Some(3)), memory(1, None)) && matches(memory(2, Some(3)), memory(2, Some(3))));
    assert!(!matches(memory(1, None), memory(1, Some(3))) && !matches(memory(1, Some(4)), memory(1, Some(3))));
    assert!(!matches(memory(1, None), memory(2, None)));
    let kinds = [
        MemoryType::memory64(1, Some(2)),
        MemoryType { shared: true, ..MemoryType::new(1, Some(2)) },
        MemoryType { page_size_log2: 0, ..MemoryType::new(1, Some(2)) },
        MemoryType::new(1, Some(2)),
    ];
    for (one, &ty) in kinds.iter().enumerate() {
        for (other, &wanted) in kinds.iter().enumerate() {
            assert_eq!(matches(EntityType::Memory(ty), EntityType::Memory(wanted)), one == other, "{ty} {wanted}");
        }
    }
    let table = |heap, index64| {
        let element = RefType { nullable: true, heap };
        EntityType::Table(TableType { index64, ..TableType::new(element, 1, None) })
    };
    assert!(matches(table(HeapType::Any, false), table(HeapType::Any, false)));
    assert!(!matches(table(HeapType::Eq, false), table(HeapType::Any, false)));
    assert!(!matches(table(HeapType::Any, false), table(HeapType::Any, true)));
    let global =
        |heap, mutable| EntityType::Global(GlobalType::new(ValType::Ref(RefType { nullable: true, heap }), mutable));
    assert!(matches(global(HeapType::Eq, false), global(HeapType::Any, false)));
    assert!(!matches(global(HeapType::Any, false), global(HeapType::Eq, false)));
    assert!(matches(global(HeapType::Eq, true), global(HeapType::Eq, true)));
    assert!(!matches(global(HeapType::Eq, true), global(HeapType::Any, true)));
    assert!(!matches(global(HeapType::Eq, true), global(HeapType::Eq, false)));
}

#[test]
fn valid_memories_and_tables() {
    let pages = |log2, ty: MemoryType| MemoryType { page_size_log2: log2, ..ty };
    assert_eq!(MemoryType::new(0, None).most_pages(), 1 << 16);
    assert_eq!(MemoryType::memory64(0, None).most_pages(), 1 << 48);
    assert_eq!(pages(0, MemoryType::new(0, None)).most_pages(), u64::from(u32::MAX));
    assert_eq!(pages(0, MemoryType::memory64(0, None)).most_pages(), u64::MAX);
    assert!(MemoryType::new(1 << 16, Some(1 << 16)).is_valid() && !MemoryType::new((1 << 16) + 1, None).is_valid());
    assert!(!MemoryType::new(2, Some(1)).is_valid() && !pages(3, MemoryType::new(0, None)).is_valid());
    for log2 in [63, 64, u8::MAX] {
        let ty = pages(log2, MemoryType::new(1, None));
        assert!(!ty.is_valid() && ty.page_size() >= 1 << 63);
    }
    let shared = |max| MemoryType { shared: true, ..MemoryType::new(1, max) };
    assert!(shared(Some(1)).is_valid() && !shared(None).is_valid());
    let table: TableType = TableType::new(RefType::FUNC, 1 << 32, None);
    assert!(!table.is_valid() && TableType { index64: true, ..table }.is_valid());
}

#[test]
fn types_print_as_in_the_text_format() {
    let func: FuncType = FuncType::new([ValType::I32, ValType::V128], [ValType::FUNCREF]);
    let exact = RefType { nullable: true, heap: HeapType::Exact(TypeIndex(7)) };
    let table = TableType { index64: true, ..TableType::new(RefType::<TypeIndex>::ANY, 1, Some(2)) };
    let memory = MemoryType { shared: true, page_size_log2: 0, ..MemoryType::new(1, Some(2)) };
    let global: GlobalType = GlobalType::new(ValType::F32, true);
    assert_eq!(ExternType::Func(func).to_string(), "func [i32 v128] -> [funcref]");
    assert_eq!(exact.to_string(), "(ref null (exact 7))");
    assert_eq!(table.to_string(), "i64 1 2 anyref");
    assert_eq!(memory.to_string(), "1 2 shared (pagesize 1)");
    assert_eq!(ExternType::Global(global).to_string(), "global (mut f32)");
    let bottom = RefType::<TypeId> { nullable: true, heap: HeapType::NoExtern };
    assert_eq!(
        [bottom, RefType { nullable: false, ..bottom }].map(|ty| ty.to_string()),
        ["nullexternref", "(ref noextern)"]
    );
}

#[test]
fn messages_spell_types_out() {
    let mut store = CanonicalTypes::default();
    let ids = intern(
        &mut store,
        &alloc::format!(
            "{LIST} (type $f (sub (func (param (ref $list))))) (type (sub final $f (func (param (ref $list)))))"
        ),
    );
    let list = "(struct (field i32) (field (ref null ..)))";
    assert_eq!(store.describe_defined(ids[0]), list);
    let func = |position: usize, exact| store.describe(EntityType::Func { ty: ids[position], exact });
    assert_eq!(func(1, false), alloc::format!("func (sub (func [(ref {list})] -> []))"));
    assert!(func(2, true).starts_with("exact func (sub final (sub (func [(ref (struct"), "{}", func(2, true));
    let plain = store.intern_func(&FuncType::new([ValType::I32], [])).expect("the store has room");
    assert_eq!(store.describe(EntityType::Tag(plain)), "tag [i32] -> []");
    let global = GlobalType::new(ValType::Ref(RefType { nullable: true, heap: HeapType::Exact(plain) }), true);
    assert_eq!(store.describe(EntityType::Global(global)), "global (mut (ref null (exact (func [i32] -> []))))");
    // Each type names the one before twice, so that the whole text would have 2^40 parts.
    let mut wide = String::from("(type $t0 (struct))");
    for position in 1..40 {
        wide += &alloc::format!("(type $t{position} (struct (field (ref $t{0})) (field (ref $t{0}))))", position - 1);
    }
    let ids = intern(&mut store, &wide);
    assert!(store.describe_value(ValType::Ref(defined(ids[39]))).len() < 1000);
    let fields = [FieldType { storage: StorageType::I8, mutable: true }; 2];
    assert_eq!(fields[0].storage.unpacked(), ValType::<TypeId>::I32);
}
