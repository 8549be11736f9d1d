//! A look at the memory of this process, as the system describes it.

use std::fs;

/// Returns the description of memory that is both writable and executable. `None` if there is none, or if the system
/// does not tell.
pub(super) fn find_writable_code() -> Option<String> {
    let mappings = fs::read_to_string("/proc/self/maps").ok()?;
    mappings.lines().find(|line| is_writable_code(line)).map(str::to_string)
}

/// Returns whether a line of the list describes such memory: a range of addresses, then the access to it.
fn is_writable_code(line: &str) -> bool {
    let access = line.split(' ').nth(1).unwrap_or_default();
    access.contains('w') && access.contains('x')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_decides() {
        assert!(is_writable_code("7f1c5a3fd000-7f1c5a3fe000 rwxp 00000000 00:00 0"));
        for sound in ["7f1c-7f1d rw-p 0 0:0 0 /a/wx", "7f1c-7f1d r-xp 0 0:0 0", "7f1c-7f1d r--p 0 0:0 0", ""] {
            assert!(!is_writable_code(sound), "{sound}");
        }
        assert_eq!(find_writable_code(), None);
    }
}
