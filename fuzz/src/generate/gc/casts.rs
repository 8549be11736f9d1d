//! Casts: every object against every type, and casts whose operand already has a type within the chain.

use super::{BRANCHES, Builder, DEEPEST, ELEMENTS};
use arbitrary::{Result, Unstructured};
use std::fmt::Write;

/// The abstract types that objects are tested against.
const ABSTRACT: [&str; 6] = ["any", "eq", "struct", "array", "i31", "none"];

/// Writes `$make`, which makes an object of the kind of this number, and a function of each type of the chain of
/// function types.
pub(super) fn write_makers(builder: &Builder, text: &mut String) {
    let types = builder.types();
    *text += "(func $make (param $k i32) (param $x externref) (result anyref)\n";
    (0..types.len() + 3).for_each(|_| *text += "(block ");
    *text += "(br_table ";
    (0..types.len() + 3).for_each(|k| _ = write!(text, "{k} "));
    *text += "(local.get $k)))\n";
    for ty in &types {
        if ty.starts_with("$a") {
            let _infallible = writeln!(text, "(return (array.new_default {ty} (i32.const 3))))");
        } else {
            let _infallible = writeln!(text, "(return (struct.new_default {ty})))");
        }
    }
    *text += "(return (ref.null none)))\n(return (ref.i31 (i32.const -3))))\n(any.convert_extern (local.get $x)))\n";
    for k in 0..DEEPEST {
        let _infallible = writeln!(text, "(func $g{k} (type $g{k}) (i32.const {k}))");
    }
    *text += "(elem declare func $g0";
    (1..DEEPEST).for_each(|k| _ = write!(text, " $g{k}"));
    *text += ")\n";
}

/// Adds a function that casts.
pub(super) fn function(u: &mut Unstructured<'_>, builder: &mut Builder) -> Result<()> {
    let code = match u.int_in_range(0..=4)? {
        0 => tests(u, builder)?,
        1 => branches(u, builder)?,
        2 => narrowing(u, builder)?,
        3 => functions(u)?,
        _ => cast(u, builder)?,
    };
    builder.export(&code);
    Ok(())
}

/// Returns all types that an object may be tested against.
fn targets(builder: &Builder) -> Vec<String> {
    builder.types().into_iter().chain(ABSTRACT.map(String::from)).collect()
}

/// Tests one object against all types: the result has a bit for each.
fn tests(u: &mut Unstructured<'_>, builder: &Builder) -> Result<String> {
    let null = if u.arbitrary()? { "null " } else { "" };
    let mut code = format!("(local.set $r {})\n", builder.object(u)?);
    for target in targets(builder) {
        let _infallible = write!(
            code,
            "(local.set $sum (i64.or (i64.shl (local.get $sum) (i64.const 1))
               (i64.extend_i32_u (ref.test (ref {null}{target}) (local.get $r)))))\n"
        );
    }
    Ok(code + "(local.get $sum) (local.get $r)")
}

/// Branches on casts of one object to some types.
fn branches(u: &mut Unstructured<'_>, builder: &Builder) -> Result<String> {
    let targets = targets(builder);
    let mut code = format!("(local.set $r {})\n", builder.object(u)?);
    for bit in 0..u.int_in_range(1..=6)? {
        let target = u.choose(&targets)?;
        let null = if u.arbitrary()? { "null " } else { "" };
        let set = format!("(local.set $sum (i64.or (local.get $sum) (i64.const {})))", 1 << bit);
        let _infallible = if u.arbitrary()? {
            write!(
                code,
                "(block $no (result anyref) (block $yes (result (ref {null}{target}))
                   (br $no (br_on_cast $yes anyref (ref {null}{target}) (local.get $r)))) {set}) (local.set $q)\n"
            )
        } else {
            write!(
                code,
                "(block $no (result anyref) (br_on_cast_fail $no anyref (ref {null}{target}) (local.get $r)) {set})
                 (local.set $q)\n"
            )
        };
    }
    Ok(code + "(local.get $sum) (local.get $q)")
}

/// Casts down the chain in steps, so that the operand of each cast has a type within it.
fn narrowing(u: &mut Unstructured<'_>, builder: &Builder) -> Result<String> {
    let from = u.choose_index(builder.depth)?;
    let to = u.int_in_range(from..=builder.depth - 1)?;
    let made = u.int_in_range(from..=builder.depth - 1)?;
    let branch = made >= BRANCHES && made - BRANCHES < builder.branches && u.arbitrary()?;
    let made = if branch { format!("$t{}", made - BRANCHES) } else { format!("$s{made}") };
    Ok(format!(
        "(local.set $s (struct.new_default {made}))
         (struct.set $s0 $v (local.get $s) (i32.const {to}))
         (i64.extend_i32_u (ref.test (ref $s{to}) (ref.cast (ref $s{from}) (local.get $s))))
         (if (result anyref) (local.get $n) (then (local.get $s))
           (else (ref.cast (ref null $s{to}) (ref.cast (ref $s{from}) (local.get $s)))))"
    ))
}

/// Tests functions against the chain of function types.
fn functions(u: &mut Unstructured<'_>) -> Result<String> {
    let made = u.choose_index(DEEPEST)?;
    let mut code = String::new();
    for target in 0..DEEPEST {
        let _infallible = write!(
            code,
            "(local.set $sum (i64.or (i64.shl (local.get $sum) (i64.const 1))
               (i64.extend_i32_u (ref.test (ref $g{target}) (ref.func $g{made})))))\n"
        );
    }
    let target = u.choose_index(DEEPEST)?;
    let _infallible = writeln!(
        code,
        "(if (local.get $n) (then (drop (call_ref $g{target} (ref.cast (ref null $g{target}) (ref.func $g{made}))))))"
    );
    Ok(code + "(local.get $sum) (ref.null any)")
}

/// Casts an object to a type, which traps if it has another.
fn cast(u: &mut Unstructured<'_>, builder: &Builder) -> Result<String> {
    let targets = targets(builder);
    let target = u.choose(&targets)?;
    let null = if u.arbitrary()? { "null " } else { "" };
    let mut code = format!("(local.set $q {})\n", builder.object(u)?);
    // Through a table or a field, whose type says nothing.
    code += match u.int_in_range(0..=2)? {
        0 => "(table.set $objects (i32.const 1) (local.get $q)) (local.set $r (table.get $objects (i32.const 1)))",
        1 => "(global.set $kept (local.get $q)) (local.set $r (global.get $kept))",
        _ => "(local.set $r (array.get $a7 (array.new $a7 (local.get $q) (i32.const 2)) (i32.const 1)))",
    };
    debug_assert_eq!(ELEMENTS[7], "anyref");
    let _infallible = write!(code, "(i64.const 1) (ref.cast (ref {null}{target}) (local.get $r))");
    Ok(code)
}
