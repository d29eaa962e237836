//! Any text as a phone number.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let cell = text.replace('"', "\"\"");
    let mut file = "name,email,phone,amount,currency,reference,country\n".to_owned();
    for (currency, country) in [("KES", ""), ("GHS", "GH"), ("XOF", "CI"), ("USD", "")] {
        file.push_str(&format!("A,a@example.com,\"{cell}\",1,{currency},{currency},{country}\n"));
    }
    let validated = payrun_csv::read(file.as_bytes(), "fuzz").expect("bytes in memory can be read");
    if validated.delimiter.is_none() {
        // Refused as a whole, for what no text file holds.
        assert!(validated.errors() > 0);
        return;
    }
    assert_eq!(validated.rows, 4);
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    for payment in &validated.payments {
        let phone = payment.payee.phone.as_str();
        assert!(phone.starts_with('+') && phone.len() >= 8, "{phone}");
        // No digit is added, dropped or guessed.
        assert_eq!(digits(phone), digits(text));
    }
    for problem in validated.problems().expect("the text is kept") {
        assert!(problem.row.is_some() && problem.line.is_some(), "{problem:?}");
    }
});
