use super::*;
use payrun_ports::{ClassGrants, GrantGroup, Moment, Past};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

const KEY: KeyFingerprint = KeyFingerprint::from_bytes([7; 32]);
const OTHER: KeyFingerprint = KeyFingerprint::from_bytes([8; 32]);

fn at(seconds: u64, count: u64) -> GrantGroup {
    let at = Moment(Duration::from_secs(seconds));
    GrantGroup { first: at, last: at, count }
}

/// Counts one more grant, and gives what there is.
fn add(file: &GrantFile, key: &KeyFingerprint) -> Result<Grants, GrantLogError> {
    let mut now = Grants::default();
    file.change(key, &mut |grants| {
        grants.classes[0].groups.push(at(1, 1));
        now = grants.clone();
    })?;
    Ok(now)
}

fn count(grants: &Grants) -> usize {
    grants.classes[0].groups.len()
}

fn new(folder: &TempDir) -> GrantFile {
    GrantFile::open(&folder.path().join("pace"), true)
}

fn later(folder: &TempDir) -> GrantFile {
    GrantFile::open(&folder.path().join("pace"), false)
}

#[test]
fn who_comes_later_finds_what_was_granted_to_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let first = new(&folder);
    let second = new(&folder);
    assert_eq!(add(&first, &KEY).unwrap().past, Past::Known);
    assert_eq!(count(&add(&second, &KEY).unwrap()), 2);
    assert_eq!(count(&add(&first, &OTHER).unwrap()), 1);
    drop((first, second));
    let grants = add(&later(&folder), &KEY).unwrap();
    assert_eq!((count(&grants), grants.past), (3, Past::Known));
}

#[test]
fn only_its_owner_can_use_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = new(&folder);
    add(&file, &KEY).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file.path), 0o600);
    assert_eq!(mode(file.path.parent().unwrap()), 0o700);
    std::fs::remove_file(&file.path).unwrap();
    add(&file, &KEY).unwrap();
    assert_eq!(mode(&file.path), 0o600);
}

#[test]
fn of_what_was_lost_or_damaged_nothing_is_known_and_it_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = new(&folder);
    add(&file, &KEY).unwrap();
    let sound = std::fs::read(&file.path).unwrap();
    let mut damages = vec![Vec::new(), b"grants".to_vec(), vec![0; sound.len()]];
    damages.extend((0..sound.len()).map(|length| sound[..length].to_vec()));
    for place in 0..sound.len() {
        let mut flipped = sound.clone();
        flipped[place] ^= 0x10;
        damages.push(flipped);
    }
    for damage in damages {
        std::fs::write(&file.path, &damage).unwrap();
        let grants = add(&later(&folder), &KEY).unwrap();
        assert_eq!((grants.past, count(&grants)), (Past::Unknown, 1));
        // Of other keys neither, for good.
        assert_eq!(add(&file, &OTHER).unwrap().past, Past::Unknown);
        assert_eq!(count(&add(&file, &KEY).unwrap()), 2);
    }
    std::fs::remove_file(&file.path).unwrap();
    assert_eq!(add(&later(&folder), &KEY).unwrap().past, Past::Unknown);
}

#[test]
fn what_lies_behind_a_shorter_content_is_not_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = new(&folder);
    add(&file, &KEY).unwrap();
    let mut bytes = std::fs::read(&file.path).unwrap();
    bytes.extend_from_slice(b"of a longer one before");
    std::fs::write(&file.path, &bytes).unwrap();
    assert_eq!(count(&add(&file, &KEY).unwrap()), 2);
}

#[test]
fn of_another_start_of_the_machine_nothing_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = new(&folder);
    add(&file, &KEY).unwrap();
    file.boot_id = "another".to_owned();
    assert_eq!(add(&file, &KEY).unwrap().past, Past::Unknown);
}

#[test]
fn a_newer_format_is_left_alone() {
    use sha2::{Digest as _, Sha256};
    let folder = tempfile::tempdir().unwrap();
    let file = new(&folder);
    add(&file, &KEY).unwrap();
    let mut bytes = std::fs::read(&file.path).unwrap();
    bytes[11] = 2;
    let end = bytes.len() - 32;
    let hash = Sha256::digest(&bytes[..end]);
    bytes[end..].copy_from_slice(&hash);
    std::fs::write(&file.path, &bytes).unwrap();
    let refused = add(&file, &KEY).unwrap_err();
    assert!(refused.to_string().contains("format version 2, newer"), "{refused}");
    assert_eq!(std::fs::read(&file.path).unwrap(), bytes);
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("pace"), "a file").unwrap();
    let refused = add(&new(&folder), &KEY).unwrap_err();
    assert!(refused.to_string().contains("pace/grants"), "{refused}");
}

