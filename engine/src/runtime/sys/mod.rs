//! What differs between operating systems and architectures, each in one place.

mod mapping;

pub(crate) use mapping::Mapping;
