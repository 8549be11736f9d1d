//! Lanes that misbehave on purpose, for the tests that prove that the harness notices. `faulty/NAME` is `speed/fresh`,
//! except that a call of an export named `canary` ..
//!
//! - `faulty/abort`: ends the process;
//! - `faulty/hang`: never returns;
//! - `faulty/lie`: returns an `i32` that no honest lane returns;
//! - `faulty/wrong-field`: returns the export's results, but each integer in the objects that they reach is one more;
//! - `faulty/wrong-frame`: traps as the export does, but at another byte offset;
//! - `faulty/unsupported`: is not supported, as another engine may say;
//! - `faulty/crashed`: fails as if the engine's process had died.
//!
//! The last two are lanes of another engine than ours. `faulty/absent` is not installed. `faulty/remote` runs in a
//! worker that has a compiler, and the worker of `faulty/remote-ends` ends after a few asks.
//!
//! Four lanes misbehave when they load a module with a certain instruction ([`is_cursed`]), for the fuzzer:
//! `faulty/load-abort` ends the process, `faulty/load-hang` never returns, `faulty/load-hog` takes memory without end,
//! and `faulty/load-panic` panics.

use lanes::own::{Origin, Own, Tier};
use lanes::remote::RemoteLane;
use lanes::{
    Binary, Failure, Features, HostCall, HostFunc, InstanceId, Lane, LaneInfo, ModuleId, Object, Objects, Opened,
    Options, Refusal, Session, State, Value,
};
use std::time::Duration;
use wasmparser::{Operator, Parser, Payload};

/// Adds the faulty lanes to this program's list.
pub(crate) fn register() {
    lanes::register("faulty/abort", |options| open("faulty/abort", Fault::Abort, options));
    lanes::register("faulty/hang", |options| open("faulty/hang", Fault::Hang, options));
    lanes::register("faulty/lie", |options| open("faulty/lie", Fault::Lie, options));
    lanes::register("faulty/wrong-field", |options| open("faulty/wrong-field", Fault::WrongField, options));
    lanes::register("faulty/wrong-frame", |options| open("faulty/wrong-frame", Fault::WrongFrame, options));
    lanes::register("faulty/unsupported", |options| open("faulty/unsupported", Fault::Unsupported, options));
    lanes::register("faulty/crashed", |options| open("faulty/crashed", Fault::Crashed, options));
    lanes::register("faulty/load-abort", |options| open("faulty/load-abort", Fault::LoadAbort, options));
    lanes::register("faulty/load-hang", |options| open("faulty/load-hang", Fault::LoadHang, options));
    lanes::register("faulty/load-hog", |options| open("faulty/load-hog", Fault::LoadHog, options));
    lanes::register("faulty/load-panic", |options| open("faulty/load-panic", Fault::LoadPanic, options));
    lanes::register("faulty/remote", |options| remote("faulty/remote", "exec \"$0\"", options));
    lanes::register("faulty/remote-ends", |options| remote("faulty/remote-ends", "sed -u 9q | \"$0\"", options));
    lanes::register("faulty/absent", |_| Err("not installed: it never is".to_string()));
}

#[derive(Clone, Copy)]
enum Fault {
    Abort,
    Hang,
    Lie,
    WrongField,
    WrongFrame,
    Unsupported,
    Crashed,
    LoadAbort,
    LoadHang,
    LoadHog,
    LoadPanic,
}

/// Returns whether the lanes that misbehave on load do so for this module: it has an instruction that few modules have.
fn is_cursed(module: &Binary) -> bool {
    let bodies = Parser::new(0).parse_all(module.bytes()).filter_map(|payload| match payload {
        Ok(Payload::CodeSectionEntry(body)) => body.get_operators_reader().ok(),
        _ => None,
    });
    bodies.flatten().any(|operator| matches!(operator, Ok(Operator::I64Clz)))
}

struct FaultyLane {
    inner: Own,
    info: LaneInfo,
    fault: Fault,
}

fn open(name: &str, fault: Fault, options: &Options) -> Opened {
    let inner = Own::new(Tier::Speed, Origin::Fresh, options);
    let mut info = LaneInfo { name: name.to_string(), ..inner.info().clone() };
    if matches!(fault, Fault::Unsupported | Fault::Crashed) {
        info.engine = "faulty".to_string();
    }
    Ok(Box::new(FaultyLane { inner, info, fault }))
}

