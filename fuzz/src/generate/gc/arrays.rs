//! Arrays of every element type: made in every way, and then changed, with ranges up to the end and one past it.

use super::{Builder, ELEMENTS, constant};
use arbitrary::{Result, Unstructured};
use std::fmt::Write;

/// The bytes of the data segment.
const BYTES: i32 = 50;
/// The elements of each element segment.
const SEGMENT: i32 = 3;
/// The most elements of an array that is made of single values.
const LISTED: i32 = 33;

/// Adds a function that makes an array, changes it a few times, and returns it with a sum of some elements.
pub(super) fn function(u: &mut Unstructured<'_>, builder: &mut Builder) -> Result<()> {
    let element = u.choose_index(ELEMENTS.len())?;
    let ty = format!("$a{element}");
    let length = *u.choose(&[0, 1, 2, 3, 7, 8, 15, 16, 17, LISTED, 65, 130])?;
    let mut code = String::new();
    let (made, length) = make(u, builder, element, length)?;
    let _infallible = writeln!(code, "(local.set $r {made})");
    let array = format!("(ref.cast (ref {ty}) (local.get $r))");
    for _ in 0..u.int_in_range(0..=5)? {
        change(u, builder, element, length, &array, &mut code)?;
    }
    for _ in 0..u.int_in_range(1..=3)? {
        read(u, element, length, &array, &mut code)?;
    }
    builder.export(&(code + "(local.get $sum) (local.get $r)"));
    Ok(())
}

/// Returns the size of an element in a data segment, if it can come from one.
fn width(element: usize) -> Option<i32> {
    Some(match ELEMENTS[element] {
        "i8" => 1,
        "i16" => 2,
        "i32" | "f32" => 4,
        "i64" | "f64" => 8,
        "v128" => 16,
        _ => return None,
    })
}

/// Returns the element segment with elements of this type.
fn segment(element: usize) -> Option<&'static str> {
    Some(match ELEMENTS[element] {
        "anyref" => "$anys",
        "funcref" => "$functions",
        "i31ref" => "$numbers",
        "(ref null $s0)" => "$structs",
        _ => return None,
    })
}

/// Returns an expression that makes an array, and its length.
fn make(u: &mut Unstructured<'_>, builder: &Builder, element: usize, length: i32) -> Result<(String, i32)> {
    let ty = format!("$a{element}");
    Ok(match u.int_in_range(0..=3)? {
        0 => (format!("(array.new_default {ty} (i32.const {length}))"), length),
        1 if length <= LISTED => {
            let values = (0..length).map(|_| builder.element(u, element)).collect::<Result<Vec<_>>>()?;
            (format!("(array.new_fixed {ty} {length} {})", values.join(" ")), length)
        }
        2 if width(element).is_some() || segment(element).is_some() => {
            let (instruction, name, most) = match (width(element), segment(element)) {
                (None, Some(segment)) => ("array.new_elem", segment, SEGMENT),
                (width, _) => ("array.new_data", "$bytes", BYTES / width.unwrap_or(1)),
            };
            let length = length.min(most);
            let scale = width(element).unwrap_or(1);
            let left = if width(element).is_some() { BYTES - length * scale } else { SEGMENT - length };
            // Up to the last byte of the segment.
            let start = if u.arbitrary()? { left } else { u.int_in_range(0..=left)? };
            (format!("({instruction} {ty} {name} (i32.const {start}) (i32.const {length}))"), length)
        }
        _ => (format!("(array.new {ty} {} (i32.const {length}))", builder.element(u, element)?), length),
    })
}

/// Chooses start and length of a range in `0..end`, rarely one that ends exactly one past it.
fn range(u: &mut Unstructured<'_>, end: i32) -> Result<(i32, i32)> {
    let end = if u.ratio(1, 12)? { end + 1 } else { end };
    let start = u.int_in_range(0..=end)?;
    let length = if u.arbitrary()? { end - start } else { u.int_in_range(0..=end - start)? };
    Ok((start, length))
}

/// Adds a change of an array.
fn change(
    u: &mut Unstructured<'_>,
    builder: &Builder,
    element: usize,
    length: i32,
    array: &str,
    code: &mut String,
) -> Result<()> {
    let ty = format!("$a{element}");
    let (start, count) = range(u, length)?;
    let _infallible = match u.int_in_range(0..=4)? {
        0 => {
            let value = builder.element(u, element)?;
            writeln!(code, "(array.fill {ty} {array} (i32.const {start}) {value} (i32.const {count}))")
        }
        1 => {
            // Within one array, so that the ranges may overlap.
            let source = u.int_in_range(0..=(length - count).max(0))?;
            writeln!(
                code,
                "(array.copy {ty} {ty} {array} (i32.const {start}) {array} (i32.const {source}) (i32.const {count}))"
            )
        }
        2 if width(element).is_some() => {
            let count = count.min(BYTES / width(element).unwrap_or(1));
            let source = BYTES - count * width(element).unwrap_or(1);
            writeln!(
                code,
                "(array.init_data {ty} $bytes {array} (i32.const {start}) (i32.const {source}) (i32.const {count}))"
            )
        }
        2 if segment(element).is_some() => {
            let (source, count) = range(u, SEGMENT.min(count))?;
            let name = segment(element).unwrap_or_default();
            writeln!(
                code,
                "(array.init_elem {ty} {name} {array} (i32.const {start}) (i32.const {source}) (i32.const {count}))"
            )
        }
        _ => {
            let index = index(u, length)?;
            let value = builder.element(u, element)?;
            writeln!(code, "(array.set {ty} {array} (i32.const {index}) {value})")
        }
    };
    Ok(())
}

/// Chooses an index, often the last, rarely the one past the end.
fn index(u: &mut Unstructured<'_>, length: i32) -> Result<i32> {
    Ok(match u.int_in_range(0..=11)? {
        _ if length == 0 => 0,
        0 => length,
        1..=4 => length - 1,
        _ => u.int_in_range(0..=length - 1)?,
    })
}

/// Adds an element to the sum.
fn read(u: &mut Unstructured<'_>, element: usize, length: i32, array: &str, code: &mut String) -> Result<()> {
    let get = |sign| format!("(array.get{sign} $a{element} {array} (i32.const INDEX))");
    let signed = if u.arbitrary()? { "_s" } else { "_u" };
    let value = match ELEMENTS[element] {
        "i8" | "i16" => format!("(i64.extend_i32{signed} {})", get(signed)),
        "i32" => format!("(i64.extend_i32{signed} {})", get("")),
        "i64" => get(""),
        "f32" => format!("(i64.extend_i32_u (i32.reinterpret_f32 {}))", get("")),
        "f64" => format!("(i64.reinterpret_f64 {})", get("")),
        "v128" => format!("(i64x2.extract_lane {} {})", u.int_in_range(0..=1)?, get("")),
        "i31ref" => format!("(i64.extend_i32_s (i31.get{signed} {}))", get("")),
        "(ref null $s0)" => format!("(i64.extend_i32_s (struct.get $s0 $v {}))", get("")),
        _ => format!("(i64.extend_i32_s (ref.is_null {}))", get("")),
    };
    let value = value.replace("INDEX", &index(u, length)?.to_string());
    let _infallible = writeln!(
        code,
        "(local.set $sum (i64.xor (i64.rotl (local.get $sum) (i64.const 7)) (i64.add {value} {})))",
        constant(u, "i64")?
    );
    let _infallible =
        writeln!(code, "(local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (array.len {array}))))");
    Ok(())
}
