//! Empty is not new (I11): before a store without any history sends its first payment, the provider is asked
//! about a sample.

use crate::pace::Pace;
use crate::successors;
use payrun_core::{PaymentIndex, Plan, PlannedPayment, WalletId};
use payrun_ports::{CallClass, CallError, Gateway, LookUp};

/// The most payments that are asked about.
const SAMPLE_MAX: usize = 20;
/// Of how many of them each later generation is asked about too, with three calls each: 50 calls in all take 15 seconds at
/// the pace that Kotani Pay allows, and nothing is sent before the last is answered. Fewer than all are enough, since what was
/// paid anew as a whole shows in any of them; where only a part was, the provider knows most others as they are.
const LATER_MAX: usize = 10;

/// A payment of the plan that the provider already knows, under its own or a later generation, if the sample holds one.
///
/// The sample takes the first payments of each wallet, which a lost run would have sent first, and others spread
/// over the plan. A payment that the provider refused for good is not known there, and may have been paid anew since, by
/// a run that is lost too: only its later generations tell.
///
/// # Errors
/// [`CallError`] if the provider cannot be asked; then nothing may be concluded.
pub async fn probe(
    plan: &Plan,
    gateway: &dyn Gateway,
    pace: &Pace,
) -> Result<Option<PaymentIndex>, CallError> {
    for (index, planned, wallet) in questions(plan) {
        pace.token(CallClass::Read).await;
        match gateway.look_up(&planned, wallet, None).await? {
            LookUp::NotFound => {}
            LookUp::Found(..) | LookUp::Different(_) => return Ok(Some(index)),
        }
    }
    Ok(None)
}

/// The payments of the sample as they are planned, then some of them as they would have been paid anew.
fn questions(plan: &Plan) -> impl Iterator<Item = (PaymentIndex, PlannedPayment, &WalletId)> {
    let sample = sample(plan);
    let step = sample.len().div_ceil(LATER_MAX).max(1);
    let later = sample.iter().copied().step_by(step).collect::<Vec<_>>();
    let later = later.into_iter().filter_map(|index| Some((index, plan.payment(index)?)));
    let anew = later.flat_map(|(index, planned)| {
        successors(planned, &plan.organisation).map(move |later| (index, later))
    });
    let planned =
        sample.into_iter().filter_map(|index| Some((index, plan.payment(index)?.clone())));
    planned
        .chain(anew)
        .filter_map(|(index, planned)| Some((index, planned, plan.wallet_of(index)?)))
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
