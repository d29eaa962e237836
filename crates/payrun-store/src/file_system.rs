//! Whether a folder is one that locks and syncs can be relied on.

use crate::disk::Disk;
use crate::state_dir::OpenError;
use std::io;
use std::path::Path;

/// Makes the folder and its parents, durably; one that is there is fine.
///
/// A folder that is there may be what a killed process left before it synced the name. So the name is synced
/// again; where the folder above is not ours to open, it was there before us.
pub(crate) fn make_folder(disk: &dyn Disk, path: &Path) -> Result<(), OpenError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    if !path.is_dir() {
        if !parent.is_dir() {
            make_folder(disk, parent)?;
        }
        match disk.create_dir(path) {
            // Another process may have made it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(OpenError::NotADirectory(path.to_owned()));
            }
            Err(error) => {
                return Err(OpenError::NotWritable { path: path.to_owned(), error });
            }
            Ok(()) => {}
        }
    }
    match disk.sync_dir(parent) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced.map_err(|error| OpenError::Io { path: parent.to_owned(), error }),
    }
}

/// Refuses a folder in which no file can be opened for writing.
pub(crate) fn try_writing(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    match options.open(path.join("LOCK")) {
        Ok(_) => Ok(()),
        Err(error) => Err(OpenError::NotWritable { path: path.to_owned(), error }),
    }
}

/// `f_type` of file systems that other machines write to, from `statfs(2)` and the kernel's `magic.h`.
#[cfg(target_os = "linux")]
const NETWORK: [(u32, &str); 14] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9p"),
    (0x564c, "NCP"),
    (0x7375_7245, "Coda"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
];

/// Refuses network file systems.
#[cfg(target_os = "linux")]
pub(crate) fn refuse_network(path: &Path) -> Result<(), OpenError> {
    let stat = rustix::fs::statfs(path)
        .map_err(|error| OpenError::Io { path: path.to_owned(), error: error.into() })?;
    match network_kind(i128::from(stat.f_type)) {
        Some(kind) => Err(OpenError::NetworkFileSystem { path: path.to_owned(), kind }),
        None => Ok(()),
    }
}

/// Its width and sign differ between machines; the low 32 bits are what is compared.
#[cfg(target_os = "linux")]
fn network_kind(f_type: i128) -> Option<&'static str> {
    let found = NETWORK.iter().find(|(magic, _)| i128::from(*magic) == f_type & 0xffff_ffff);
    found.map(|(_, kind)| *kind)
}

/// Elsewhere the system does not tell; the lock then decides.
#[cfg(not(target_os = "linux"))]
pub(crate) fn refuse_network(_: &Path) -> Result<(), OpenError> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_magic_whatever_its_sign() {
        assert_eq!(network_kind(0x6969), Some("NFS"));
        assert_eq!(network_kind(0xff53_4d42), Some("CIFS"));
        assert_eq!(network_kind(i128::from(0xff53_4d42_u32.cast_signed())), Some("CIFS"));
        assert_eq!(network_kind(0x0102_1997), Some("9p"));
        for local in [0xef53, 0x0102_1994, 0x794c_7630, 0x9123_683e, 0x5846_5342] {
            assert_eq!(network_kind(local), None);
        }
    }
}
