//! Taint: which instances may hold something else than the script says, because a directive that would have changed
//! them was unsupported, or because threads race ([`Races`](super::races::Races)). A wrong value of a tainted instance
//! is no mistake of the engine; one of any other instance is.

use lanes::{Binary, InstanceId, ModuleId};
use std::collections::{HashMap, HashSet};
use wasmparser::{Parser, Payload};

/// The tainted instances.
///
/// An isolated instance imports nothing, and nothing can be imported from it, so only directives that use it change it.
/// All other instances may be connected with each other by imports: they are tainted together.
#[derive(Default)]
pub(super) struct Taint {
    /// The modules that import nothing.
    closed: HashSet<ModuleId>,
    /// The isolated instances, with whether each is tainted.
    isolated: HashMap<InstanceId, bool>,
    /// True if the connected instances are tainted.
    connected: bool,
}

impl Taint {
    pub(super) fn add_module(&mut self, module: ModuleId, binary: &Binary) {
        if imports_nothing(binary.bytes()) {
            self.closed.insert(module);
        }
    }

    pub(super) fn add_instance(&mut self, instance: InstanceId, module: ModuleId) {
        if self.closed.contains(&module) {
            self.isolated.insert(instance, false);
        }
    }

    /// Notes that other instances can import from this one from now on.
    pub(super) fn connect(&mut self, instance: InstanceId) {
        self.connected |= self.isolated.remove(&instance).unwrap_or(false);
    }

    /// Taints an instance and all that may be connected with it. `None` stands for an instance that does not exist
    /// because it was unsupported: it could have been connected.
    pub(super) fn spread(&mut self, instance: Option<InstanceId>) {
        match instance.and_then(|instance| self.isolated.get_mut(&instance)) {
            Some(tainted) => *tainted = true,
            None => self.connected = true,
        }
    }

    /// Returns whether a module imports nothing.
    pub(super) fn is_closed(&self, module: ModuleId) -> bool {
        self.closed.contains(&module)
    }

    /// Returns whether only directives that use the instance change it.
    pub(super) fn is_isolated(&self, instance: InstanceId) -> bool {
        self.isolated.contains_key(&instance)
    }

    pub(super) fn is_instance_tainted(&self, instance: InstanceId) -> bool {
        self.isolated.get(&instance).copied().unwrap_or(self.connected)
    }

    /// Returns whether the instantiation of a module may use a tainted instance.
    pub(super) fn is_module_tainted(&self, module: ModuleId) -> bool {
        self.connected && !self.is_closed(module)
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

    /// Adds a module with these imports, and an instance of it, both of this number.
    fn add(taint: &mut Taint, number: u32, imports: &[u8]) -> InstanceId {
        let binary = Binary::new([b"\0asm\x01\0\0\0", imports].concat());
        taint.add_module(ModuleId(number), &binary);
        taint.add_instance(InstanceId(number), ModuleId(number));
        InstanceId(number)
    }

    #[test]
    fn taint_spreads_where_instances_are_connected() {
        let mut taint = Taint::default();
        // (import "" "" (memory 0))
        let imports = b"\x02\x06\x01\0\0\x02\0\0";
        let [one, other] = [add(&mut taint, 0, b""), add(&mut taint, 1, b"")];
        let importing = add(&mut taint, 2, imports);
        taint.spread(Some(one));
        assert_eq!([one, other, importing].map(|instance| taint.is_instance_tainted(instance)), [true, false, false]);
        taint.connect(one);
        assert_eq!([one, other, importing].map(|instance| taint.is_instance_tainted(instance)), [true, false, true]);
        assert_eq!([1, 2].map(|module| taint.is_module_tainted(ModuleId(module))), [false, true]);
        taint.connect(other);
        assert!(taint.is_instance_tainted(other));
    }

    #[test]
    fn an_instance_that_does_not_exist_was_connected() {
        let mut taint = Taint::default();
        let [isolated, registered] = [add(&mut taint, 0, b""), add(&mut taint, 1, b"")];
        taint.connect(registered);
        taint.spread(None);
        assert_eq!([isolated, registered].map(|instance| taint.is_instance_tainted(instance)), [false, true]);
    }
}
