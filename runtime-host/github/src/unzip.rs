//! One file out of an artifact: by its name, within a size, and into memory alone.
//!
//! It knows the names that an answer may have. It must never make a path of a name, and never believe a size.

use crate::zip::{NotAZip, entries, read};
use bytes::Bytes;
use spell_cast::{Failed, FailedKind};

/// Files of an artifact at most.
const FILES_MAX: usize = 1_000;
/// Names of the file that is the answer, the first that is there, and what it then is.
const NAMES: [(&str, Option<&str>); 3] =
    [("output.json", Some("application/json")), ("output.txt", Some("text/plain; charset=utf-8")), ("output", None)];

/// The file that is the answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) bytes: Bytes,
    pub(crate) content_type: Option<&'static str>,
}

/// Why there is no answer in an artifact.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("the artifact is no zip archive of at most {FILES_MAX} files that this host reads")]
    NotAZip,
    #[error("the artifact has a name that leads out of it")]
    HostileName,
    #[error("the artifact has none of the files output.json, output.txt and output")]
    NoOutput,
    #[error("the answer of the workflow is larger than {0} bytes")]
    TooLarge(u64),
}

impl From<NotAZip> for Unanswered {
    fn from(_: NotAZip) -> Self {
        Unanswered::NotAZip
    }
}

impl Unanswered {
    /// The same as the failure of a cast.
    pub(crate) fn into_failed(self) -> Failed {
        let (kind, code) = match self {
            Unanswered::TooLarge(_) => (FailedKind::Limit, "response"),
            _ => (FailedKind::Trapped, "bad-artifact"),
        };
        Failed { kind, code: code.to_owned(), message: self.to_string() }
    }
}

/// The answer in an artifact, of at most so many bytes.
pub(crate) fn unzip(zip: &[u8], bytes_max: u64) -> Result<Output, Unanswered> {
    let entries = entries(zip, FILES_MAX)?;
    if entries.iter().any(|entry| leads_out(entry.name)) {
        return Err(Unanswered::HostileName);
    }
    let called = |name: &str| entries.iter().find(|entry| entry.name == name.as_bytes());
    let found = NAMES.iter().find_map(|(name, content_type)| Some((called(name)?, *content_type)));
    let (entry, content_type) = found.ok_or(Unanswered::NoOutput)?;
    if entry.size_bytes > bytes_max {
        return Err(Unanswered::TooLarge(bytes_max));
    }
    // What it says of its size may be less than it has.
    let bytes = read(zip, entry, bytes_max)?;
    if bytes.len() as u64 > bytes_max { Err(Unanswered::TooLarge(bytes_max)) } else { Ok(Output { bytes: bytes.into(), content_type }) }
}

fn leads_out(name: &[u8]) -> bool {
    let is_doubtful = |byte: &u8| matches!(byte, b'\\' | b'\0' | b':');
    name.starts_with(b"/") || name.iter().any(is_doubtful) || name.split(|byte| *byte == b'/').any(|part| part == b"..")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use flate2::write::DeflateEncoder;
    use flate2::{Compression, Crc};
    use std::io::Write as _;

    pub(crate) fn zip(files: &[(&str, &[u8])], is_deflated: bool) -> Vec<u8> {
        let (mut zip, mut directory) = (Vec::new(), Vec::new());
        for (name, bytes) in files {
            let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
            deflated.write_all(bytes).unwrap();
            let packed = if is_deflated { deflated.finish().unwrap() } else { bytes.to_vec() };
            let mut crc = Crc::new();
            crc.update(bytes);
            let mut head = vec![20, 0, 0, 0, if is_deflated { 8 } else { 0 }, 0, 0, 0, 0, 0];
            for number in [crc.sum(), packed.len() as u32, bytes.len() as u32, name.len() as u32] {
                head.extend(number.to_le_bytes());
            }
            let offset = (zip.len() as u32).to_le_bytes();
            zip.extend([&b"PK\x03\x04"[..], &head, name.as_bytes(), &packed].concat());
            directory.extend([&b"PK\x01\x02\x14\0"[..], &head, &[0; 10], &offset, name.as_bytes()].concat());
        }
        let (count, size, at) = (files.len() as u16, directory.len() as u32, zip.len() as u32);
        zip.extend(directory);
        let count = count.to_le_bytes();
        zip.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size.to_le_bytes(), &at.to_le_bytes(), &[0, 0]].concat());
        zip
    }

    #[test]
    fn the_answer_is_the_first_file_of_a_known_name() {
        let all: [(&str, &[u8]); 4] = [("log.txt", b"l"), ("output", b"o"), ("output.txt", b"t"), ("output.json", b"{}")];
        for (files, expected, content_type) in
            [(&all[..], "{}", Some("application/json")), (&all[..3], "t", Some("text/plain; charset=utf-8")), (&all[..2], "o", None)]
        {
            for is_deflated in [false, true] {
                let output = Output { bytes: Bytes::from_static(expected.as_bytes()), content_type };
                assert_eq!(unzip(&zip(files, is_deflated), 100), Ok(output));
            }
        }
        assert_eq!(unzip(&zip(&all[..1], false), 100), Err(Unanswered::NoOutput));
        assert_eq!(unzip(b"PK", 100), Err(Unanswered::NotAZip));
    }

    #[test]
    fn a_bomb_is_let_alone_also_if_it_says_that_it_is_small() {
        let mut bomb = zip(&[("output", &vec![0; 10 << 20])], true);
        assert!(bomb.len() < 100_000);
        assert_eq!(unzip(&bomb, 1 << 20), Err(Unanswered::TooLarge(1 << 20)));
        let size = u32::to_le_bytes(10 << 20);
        while let Some(at) = bomb.windows(4).position(|window| window == size) {
            bomb[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
        }
        assert_eq!(unzip(&bomb, 1 << 20), Err(Unanswered::TooLarge(1 << 20)));
    }

    #[test]
    fn names_that_lead_out_spoil_the_whole_artifact() {
        for name in ["../output", "a/../../b", "/etc/passwd", "..\\x", "C:x"] {
            assert_eq!(unzip(&zip(&[("output", b"o"), (name, b"x")], false), 100), Err(Unanswered::HostileName), "{name}");
        }
        let many: Vec<String> = (0..=FILES_MAX).map(|index| format!("f{index}")).collect();
        let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
        assert_eq!(unzip(&zip(&many, false), 100), Err(Unanswered::NotAZip));
    }
}
