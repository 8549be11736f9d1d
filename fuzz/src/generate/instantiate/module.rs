//! The text of the modules.

use arbitrary::{Result, Unstructured};
use lanes::Features;
use std::fmt::Write;

/// The bytes of a page.
const PAGE: i32 = 0x1_0000;
/// The elements of the tables.
const TABLE: i32 = 10;
/// The elements of an element segment.
const ELEMENTS: i32 = 4;
/// The lengths of data segments: around the size from which a segment may become a memory image.
const LENGTHS: [i32; 9] = [0, 1, 7, 4096, 16_383, 16_384, 16_385, 40_000, PAGE];

/// The memory that no other module shares, where a module may have several.
const SECOND: &str = "(memory $second (export \"second\") 1 2)\n";

/// A module under construction.
pub(super) struct Module {
    pub(super) text: String,
    /// The exported functions.
    pub(super) functions: Vec<Function>,
    /// The pages of the memory 0.
    pages: i32,
}

/// An exported function of type `(i32 i32 i32) -> (i64)`.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The ends of the ranges that its arguments describe: target and source.
    pub(super) ends: [i32; 2],
}

/// The segments of a module.
struct Segments {
    text: String,
    /// The length of the passive data segment.
    passive: i32,
}

impl Module {
    /// Returns the module `base`, which exports everything that can be shared.
    pub(super) fn base(u: &mut Unstructured<'_>, features: Features) -> Result<Module> {
        let pages = u.int_in_range(1..=2)?;
        let mut text = "(module $base\n".to_string();
        let _infallible = write!(
            text,
            "(memory $m (export \"memory\") {pages} 3)
             (table $t (export \"table\") {TABLE} 20 funcref)
             (table $u (export \"hosts\") {TABLE} 20 externref)
             (global $zero (export \"zero\") i32 (i32.const 0))
             (global $five (export \"five\") i32 (i32.const 5))
             (global $counter (export \"counter\") (mut i32) (i32.const 0))
             (global $wide (export \"wide\") (mut i64) (i64.const -1))
             (global $vector (export \"vector\") v128 (v128.const i64x2 1 -2))
             (global $function (export \"function\") (mut funcref) (ref.func $one))\n"
        );
        if features.contains(Features::EXCEPTIONS) {
            text += "(tag $a (export \"a\") (param i32)) (tag $b (export \"b\") (param i32))
                     (func (export \"throw_a\") (throw $a (i32.const 1)))
                     (func (export \"throw_b\") (throw $b (i32.const 2)))\n";
        }
        if features.contains(Features::MULTI_MEMORY) {
            text += SECOND;
        }
        text += "(func $one (export \"one\") (result i32)
                   (global.set $counter (i32.add (global.get $counter) (i32.const 1)))
                   (i32.const 1))
                 (func $two (export \"two\") (result i32) (i32.const 2))\n";
        Module::complete(u, features, text, pages, false)
    }

    /// Returns a module that imports from the instance `from`, whose exports are those of `base`, as far as they exist.
    pub(super) fn new(u: &mut Unstructured<'_>, features: Features, from: &str, base: &Module) -> Result<Module> {
        let mut text = "(module $user\n".to_string();
        let shared = u.ratio(3, 4)?;
        let pages = base.pages;
        let _infallible = write!(
            text,
            "(import \"base\" \"one\" (func $one (result i32)))
             (import \"base\" \"zero\" (global $zero i32))
             (import \"base\" \"five\" (global $five i32))
             (import \"base\" \"counter\" (global $counter (mut i32)))
             (import \"base\" \"wide\" (global $wide (mut i64)))
             (import \"base\" \"vector\" (global $vector v128))
             (import \"base\" \"function\" (global $function (mut funcref)))\n"
        );
        if features.contains(Features::EXCEPTIONS) {
            // Twin tags in either order.
            let (first, second) = if u.arbitrary()? { ("a", "b") } else { ("b", "a") };
            let _infallible = write!(
                text,
                "(import \"base\" \"{first}\" (tag ${first} (param i32)))
                 (import \"base\" \"{second}\" (tag ${second} (param i32)))
                 (import \"base\" \"throw_a\" (func $throw_a)) (import \"base\" \"throw_b\" (func $throw_b))\n"
            );
        }
        let own_table = u.ratio(1, 3)?;
        let (memory, table) = ("(export \"memory\")", "(export \"table\")");
        // Every module exports memory and tables, so that others can import them from any instance.
        let import = |what: &str| format!("(import \"{from}\" \"{what}\")");
        let memory_import = if shared { import("memory") } else { String::new() };
        let table_import = if own_table { String::new() } else { import("table") };
        let _infallible = write!(
            text,
            "(memory $m {memory} {memory_import} {pages} 3)
             (table $t {table} {table_import} {TABLE} 20 funcref)
             (table $u (export \"hosts\") {} {TABLE} 20 externref)\n",
            import("hosts")
        );
        // Imports come before definitions: the text format demands it of inline imports, too.
        text = order_imports(&text);
        if features.contains(Features::MULTI_MEMORY) {
            text += SECOND;
        }
        text += "(global $copy (export \"copy\") (mut i32) (global.get $five))
                 (global $vector_copy (export \"vector_copy\") v128 (global.get $vector))
                 (func $two (result i32) (i32.add (call $one) (global.get $copy)))\n";
        if features.contains(Features::EXTENDED_CONST) {
            text +=
                "(global (export \"sum\") i32 (i32.add (global.get $five) (i32.mul (i32.const 3) (i32.const -7))))\n";
        }
        Module::complete(u, features, text, pages, true)
    }

    /// Adds segments, functions and a start function.
    fn complete(
        u: &mut Unstructured<'_>,
        features: Features,
        mut text: String,
        pages: i32,
        imports: bool,
    ) -> Result<Module> {
        let segments = write_segments(u, features, imports, pages)?;
        text += &segments.text;
        let end = pages * PAGE;
        let mut functions = Vec::new();
        for (name, ends, needs, body) in FUNCTIONS {
            if !features.contains(*needs) {
                continue;
            }
            let ends = ends.map(|end_of| match end_of {
                End::Memory => end,
                End::Data => segments.passive,
                End::Table => TABLE,
                End::Elements => ELEMENTS,
                End::One => 1,
                End::Page => PAGE,
            });
            functions.push(Function { name, ends });
            let _infallible = writeln!(
                text,
                "(func (export \"{name}\") (param $to i32) (param $from i32) (param $n i32) (result i64) {body})"
            );
        }
        if imports && u.ratio(1, 4)? {
            let ends = ["", "(unreachable)", "(drop (i32.load (i32.const -1)))", "(data.drop $passive)"];
            let _infallible = writeln!(
                text,
                "(func $start (i32.store (i32.const 8) (call $one)) (table.set $t (i32.const 1) (ref.func $two))
                   {}) (start $start)",
                u.choose(&ends)?
            );
        }
        text += ")";
        Ok(Module { text, functions, pages })
    }
}

/// Moves the lines with inline imports before all others.
fn order_imports(text: &str) -> String {
    let (mut first, mut rest) = (String::new(), String::new());
    for (k, line) in text.lines().enumerate() {
        let target = if k == 0 || line.contains("(import ") { &mut first } else { &mut rest };
        target.push_str(line);
        target.push('\n');
    }
    first + &rest
}

/// Writes the segments of a module.
fn write_segments(u: &mut Unstructured<'_>, features: Features, imports: bool, pages: i32) -> Result<Segments> {
    let passive = *u.choose(&[0, 1, 40, 5000, 20_000])?;
    let mut text = format!("(data $passive \"{}\")\n", bytes(u, passive)?);
    for _ in 0..u.int_in_range(0..=3)? {
        let length = *u.choose(&LENGTHS)?;
        let end = pages * PAGE;
        let start = match u.int_in_range(0..=9)? {
            // Most calls need the instance `base`.
            0 if imports => end - length + 1,
            0..=3 => end - length,
            4..=6 => u.int_in_range(0..=9)?,
            _ => u.int_in_range(0..=(end - length).max(0))?,
        };
        let offset = offset(u, features, imports, start)?;
        let _infallible = writeln!(text, "(data {offset} \"{}\")", bytes(u, length)?);
    }
    let names = |u: &mut Unstructured<'_>, count: i32| -> Result<String> {
        (0..count).map(|_| Ok(format!("{} ", u.choose(&["$one", "$two"])?))).collect()
    };
    let _infallible = writeln!(text, "(elem $functions func {})", names(u, ELEMENTS)?);
    text += "(elem $nulls externref (ref.null extern) (ref.null extern) (ref.null extern) (ref.null extern))\n";
    text += "(elem $declared declare func $one $two)\n";
    // Both are dropped by the instantiation.
    text += "(data $active (offset (i32.const 3)) \"a\") (elem $first (table $t) (offset (i32.const 2)) func $one)\n";
    for _ in 0..u.int_in_range(0..=3)? {
        let length = u.int_in_range(0..=ELEMENTS)?;
        let start = match u.int_in_range(0..=9)? {
            0 if imports => TABLE - length + 1,
            0..=3 => TABLE - length,
            _ => u.int_in_range(0..=TABLE - length)?,
        };
        let offset = offset(u, features, imports, start)?;
        let _infallible = if u.arbitrary()? {
            writeln!(text, "(elem (table $t) {offset} func {})", names(u, length)?)
        } else {
            let nulls = "(ref.null func) ".repeat(usize::try_from(length).unwrap_or_default());
            writeln!(text, "(elem (table $t) {offset} funcref {nulls})")
        };
    }
    Ok(Segments { text, passive })
}

/// Returns the offset of an active segment, as a constant or with an immutable global.
fn offset(u: &mut Unstructured<'_>, features: Features, imports: bool, start: i32) -> Result<String> {
    // Without objects, a constant expression may name imported globals only.
    if !imports {
        return Ok(format!("(offset (i32.const {start}))"));
    }
    Ok(match u.int_in_range(0..=3)? {
        0 if start == 0 => "(offset (global.get $zero))".to_string(),
        1 if features.contains(Features::EXTENDED_CONST) => {
            format!("(offset (i32.add (global.get $five) (i32.const {})))", start - 5)
        }
        _ => format!("(offset (i32.const {start}))"),
    })
}

/// Returns this many bytes as the text of a string. Some long ones are mostly zero.
fn bytes(u: &mut Unstructured<'_>, length: i32) -> Result<String> {
    let length = usize::try_from(length).expect("a length is not negative");
    let first: u8 = u.arbitrary()?;
    if length > 64 && u.ratio(1, 3)? {
        return Ok(format!("begin{}end", "\\00".repeat(length - 8)));
    }
    let period = u.int_in_range(5..=61)?;
    let byte =
        |k: usize| char::from(b'0' + u8::try_from((usize::from(first) + k * k % period) % 10).unwrap_or_default());
    Ok((0..length).map(byte).collect())
}

/// The end of a range.
#[derive(Clone, Copy)]
enum End {
    Memory,
    /// Of the least size of the second memory.
    Page,
    /// Of the passive data segment.
    Data,
    Table,
    /// Of a passive element segment.
    Elements,
    /// Of a segment with a single byte or element.
    One,
}

const PLAIN: Features = Features::empty();

/// The functions of all modules: the name, what target and source are ranges of, the needed features, and the body.
const FUNCTIONS: &[(&str, [End; 2], Features, &str)] = &[
    (
        "memory_init",
        [End::Memory, End::Data],
        PLAIN,
        "(memory.init $passive (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    (
        "memory_copy",
        [End::Memory, End::Memory],
        PLAIN,
        "(memory.copy (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    (
        "memory_fill",
        [End::Memory, End::Memory],
        PLAIN,
        "(memory.fill (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    ("data_drop", [End::Data, End::Data], PLAIN, "(data.drop $passive) (i64.const 0)"),
    (
        "load",
        [End::Memory, End::Memory],
        PLAIN,
        "(i64.add (i64.load8_u (local.get $to))
           (i64.load (i32.sub (i32.add (local.get $from) (local.get $n)) (i32.const 8))))",
    ),
    (
        "memory_grow",
        [End::Memory, End::Memory],
        PLAIN,
        "(i64.extend_i32_s (memory.grow (i32.const 1)))
         (i64.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8)) (i64.const -1))",
    ),
    (
        "table_init",
        [End::Table, End::Elements],
        PLAIN,
        "(table.init $t $functions (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    (
        "hosts_init",
        [End::Table, End::Elements],
        PLAIN,
        "(table.init $u $nulls (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    (
        "table_copy",
        [End::Table, End::Table],
        PLAIN,
        "(table.copy $t $t (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    (
        "table_fill",
        [End::Table, End::Table],
        PLAIN,
        "(table.fill $t (local.get $to) (ref.func $two) (local.get $n)) (i64.const 0)",
    ),
    (
        "hosts_fill",
        [End::Table, End::Table],
        PLAIN,
        "(table.fill $u (local.get $to) (ref.null extern) (local.get $n)) (i64.extend_i32_s (table.size $u))",
    ),
    // Active and declared segments are empty from the start.
    (
        "active_memory_init",
        [End::Memory, End::One],
        PLAIN,
        "(memory.init $active (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    (
        "active_table_init",
        [End::Table, End::One],
        PLAIN,
        "(table.init $t $first (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    (
        "declared_table_init",
        [End::Table, End::One],
        PLAIN,
        "(table.init $t $declared (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    (
        "copy_to_second",
        [End::Page, End::Memory],
        Features::MULTI_MEMORY,
        "(memory.copy $second $m (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    (
        "copy_from_second",
        [End::Memory, End::Page],
        Features::MULTI_MEMORY,
        "(memory.copy $m $second (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    (
        "init_second",
        [End::Page, End::Data],
        Features::MULTI_MEMORY,
        "(memory.init $second $passive (local.get $to) (local.get $from) (local.get $n)) (i64.const 0)",
    ),
    (
        "grow_second",
        [End::Page, End::Page],
        Features::MULTI_MEMORY,
        "(memory.fill $second (local.get $to) (local.get $from) (local.get $n))
         (i64.extend_i32_s (memory.grow $second (i32.const 1)))",
    ),
    ("elem_drop", [End::Elements, End::Elements], PLAIN, "(elem.drop $functions) (i64.const 0)"),
    (
        "call",
        [End::Table, End::Table],
        PLAIN,
        "(i64.extend_i32_s (call_indirect $t (result i32)
           (i32.sub (i32.add (local.get $to) (local.get $n)) (i32.const 1))))",
    ),
    // Grows a table, and reads around its old end.
    (
        "table_grow",
        [End::Table, End::Table],
        PLAIN,
        "(local $old i32)
         (local.set $old (table.grow $t (ref.func $one) (i32.const 2)))
         (i64.extend_i32_s (i32.add (ref.is_null (table.get $t (local.get $old)))
           (call_indirect $t (result i32) (local.get $old))))",
    ),
    (
        "table_grow_null",
        [End::Table, End::Table],
        PLAIN,
        "(i64.extend_i32_s (table.grow $t (ref.null func) (i32.const 1)))
         (drop (call_indirect $t (result i32) (i32.sub (table.size $t) (i32.const 1))))",
    ),
    (
        "hosts_grow",
        [End::Table, End::Table],
        PLAIN,
        "(i64.extend_i32_s (ref.is_null (table.get $u (table.grow $u (ref.null extern) (i32.const 1)))))",
    ),
    (
        "globals",
        [End::Table, End::Table],
        PLAIN,
        "(global.set $counter (local.get $to)) (global.set $wide (i64.extend_i32_s (local.get $from)))
         (global.set $function (ref.func $two))
         (i64.add (global.get $wide) (i64x2.extract_lane 1 (global.get $vector)))",
    ),
    // Which of two tags with one type an exception has.
    (
        "twins",
        [End::Table, End::Table],
        Features::EXCEPTIONS,
        "(block $at_b (result i32)
           (block $at_a (result i32)
             (try_table (catch $b $at_b) (catch $a $at_a)
               (if (i32.and (local.get $to) (i32.const 1)) (then (throw $b (i32.const 20))))
               (throw $a (i32.const 10)))
             (unreachable))
           (return (i64.extend_i32_s)))
         (i64.extend_i32_s) (i64.const 3) (i64.mul)",
    ),
    (
        "throw",
        [End::Table, End::Table],
        Features::EXCEPTIONS,
        "(if (i32.and (local.get $to) (i32.const 1)) (then (throw $b (local.get $from)))) (throw $a (local.get $n))",
    ),
];
