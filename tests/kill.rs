//! Real processes, `kill -9`, a provider in another process: every payment exactly once (I1, I3, I5, I7).
//!
//! 200 kills ordinarily; `PAYRUN_KILLS=10000 cargo test -p payrun-tests --test kill killed_at_random -- --nocapture` makes as
//! many, half of them with a hostile provider, and `PAYRUN_SEED=N` draws other moments.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails where it cannot go on, and names its seed"
)]

use payrun_tests::{Home, Provider, Seed, number_from, payroll, run_args};
use std::time::{Duration, Instant};

/// The longest that a killed run may take to reach the moment at which it is to be killed.
const PATIENCE: Duration = Duration::from_secs(600);

/// How many times one run is killed.
const KILLS_OF_A_RUN: u64 = 12;

/// Kills runs of `payments` payments `kills` times, each when the provider has executed some more than before, then lets
/// the run finish. Returns how many kills hit a living process.
fn kill_often(seed: u64, payments: usize, kills: u64, sandbox: &[&str]) -> u64 {
    println!("seed {seed}");
    let mut seed = Seed::new(seed);
    let (home, provider) = (Home::new(), Provider::start(sandbox));
    let file = home.file("june.csv", payroll("JUNE", payments));
    let file = file.to_str().unwrap();
    let mut hit = 0;
    for _ in 0..kills {
        let before = provider.ledger().executions.len() as u64;
        // At once, or after some of what is left was executed, or somewhere in the settling behind it.
        let left = payments as u64 - before;
        let target = before + seed.below(left / 3 + 2);
        let began = Instant::now();
        let mut running = home.start_against(&provider, &run_args(file));
        while (provider.ledger().executions.len() as u64) < target.min(payments as u64)
            && !running.has_ended()
        {
            assert!(began.elapsed() < PATIENCE, "{} of {target} executed", before);
            std::thread::yield_now();
        }
        for _ in 0..seed.below(200_000) {
            std::hint::spin_loop();
        }
        hit += u64::from(!running.has_ended());
        running.kill();
        let now = provider.ledger();
        assert!(now.executions.values().all(|execution| execution.count == 1), "{now:?}");
    }
    let ended = home.run_against(&provider, &run_args(file));
    let report = ended.expect(0).json();
    let ledger = provider.ledger();
    assert_eq!(ledger.executions.len(), payments);
    ledger.assert_equals_report(&report);
    home.run(&["verify", "june"]).expect(0);
    assert_eq!(
        report["totals"]["KES"]["paid"]["count"].as_u64().unwrap()
            + report["totals"]["UGX"]["paid"]["count"].as_u64().unwrap(),
        payments as u64
    );
    hit
}

/// Half of the kills that are wanted, over as many runs as that takes.
fn half_of_the_kills(sandbox: &[&str], kind: u64) {
    let wanted = number_from("PAYRUN_KILLS").unwrap_or(200) / 2;
    let runs = wanted.div_ceil(KILLS_OF_A_RUN);
    let first = Seed::of_this_run().wrapping_mul(1_000_000).wrapping_add(kind * 100_000);
    let hit: u64 = (first..first.wrapping_add(runs))
        .map(|seed| kill_often(seed, 60, KILLS_OF_A_RUN, sandbox))
        .sum();
    let made = runs * KILLS_OF_A_RUN;
    println!("{hit} of {made} kills hit a living process");
    assert!(hit * 10 >= made * 6, "only {hit} of {made} kills hit a living process");
}

#[test]
fn killed_at_random_every_payment_is_made_exactly_once() {
    half_of_the_kills(&["--settle", "50ms"], 0);
}

#[test]
fn killed_at_random_with_a_hostile_provider_every_payment_is_made_exactly_once() {
    half_of_the_kills(&["--settle", "50ms", "--faults", "hostile", "--seed", "7"], 1);
}

#[test]
fn a_run_that_is_started_again_after_it_finished_sends_nothing() {
    let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
    let file = home.file("june.csv", payroll("JUNE", 12));
    let args = run_args(file.to_str().unwrap());
    home.run_against(&provider, &args).expect(0);
    let before = provider.ledger();
    let again = home.run_against(&provider, &args).expect(0).json();
    assert_eq!(again["state"], "finished");
    assert_eq!(provider.ledger(), before);
}

#[test]
fn interrupted_politely_it_ends_with_130_and_nothing_unknown() {
    for signal in ["INT", "TERM"] {
        let (home, provider) = (Home::new(), Provider::start(&["--settle", "20ms"]));
        let file = home.file("june.csv", payroll("JUNE", 60));
        let mut args = run_args(file.to_str().unwrap());
        let pace = args.iter().position(|arg| *arg == "400/s").unwrap();
        args[pace] = "20/s";
        let running = home.start_against(&provider, &args);
        let began = Instant::now();
        while provider.ledger().executions.len() < 5 {
            assert!(began.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
        running.signal(signal);
        let ended = running.wait();
        assert_eq!(ended.code, Some(130), "{signal}");
        let status = home.run(&["status", "june", "--json"]).json();
        for totals in status["totals"].as_object().unwrap().values() {
            assert!(
                totals.get("unknown").is_none() && totals.get("submitting").is_none(),
                "{totals}"
            );
        }
        args[pace] = "400/s";
        let report = home.run_against(&provider, &args).expect(0).json();
        provider.ledger().assert_equals_report(&report);
    }
}

#[test]
fn the_judge_sees_a_payment_that_is_made_twice() {
    // Without this, a ledger that always says 1 would prove nothing.
    let provider = Provider::start(&["--settle", "20ms"]);
    let mut ledger = provider.ledger();
    let execution = payrun_tests::Execution {
        count: 2,
        status: "SUCCESSFUL".into(),
        amount: "1".into(),
        wallet: "w".into(),
    };
    ledger.executions.insert("r".into(), execution);
    let report = serde_json::json!({"payments": [
        {"provider_reference": "r", "state": "paid", "amount": "1", "wallet": "w"}]});
    let judged = std::panic::catch_unwind(|| ledger.assert_equals_report(&report));
    assert!(judged.is_err());
}
