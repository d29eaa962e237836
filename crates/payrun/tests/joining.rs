//! Who joins a retry, and what is said of who does not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

mod support;

use payrun::{Choices, Quarantine};
use std::sync::Arc;
use support::*;

/// A row of the corrected file that was rejected is in the corrected file.
#[tokio::test]
async fn a_rejected_row_of_the_corrected_file_is_not_called_absent() {
    let provider = Arc::new(Provider::default());
    let office = Office::new(&provider);
    provider.refuse(&["A", "B"]);
    office.run(&file("june.csv", &["A", "B"]), &named("june")).await.unwrap();
    provider.refuse(&[]);
    let text = "recipient_name,recipient_email,recipient_phone,amount,currency,reference\n\
        Jane Doe,jane@example.com,+254712000000,1500,KES,A\n\
        Jane Doe,jane@example.com,+254712000001,-15,KES,B\n";
    let corrected = payrun::csv::read(text.as_bytes(), "c.csv").unwrap();
    assert_eq!(corrected.rejected_rows, 1);
    let choices = Choices { skip_invalid: true, ..Choices::default() };
    let retry = office
        .payer
        .prepare_retry(&key("june"), Some(&corrected), Quarantine::NONE, &choices)
        .await
        .unwrap();
    let reasons: Vec<_> = retry.left_out.keys().cloned().collect();
    assert!(!reasons.contains(&"not in the corrected file".to_owned()), "{reasons:?}");
}

/// What is refused keeps no row from joining, whatever came of the payment behind it.
#[tokio::test(start_paused = true)]
async fn the_order_of_two_without_an_answer_decides_nothing() {
    let mut told = Vec::new();
    for order in [["B", "C"], ["C", "B"]] {
        let provider = Arc::new(Provider::default());
        let office = Office::new(&provider);
        provider.refuse(&["B", "C"]);
        office.run(&file("june.csv", &order), &named("june")).await.unwrap();
        provider.refuse(&[]);
        provider.closed.lock().unwrap().insert("B".to_owned());
        *provider.is_slow.lock().unwrap() = Some("C");
        let corrected = file("c.csv", &["B", "C", "N"]);
        let retry = office
            .payer
            .prepare_retry(&key("june"), Some(&corrected), Quarantine::NONE, &Choices::default())
            .await;
        told.push(
            retry
                .map(|retry| (retry.prepared.plan.payments.len(), retry.left_out))
                .map_err(|error| error.to_string()),
        );
    }
    assert_eq!(told[0].is_ok(), told[1].is_ok(), "{told:#?}");
}
