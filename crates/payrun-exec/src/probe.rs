//! Empty is not new (I11): before a store without any history sends its first payment, the provider is asked
//! about a sample.

use crate::pace::Pace;
use payrun_core::{PaymentIndex, Plan};
use payrun_ports::{CallClass, CallError, Gateway, LookUp};

/// The most references that are asked about.
const SAMPLE_MAX: usize = 20;

/// A payment of the plan that the provider already knows, if the sample holds one.
///
/// The sample takes the first payments of each wallet, which a lost run would have sent first, and others spread
/// over the plan.
///
/// # Errors
/// [`CallError`] if the provider cannot be asked; then nothing may be concluded.
pub async fn probe(
    plan: &Plan,
    gateway: &dyn Gateway,
    pace: &Pace,
) -> Result<Option<PaymentIndex>, CallError> {
    for index in sample(plan) {
        let wallet =
            plan.batches.iter().rev().find(|batch| batch.first <= index).map(|batch| &batch.wallet);
        let (Some(planned), Some(wallet)) = (plan.payment(index), wallet) else {
            continue;
        };
        pace.token(CallClass::Read).await;
        match gateway.look_up(planned, wallet, None).await? {
            LookUp::NotFound => {}
            LookUp::Found(..) | LookUp::Different(_) => return Ok(Some(index)),
        }
    }
    Ok(None)
}

fn sample(plan: &Plan) -> Vec<PaymentIndex> {
    let mut wallets: Vec<_> = plan.batches.iter().map(|batch| &batch.wallet).collect();
    wallets.sort_unstable();
    wallets.dedup();
    let per_wallet = (SAMPLE_MAX / 2).checked_div(wallets.len()).unwrap_or(0).max(1);
    let mut sample: Vec<PaymentIndex> = wallets
        .iter()
        .filter_map(|wallet| plan.batches.iter().find(|batch| batch.wallet == **wallet))
        .flat_map(|batch| batch.indices().take(per_wallet))
        .take(SAMPLE_MAX / 2)
        .collect();
    let spread = SAMPLE_MAX - sample.len();
    let step = plan.payments.len().div_ceil(spread.max(1)).max(1);
    sample.extend(plan.indices().step_by(step).take(spread));
    sample.sort_unstable();
    sample.dedup();
    sample
}
