//! The directives `thread` and `wait` of the
//! [threads proposal](https://github.com/WebAssembly/threads/blob/main/interpreter/README.md). A thread is a thread of
//! the operating system with a store of its own. It shares the memories of one module with the thread that started it.
//!
//! A failure in a thread counts at the `wait` for it. A thread that no directive waits for is waited for at the end of
//! the script, and counts where it was started. A thread that never ends is a timeout of the script.

use super::cause::Cause;
use super::executor::Executor;
use super::names::Slot;
use super::{Miss, Step, Verdict};
use crate::settings::Settings;
use lanes::{Features, Lane, Outcome, Shared};
use script::Directive;
use std::sync::Arc;
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// The stack of a thread, on which compiled code runs as well as the compiler.
const STACK: usize = 16 << 20;

/// The threads that a script, or a thread of it, has started.
pub(super) struct Threads<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    lane: &'env dyn Lane,
    features: Features,
    settings: Settings,
    started: Vec<StartedThread<'scope>>,
}

struct StartedThread<'scope> {
    /// The position of the directive that started it.
    position: usize,
    /// True if it has an instance that was lent.
    borrows: bool,
    /// `None` once a directive has waited for it.
    handle: Option<ScopedJoinHandle<'scope, Verdict>>,
}

impl<'scope, 'env> Threads<'scope, 'env> {
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        lane: &'env dyn Lane,
        features: Features,
        settings: Settings,
    ) -> Self {
        Threads { scope, lane, features, settings, started: Vec::new() }
    }

    /// Returns whether a thread runs to which an instance was lent.
    pub(super) fn is_borrowed(&self) -> bool {
        self.started.iter().any(|thread| thread.borrows && thread.handle.is_some())
    }

    /// Waits for the threads that no directive has waited for, after telling `watch` the position at which each was
    /// started. Returns the positions of the threads in which something was missed.
    pub(super) fn join_remaining(&mut self, mut watch: impl FnMut(usize)) -> Vec<(usize, Miss)> {
        let mut misses = Vec::new();
        for thread in &mut self.started {
            let Some(handle) = thread.handle.take() else { continue };
            watch(thread.position);
            if let Err(miss) = join(handle) {
                misses.push((thread.position, miss));
            }
        }
        misses
    }
}

impl<'scope, 'env> Executor<'scope, 'env> {
    /// Starts a thread. `position` is that of the directive.
    pub(super) fn start_thread(
        &mut self,
        position: usize,
        id: &str,
        shared: Option<&str>,
        directives: &Arc<[Directive]>,
    ) -> Step {
        let verdict = self.spawn(position, shared, directives);
        let cause = Cause::of(&verdict, self.line);
        self.support.add_missing_thread(cause);
        let slot = match &verdict {
            Ok(()) => Slot::Present(self.threads.started.len() - 1),
            Err(_) => Slot::missing(cause),
        };
        self.thread_names.set(Some(id), slot);
        Step::unobserved(verdict)
    }

    fn spawn(&mut self, position: usize, shared: Option<&str>, directives: &Arc<[Directive]>) -> Verdict {
        let shared = match shared {
            Some(name) => Some((name.to_string(), self.share(name)?)),
            None => None,
        };
        let borrows = shared.is_some();
        if borrows {
            self.races.lend(self.threads.is_borrowed(), directives);
        }
        let Threads { scope, lane, features, settings, .. } = self.threads;
        let directives = Arc::clone(directives);
        let body = move || run_thread(scope, lane, features, settings, shared, &directives);
        let handle = Builder::new().stack_size(STACK).spawn_scoped(scope, body);
        let handle = handle.map_err(|error| Miss::Failed(format!("no thread could be started: {error}")))?;
        self.threads.started.push(StartedThread { position, borrows, handle: Some(handle) });
        Ok(())
    }

    fn share(&mut self, name: &str) -> Result<Shared, Miss> {
        let instance = self.instances.get(Some(name))?;
        self.support.connect(instance);
        self.races.connect(instance);
        self.session.share(instance).map_err(|failure| {
            let message = format!("${name} cannot be shared: {failure}");
            let verdict = self.support.verdict(&Outcome::Failed(failure), Err(message));
            verdict.expect_err("a check that failed does not pass")
        })
    }

    /// Waits until a thread ends. What was missed in it is missed here, the first time.
    pub(super) fn wait(&mut self, id: &str) -> Step {
        let verdict = match self.thread_names.get(Some(id)) {
            Ok(thread) => self.threads.started[thread].handle.take().map_or(Ok(()), join),
            Err(miss) => Err(miss),
        };
        Step::unobserved(verdict)
    }
}

fn join(handle: ScopedJoinHandle<'_, Verdict>) -> Verdict {
    handle.join().unwrap_or_else(|_| Err(Miss::Failed("the thread panicked".to_string())))
}

/// Runs the directives of a thread.
fn run_thread<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    lane: &'env dyn Lane,
    features: Features,
    settings: Settings,
    shared: Option<(String, Shared)>,
    directives: &[Directive],
) -> Verdict {
    let failed = |what: &str, failure| Err(Miss::Failed(format!("{what}: {failure}")));
    let mut executor = match Executor::new(lane, features, settings, directives, scope) {
        Ok(executor) => executor,
        Err(failure) => return failed("the lane opens no session for the thread", failure),
    };
    if let Some((name, shared)) = shared {
        match executor.session.adopt(&shared) {
            Ok(instance) => executor.instances.set(Some(&name), Slot::Present(instance)),
            Err(failure) => return failed("the shared memories did not arrive", failure),
        }
    }
    let mut misses = Vec::new();
    for (position, directive) in directives.iter().enumerate() {
        let Err(miss) = executor.step(position, directive).verdict() else { continue };
        let is_lost = miss.is_lost();
        misses.push((position, miss));
        if is_lost {
            break;
        }
    }
    misses.extend(executor.threads.join_remaining(|_| {}));
    summarize(directives, &misses)
}

/// Makes one verdict of everything that was missed in a thread: the worst of the misses, with all of their messages.
fn summarize(directives: &[Directive], misses: &[(usize, Miss)]) -> Verdict {
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
    } else if let Some(Miss::Follows { line, .. }) = misses.iter().map(|(_, miss)| miss).find(|miss| miss.follows()) {
        Err(Miss::Follows { line: *line, message })
    } else {
        Err(Miss::Unsupported(message))
    }
}
