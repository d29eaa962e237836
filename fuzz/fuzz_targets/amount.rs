//! Any text as an amount.
#![no_main]

use libfuzzer_sys::fuzz_target;
use payrun_core::{Amount, Currency};

fuzz_target!(|text: &str| {
    let cell = text.replace('"', "\"\"");
    let mut file = "name,email,phone,amount,currency,reference\n".to_owned();
    for currency in ["KES", "GHS", "UGX", "XOF", "ZMW"] {
        file.push_str(&format!("A,a@example.com,+254712345678,\"{cell}\",{currency},{currency}\n"));
    }
    let validated = payrun_csv::read(file.as_bytes(), "fuzz").expect("bytes in memory can be read");
    if validated.delimiter.is_none() {
        // Refused as a whole, for what no text file holds.
        assert!(validated.errors() > 0);
        return;
    }
    assert_eq!(validated.rows, 5);
    for payment in &validated.payments {
        let currency: Currency = payment.reference.as_str().parse().expect("it was written so");
        // Exactly what stands there, by the rules of money itself; never a guess.
        assert_eq!(Amount::parse(text.trim_ascii(), currency), Ok(payment.amount));
    }
    for problem in validated.problems().expect("the text is kept") {
        assert!(problem.row.is_some() && problem.line.is_some(), "{problem:?}");
    }
});
