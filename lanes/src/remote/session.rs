//! A session of a lane `remote`: compiles modules, and asks the worker for everything else.

use super::connection::Connection;
use super::message::{Answer, Ask, Open, Step};
use crate::own::{Compiler, Own};
use crate::{
    Binary, Failure, Features, HostCall, HostFunc, InstanceId, ModuleId, Objects, Phase, Refusal, Session, Shared,
    State, Value,
};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

pub(super) struct RemoteSession {
    compiler: Compiler,
    connection: Arc<Connection>,
    /// The number by which the worker knows the session.
    number: u32,
    answers: Receiver<Answer>,
    timeout: Duration,
    objects: Objects,
    host_calls: Vec<HostCall>,
    fuel: Option<u64>,
    lost: Option<Failure>,
}

/// Memories that a session of the worker has lent.
struct Lent {
    connection: Arc<Connection>,
    number: u32,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.connection.send(&Ask::Release(self.number));
    }
}

impl RemoteSession {
    /// Opens a session in the worker.
    ///
    /// # Errors
    ///
    /// The engine refuses the configuration, here or there, or the worker is lost.
    pub(super) fn new(
        own: &Own,
        connection: Arc<Connection>,
        features: Features,
        timeout: Duration,
    ) -> Result<RemoteSession, Failure> {
        let compiler = Compiler::new(own, features)?;
        let (number, answers) = connection.open();
        let open = Open { tier: own.tier(), features: features.bits(), options: own.lane_options().clone() };
        connection.send(&Ask::Open(number, Box::new(open)));
        let (objects, host_calls) = Default::default();
        let mut session = RemoteSession {
            compiler,
            connection,
            number,
            answers,
            timeout,
            objects,
            host_calls,
            fuel: None,
            lost: None,
        };
        session.receive::<Result<(), Failure>>()??;
        Ok(session)
    }

    /// Takes a step whose answer has the type `T`.
    fn take<T: DeserializeOwned>(&mut self, step: Step) -> Result<T, Failure> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        self.connection.send(&Ask::Step(self.number, step));
        self.receive()
    }

    /// Waits for an answer.
    fn receive<T: DeserializeOwned>(&mut self) -> Result<T, Failure> {
        let received = self.answers.recv_timeout(self.timeout).map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                self.connection.end();
                Failure::TimedOut(format!("the worker did not answer within {} s", self.timeout.as_secs_f64()))
            }
            RecvTimeoutError::Disconnected => {
                Failure::Crashed(format!("the worker's process died: {}", self.connection.death()))
            }
        });
        let taken = received.and_then(|answer| {
            let result = serde_json::from_str(answer.result.get());
            self.objects = answer.objects;
            self.host_calls.extend(answer.host_calls);
            self.fuel = answer.fuel;
            result.map_err(|error| Failure::Garbled(format!("the worker's answer is garbage: {error}")))
        });
        if let Err(lost) = &taken {
            self.lost = Some(lost.clone());
        }
        taken
    }
}

impl Drop for RemoteSession {
    fn drop(&mut self) {
        self.connection.close(self.number);
    }
}

impl Session for RemoteSession {
    fn load(&mut self, module: &Binary) -> Result<ModuleId, Refusal> {
        let file = self.compiler.artifact_file(module)?;
        let loaded = self.take(Step::Load(file.path().to_path_buf()));
        loaded.unwrap_or_else(|lost| {
            let phase = match lost {
                Failure::TimedOut(_) => Phase::TimedOut,
                Failure::Garbled(_) => Phase::Garbled,
                _ => Phase::Crashed,
            };
            Err(Refusal { phase, message: lost.to_string() })
        })
    }

    fn instantiate(&mut self, module: ModuleId) -> Result<InstanceId, Failure> {
        self.take(Step::Instantiate(module))?
    }

    fn register(&mut self, name: &str, instance: InstanceId) -> Result<(), Failure> {
        self.take(Step::Register(name.to_string(), instance))?
    }

    fn define(&mut self, function: &HostFunc) -> Result<(), Failure> {
        self.take(Step::Define(function.clone()))?
    }

    fn invoke(&mut self, instance: InstanceId, function: &str, arguments: &[Value]) -> Result<Vec<Value>, Failure> {
        self.take(Step::Invoke(instance, function.to_string(), arguments.to_vec()))?
    }

    fn get(&mut self, instance: InstanceId, global: &str) -> Result<Value, Failure> {
        self.take(Step::Get(instance, global.to_string()))?
    }

    fn function_at(&mut self, instance: InstanceId, index: u32) -> Result<u32, Failure> {
        self.take(Step::FunctionAt(instance, index))?
    }

    fn share(&mut self, instance: InstanceId) -> Result<Shared, Failure> {
        let number = self.take::<Result<u32, Failure>>(Step::Share(instance))??;
        let lent = Lent { connection: Arc::clone(&self.connection), number };
        Ok(Shared(vec![(String::new(), Arc::new(lent))]))
    }

    fn adopt(&mut self, shared: &Shared) -> Result<InstanceId, Failure> {
        let others = || Failure::Usage("the memories of another worker".to_string());
        let memories = shared.memories::<Lent>()?;
        let (_, lent) = memories.first().ok_or_else(others)?;
        if !Arc::ptr_eq(&lent.connection, &self.connection) {
            return Err(others());
        }
        self.take(Step::Adopt(lent.number))?
    }

    fn take_objects(&mut self) -> Objects {
        std::mem::take(&mut self.objects)
    }

    fn state(&mut self, instance: InstanceId) -> Option<State> {
        self.take(Step::State(instance)).ok()?
    }

    fn read_memory(&mut self, instance: InstanceId, memory: &str, offset: u64, length: usize) -> Option<Vec<u8>> {
        self.take(Step::ReadMemory(instance, memory.to_string(), offset, length)).ok()?
    }

    fn take_host_calls(&mut self) -> Vec<HostCall> {
        std::mem::take(&mut self.host_calls)
    }

    fn fuel(&mut self) -> Option<u64> {
        self.fuel
    }

    fn lost(&mut self) -> Option<Failure> {
        self.lost.clone()
    }
}
