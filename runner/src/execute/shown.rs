//! The observations of a run, which are kept until all lanes have run: a script may have millions, and nearly all of
//! them are one number and nothing else.

use lanes::{Objects, Observation, Outcome, Value};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// The observation of a directive, if there is one.
#[derive(Debug)]
pub(super) enum Shown {
    /// None.
    Nothing,
    /// Success without results, and nothing else to see.
    Success,
    /// One 32-bit integer, and nothing else to see. The same holds for the next three.
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    /// Anything more. Equal ones may be shared.
    Whole(Arc<Observation>),
}

impl Shown {
    pub(super) fn of(observation: Observation) -> Shown {
        let Observation { outcome, objects, host_calls, fuel } = &observation;
        let values = match outcome {
            Outcome::Values(values) if host_calls.is_empty() && fuel.is_none() && *objects == Objects::default() => {
                values
            }
            _ => return Shown::Whole(Arc::new(observation)),
        };
        match values[..] {
            [] => Shown::Success,
            [Value::I32(value)] => Shown::I32(value),
            [Value::I64(value)] => Shown::I64(value),
            [Value::F32(bits)] => Shown::F32(bits),
            [Value::F64(bits)] => Shown::F64(bits),
            _ => Shown::Whole(Arc::new(observation)),
        }
    }

    pub(super) fn observation(&self) -> Option<Cow<'_, Observation>> {
        let values = match *self {
            Shown::Nothing => return None,
            Shown::Whole(ref observation) => return Some(Cow::Borrowed(observation)),
            Shown::Success => Vec::new(),
            Shown::I32(value) => vec![Value::I32(value)],
            Shown::I64(value) => vec![Value::I64(value)],
            Shown::F32(bits) => vec![Value::F32(bits)],
            Shown::F64(bits) => vec![Value::F64(bits)],
        };
        Some(Cow::Owned(Observation::nothing_but(Outcome::Values(values))))
    }
}

/// The last different observations of a run that are kept whole. A script may have millions of equal traps.
#[derive(Default)]
pub(super) struct Recent(VecDeque<Arc<Observation>>);

impl Recent {
    const COUNT: usize = 8;

    /// Makes an observation share its memory with an equal one, if there is one.
    pub(super) fn share(&mut self, shown: &mut Shown) {
        let Shown::Whole(observation) = shown else { return };
        if let Some(equal) = self.0.iter().find(|recent| *recent == observation) {
            *observation = Arc::clone(equal);
            return;
        }
        self.0.truncate(Recent::COUNT - 1);
        self.0.push_front(Arc::clone(observation));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Step;
    use super::*;
    use lanes::{Failure, Phase, Refusal};

    #[test]
    fn a_step_is_small() {
        assert!(size_of::<Shown>() <= 16 && size_of::<Step>() <= 32);
    }

    #[test]
    fn equal_observations_share_their_memory() {
        let mut recent = Recent::default();
        let mut share = |value| {
            let mut shown = Shown::of(Observation::nothing_but(Outcome::Values(vec![Value::V128(value)])));
            recent.share(&mut shown);
            let Shown::Whole(observation) = shown else { panic!("it is kept whole") };
            assert_eq!(observation.outcome, Outcome::Values(vec![Value::V128(value)]));
            observation
        };
        let (one, other) = (share(1), share(2));
        assert!(Arc::ptr_eq(&one, &share(1)) && Arc::ptr_eq(&other, &share(2)) && !Arc::ptr_eq(&one, &other));
        (3..20).for_each(|value| drop(share(value)));
        assert!(!Arc::ptr_eq(&one, &share(1)), "only the last ones are shared");
    }

    #[test]
    fn all_that_was_observed_is_kept() {
        let bits = 0x7fa0_0000;
        let results = [
            (vec![], true),
            (vec![Value::I32(-1)], true),
            (vec![Value::I64(-1)], true),
            (vec![Value::F32(bits)], true),
            (vec![Value::F64(u64::from(bits))], true),
            (vec![Value::V128(1)], false),
            (vec![Value::I32(1), Value::I32(2)], false),
        ];
        for (values, is_short) in results {
            let plain = Observation::nothing_but(Outcome::Values(values));
            let fueled = Observation { fuel: Some(1), ..plain.clone() };
            for (observation, is_short) in [(plain, is_short), (fueled, false)] {
                let shown = Shown::of(observation.clone());
                assert_eq!(shown.observation().as_deref(), Some(&observation));
                assert_eq!(matches!(shown, Shown::Whole(_)), !is_short, "{observation:?}");
            }
        }
        let refusal = Refusal { phase: Phase::Invalid, message: String::new() };
        for outcome in [Outcome::Refused(refusal), Outcome::Failed(Failure::Link(String::new()))] {
            let observation = Observation::nothing_but(outcome);
            assert_eq!(Shown::of(observation.clone()).observation().as_deref(), Some(&observation));
        }
    }
}
