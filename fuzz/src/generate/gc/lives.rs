//! Objects that live while others become garbage: across calls, exceptions and tail calls, in cycles and long lists.

use super::{Builder, ELEMENTS};
use arbitrary::{Result, Unstructured};
use lanes::Features;
use std::fmt::Write;

/// Writes the functions that the others call: `$churn` makes garbage, `$list` a list, `$pass` passes objects on.
pub(super) fn write_helpers(builder: &Builder, u: &mut Unstructured<'_>, text: &mut String) -> Result<()> {
    let garbage = u.choose_index(ELEMENTS.len())?;
    let structure = u.choose_index(builder.depth)?;
    let _infallible = write!(
        text,
        "(func $churn (result i32)
           (local $i i32)
           (loop $again
             (drop (array.new_default $a{garbage} (local.get $i)))
             (drop (struct.new_default $s{structure}))
             (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 9))))
           (local.get $i))
         (func $list (param $n i32) (result (ref null $s0))
           (local $head (ref null $s0)) (local $new (ref null $s0))
           (loop $again
             (local.set $new (struct.new_default $s{structure}))
             (struct.set $s0 $v (local.get $new) (local.get $n))
             (struct.set $s0 $next (local.get $new) (local.get $head))
             (local.set $head (local.get $new))
             (drop (array.new_default $a{garbage} (i32.const 4)))
             (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
           (local.get $head))\n"
    );
    // Passes its arguments on until the counter is zero, and then throws them, or returns one.
    let tail = if builder.features.contains(Features::TAIL_CALL) { "return_call" } else { "call" };
    let end = if builder.features.contains(Features::EXCEPTIONS) && u.arbitrary()? {
        "(throw $thrown (local.get $a) (local.get $n) (local.get $s))"
    } else {
        "(drop (call $churn)) (local.get $a)"
    };
    let _infallible = write!(
        text,
        "(func $pass (param $n i32) (param $a anyref) (param $b anyref) (param $s (ref null $s0)) (result anyref)
           (local $fresh (ref null $s0))
           (local.set $fresh (struct.new_default $s{structure}))
           (struct.set $s0 $next (local.get $fresh) (local.get $s))
           (struct.set $s0 $v (local.get $fresh) (local.get $n))
           (if (result anyref) (local.get $n)
             (then ({tail} $pass (i32.sub (local.get $n) (i32.const 1)) (local.get $b) (local.get $a)
                     (local.get $fresh)))
             (else {end})))\n"
    );
    Ok(())
}

/// Adds a function that keeps objects alive.
pub(super) fn function(u: &mut Unstructured<'_>, builder: &mut Builder) -> Result<()> {
    let code = match u.int_in_range(0..=5)? {
        0 => across_calls(u, builder)?,
        1 => cycle(u, builder)?,
        2 => list(u, builder)?,
        3 => fields(u, builder)?,
        4 => grown_table(u, builder)?,
        _ => passed(u, builder)?,
    };
    builder.export(&code);
    Ok(())
}

/// Keeps objects in locals and on the operand stack while a call makes garbage.
fn across_calls(u: &mut Unstructured<'_>, builder: &Builder) -> Result<String> {
    let mut code = format!("(local.set $r {})\n(local.set $q {})\n", builder.object(u)?, builder.object(u)?);
    let objects = (0..u.int_in_range(1..=5)?).map(|_| builder.object(u)).collect::<Result<Vec<_>>>()?;
    let count = objects.len() + 3;
    let _infallible = writeln!(code, "(i64.extend_i32_s (call $churn))");
    let _infallible = writeln!(
        code,
        "(array.new_fixed $a7 {count} (local.get $r) {} (array.new $a2 (call $churn) (i32.const 2)) (local.get $q))",
        objects.join(" ")
    );
    Ok(code)
}

