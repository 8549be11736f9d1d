//! Compiles a module, binary or text, into an artifact that another process runs without a compiler:
//! `cargo run -p engine --example compile -- engine/examples/gcd.wat gcd.cwasm`, then see `run.rs`.

use engine::{Config, Engine, inspect};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(input), Some(output), None) = (args.next(), args.next(), args.next()) else {
        return Err("usage: compile IN.wasm|IN.wat OUT.cwasm".into());
    };
    let engine = Engine::new(&Config::new())?;
    let artifact = engine.compile(std::fs::read(input)?)?;
    println!("{}", inspect(&artifact)?);
    // A process may map the old file. Renaming a new file over it keeps the mapped contents as they are.
    let unfinished = format!("{output}.tmp");
    std::fs::write(&unfinished, &artifact)?;
    std::fs::rename(unfinished, output)?;
    Ok(())
}
