//! Taint: which instances may hold something else than the script says, because what would have changed them was
//! unsupported or is missing, or because threads race ([`Races`](super::races::Races)). A wrong value of a tainted
//! instance is no further mistake of the engine; one of any other instance is.

use lanes::{Binary, InstanceId, ModuleId};
use std::collections::{HashMap, HashSet};
use wasmparser::{Parser, Payload};

/// The tainted instances, each with a cause.
///
/// An isolated instance imports nothing, and nothing can be imported from it, so only directives that use it change it.
/// All other instances may be connected with each other by imports: they are tainted together.
pub(super) struct Taint<C> {
    /// The modules that import nothing.
    closed: HashSet<ModuleId>,
    /// The isolated instances, each with what tainted it first.
    isolated: HashMap<InstanceId, Option<C>>,
    /// The cause that tainted the connected instances first.
    connected: Option<C>,
}

impl<C> Default for Taint<C> {
    fn default() -> Taint<C> {
        Taint { closed: HashSet::new(), isolated: HashMap::new(), connected: None }
    }
}

impl<C: Copy> Taint<C> {
    pub(super) fn add_module(&mut self, module: ModuleId, binary: &Binary) {
        if imports_nothing(binary.bytes()) {
            self.closed.insert(module);
        }
    }

    pub(super) fn add_instance(&mut self, instance: InstanceId, module: ModuleId) {
        if self.closed.contains(&module) {
            self.isolated.insert(instance, None);
        }
    }

    /// Notes that other instances can import from this one from now on.
    pub(super) fn connect(&mut self, instance: InstanceId) {
        let cause = self.isolated.remove(&instance).flatten();
        self.connected = self.connected.or(cause);
    }

    /// Taints an instance and all that may be connected with it. `None` stands for an instance that does not exist
    /// for this cause: it could have been connected.
    pub(super) fn spread(&mut self, instance: Option<InstanceId>, cause: C) {
        let tainted = instance.and_then(|instance| self.isolated.get_mut(&instance));
        tainted.unwrap_or(&mut self.connected).get_or_insert(cause);
    }

    /// Returns whether a module imports nothing.
    pub(super) fn is_closed(&self, module: ModuleId) -> bool {
        self.closed.contains(&module)
    }

    /// Returns whether only directives that use the instance change it.
    pub(super) fn is_isolated(&self, instance: InstanceId) -> bool {
        self.isolated.contains_key(&instance)
    }

    /// Returns what tainted an instance, if anything did.
    pub(super) fn of_instance(&self, instance: InstanceId) -> Option<C> {
        self.isolated.get(&instance).copied().unwrap_or(self.connected)
    }

    /// Returns what tainted an instance that the instantiation of a module may use, if anything did.
    pub(super) fn of_module(&self, module: ModuleId) -> Option<C> {
        self.connected.filter(|_| !self.is_closed(module))
    }
}

fn imports_nothing(binary: &[u8]) -> bool {
    for payload in Parser::new(0).parse_all(binary) {
        match payload {
            Ok(Payload::ImportSection(section)) => return section.count() == 0,
            // Imports come before all of these, and the rest of a large module takes time.
            Ok(Payload::FunctionSection(_) | Payload::ExportSection(_) | Payload::CodeSectionStart { .. }) | Err(_) => {
                break;
            }
            Ok(_) => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::cause::Cause;
    use super::*;

    /// Adds a module with these imports, and an instance of it, both of this number.
    fn add(taint: &mut Taint<Cause>, number: u32, imports: &[u8]) -> InstanceId {
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
        taint.spread(Some(one), Cause::Unsupported);
        let cause = Some(Cause::Unsupported);
        assert_eq!([one, other, importing].map(|instance| taint.of_instance(instance)), [cause, None, None]);
        taint.connect(one);
        assert_eq!([one, other, importing].map(|instance| taint.of_instance(instance)), [cause, None, cause]);
        assert_eq!([1, 2].map(|module| taint.of_module(ModuleId(module))), [None, cause]);
        taint.connect(other);
        assert_eq!(taint.of_instance(other), cause);
    }

    #[test]
    fn an_instance_that_does_not_exist_was_connected() {
        let mut taint = Taint::default();
        let [isolated, registered] = [add(&mut taint, 0, b""), add(&mut taint, 1, b"")];
        taint.connect(registered);
        let first = Cause::Failed { line: 7 };
        taint.spread(None, first);
        taint.spread(None, Cause::Unsupported);
        assert_eq!([isolated, registered].map(|instance| taint.of_instance(instance)), [None, Some(first)]);
    }
}