#[test]
fn who_has_the_lock_is_waited_for_unless_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let (patient, mut hasty) = (new(&folder), new(&folder));
    add(&patient, &KEY).unwrap();
    let frozen = patient.lock().unwrap().unwrap();
    assert_eq!(add(&patient, &KEY), Err(GrantLogError::Busy));
    assert_eq!(add(&patient, &KEY), Err(GrantLogError::Busy));
    hasty.stuck_after = Duration::ZERO;
    // It sees that somebody has it, then that nothing got done, then it has a file of its own.
    assert_eq!(add(&hasty, &KEY), Err(GrantLogError::Busy));
    assert_eq!(add(&hasty, &KEY), Err(GrantLogError::Busy));
    hasty.stuck_after = STUCK_AFTER;
    assert_eq!(count(&add(&hasty, &KEY).unwrap()), 2);
    assert_eq!(frozen.metadata().unwrap().nlink(), 0);
    assert_eq!(count(&add(&patient, &KEY).unwrap()), 3);
}

#[test]
fn who_gets_something_done_is_not_frozen() {
    let folder = tempfile::tempdir().unwrap();
    let (busy, mut hasty) = (new(&folder), new(&folder));
    hasty.stuck_after = Duration::ZERO;
    for _ in 0..3 {
        add(&busy, &KEY).unwrap();
        let held = busy.lock().unwrap().unwrap();
        assert_eq!(add(&hasty, &KEY), Err(GrantLogError::Busy));
        drop(held);
    }
    assert_eq!(count(&add(&busy, &KEY).unwrap()), 4);
}

#[test]
fn what_a_frozen_process_granted_before_it_went_on_is_void() {
    let folder = tempfile::tempdir().unwrap();
    let (slow, mut hasty) = (new(&folder), new(&folder));
    hasty.stuck_after = Duration::ZERO;
    // It is left behind while it decides.
    let void = slow.change(&KEY, &mut |grants| {
        grants.classes[0].groups.push(at(1, 1));
        for _ in 0..2 {
            assert_eq!(add(&hasty, &KEY), Err(GrantLogError::Busy));
        }
    });
    assert_eq!(void, Err(GrantLogError::Busy));
    assert_eq!(count(&add(&slow, &KEY).unwrap()), 1);
}

#[test]
fn nothing_is_lost_between_threads_that_ask_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let granted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let file = new(&folder);
            let granted = &granted;
            scope.spawn(move || {
                for _ in 0..200 {
                    match add(&file, &KEY) {
                        Ok(_) => drop(granted.fetch_add(1, Ordering::Relaxed)),
                        Err(GrantLogError::Busy) => std::thread::yield_now(),
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let granted = granted.load(Ordering::Relaxed);
    assert!(granted > 0);
    let all = count(&add(&new(&folder), &KEY).unwrap());
    assert_eq!(u64::try_from(all).unwrap(), granted + 1);
}

fn version_1() -> Content {
    let class = |paused, groups: &[GrantGroup]| ClassGrants {
        paused_until: Moment(Duration::from_millis(paused)),
        groups: groups.to_vec(),
    };
    let grants = |past, classes| Grants { past, horizon: Duration::from_secs(3_600), classes };
    let spread = GrantGroup {
        first: at(41, 0).first,
        last: Moment(Duration::from_micros(41_000_250)),
        count: 10,
    };
    let mut content = Content::lost("00000000-1111-2222-3333-444444444444", 300);
    let money = class(50_500, &[at(40, 1), spread]);
    content.keys.insert(
        KEY,
        grants(Past::KnownSince(at(30, 0).first), [money, class(0, &[]), class(0, &[at(42, 3)])]),
    );
    content.keys.insert(OTHER, grants(Past::Known, Default::default()));
    content.keys.insert(KeyFingerprint::from_bytes([9; 32]), Grants::lost());
    content
}

/// What format version 1 stored has to open for ever. `PAYRUN_WRITE_FIXTURES=1` writes the file anew; that is right only
/// for a version that has none yet.
#[test]
fn version_1_is_written_to_the_byte_as_it_always_was_and_opens() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1/grants");
    let written = version_1().encode().unwrap();
    if std::env::var_os("PAYRUN_WRITE_FIXTURES").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let kept = std::fs::read(&path).unwrap();
    assert!(written == kept, "the format changed without a new version");
    assert_eq!(Content::decode(&kept), Ok(version_1()));
    // And it goes on from there.
    let folder = tempfile::tempdir().unwrap();
    let mut file = later(&folder);
    file.boot_id = version_1().boot_id;
    std::fs::write(&file.path, &kept).unwrap();
    assert_eq!(count(&add(&file, &KEY).unwrap()), 3);
}
