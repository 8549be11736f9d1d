//! Races: which instances may hold something that depends on the order in which threads run.
//!
//! A thread to which an instance was lent runs from its `thread` to the `wait` for it, or to the end of the script.
//! Threads race if two such threads run at once, or if the script itself runs code of a connected instance meanwhile
//! ([`Taint`] says which instances are connected). Nothing but `wait` orders them: what the code of threads does to
//! wait for each other is not looked at. From then on, no connected instance of the script has to be the same in each
//! lane.

use super::taint::Taint;
use lanes::{Binary, InstanceId, ModuleId};
use script::{Directive, DirectiveKind, Kind};

/// The instances of a script whose contents depend on races.
pub(super) struct Races {
    /// False if the script has no thread, so that nothing has to be looked at.
    is_possible: bool,
    raced: Taint<()>,
    /// True if the current directive used such an instance.
    used: bool,
}

impl Races {
    pub(super) fn new(directives: &[Directive]) -> Races {
        Races { is_possible: directives.iter().any(Directive::is_thread), raced: Taint::default(), used: false }
    }

    pub(super) fn add_module(&mut self, module: ModuleId, binary: &Binary) {
        if self.is_possible {
            self.raced.add_module(module, binary);
        }
    }

    /// Notes that the directive instantiates a module. `lent` says that a thread runs to which an instance was lent.
    pub(super) fn use_module(&mut self, module: ModuleId, lent: bool) {
        if lent && !self.raced.is_closed(module) {
            self.begin();
        }
        self.used |= self.raced.of_module(module).is_some();
    }

    /// Notes that the directive uses an instance.
    pub(super) fn use_instance(&mut self, instance: InstanceId, lent: bool) {
        if lent && !self.raced.is_isolated(instance) {
            self.begin();
        }
        self.used |= self.raced.of_instance(instance).is_some();
    }

    pub(super) fn add_instance(&mut self, instance: InstanceId, module: ModuleId) {
        self.raced.add_instance(instance, module);
    }

    /// Notes that other instances, or threads, can use this one from now on.
    pub(super) fn connect(&mut self, instance: InstanceId) {
        self.raced.connect(instance);
    }

    /// Notes that an instance is lent to a thread that is about to run these directives.
    pub(super) fn lend(&mut self, lent: bool, directives: &[Directive]) {
        if lent || is_racing(directives) {
            self.begin();
        }
    }

    fn begin(&mut self) {
        self.raced.spread(None, ());
    }

    /// Returns whether a race may have changed this instance.
    pub(super) fn may_have_changed(&self, instance: InstanceId) -> bool {
        self.raced.of_instance(instance).is_some()
    }

    /// Ends a directive. Returns whether what it showed depends on a race.
    pub(super) fn end_directive(&mut self) -> bool {
        std::mem::take(&mut self.used)
    }
}

/// Returns whether a thread that runs these directives races with the threads that it starts, or these with each other.
fn is_racing(directives: &[Directive]) -> bool {
    let mut running: Vec<&str> = Vec::new();
    for directive in directives {
        match directive.kind() {
            Kind::Kept(DirectiveKind::Thread { id, shared, directives }) => {
                if is_racing(directives) || (shared.is_some() && !running.is_empty()) {
                    return true;
                }
                running.extend(shared.is_some().then_some(id.as_str()));
            }
            Kind::Kept(DirectiveKind::Wait { id }) => running.retain(|running| running != id),
            kind if kind.runs_code() && !running.is_empty() => return true,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use script::Script;

    #[track_caller]
    fn racing(directives: &str, expected: bool) {
        assert_eq!(is_racing(&Script::parse(directives).directives), expected, "{directives}");
    }

    #[test]
    fn a_wait_orders_threads() {
        let thread = |name: &str, body: &str| format!("(thread ${name} (shared (module $M)) {body})");
        let [a, b] = ["a", "b"].map(|name| thread(name, "(invoke \"f\")"));
        racing(&format!("{a} (wait $a) {b} (wait $b) (invoke \"f\")"), false);
        racing(&format!("(invoke \"f\") {a} (module definition) (register \"m\" $M) (wait $a)"), false);
        racing(&format!("{a} {b}"), true);
        racing(&format!("{a} (wait $b) (invoke \"f\")"), true);
        racing(&format!("{a} (module)"), true);
        racing(&thread("c", &format!("{a} {b}")), true);
        racing(&thread("c", &format!("{a} (wait $a) {b}")), false);
        racing("(thread $a (invoke \"f\")) (thread $b (invoke \"f\")) (invoke \"f\")", false);
    }
}
