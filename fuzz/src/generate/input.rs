//! Cuts the bytes of a fuzzer into three streams of choices.
//!
//! Any bytes are an input, even none. The streams of an [`Input`] never end early: a short input is extended by a
//! pseudo-random tail that depends on its first [`SEED_LEN`] bytes only. So eight bytes already describe a whole
//! module, and a mutation after them changes the module at one location instead of everywhere.
//!
//! If a WebAssembly module follows the first [`SEED_LEN`] bytes, these decide all streams, and the module takes the
//! place of the one that wasm-smith generates.

use super::seed::MAGIC;
use arbitrary::Unstructured;

/// The length of the seed: these bytes decide the tail, and nothing else reads them.
pub const SEED_LEN: usize = 8;
/// The length of the stream for options and call arguments.
const PLAN_LEN: usize = 1016;
/// The length of the stream for the grafted call chains.
const GRAFT_LEN: usize = 4096;
/// The least length of the stream for wasm-smith, which gets all further bytes.
const SMITH_LEN: usize = 3072;

/// A fuzz input, cut into one stream per consumer, so that a change in one stream does not shift the others.
pub struct Input {
    bytes: Vec<u8>,
    module: Option<Vec<u8>>,
}

impl Input {
    /// Returns the input that `data` describes.
    pub fn new(data: &[u8]) -> Input {
        let module = data.get(SEED_LEN..).filter(|rest| rest.starts_with(MAGIC));
        let choices = if module.is_some() { &data[..SEED_LEN] } else { data };
        let bytes = extend(choices, SEED_LEN + PLAN_LEN + GRAFT_LEN + SMITH_LEN);
        Input { bytes, module: module.map(<[u8]>::to_vec) }
    }

    /// Returns the module in the input, if there is one.
    pub fn module(&self) -> Option<&[u8]> {
        self.module.as_deref()
    }

    /// Returns the choices of options and call arguments.
    pub fn plan(&self) -> Unstructured<'_> {
        Unstructured::new(&self.bytes[SEED_LEN..SEED_LEN + PLAN_LEN])
    }

    /// Returns the choices of the call chains that are grafted onto the module.
    pub fn graft(&self) -> Unstructured<'_> {
        Unstructured::new(&self.bytes[SEED_LEN + PLAN_LEN..SEED_LEN + PLAN_LEN + GRAFT_LEN])
    }

    /// Returns the choices of the module that wasm-smith generates.
    pub fn smith(&self) -> Unstructured<'_> {
        Unstructured::new(&self.bytes[SEED_LEN + PLAN_LEN + GRAFT_LEN..])
    }
}

/// Returns `data`, extended to at least `length` bytes by a pseudo-random tail that the seed decides.
pub fn extend(data: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = data.to_vec();
    let mut seed = [0; SEED_LEN];
    let known = data.len().min(SEED_LEN);
    seed[..known].copy_from_slice(&data[..known]);
    let mut random = Random::new(u64::from_le_bytes(seed));
    // Every position of the tail has its own value, however long the given part is.
    for position in 0..length {
        let byte = random.byte();
        if position >= data.len() {
            bytes.push(byte);
        }
    }
    bytes
}

/// SplitMix64: a fixed stream of bytes, the same on every machine and in every version.
pub struct Random {
    state: u64,
}

impl Random {
    /// Returns the stream with this seed.
    pub fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// Returns the stream that all of these bytes decide.
    pub fn of(bytes: &[u8]) -> Random {
        let mut random = Random::new(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let mixed = random.next_u64();
            random.state = mixed ^ u64::from_le_bytes(word);
        }
        random
    }

    /// Returns the next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns the next number below `limit`, which is not zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next_u64() % limit
    }

    /// Returns the next byte.
    pub fn byte(&mut self) -> u8 {
        self.next_u64().to_le_bytes()[7]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutation_after_the_seed_stays_local() {
        let short = Input::new(b"seedseed");
        let long = Input::new(b"seedseedX");
        assert_eq!(short.bytes.len(), long.bytes.len());
        let changed = short.bytes.iter().zip(&long.bytes).filter(|(a, b)| a != b).count();
        assert_eq!(changed, 1);
    }

    #[test]
    fn a_module_is_no_stream_of_choices() {
        let with = Input::new(b"seedseed\0asm\x01\0\0\0more");
        assert_eq!(with.module(), Some(&b"\0asm\x01\0\0\0more"[..]));
        assert_eq!(with.bytes, Input::new(b"seedseed").bytes);
        assert_eq!(Input::new(b"seedseed\0as").module(), None);
    }

    #[test]
    fn no_bytes_are_an_input() {
        assert_eq!(Input::new(&[]).bytes.len(), SEED_LEN + PLAN_LEN + GRAFT_LEN + SMITH_LEN);
    }
}