/// Makes structures that refer to each other in a circle, and one that holds the circle.
fn cycle(u: &mut Unstructured<'_>, builder: &Builder) -> Result<String> {
    let structure = u.choose_index(builder.depth)?;
    let length = u.int_in_range(1..=9)?;
    Ok(format!(
        "(local.set $s (call $list (i32.const {length})))
         (local.set $r (local.get $s))
         (loop $again
           (if (i32.eqz (ref.is_null (struct.get $s0 $next (local.get $s))))
             (then (local.set $s (struct.get $s0 $next (local.get $s))) (br $again))))
         (struct.set $s0 $next (local.get $s) (ref.cast (ref $s0) (local.get $r)))
         (local.set $s (struct.new_default $s{structure}))
         (struct.set $s0 $next (local.get $s) (ref.cast (ref $s0) (local.get $r)))
         (table.set $objects (i32.const 0) (local.get $s))
         (i64.extend_i32_s (call $churn)) (local.get $s)"
    ))
}

/// Makes a long list, sums it up, and sometimes keeps it.
fn list(u: &mut Unstructured<'_>, _: &Builder) -> Result<String> {
    let length = *u.choose(&[1, 10, 100, 300])?;
    let keep = if u.arbitrary()? { "(global.set $kept (local.get $s))" } else { "" };
    Ok(format!(
        "(local.set $s (call $list (i32.const {length}))) {keep}
         (local.set $r (local.get $s))
         (loop $again
           (if (i32.eqz (ref.is_null (local.get $s)))
             (then
               (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31))
                 (i64.extend_i32_s (struct.get $s0 $v (local.get $s)))))
               (local.set $s (struct.get $s0 $next (local.get $s)))
               (br $again))))
         (local.get $sum) (if (result anyref) (local.get $n) (then (local.get $r)) (else (ref.null none)))"
    ))
}

/// Sets the fields of a structure of the chain, which its supertypes do not have.
fn fields(u: &mut Unstructured<'_>, builder: &Builder) -> Result<String> {
    let structure = u.choose_index(builder.depth)?;
    let mut code = format!("(local.set $s (struct.new_default $s{structure}))\n");
    let mut field = 2;
    for (level, added) in builder.added.iter().enumerate().take(structure + 1) {
        let Some(element) = *added else { continue };
        let value = builder.element(u, element)?;
        let _infallible =
            writeln!(code, "(struct.set $s{level} {field} (ref.cast (ref $s{level}) (local.get $s)) {value})");
        field += 1;
    }
    Ok(code + "(i64.extend_i32_s (call $churn)) (local.get $s)")
}

/// Grows a table, and keeps an object in its last element only.
fn grown_table(u: &mut Unstructured<'_>, builder: &Builder) -> Result<String> {
    let (first, last) = (builder.object(u)?, builder.object(u)?);
    let count = u.int_in_range(1..=9)?;
    Ok(format!(
        "(local.set $i (table.grow $objects {first} (i32.const {count})))
         (drop (call $churn))
         (if (local.get $n) (then (table.set $objects (i32.sub (table.size $objects) (i32.const 1)) {last})))
         (drop (call $churn))
         (i64.extend_i32_s (local.get $i))
         (table.get $objects (i32.sub (table.size $objects) (i32.const 1)))"
    ))
}

/// Passes objects through calls or tail calls, at whose end they may be thrown.
fn passed(u: &mut Unstructured<'_>, builder: &Builder) -> Result<String> {
    let times = u.int_in_range(0..=20)?;
    let call = format!(
        "(call $pass (i32.const {times}) {} {} (struct.new_default $s0))",
        builder.object(u)?,
        builder.object(u)?
    );
    let mut code = format!("(local.set $r {})\n", builder.object(u)?);
    if !builder.features.contains(Features::EXCEPTIONS) || u.ratio(1, 4)? {
        let _infallible = write!(code, "(local.set $q {call})");
    } else if u.arbitrary()? {
        let _infallible = write!(
            code,
            "(block $done (block $caught (result anyref i32 (ref null $s0))
               (try_table (catch $thrown $caught) (local.set $q {call})) (br $done))
             (local.set $s) (local.set $i) (local.set $q))
             (local.set $sum (i64.extend_i32_s (local.get $i)))"
        );
    } else {
        let _infallible = write!(
            code,
            "(block $done (block $caught (result exnref)
               (try_table (catch_all_ref $caught) (local.set $q {call})) (br $done))
             (drop (call $churn)) (throw_ref))"
        );
    }
    code += "(drop (call $churn)) (local.get $sum)
             (array.new_fixed $a7 3 (local.get $r) (local.get $q) (local.get $s))";
    Ok(code)
}
