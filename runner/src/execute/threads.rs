//! The directives `thread` and `wait`: a thread of the operating system with a store of its own, which shares the memories
//! of one module with the thread that started it
//! ([Threads](https://github.com/WebAssembly/threads/blob/main/interpreter/README.md)).
//!
//! What fails in a thread counts at the `wait` for it. A thread that nobody waits for is waited for at the end of the
//! script, and counts where it was started. A thread that never ends is a timeout of the script.

use super::{Executor, Miss, Slot, Step, Verdict, slot_of_failure, unobserved};
use crate::script::Directive;
use lanes::{Features, Lane, Outcome, Shared};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Compiled code runs on this stack, next to the compiler.
const STACK: usize = 16 << 20;

/// The threads that a script, or a thread of it, has started.
pub(super) struct Threads<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    lane: &'env dyn Lane,
    features: Features,
    started: Vec<Started<'scope>>,
}

struct Started<'scope> {
    /// The position of the directive that started it.
    position: usize,
    /// `None` when somebody has waited for it.
    handle: Option<ScopedJoinHandle<'scope, Verdict>>,
}

impl<'scope, 'env> Threads<'scope, 'env> {
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, lane: &'env dyn Lane, features: Features) -> Self {
        Threads { scope, lane, features, started: Vec::new() }
    }

    /// Waits for the threads that nobody has waited for; `watch` hears of each where it began. What failed in them.
    pub(super) fn join(&mut self, mut watch: impl FnMut(usize)) -> Vec<(usize, Miss)> {
        let end = |started: &mut Started<'scope>| {
            let handle = started.handle.take()?;
            watch(started.position);
            Some((started.position, join(handle).err()?))
        };
        self.started.iter_mut().filter_map(end).collect()
    }
}

impl<'scope, 'env> Executor<'scope, 'env> {
    /// Starts a thread. `position` is the directive's.
    pub(super) fn thread(
        &mut self,
        position: usize,
        id: &'env str,
        shared: Option<&'env str>,
        directives: &'env [Directive],
    ) -> Step {
        let verdict = self.start(position, shared, directives);
        let slot = match &verdict {
            Ok(()) => Slot::There(self.threads.started.len() - 1),
            Err(_) => slot_of_failure(&verdict),
        };
        self.alone = matches!(slot, Slot::Unsupported);
        self.thread_names.set(Some(id), slot);
        unobserved(verdict)
    }

    fn start(&mut self, position: usize, shared: Option<&'env str>, directives: &'env [Directive]) -> Verdict {
        let shared = match shared {
            Some(name) => Some((name, self.share(name)?)),
            None => None,
        };
        let Threads { scope, lane, features, .. } = self.threads;
        let body = move || run(scope, lane, features, shared, directives);
        let handle = Builder::new().stack_size(STACK).spawn_scoped(scope, body);
        let handle = handle.map_err(|error| Miss::Failed(format!("no thread could be started: {error}")))?;
        self.threads.started.push(Started { position, handle: Some(handle) });
        Ok(())
    }

    fn share(&mut self, name: &str) -> Result<Shared, Miss> {
        let instance = self.instances.get("instance", Some(name))?;
        self.doubt.connect(instance);
        self.session.share(instance).map_err(|failure| {
            let message = format!("${name} cannot be shared: {failure}");
            let verdict = self.verdict(&Outcome::Failed(failure), Err(message));
            verdict.expect_err("a judgment that failed does not pass")
        })
    }

    /// Waits until a thread ends. What failed in it fails here, the first time.
    pub(super) fn wait(&mut self, id: &str) -> Step {
        let verdict = self.thread_names.get("thread", Some(id)).and_then(|thread| {
            let handle = self.threads.started[thread].handle.take();
            handle.map_or(Ok(()), join)
        });
        unobserved(verdict)
    }
}

fn join(handle: ScopedJoinHandle<'_, Verdict>) -> Verdict {
    handle.join().unwrap_or_else(|_| Err(Miss::Failed("the thread panicked".to_string())))
}

/// A thread's directives, from the first to the last.
fn run<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    lane: &'env dyn Lane,
    features: Features,
    shared: Option<(&'env str, Shared)>,
    directives: &'env [Directive],
) -> Verdict {
    let failed = |what: &str, failure| Err(Miss::Failed(format!("{what}: {failure}")));
    let mut executor = match Executor::new(lane, features, scope) {
        Ok(executor) => executor,
        Err(failure) => return failed("the lane gives the thread no session", failure),
    };
    if let Some((name, shared)) = shared {
        match executor.session.adopt(&shared) {
            Ok(instance) => executor.instances.set(Some(name), Slot::There(instance)),
            Err(failure) => return failed("what is shared did not arrive", failure),
        }
    }
    let mut misses = Vec::new();
    for (position, directive) in directives.iter().enumerate() {
        let Err(miss) = executor.step(position, directive).verdict else { continue };
        let lost = miss.is_lost();
        misses.push((position, miss));
        if lost {
            break;
        }
    }
    misses.extend(executor.threads.join(|_| {}));
    summary(directives, misses)
}

/// One verdict for all that was missed in a thread.
fn summary(directives: &[Directive], misses: Vec<(usize, Miss)>) -> Verdict {
    let text = |(position, miss): &(usize, Miss)| {
        let Directive { line, column, name, .. } = &directives[*position];
        format!("in the thread, {line}:{column}: {name}: {}", miss.message())
    };
    let message = misses.iter().map(text).collect::<Vec<_>>().join("; ");
    let any = |is: fn(&Miss) -> bool| misses.iter().any(|(_, miss)| is(miss));
    if misses.is_empty() {
        Ok(())
    } else if any(|miss| matches!(miss, Miss::Crashed(_))) {
        Err(Miss::Crashed(message))
    } else if any(|miss| matches!(miss, Miss::TimedOut(_))) {
        Err(Miss::TimedOut(message))
    } else if any(|miss| matches!(miss, Miss::Failed(_))) {
        Err(Miss::Failed(message))
    } else {
        Err(Miss::Unsupported(message))
    }
}
