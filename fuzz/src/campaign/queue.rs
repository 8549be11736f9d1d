//! The numbers of the inputs that no worker has checked yet.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Range;

/// The most inputs that a worker gets at a time.
const PORTION: u64 = 16;

/// The inputs that are left: those that came back unchecked, those that jobs are checking, and all from `next` on. A
/// range is the first number and the one after the last.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Queue {
    /// The first number that was never handed out.
    next: u64,
    /// The numbers that were handed out and came back.
    returned: Vec<(u64, u64)>,
    /// The numbers that each job still has to check.
    taken: BTreeMap<usize, (u64, u64)>,
}

impl Queue {
    /// Takes the next few inputs for one of this many jobs. Nothing is left beyond `limit`.
    pub(super) fn take(&mut self, job: usize, jobs: usize, limit: Option<u64>) -> Option<Range<u64>> {
        let limit = limit.unwrap_or(u64::MAX);
        let range = self.take_returned(limit).or_else(|| self.take_new(jobs, limit))?;
        self.taken.insert(job, (range.start, range.end));
        Some(range)
    }

    fn take_returned(&mut self, limit: u64) -> Option<Range<u64>> {
        let at = self.returned.iter().position(|&(from, _)| from < limit)?;
        let (from, to) = self.returned.swap_remove(at);
        if to > limit {
            self.returned.push((limit, to));
        }
        Some(from..to.min(limit))
    }

    fn take_new(&mut self, jobs: usize, limit: u64) -> Option<Range<u64>> {
        let left = limit.saturating_sub(self.next);
        // Small portions at the end, so that all jobs end at the same time.
        let jobs = u64::try_from(jobs).unwrap_or(1).max(1);
        let portion = (left / jobs / 4).clamp(1, PORTION).min(left);
        let range = self.next..self.next + portion;
        self.next = range.end;
        (!range.is_empty()).then_some(range)
    }

    /// Notes that a job has checked its next input.
    pub(super) fn advance(&mut self, job: usize) {
        if let Some((from, _)) = self.taken.get_mut(&job) {
            *from += 1;
        }
    }

    /// Gives back what a job has not checked.
    pub(super) fn give_back(&mut self, job: usize) {
        self.returned.extend(self.taken.remove(&job).filter(|(from, to)| from < to));
    }

    /// Gives back what all jobs have not checked: those of a campaign that was killed.
    pub(super) fn give_all_back(&mut self) {
        while let Some(&job) = self.taken.keys().next() {
            self.give_back(job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes and checks everything, and returns the numbers in order.
    fn drain(queue: &mut Queue, jobs: usize, limit: u64) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some(range) = queue.take(0, jobs, Some(limit)) {
            for number in range {
                queue.advance(0);
                numbers.push(number);
            }
            queue.give_back(0);
        }
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn each_input_is_taken_once() {
        for jobs in [1, 3, 8] {
            for limit in [0, 1, 2, 5, 100] {
                assert_eq!(drain(&mut Queue::default(), jobs, limit), (0..limit).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn what_comes_back_is_taken_again() {
        let mut queue = Queue::default();
        assert_eq!(queue.take(7, 1, Some(100)), Some(0..16));
        queue.advance(7);
        queue.advance(7);
        queue.give_back(7);
        queue.give_back(7);
        assert_eq!(drain(&mut queue, 2, 10), (2..10).collect::<Vec<_>>());
        // The campaign goes on with another limit.
        assert_eq!(drain(&mut queue, 2, 100), (10..100).collect::<Vec<_>>());
    }

    #[test]
    fn what_was_being_checked_is_left_when_a_campaign_is_killed() {
        let mut queue = Queue::default();
        assert_eq!(queue.take(0, 1, None), Some(0..16));
        assert_eq!(queue.take(1, 1, None), Some(16..32));
        (0..5).for_each(|_| queue.advance(1));
        let mut saved: Queue = serde_json::from_str(&serde_json::to_string(&queue).expect("JSON")).expect("a queue");
        assert_eq!(saved, queue);
        saved.give_all_back();
        assert_eq!(drain(&mut saved, 1, 40), (0..16).chain(21..40).collect::<Vec<_>>());
    }
}
