//! The inputs of a campaign, by number.

use crate::generate::input::Random;

/// The inputs of a campaign. Input `k` follows from the seed and `k` alone, whichever worker checks it.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The seed of the campaign.
    pub seed: u64,
}

impl Inputs {
    /// Returns input `number`.
    pub fn get(&self, number: u64) -> Vec<u8> {
        Random::new(Random::new(self.seed).next_u64().wrapping_add(number)).next_u64().to_le_bytes().to_vec()
    }
}
