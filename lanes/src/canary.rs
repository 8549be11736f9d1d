//! Lanes that misbehave on purpose, for the tests that prove that the harness notices: `canary/NAME` is `speed/fresh`
//! except that calling an export named `canary` does not call it but
//!
//! - `canary/abort`: ends the process;
//! - `canary/hang`: never returns;
//! - `canary/lie`: returns an `i32` that no honest lane returns;
//! - `canary/wrong-field`: returns what the export returns, but of the objects that it refers to each integer is one more;
//! - `canary/wrong-frame`: traps, as the export does, but with another byte offset;
//! - `canary/unsupported`: says that it does not support it, as another engine may;
//! - `canary/crashed`: says that the engine's process died.
//!
//! The last two say that they are of another family. `canary/absent` is not installed. They are not listed among the
//! lanes.

use crate::own::{Origin, Own, Tier};
use crate::{
    Binary, Failure, Features, HostCall, HostFunc, InstanceId, Lane, LaneInfo, ModuleId, Object, Objects, Options,
    Refusal, Session, State, Value,
};
use std::time::Duration;

#[derive(Clone, Copy)]
enum Mischief {
    Abort,
    Hang,
    Lie,
    WrongField,
    WrongFrame,
    Unsupported,
    Crashed,
}

pub(crate) struct Canary {
    inner: Own,
    info: LaneInfo,
    mischief: Mischief,
}

impl Canary {
    pub(crate) fn named(name: &str, options: &Options) -> Option<Canary> {
        let mischief = match name {
            "canary/abort" => Mischief::Abort,
            "canary/hang" => Mischief::Hang,
            "canary/lie" => Mischief::Lie,
            "canary/wrong-field" => Mischief::WrongField,
            "canary/wrong-frame" => Mischief::WrongFrame,
            "canary/unsupported" => Mischief::Unsupported,
            "canary/crashed" => Mischief::Crashed,
            _ => return None,
        };
        let inner = Own::new(Tier::Speed, Origin::Fresh, options);
        let mut info = LaneInfo { name: name.to_string(), ..inner.info().clone() };
        if matches!(mischief, Mischief::Unsupported | Mischief::Crashed) {
            info.engine = "canary".to_string();
        }
        Some(Canary { inner, info, mischief })
    }
}

impl Lane for Canary {
    fn info(&self) -> &LaneInfo {
        &self.info
    }

    fn lacks(&self, features: Features) -> Features {
        self.inner.lacks(features)
    }

    fn session(&self, features: Features) -> Result<Box<dyn Session + '_>, Failure> {
        Ok(Box::new(CanarySession { inner: self.inner.session(features)?, mischief: self.mischief, falsifies: false }))
    }
}

struct CanarySession<'a> {
    inner: Box<dyn Session + 'a>,
    mischief: Mischief,
    /// Whether the objects of the last result are to be falsified.
    falsifies: bool,
}

impl Session for CanarySession<'_> {
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal> {
        self.inner.load(module)
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
        match self.mischief {
            Mischief::Abort => std::process::abort(),
            Mischief::Hang => loop {
                std::thread::sleep(Duration::from_secs(1));
            },
            Mischief::Unsupported => Err(Failure::Unsupported("no canaries".to_string())),
            Mischief::Crashed => Err(Failure::Crashed("exit status 7".to_string())),
            Mischief::Lie => Ok(vec![Value::I32(0x0bad_0bad)]),
            Mischief::WrongField => {
                self.falsifies = true;
                self.inner.invoke(instance, function, arguments)
            }
            Mischief::WrongFrame => {
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
        let mut objects = self.inner.take_objects();
        if std::mem::take(&mut self.falsifies) {
            objects.iter_mut().for_each(falsify);
        }
        objects
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

fn falsify(object: &mut Object) {
    for value in &mut object.contents_mut().values {
        if let Value::I32(value) = value {
            *value = value.wrapping_add(1);
        }
    }
}
