//! Any bytes -> a forged artifact: refused with a reason, or loaded; never undefined behavior, never a panic.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    if fuzz::oracle::artifact::forge(data).is_some() {
        libfuzzer_sys::Corpus::Keep
    } else {
        libfuzzer_sys::Corpus::Reject
    }
});

/// Without libFuzzer the target is a program that runs the inputs in the files that it is given.
#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    std::env::args_os()
        .skip(1)
        .try_for_each(|path| std::fs::read(path).map(|data| _ = fuzz::oracle::artifact::forge(&data)))
}
