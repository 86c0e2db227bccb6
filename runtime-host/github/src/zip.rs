//! Zip archives in memory, as far as artifacts need them: a directory of names, and single files, stored or deflated. Libraries for this turn
//! on features of what the engine is built from.
//!
//! It knows the format ([APPNOTE](https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT), sections 4.3 and 4.4). It must never believe
//! a size or an offset, or make a path of a name.

use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::io::Read as _;

const END: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const COMMENT_BYTES_MAX: usize = 0xffff;
const ENTRY: [u8; 4] = *b"PK\x01\x02";
const ENTRY_BYTES: usize = 46;
const LOCAL: [u8; 4] = *b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;
const ENCRYPTED: u16 = 1;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The bytes are no such archive, or one of a kind that is not read: split, encrypted, or larger than 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAZip;

/// A file in an archive, as its directory tells of it.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    /// How large it says it is.
    pub(crate) size_bytes: u64,
    flags: u16,
    method: u16,
    crc: u32,
    packed_bytes: usize,
    offset: usize,
}

/// The entries of an archive, of which there may be so many.
pub(crate) fn entries(zip: &[u8], count_max: usize) -> Result<Vec<Entry<'_>>, NotAZip> {
    let tail = zip.len().saturating_sub(END_BYTES + COMMENT_BYTES_MAX);
    let last = zip.len().checked_sub(END_BYTES).ok_or(NotAZip)?;
    let is_end =
        |at: &usize| zip[*at..].starts_with(&END) && zip.len() - *at - END_BYTES == usize::from(u16_at(zip, *at + 20).unwrap_or(0));
    let end = (tail..=last).rev().find(is_end).ok_or(NotAZip)?;
    let count = usize::from(u16_at(zip, end + 10)?);
    if count > count_max {
        return Err(NotAZip);
    }
    let mut at = usize_at(zip, end + 16)?;
    let mut entries = Vec::with_capacity(count);
    for _ in 0..count {
        if !zip.get(at..).is_some_and(|rest| rest.starts_with(&ENTRY)) {
            return Err(NotAZip);
        }
        let lengths = [u16_at(zip, at + 28)?, u16_at(zip, at + 30)?, u16_at(zip, at + 32)?].map(usize::from);
        let name = at + ENTRY_BYTES;
        entries.push(Entry {
            name: zip.get(name..name + lengths[0]).ok_or(NotAZip)?,
            size_bytes: u64::from(u32_at(zip, at + 24)?),
            flags: u16_at(zip, at + 8)?,
            method: u16_at(zip, at + 10)?,
            crc: u32_at(zip, at + 16)?,
            packed_bytes: usize_at(zip, at + 20)?,
            offset: usize_at(zip, at + 42)?,
        });
        at = name + lengths.iter().sum::<usize>();
    }
    Ok(entries)
}

/// The bytes of a file: of one that has more than it may, one more than that.
pub(crate) fn read(zip: &[u8], entry: &Entry<'_>, bytes_max: u64) -> Result<Vec<u8>, NotAZip> {
    if entry.flags & ENCRYPTED != 0 || !zip.get(entry.offset..).is_some_and(|rest| rest.starts_with(&LOCAL)) {
        return Err(NotAZip);
    }
    let lengths = usize::from(u16_at(zip, entry.offset + 26)?) + usize::from(u16_at(zip, entry.offset + 28)?);
    let begin = entry.offset + LOCAL_BYTES + lengths;
    let end = begin.checked_add(entry.packed_bytes).ok_or(NotAZip)?;
    let packed = zip.get(begin..end).ok_or(NotAZip)?;
    let (mut bytes, taken) = (Vec::new(), bytes_max.saturating_add(1));
    let read = match entry.method {
        STORED => packed.take(taken).read_to_end(&mut bytes),
        DEFLATED => DeflateDecoder::new(packed).take(taken).read_to_end(&mut bytes),
        _ => return Err(NotAZip),
    };
    read.map_err(|_| NotAZip)?;
    let mut crc = Crc::new();
    crc.update(&bytes);
    let is_whole = bytes.len() as u64 <= bytes_max;
    if is_whole && (crc.sum() != entry.crc || bytes.len() as u64 != entry.size_bytes) { Err(NotAZip) } else { Ok(bytes) }
}

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, NotAZip> {
    let two = bytes.get(at..).and_then(|rest| rest.first_chunk::<2>()).ok_or(NotAZip)?;
    Ok(u16::from_le_bytes(*two))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, NotAZip> {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(NotAZip)?;
    Ok(u32::from_le_bytes(*four))
}

fn usize_at(bytes: &[u8], at: usize) -> Result<usize, NotAZip> {
    usize::try_from(u32_at(bytes, at)?).map_err(|_| NotAZip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_cut_or_changed_makes_it_fail_otherwise_than_with_an_error() {
        let zip = crate::unzip::tests::zip(&[("output", b"hello hello hello"), ("b", b"")], true);
        for length in 0..zip.len() {
            assert!(entries(&zip[..length], 9).is_err(), "{length}");
        }
        for at in 0..zip.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut changed = zip.to_vec();
                changed[at] = byte;
                for entry in entries(&changed, 9).unwrap_or_default() {
                    let _ = read(&changed, &entry, 100);
                }
            }
        }
        let all = entries(&zip, 9).unwrap();
        assert_eq!((read(&zip, &all[0], 100).unwrap().as_slice(), all.len()), (&b"hello hello hello"[..], 2));
    }
}
