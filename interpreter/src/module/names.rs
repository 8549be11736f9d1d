//! The names of a module and its functions
//! ([Name section](https://webassembly.github.io/spec/core/appendix/custom.html#binary-namesec)).
//!
//! They are read when they are first asked for. The first name section that decodes is the one that counts; a malformed
//! one is no error.

use super::description::Description;
use alloc::boxed::Box;
use alloc::vec::Vec;
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// The names that backtraces show.
#[derive(Default)]
pub(super) struct Names {
    module: Option<Box<str>>,
    /// The names of functions, sorted by index, as the format demands.
    functions: Vec<(u32, Box<str>)>,
}

impl Names {
    /// Reads the names of a module with these bytes.
    pub(super) fn read(bytes: &[u8], description: &Description) -> Names {
        let sections = description.name_sections.iter();
        let mut names = sections.filter_map(|&(start, end)| {
            let reader = BinaryReader::new(&bytes[start as usize..end as usize], start.into());
            Names::read_section(NameSectionReader::new(reader)).ok()
        });
        let mut names = names.next().unwrap_or_default();
        names.functions.retain(|&(func, _)| (func as usize) < description.functions.len());
        names
    }

    fn read_section(section: NameSectionReader<'_>) -> wasmparser::Result<Names> {
        let mut names = Names::default();
        for subsection in section {
            match subsection? {
                Name::Module { name, .. } => names.module = Some(name.into()),
                Name::Function(map) => {
                    let functions =
                        map.into_iter().map(|naming| naming.map(|naming| (naming.index, naming.name.into())));
                    names.functions = functions.collect::<wasmparser::Result<_>>()?;
                }
                _ => {}
            }
        }
        Ok(names)
    }

    /// Returns the module's name.
    pub(super) fn module(&self) -> Option<&str> {
        self.module.as_deref()
    }

    /// Returns the name of a function.
    pub(super) fn func(&self, func: u32) -> Option<&str> {
        let found = self.functions.binary_search_by_key(&func, |&(func, _)| func).ok()?;
        Some(&self.functions[found].1)
    }
}
