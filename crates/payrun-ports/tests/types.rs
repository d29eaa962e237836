//! The wrong order does not compile: what must not be done with permits, amounts, references and states.
//!
//! `TRYBUILD=overwrite cargo test -p payrun-ports --test types` writes the compiler's words anew.

#[test]
fn what_would_break_an_invariant_does_not_compile() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/does_not_compile/*.rs");
    // What the cases have in common compiles: none of them fails for a wrong import.
    cases.pass("tests/compiles/*.rs");
}
