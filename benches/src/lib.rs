//! Benchmarks of payrun.
