//! The table of functions against the specification, which `wasi-common` carries with it.

use wasi_common::snapshots::preview_1::metadata;
use wasi_preview1::{FUNCTIONS, NumType};
use wiggle::witx::WasmType;

type Row = (String, Vec<NumType>, Vec<NumType>);

fn specified() -> Vec<Row> {
    let number = |ty: &WasmType| match ty {
        WasmType::I32 => NumType::I32,
        WasmType::I64 => NumType::I64,
        other => panic!("preview 1 has no {other:?}"),
    };
    let document = metadata::document();
    let module = document.modules().next().expect("one module");
    let rows = module.funcs().map(|function| {
        let (params, results) = function.wasm_signature();
        let numbers = |types: &[WasmType]| types.iter().map(number).collect();
        (function.name.as_str().to_owned(), numbers(&params), numbers(&results))
    });
    rows.collect()
}

/// Complaints about rows of the table that are missing or wrong.
fn complaints(table: &[Row], specified: &[Row]) -> Vec<String> {
    let missing = specified.iter().filter(|row| !table.contains(row)).map(|row| format!("missing: {row:?}"));
    let wrong = table.iter().filter(|row| !specified.contains(row)).map(|row| format!("wrong: {row:?}"));
    missing.chain(wrong).collect()
}

#[test]
fn the_table_is_the_specification() {
    let own = FUNCTIONS.iter().map(|function| {
        (function.name.to_owned(), function.params.to_vec(), function.result.into_iter().collect::<Vec<_>>())
    });
    let own: Vec<Row> = own.collect();
    let specified = specified();
    assert_eq!(complaints(&own, &specified), Vec::<String>::new());
    assert_eq!(own.len(), 46);

    // The comparison finds what is planted: a row too few, and a wrong type.
    assert_eq!(complaints(&own[1..], &specified).len(), 1);
    let mut altered = own;
    altered[5].1[1] = NumType::I32;
    assert_eq!(complaints(&altered, &specified).len(), 2);
}
