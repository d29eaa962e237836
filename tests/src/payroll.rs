//! Payment files made to measure.

use std::fmt::Write as _;

/// A clean payment file of `count` payments in KES and UGX, with references `PREFIX-0001` and so on.
pub fn payroll(prefix: &str, count: usize) -> String {
    let mut csv =
        "recipient_name,recipient_email,recipient_phone,amount,currency,reference\n".to_owned();
    for i in 1..=count {
        let (phone, amount, currency) = match i % 3 {
            0 => (format!("+256772{i:06}"), 60_000 + i, "UGX"),
            _ => (format!("+254712{i:06}"), 1_500 + i, "KES"),
        };
        writeln!(
            csv,
            "Payee Number{i},payee{i}@example.com,{phone},{amount},{currency},{prefix}-{i:04}"
        )
        .unwrap();
    }
    csv
}
