//! Which instances may hold something else than the script says, because a directive that would have changed them was
//! unsupported. What such an instance shows is no mistake of the engine; what any other shows is.

use lanes::{Binary, InstanceId, ModuleId};
use std::collections::{HashMap, HashSet};
use wasmparser::{Parser, Payload};

/// Instances by what may have changed them. One that imports nothing, and of which nothing can be imported, changes
/// through itself alone; all others may be connected.
#[derive(Default)]
pub(super) struct Doubt {
    /// Modules that import nothing.
    closed: HashSet<ModuleId>,
    /// Instances that stand alone, and whether they are in doubt.
    alone: HashMap<InstanceId, bool>,
    /// Whether those are that may be connected.
    connected: bool,
}

impl Doubt {
    pub(super) fn loaded(&mut self, module: ModuleId, binary: &Binary) {
        if imports_nothing(binary.bytes()) {
            self.closed.insert(module);
        }
    }

    pub(super) fn instantiated(&mut self, instance: InstanceId, module: ModuleId) {
        if self.closed.contains(&module) {
            self.alone.insert(instance, false);
        }
    }

    /// An instance can be reached from others from now on.
    pub(super) fn connect(&mut self, instance: InstanceId) {
        self.connected |= self.alone.remove(&instance).unwrap_or(false);
    }

    /// What would have used this instance, or one that is not there, was unsupported.
    pub(super) fn spread(&mut self, instance: Option<InstanceId>) {
        match instance.and_then(|instance| self.alone.get_mut(&instance)) {
            Some(doubtful) => *doubtful = true,
            None => self.connected = true,
        }
    }

    pub(super) fn of_instance(&self, instance: InstanceId) -> bool {
        self.alone.get(&instance).copied().unwrap_or(self.connected)
    }

    /// Whether what happens while the module is instantiated is in doubt.
    pub(super) fn of_module(&self, module: ModuleId) -> bool {
        self.connected && !self.closed.contains(&module)
    }
}

fn imports_nothing(binary: &[u8]) -> bool {
    let mut imports = Parser::new(0).parse_all(binary).filter_map(|payload| match payload {
        Ok(Payload::ImportSection(section)) => Some(section.count()),
        _ => None,
    });
    imports.all(|count| count == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module, and an instance of it, of this number.
    fn made(doubt: &mut Doubt, number: u32, imports: &[u8]) -> InstanceId {
        let binary = Binary::new([b"\0asm\x01\0\0\0", imports].concat());
        doubt.loaded(ModuleId(number), &binary);
        doubt.instantiated(InstanceId(number), ModuleId(number));
        InstanceId(number)
    }

    #[test]
    fn doubt_spreads_where_instances_are_connected() {
        let mut doubt = Doubt::default();
        // (import "" "" (memory 0))
        let imports = b"\x02\x06\x01\0\0\x02\0\0";
        let [one, other] = [made(&mut doubt, 0, b""), made(&mut doubt, 1, b"")];
        let importing = made(&mut doubt, 2, imports);
        doubt.spread(Some(one));
        assert_eq!([one, other, importing].map(|instance| doubt.of_instance(instance)), [true, false, false]);
        doubt.connect(one);
        assert_eq!([one, other, importing].map(|instance| doubt.of_instance(instance)), [true, false, true]);
        assert_eq!([1, 2].map(|module| doubt.of_module(ModuleId(module))), [false, true]);
        doubt.connect(other);
        assert!(doubt.of_instance(other));
    }

    #[test]
    fn an_instance_that_is_not_there_was_connected() {
        let mut doubt = Doubt::default();
        let [alone, registered] = [made(&mut doubt, 0, b""), made(&mut doubt, 1, b"")];
        doubt.connect(registered);
        doubt.spread(None);
        assert_eq!([alone, registered].map(|instance| doubt.of_instance(instance)), [false, true]);
    }
}
