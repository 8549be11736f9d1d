//! The numbers of the inputs that no worker has checked yet.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The most inputs that a worker gets at a time.
const PORTION: u64 = 16;

/// The inputs that are left: those that were handed out and came back unchecked, and then all from `next` on.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Queue {
    /// The first number that was never handed out.
    next: u64,
    /// Numbers that were handed out and came back: the first, and the one after the last.
    returned: Vec<(u64, u64)>,
}

impl Queue {
    /// Takes the next few inputs for one of this many workers. Nothing is left beyond `limit`.
    pub(super) fn take(&mut self, workers: usize, limit: Option<u64>) -> Option<Range<u64>> {
        let limit = limit.unwrap_or(u64::MAX);
        if let Some((from, to)) = self.returned.pop() {
            if to > limit {
                self.returned.push((from.max(limit), to));
            }
            let range = from..to.min(limit);
            return (!range.is_empty()).then_some(range).or_else(|| self.take_new(workers, limit));
        }
        self.take_new(workers, limit)
    }

    fn take_new(&mut self, workers: usize, limit: u64) -> Option<Range<u64>> {
        let left = limit.saturating_sub(self.next);
        // Small portions at the end, so that all workers end at the same time.
        let workers = u64::try_from(workers).unwrap_or(1).max(1);
        let portion = (left / workers / 4).clamp(1, PORTION).min(left);
        let range = self.next..self.next + portion;
        self.next = range.end;
        (!range.is_empty()).then_some(range)
    }

    /// Gives inputs back that were not checked.
    pub(super) fn give_back(&mut self, range: Range<u64>) {
        if !range.is_empty() {
            self.returned.push((range.start, range.end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes everything, and returns the numbers in order.
    fn drain(queue: &mut Queue, workers: usize, limit: u64) -> Vec<u64> {
        let mut numbers: Vec<u64> = std::iter::from_fn(|| queue.take(workers, Some(limit)))
            .flat_map(|range| range.collect::<Vec<_>>())
            .collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn each_input_is_taken_once() {
        for workers in [1, 3, 8] {
            for limit in [0, 1, 2, 5, 100] {
                assert_eq!(drain(&mut Queue::default(), workers, limit), (0..limit).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_comes_back_is_taken_again() {
        let mut queue = Queue::default();
        let first = queue.take(1, Some(100)).expect("nothing was taken yet");
        queue.give_back(first.start + 2..first.end);
        queue.give_back(5..5);
        let saved: Queue = serde_json::from_str(&serde_json::to_string(&queue).expect("JSON")).expect("a queue");
        assert_eq!(saved, queue);
        assert_eq!(drain(&mut queue, 2, 100), (2..100).collect::<Vec<_>>());
        // A campaign that goes on with another limit.
        queue.give_back(40..60);
        assert_eq!(drain(&mut queue, 1, 50), (40..50).collect::<Vec<_>>());
        assert_eq!(drain(&mut queue, 1, 110), (50..60).chain(100..110).collect::<Vec<_>>());
    }
}
