//! Plans as content-addressed files.

mod support;

use payrun_core::Digest;
use payrun_store::PlanError;
use sha2::{Digest as _, Sha256};
use support::fault::{Fault, FaultDisk};
use support::*;

fn digest(bytes: &[u8]) -> Digest {
    Digest::from_bytes(Sha256::digest(bytes).into())
}

#[test]
fn a_plan_reads_back_and_is_found_by_its_first_digits() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    let digest = digest(b"plan");
    let path = state.put_plan(&digest, b"plan").unwrap();
    assert_eq!(state.put_plan(&digest, b"plan").unwrap(), path, "idempotent");
    assert_eq!(state.plan(&digest).unwrap(), b"plan");
    let text = digest.to_string();
    for length in [8, 12, 64] {
        assert_eq!(state.find_plan(&text[..length]).unwrap(), Some(digest));
    }
    assert_eq!(state.find_plan("00000000").unwrap(), None);
    for bad in [&text[..7], "XXXXXXXX", "../../etc/passwd", ""] {
        assert!(matches!(state.find_plan(bad), Err(PlanError::Prefix(_))), "{bad}");
    }
    let twin = format!("{}{}", &text[..8], "0".repeat(56));
    std::fs::write(path.with_file_name(format!("{twin}.plan")), b"").unwrap();
    assert!(matches!(state.find_plan(&text[..8]), Err(PlanError::Ambiguous(_))));
    assert_eq!(state.find_plan(&text[..20]).unwrap(), Some(digest));
}

#[test]
fn a_plan_that_could_not_be_stored_leaves_nothing_behind() {
    for after in 0..5 {
        let root = tempfile::tempdir().unwrap();
        let disk = FaultDisk::default();
        let state = state_on(root.path(), std::sync::Arc::new(disk.clone()), limits());
        disk.fail_after(after, Fault::Cut);
        assert!(state.put_plan(&digest(b"plan"), b"plan").is_err());
        let names = std::fs::read_dir(state.path().join("plans")).unwrap();
        let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
        assert!(names.iter().all(|name| name.to_string_lossy().ends_with(".plan")), "{names:?}");
        disk.heal();
        state.put_plan(&digest(b"plan"), b"plan").unwrap();
        assert_eq!(state.plan(&digest(b"plan")).unwrap(), b"plan");
    }
}

#[test]
fn a_damaged_plan_is_an_error_when_stored_and_when_read() {
    let root = tempfile::tempdir().unwrap();
    let state = state(root.path());
    let wrong = state.put_plan(&digest(b"plan"), b"other");
    assert!(matches!(wrong, Err(PlanError::Damaged { .. })));
    assert!(matches!(state.plan(&digest(b"plan")), Err(PlanError::Missing(_))));
    let path = state.put_plan(&digest(b"plan"), b"plan").unwrap();
    std::fs::write(&path, b"plam").unwrap();
    assert!(matches!(state.plan(&digest(b"plan")), Err(PlanError::Damaged { .. })));
    let again = state.put_plan(&digest(b"plan"), b"plan");
    assert!(matches!(again, Err(PlanError::Damaged { .. })), "never silently replaced");
}
