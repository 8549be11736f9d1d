#![allow(unsafe_code)]
use engine::*;
use std::time::Instant;
fn main() {
    for tier in [Tier::Speed, Tier::Quick] {
        let mut c = Config::new();
        c.tier(tier);
        let engine = Engine::new(&c).unwrap();
        let mut body = String::new();
        for i in 0..2000 {
            body += &format!(
                "(func $f{i} (param i32 i32) (result i32) (i32.add (local.get 0) (i32.mul (local.get 1) (i32.const {i}))) (i32.load (i32.const {i})) i32.add)"
            );
        }
        let text = format!(
            r#"(module (memory 1) (func $recurse (export "recurse") call $recurse unreachable) (func (export "t") unreachable) (func (export "nop")) (func (export "d") (drop (i32.div_u (i32.const 1) (i32.const 0)))) {body})"#
        );
        let t = Instant::now();
        let bytes = engine.compile(&text).unwrap();
        println!("{tier:?} compile {:?} {} bytes", t.elapsed(), bytes.len());
        let path = std::env::temp_dir().join("x.cwasm");
        std::fs::write(&path, &bytes).unwrap();
        let n = 200;
        let t = Instant::now();
        for _ in 0..n {
            Module::deserialize(&engine, &bytes).unwrap();
        }
        println!("load {:?}", t.elapsed() / n);
        let t = Instant::now();
        for _ in 0..n {
            Module::deserialize_file(&engine, &path).unwrap();
        }
        println!("load_file {:?}", t.elapsed() / n);
        let t = Instant::now();
        for _ in 0..n {
            unsafe {
                Module::deserialize_trusted_file(&engine, &path).unwrap();
            }
        }
        println!("trusted {:?}", t.elapsed() / n);
        let module = Module::deserialize(&engine, &bytes).unwrap();
        let mut store = Store::new(&engine, ());
        let i = Instance::new(&mut store, &module, &[]).unwrap();
        for (name, n) in [("nop", 1000000u32), ("t", 20000), ("d", 20000), ("recurse", 20)] {
            let f = i.get_typed_func::<(), ()>(&mut store, name).unwrap();
            let mut frames = 0;
            let t = Instant::now();
            for _ in 0..n {
                if let Err(e) = f.call(&mut store, ()) {
                    frames = e.backtrace().unwrap().frames.len();
                }
            }
            println!("{name}: {:?} ({frames} frames)", t.elapsed() / n);
        }
    }
}
