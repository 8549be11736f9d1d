//! Loads an artifact and calls an exported function with integers, without a compiler:
//! `cargo run -p engine --example run --no-default-features -- gcd.cwasm gcd 1071 462` (see `compile.rs`).

use engine::{Config, Engine, Instance, Module, Store, Val, ValType};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(file), Some(function)) = (args.next(), args.next()) else {
        return Err("usage: run FILE.cwasm FUNCTION [INTEGER]...".into());
    };
    // An artifact loads in an engine with the same configuration. Here it may or may not have debug information.
    let debug_info = engine::inspect(&std::fs::read(&file)?)?.config.debug_info;
    let engine = Engine::new(Config::new().debug_info(debug_info))?;
    let module = Module::deserialize_file(&engine, file)?;
    let mut store = Store::new(&engine, ());
    let instance = Instance::new(&mut store, &module, &[])?;
    let function = instance.get_func(&mut store, &function)?;

    let ty = function.ty(&store)?;
    let params = ty.params.iter().zip(args).map(|(ty, text)| parse(*ty, &text)).collect::<Result<Vec<_>, _>>()?;
    let mut results: Vec<Val> = ty.results.iter().map(|&ty| Val::default_for_ty(ty)).collect();
    // An error that `main` returns is printed in its debug form, which has the backtrace.
    function.call(&mut store, &params, &mut results)?;
    for result in results {
        println!("{result:?}");
    }
    Ok(())
}

fn parse(ty: ValType, text: &str) -> Result<Val, Box<dyn Error>> {
    match ty {
        ValType::I32 => Ok(Val::I32(text.parse()?)),
        ValType::I64 => Ok(Val::I64(text.parse()?)),
        other => Err(format!("this example passes integers only, not {other}").into()),
    }
}