/// A lane whose worker is what a shell makes of this program.
fn remote(name: &str, shell: &str, options: &Options) -> Opened {
    let program = std::env::current_exe().map_err(|error| error.to_string())?.display().to_string();
    let command = ["sh", "-c", shell, &program].map(String::from).to_vec();
    let own = Own::new(Tier::Speed, Origin::Remote, options);
    Ok(Box::new(RemoteLane::with_worker(name, own, command)))
}

impl Lane for FaultyLane {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        self.inner.lacks(features)
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        Ok(Box::new(FaultySession { inner: self.inner.session(features)?, fault: self.fault, falsifies: false }))
    }
}

struct FaultySession<'a> {
    inner: Box<dyn Session + 'a>,
    fault: Fault,
    /// True if the objects of the last result are to be falsified.
    falsifies: bool,
}

impl Session for FaultySession<'_> {
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal> {
        match self.fault {
            _ if !is_cursed(module) => self.inner.load(module),
            Fault::LoadAbort => std::process::abort(),
            Fault::LoadHang => sleep_forever(),
            Fault::LoadHog => take_memory(),
            Fault::LoadPanic => panic!("{} bytes are too many", module.bytes().len()),
            _ => self.inner.load(module),
        }
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        self.inner.instantiate(module)
    }

    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure> {
        self.inner.register(name, instance)
    }

    fn define(&mut self, function: &HostFunc) -> Result<(), Failure> {
        self.inner.define(function)
    }

    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure> {
        if function != "canary" {
            return self.inner.invoke(instance, function, arguments);
        }
        match self.fault {
            Fault::Abort => std::process::abort(),
            Fault::Hang => sleep_forever(),
            Fault::LoadAbort | Fault::LoadHang | Fault::LoadHog | Fault::LoadPanic => {
                self.inner.invoke(instance, function, arguments)
            }
            Fault::Unsupported => Err(Failure::Unsupported("no canaries".to_string())),
            Fault::Crashed => Err(Failure::Crashed("exit status 7".to_string())),
            Fault::Lie => Ok(vec![Value::I32(0x0bad_0bad)]),
            Fault::WrongField => {
                self.falsifies = true;
                self.inner.invoke(instance, function, arguments)
            }
            Fault::WrongFrame => {
                let mut result = self.inner.invoke(instance, function, arguments);
                if let Err(Failure::Trap(trap)) = &mut result {
                    for frame in trap.frames.iter_mut().flatten() {
                        frame.module_offset = frame.module_offset.map(|offset| offset + 1);
                    }
                }
                result
            }
        }
    }

    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure> {
        self.inner.get(instance, global)
    }

    fn state(&mut self, instance: InstanceId) -> Option<State> {
        self.inner.state(instance)
    }

    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        self.inner.read_memory(instance, memory, offset, length)
    }

    fn take_objects(&mut self) -> Objects {
        let objects = self.inner.take_objects();
        if !std::mem::take(&mut self.falsifies) {
            return objects;
        }
        let numbers = 0..u32::try_from(objects.len()).expect("no heap has 2^32 objects");
        numbers.filter_map(|number| objects.get(number)).cloned().map(falsify).collect()
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        self.inner.take_host_calls()
    }

    fn fuel(&mut self) -> Option<u64> {
        self.inner.fuel()
    }

    fn lost(&mut self) -> Option<Failure> {
        self.inner.lost()
    }
}

fn sleep_forever() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Takes memory until somebody ends the process.
fn take_memory() -> ! {
    let mut taken = Vec::new();
    loop {
        taken.push(vec![1u8; 16 << 20]);
        // A test that nobody ends must not take the machine's memory.
        if taken.len() > 256 {
            sleep_forever();
        }
    }
}

fn falsify(mut object: Object) -> Object {
    let (Object::Struct { fields: contents, .. } | Object::Array(contents) | Object::Exn { payload: contents, .. }) =
        &mut object;
    for value in &mut contents.values {
        if let Value::I32(value) = value {
            *value = value.wrapping_add(1);
        }
    }
    object
}
