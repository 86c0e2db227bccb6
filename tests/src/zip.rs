//! Zip archives to serve. It knows the format as far as it writes it; it must never know what is in a file.

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::Write as _;

/// An archive of files, each deflated.
pub(crate) fn zip_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
        deflated.write_all(bytes).expect("write");
        let packed = deflated.finish().expect("deflated");
        let mut crc = Crc::new();
        crc.update(bytes);
        // Version 2.0, no flags, deflated, at no time.
        let mut head = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        for number in [crc.sum(), packed.len() as u32, bytes.len() as u32, name.len() as u32] {
            head.extend(number.to_le_bytes());
        }
        let offset = (zip.len() as u32).to_le_bytes();
        zip.extend([&b"PK\x03\x04"[..], &head, name.as_bytes(), &packed].concat());
        directory.extend([&b"PK\x01\x02\x14\0"[..], &head, &[0; 10], &offset, name.as_bytes()].concat());
    }
    let (count, size, at) = ((files.len() as u16).to_le_bytes(), directory.len() as u32, zip.len() as u32);
    zip.extend(directory);
    zip.extend([&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &size.to_le_bytes(), &at.to_le_bytes(), &[0, 0]].concat());
    zip
}
