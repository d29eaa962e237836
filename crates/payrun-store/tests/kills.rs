//! A process is killed at any step of beginning, importing or opening a run, which is then gone on with, or removed and begun again:
//! nobody is refused or cautious because of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails where it cannot go on")]

mod support;

use payrun_core::Digest;
use payrun_ports::RunStore;
use payrun_store::{OpenMode, RunIdentity, StateDir};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use support::fault::{Fault, FaultDisk, Left};
use support::*;

const PLAN: &[u8] = b"{\"plan\":\"of five payments\"}\n";

fn digest() -> Digest {
    Digest::from_bytes(Sha256::digest(PLAN).into())
}

fn bound(run: &str, payments: u32) -> RunIdentity {
    RunIdentity { plan: digest(), ..identity(run, payments) }
}

fn export() -> Vec<u8> {
    let root = fast_root();
    let state = state(root.path());
    state.put_plan(&digest(), PLAN).unwrap();
    let handle = state.create_run(&key(RUN), &bound(RUN, 3), &references(RUN, 3)).unwrap();
    let _ = block_on(handle.commit(vec![first_intent(0), first_intent(1)])).unwrap();
    drop(handle);
    let mut text = Vec::new();
    state.export_run(&key(RUN), &mut text).unwrap();
    text
}

fn act(what: &str, state: &StateDir, text: &[u8]) -> bool {
    match what {
        "import" => state.import_run(text, |_, _| Ok::<_, String>(references(RUN, 3))).is_ok(),
        "create" => {
            let created = state.create_run(&key(RUN), &bound(RUN, 3), &references(RUN, 3));
            created.map(drop).is_ok()
        }
        _ => state.open_run(&key(RUN), &references(RUN, 3), OpenMode::Resume).map(drop).is_ok(),
    }
}

fn sweep(what: &str, is_removed: bool, is_first: bool, power: Option<Left>) -> Vec<String> {
    let text = export();
    let mut told = Vec::new();
    for fault in [Fault::Fails, Fault::Cut, Fault::DoneButFails] {
        for after in 0..60 {
            let root = fast_root();
            let disk = FaultDisk::default();
            let dir = state_on(root.path(), Arc::new(disk.clone()), limits());
            if !is_first {
                let handle = create(&dir, "first", 2);
                let _ = block_on(handle.commit(vec![first_intent(0)])).unwrap();
                drop(handle);
            }
            if what == "open" {
                assert!(act("import", &dir, &text));
            }
            let before = disk.operations();
            disk.fail_after(after, fault);
            let done = act(what, &dir, &text);
            let at = disk.log().get(usize::try_from(before + after).unwrap()).cloned();
            let Some(at) = at else { break };
            if let Some(left) = power {
                disk.cut_power(left);
            }
            disk.heal();
            let dir = state(root.path());
            if !is_first {
                drop(open(&dir, "first"));
            }
            if dir.run_exists(&key(RUN)) {
                if is_removed {
                    std::fs::remove_dir_all(run_path(&dir, RUN)).unwrap();
                } else {
                    act("open", &dir, &text);
                }
            }
            if is_removed {
                act(if what == "open" { "import" } else { what }, &dir, &text);
            }
            let later =
                dir.create_run(&key("later"), &identity("later", 1), &references("later", 1));
            let later = match later {
                Ok(handle) => {
                    block_on(handle.history()).unwrap().cautious.map(|_| "cautious".to_owned())
                }
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = later {
                let case = format!("{what} removed {is_removed} first {is_first} {power:?}");
                told.push(format!("{case}: {fault:?} at {at} (done {done}): {why}"));
            }
        }
    }
    told
}

#[test]
fn a_kill_makes_nobody_cautious() {
    let mut told = Vec::new();
    for what in ["create", "import", "open"] {
        for is_removed in [false, true] {
            for is_first in [false, true] {
                // The end that was torn then is that of a run which is removed: nobody knows any more what it was.
                if is_removed && is_first {
                    continue;
                }
                for power in [None, Some(Left::Nothing), Some(Left::HalfOfBytes)] {
                    told.extend(sweep(what, is_removed, is_first, power));
                }
            }
        }
    }
    assert!(told.is_empty(), "{}\n{}", told.len(), told.join("\n"));
}
