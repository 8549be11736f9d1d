//! Runs tasks on several threads.
//!
//! The threads live for one call only: a pool that outlives it would belong to nobody in a forked child, and a pool
//! that is shared with the embedder could run the embedder's tasks while the embedder waits for ours. The calling
//! thread works too, so that a system that refuses every other thread only makes the work slower.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The cost of the tasks that a further thread is started for. It takes far longer to compile than a thread to start.
const COST_PER_THREAD: usize = 4096;

/// Bytes of stack that a thread needs to compile, several times as much as large modules were seen to need. Rust's
/// default for new threads depends on the environment, which must not decide whether a module compiles.
pub(crate) const STACK: usize = 1 << 20;

/// Returns the number of threads that work of this cost deserves, if there may be `limit` of them; `None` is one per
/// core.
pub(super) fn threads_for(cost: usize, limit: Option<usize>) -> usize {
    let deserved = cost / COST_PER_THREAD + 1;
    if deserved == 1 {
        return 1;
    }
    limit.unwrap_or_else(cores).clamp(1, deserved)
}

/// Returns the number of cores. The system is asked once: that takes as long as to compile a small function.
fn cores() -> usize {
    static CORES: AtomicUsize = AtomicUsize::new(0);
    if CORES.load(Ordering::Relaxed) == 0 {
        CORES.store(thread::available_parallelism().map_or(1, usize::from), Ordering::Relaxed);
    }
    CORES.load(Ordering::Relaxed)
}

/// Returns `work(task)` for each task, in order. Up to `threads` threads work, the calling one included.
///
/// # Panics
/// When `work` panics.
pub(super) fn map<T: Send, R: Send>(tasks: Vec<T>, threads: usize, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    if threads <= 1 {
        return tasks.into_iter().map(work).collect();
    }
    let queue = Mutex::new(tasks.into_iter().enumerate());
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || -> Vec<(usize, R)> {
        core::iter::from_fn(|| next().map(|(position, task)| (position, work(task)))).collect()
    };
    let mut results = thread::scope(|scope| {
        let thread = || thread::Builder::new().name("compile".to_owned()).stack_size(STACK);
        let start = |_| thread().spawn_scoped(scope, work).ok();
        let helpers: Vec<_> = (1..threads).map_while(start).collect();
        let mut results = work();
        for helper in helpers {
            results.extend(helper.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        results
    });
    results.sort_unstable_by_key(|&(position, _)| position);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;

    #[test]
    fn results_are_in_the_order_of_the_tasks() {
        for threads in [0, 1, 2, 7] {
            let results = map((0..100).collect(), threads, |task: u32| task * 2);
            assert_eq!(results, (0..100).map(|task| task * 2).collect::<Vec<_>>());
        }
        assert!(map(Vec::<u32>::new(), 4, |task| task).is_empty());
    }

    #[test]
    fn all_threads_work() {
        let (all, threads) = (Barrier::new(3), Mutex::new(HashSet::new()));
        map(vec![(); 3], 3, |()| {
            threads.lock().unwrap().insert(thread::current().id());
            all.wait();
        });
        let threads = threads.into_inner().unwrap();
        assert!(threads.len() == 3 && threads.contains(&thread::current().id()));
    }

    #[test]
    fn a_panic_comes_through_and_ends_all_threads() {
        for culprit in [0, 99] {
            let run = || map((0..100).collect(), 3, |task: u32| assert_ne!(task, culprit, "the culprit"));
            let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
            assert!(panic.downcast_ref::<String>().unwrap().contains("the culprit"));
        }
    }

    #[test]
    fn little_work_starts_no_thread() {
        assert_eq!([0, COST_PER_THREAD - 1].map(|cost| threads_for(cost, Some(8))), [1, 1]);
        assert_eq!(threads_for(COST_PER_THREAD, Some(8)), 2);
        assert_eq!([0, 1, 3].map(|limit| threads_for(1 << 30, Some(limit))), [1, 1, 3]);
        assert_eq!(threads_for(1 << 30, None), thread::available_parallelism().map_or(1, usize::from));
    }
}
