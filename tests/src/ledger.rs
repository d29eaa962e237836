//! What really moved, in the provider's own words.

use serde_json::Value;
use std::collections::BTreeMap;

/// One reference at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// How many times money moved for it.
    pub count: u64,
    /// The provider's word.
    pub status: String,
    /// Decimal text.
    pub amount: String,
    /// The wallet that paid.
    pub wallet: String,
}

/// The provider's ledger, by provider reference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// By provider reference.
    pub executions: BTreeMap<String, Execution>,
    /// How often a limit was exceeded.
    pub rate_limit_violations: u64,
}

impl Ledger {
    /// Reads the sandbox's JSON.
    pub fn read(json: &Value) -> Self {
        let text = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
        let executions = json["executions"].as_array().unwrap().iter().map(|entry| {
            let execution = Execution {
                count: entry["count"].as_u64().unwrap(),
                status: text(entry, "status"),
                amount: text(entry, "amount"),
                wallet: text(entry, "wallet_id"),
            };
            (text(entry, "reference"), execution)
        });
        Self {
            executions: executions.collect(),
            rate_limit_violations: json["rate_limit_violations"].as_u64().unwrap(),
        }
    }

    /// Asserts that the report says of every payment what the ledger says, and that no money moved twice, or for
    /// anything that the report does not hold.
    pub fn assert_equals_report(&self, report: &Value) {
        let payments = report["payments"].as_array().unwrap();
        let mut left = self.executions.clone();
        for payment in payments {
            let reference = payment["provider_reference"].as_str().unwrap();
            let state = payment["state"].as_str().unwrap();
            let Some(execution) = left.remove(reference) else {
                assert!(
                    matches!(state, "rejected" | "planned" | "cancelled" | "held"),
                    "{reference} is {state}, and the provider does not know it"
                );
                continue;
            };
            assert_eq!(execution.count, 1, "money moved {} times for {reference}", execution.count);
            let expected = match execution.status.as_str() {
                "SUCCESSFUL" => "paid",
                "FAILED" => "failed",
                _ => "accepted",
            };
            assert_eq!(state, expected, "{reference} is {} at the provider", execution.status);
            assert_eq!(payment["amount"].as_str().unwrap(), execution.amount, "{reference}");
            assert_eq!(payment["wallet"].as_str().unwrap(), execution.wallet, "{reference}");
        }
        assert!(left.is_empty(), "the provider paid what is not in the report: {left:?}");
    }
}
