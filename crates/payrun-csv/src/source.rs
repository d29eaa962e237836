//! The bytes of the file on their way in: hashed as they pass, so that the file is read once.

use payrun_core::Digest;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read};

/// A reader that hashes what it gives.
pub(crate) struct Hashed<R> {
    input: R,
    hash: Sha256,
}

impl<R: Read> Hashed<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, hash: Sha256::new() }
    }

    /// Up to `length` bytes; fewer only at the end.
    pub(crate) fn head(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        self.by_ref().take(length).read_to_end(&mut head)?;
        Ok(head)
    }

    /// The hash of the whole, whatever of it was read before.
    pub(crate) fn finish(mut self) -> io::Result<Digest> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(Digest::from_bytes(self.hash.finalize().into()))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_of_all_bytes_however_they_were_read() {
        // sha256sum of "abc"
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let mut hashed = Hashed::new(b"abc".as_slice());
        assert_eq!(hashed.head(2).unwrap(), b"ab");
        assert_eq!(hashed.finish().unwrap().to_string(), expected);
    }
}
