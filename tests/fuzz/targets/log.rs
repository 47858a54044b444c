//! See `taffrail_tests::fuzz`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| taffrail_tests::fuzz::log(bytes));
