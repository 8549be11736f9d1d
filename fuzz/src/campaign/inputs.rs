//! The inputs of a campaign, by number.

use crate::generate::case::Case;
use crate::generate::input::Random;
use crate::generate::seed::adopt;
use crate::oracle::Oracle;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The inputs of a campaign. Input `k` follows from the seed, the modules and `k` alone, whichever worker checks it.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The seed of the campaign.
    pub seed: u64,
    /// Modules to start from. Half of the inputs hold one, and first of all each does once.
    pub modules: Vec<Vec<u8>>,
}

impl Inputs {
    /// Returns input `number`.
    pub fn get(&self, number: u64) -> Vec<u8> {
        let word = Random::new(Random::new(self.seed).next_u64().wrapping_add(number)).next_u64();
        let mut input = word.to_le_bytes().to_vec();
        if let Some(module) = self.module(number, Random::new(word).next_u64()) {
            input.extend(module);
        }
        input
    }

    /// Returns the module of input `number`, if it has one.
    fn module(&self, number: u64, random: u64) -> Option<&[u8]> {
        let count = self.modules.len() as u64;
        let index = match number {
            _ if count == 0 => return None,
            first if first < count => first,
            _ if random.is_multiple_of(2) => (random >> 1) % count,
            _ => return None,
        };
        self.modules.get(usize::try_from(index).ok()?).map(Vec::as_slice)
    }
}

/// The cases that a worker runs, by number.
pub trait Cases: Sync {
    /// Returns the bytes of an input: none if the case is given in another form.
    fn input(&self, number: u64) -> Vec<u8>;

    /// Returns the case that an oracle makes of an input.
    fn case(&self, number: u64, oracle: &dyn Oracle) -> Option<Case> {
        oracle.generate(&self.input(number))
    }
}

impl Cases for Inputs {
    fn input(&self, number: u64) -> Vec<u8> {
        self.get(number)
    }
}

/// The modules of a directory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Corpus {
    /// The modules that a case can use, each once.
    pub modules: Vec<Vec<u8>>,
    /// The files whose module no case can use.
    pub left_out: Vec<PathBuf>,
}

/// Reads all files in a directory and below it whose names end in `.wasm`, in the order of their paths.
///
/// # Errors
///
/// A file or a directory cannot be read, or no module is of use.
pub fn read_corpus(directory: &Path) -> io::Result<Corpus> {
    let mut corpus = Corpus::default();
    corpus.collect(directory)?;
    if corpus.modules.is_empty() {
        return Err(io::Error::other("no file *.wasm there holds a module that a case can use"));
    }
    Ok(corpus)
}

impl Corpus {
    fn collect(&mut self, directory: &Path) -> io::Result<()> {
        let mut paths = fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        for path in paths {
            if path.is_dir() {
                self.collect(&path)?;
            } else if path.extension().is_some_and(|extension| extension == "wasm") {
                let module = fs::read(&path)?;
                if adopt(&module, 1).is_none() {
                    self.left_out.push(path);
                } else if !self.modules.contains(&module) {
                    self.modules.push(module);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_module_comes_first_and_half_of_the_inputs_have_one() {
        let modules = vec![b"one".to_vec(), b"two".to_vec(), b"three".to_vec()];
        let (with, without) = (Inputs { seed: 3, modules }, Inputs { seed: 3, ..Inputs::default() });
        assert_eq!(
            [0, 1, 2].map(|number| with.get(number)[8..].to_vec()),
            [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]
        );
        let mut sizes = [0; 6];
        for number in 3..1003 {
            let input = with.get(number);
            assert_eq!(&input[..8], without.get(number));
            sizes[input.len() - 8] += 1;
        }
        assert!((400..600).contains(&sizes[0]) && sizes[3] > 200 && sizes[5] > 100, "{sizes:?}");
    }

    #[test]
    fn modules_are_found_in_folders() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            fs::write(&path, wat::parse_str(text).expect("it parses")).expect("written");
            path
        };
        fs::create_dir(directory.path().join("more")).expect("made");
        assert!(read_corpus(directory.path()).is_err());
        let large = write("large.wasm", "(module (memory 60000))");
        assert!(read_corpus(directory.path()).is_err());
        let (one, two) = ("(module (memory 1))", "(module (memory 2))");
        let paths = [write("b.wasm", one), write("more/a.wasm", two)];
        write("same.wasm", one);
        write("c.bin", "(module (memory 3))");
        let corpus = read_corpus(directory.path()).expect("two are of use");
        assert_eq!(corpus.modules, paths.map(|path| fs::read(path).expect("read")));
        assert_eq!(corpus.left_out, [large]);
    }
}
