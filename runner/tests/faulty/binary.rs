//! The runner with faulty lanes, and with the command `faulty-adapter FAULT LANE`; without arguments a worker of the
//! lanes `remote` that has a compiler. The tests run it where the product must notice that something is wrong.

mod adapter;
mod lanes;

use ::lanes::Options;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    lanes::register();
    let arguments: Vec<String> = std::env::args().collect();
    match &arguments[..] {
        [_] => {
            ::lanes::remote::serve(io::stdin().lock(), io::stdout()).expect("asks, and a way to answer them");
            ExitCode::SUCCESS
        }
        [_, command, fault, lane] if command == "faulty-adapter" => serve(fault, lane),
        _ => runner::cli::main(),
    }
}

/// Serves `lane` with this fault until standard input ends.
fn serve(fault: &str, lane: &str) -> ExitCode {
    let fault: StrDeserializer<'_, Error> = fault.into_deserializer();
    let fault = adapter::Fault::deserialize(fault).expect("a fault by its name");
    let lane = ::lanes::parse(lane, &Options::default()).expect("a lane by its name").present.remove(0);
    adapter::serve(&*lane, fault, io::stdin().lock(), io::stdout().lock()).expect("requests, and a way to answer them");
    ExitCode::SUCCESS
}
