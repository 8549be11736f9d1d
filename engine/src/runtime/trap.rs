//! Faults in compiled code.
