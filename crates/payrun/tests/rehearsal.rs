//! The rehearsal's provider: whose limits it keeps to, who has it, which wallets it has.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

use payrun::kotani::Settings as KotaniSettings;
use payrun::sandbox::{Limits, Settings, WalletSetting};
use payrun::{Exit, JobError, RateLimit, Refusal, Rehearsal};
use std::path::Path;
use std::time::Duration;

async fn start(folder: &Path, settings: Settings) -> Rehearsal {
    Rehearsal::start(folder, settings, None).await.unwrap()
}

#[tokio::test]
async fn under_the_providers_limits_a_rehearsal_keeps_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let limited = || Settings { limits: Limits::Kotani, ..Settings::default() };
    let local = start(folder.path(), limited()).await;
    let rules = local.gateway().rules();
    assert_eq!(rules.limits, KotaniSettings::usual_limits());
    assert_eq!(rules.same_payee_gap, Duration::from_secs(61));
    local.stop().await;

    // A pace that was asked for replaces the limits of money only.
    let pace = RateLimit::per_seconds(2, 1);
    let local = Rehearsal::start(folder.path(), limited(), Some(pace)).await.unwrap();
    let rules = local.gateway().rules();
    assert_eq!(rules.limits.money, [pace]);
    assert_eq!(rules.limits.read, KotaniSettings::usual_limits().read);
    assert_eq!(rules.same_payee_gap, Duration::from_secs(61));
    local.stop().await;

    // What the provider's clock makes shorter.
    let fast = start(folder.path(), Settings { time_scale: 10, ..limited() }).await;
    let rules = fast.gateway().rules();
    let tenth = |limit: &RateLimit| RateLimit { per: limit.per / 10, ..*limit };
    let money: Vec<_> = KotaniSettings::usual_limits().money.iter().map(tenth).collect();
    assert_eq!(rules.limits.money, money);
    assert_eq!(rules.same_payee_gap, Duration::from_millis(6_100));
}

#[tokio::test]
async fn without_limits_a_rehearsal_is_fast_enough_and_slow_enough_to_watch() {
    let folder = tempfile::tempdir().unwrap();
    let rules = start(folder.path(), Settings::default()).await.gateway().rules();
    assert_eq!(rules.limits.money, [RateLimit::per_seconds(20, 1)]);
    assert!(rules.limits.read.is_empty() && rules.limits.all.is_empty());
    assert_eq!(rules.same_payee_gap, Duration::ZERO);
}

#[tokio::test]
async fn a_second_rehearsal_is_refused_and_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = start(folder.path(), Settings::default()).await;
    let Err(refused) = Rehearsal::start(folder.path(), Settings::default(), None).await else {
        panic!("two rehearsals in one folder")
    };
    assert_eq!(refused.exit(), Exit::Refused);
    let JobError::Refused(Refusal::Held(said)) = &refused else { panic!("{refused:?}") };
    assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
    first.stop().await;
    start(folder.path(), Settings::default()).await.stop().await;
}

#[tokio::test]
async fn a_folder_that_another_sandbox_has_is_refused_too() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(payrun::rehearsal_root(folder.path()).join("provider"));
    let settings = Settings { state, ..Settings::default() };
    let _other = payrun::sandbox::Sandbox::start(settings).await.unwrap();
    let refused = Rehearsal::start(folder.path(), Settings::default(), None).await.err().unwrap();
    assert_eq!(refused.exit(), Exit::Refused, "{refused}");
}

fn named(id: &str, balance: &str) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wallets.json");
    let text = format!(r#"[{{"id":"{id}","currency":"KES","balance":"{balance}"}}]"#);
    std::fs::write(&path, text).unwrap();
    Settings { wallets: WalletSetting::read_file(&path).unwrap(), ..Settings::default() }
}

/// Each wallet of a rehearsal in this folder with its balance, in order.
async fn wallets(folder: &Path, settings: Settings) -> Vec<(String, String)> {
    let local = start(folder, settings).await;
    let wallets = local.gateway().wallets().await.unwrap();
    local.stop().await;
    wallets.iter().map(|wallet| (wallet.id.to_string(), wallet.balance.text())).collect()
}

#[tokio::test]
async fn a_rehearsal_keeps_the_wallets_that_it_began_with() {
    let folder = tempfile::tempdir().unwrap();
    let own = |id: &str, balance: &str| vec![(id.to_owned(), balance.to_owned())];
    let (mine, usual) = (own("mine", "500"), Settings::default());
    assert_eq!(wallets(folder.path(), named("mine", "500")).await, mine);
    assert_eq!(wallets(folder.path(), usual.clone()).await, mine, "unless told otherwise");
    // Told otherwise, it has those; what was planned on the others still finds its wallet later.
    assert_eq!(wallets(folder.path(), named("other", "70")).await, own("other", "70"));
    let both = [own("mine", "500"), own("other", "70")].concat();
    assert_eq!(wallets(folder.path(), usual.clone()).await, both);
    let folder = tempfile::tempdir().unwrap();
    let first = wallets(folder.path(), usual.clone()).await;
    assert_eq!(first.len(), usual.wallets.len());
    assert_eq!(wallets(folder.path(), named("mine", "500")).await, mine);
    assert_eq!(wallets(folder.path(), usual).await, [first, mine].concat());
}
