//! The bytes of the file on their way in: hashed as they pass, so that the file is read once.

use payrun_core::Digest;
use sha2::{Digest as _, Sha256};
use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

/// A reader that hashes what it gives. Its clones read from the same place, so that whoever unpacks or decodes can have
/// one and the hash is still at hand.
pub(crate) struct Hashed<R>(Rc<RefCell<State<R>>>);

struct State<R> {
    input: R,
    hash: Sha256,
    failed: bool,
}

impl<R> Clone for Hashed<R> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<R: Read> Hashed<R> {
    pub(crate) fn new(input: R) -> Self {
        Self(Rc::new(RefCell::new(State { input, hash: Sha256::new(), failed: false })))
    }

    /// Whether reading has failed: if not, whatever else failed was wrong in what was read.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.borrow().failed
    }

    /// Reads to the end, at most `bytes_max` more.
    pub(crate) fn drain(&mut self, bytes_max: u64) -> io::Result<()> {
        io::copy(&mut self.take(bytes_max), &mut io::sink()).map(|_| ())
    }

    /// The hash of all that was read.
    pub(crate) fn digest(&self) -> Digest {
        Digest::from_bytes(self.0.borrow().hash.clone().finalize().into())
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.0.borrow_mut();
        match state.input.read(buffer) {
            Ok(count) => {
                state.hash.update(buffer.get(..count).unwrap_or_default());
                Ok(count)
            }
            Err(error) => {
                state.failed |= error.kind() != io::ErrorKind::Interrupted;
                Err(error)
            }
        }
    }
}

/// Up to `length` bytes of `input`; fewer only at the end.
pub(crate) fn head(input: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.take(u64::try_from(length).unwrap_or(u64::MAX)).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_all_bytes_however_they_were_read() {
        // sha256sum of "abc"
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut hashed = Hashed::new(b"abc".as_slice());
        assert_eq!(head(&mut hashed.clone(), 2).unwrap(), b"ab");
        hashed.drain(u64::MAX).unwrap();
        assert_eq!(hashed.digest().to_string(), expected);
        assert!(!hashed.has_failed());
    }
}
