//! Which code stands at an address.
