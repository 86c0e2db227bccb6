//! How a connection to MySQL begins: the server greets, TLS is agreed upon, and who asks proves it.
//!
//! This module knows greetings and proofs. The password itself leaves only inside TLS. It must never know statements.

use super::MysqlError;
use super::packet::{self, Reader, Wire, push_counted};
use crate::outbound::{Address, Duplex, Passage};
use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

const LONG_PASSWORD: u32 = 1;
const LONG_FLAG: u32 = 1 << 2;
const CONNECT_WITH_DATABASE: u32 = 1 << 3;
const PROTOCOL_41: u32 = 1 << 9;
const TLS: u32 = 1 << 11;
const TRANSACTIONS: u32 = 1 << 13;
const SECURE_CONNECTION: u32 = 1 << 15;
const PLUGINS: u32 = 1 << 19;
const COUNTED_PROOF: u32 = 1 << 21;
const OMITS_ENDS: u32 = 1 << 24;
/// What we can do besides. To send files is not among it.
const OURS: u32 = LONG_PASSWORD | LONG_FLAG | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | PLUGINS | COUNTED_PROOF | OMITS_ENDS;
/// Without these nothing can be agreed upon.
const NEEDED: u32 = PROTOCOL_41 | SECURE_CONNECTION | PLUGINS;
/// utf8mb4, in an order that every version knows.
const CHARACTERS: u8 = 45;
const PACKET_BYTES_MAX: u32 = 16 << 20;
/// Bytes of what a server has hashed with the password.
const NONCE_BYTES: usize = 20;
/// Rounds of a login; a server has no reason for more.
const ROUNDS_MAX: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    Never,
    IfOffered,
    Always,
}

/// What a server says first.
struct Greeting {
    capabilities: u32,
    plugin: String,
    nonce: Vec<u8>,
}

pub(super) async fn open(passage: &Passage) -> Result<Wire, MysqlError> {
    let address = &passage.address;
    let security = security(address)?;
    let user = address.user.as_deref().ok_or(MysqlError::NoUser)?;
    let mut stream = passage.open().await?;
    let mut sequence = 0;
    let first = passage.in_connect_time(packet::read(&mut stream, &mut sequence, &passage.bound)).await?;
    let greeting = Greeting::read(&packet::not_an_error(first)?)?;
    if greeting.capabilities & NEEDED != NEEDED {
        return Err(MysqlError::LoginUnsupported);
    }
    let is_secure = security != Security::Never && greeting.capabilities & TLS != 0;
    if !is_secure && security == Security::Always {
        return Err(MysqlError::NoTls);
    }
    let database = Some(address.path.as_str()).filter(|name| !name.is_empty());
    let wanted = OURS | database.map_or(0, |_| CONNECT_WITH_DATABASE) | if is_secure { TLS } else { 0 };
    // Databases are old, and not always told of.
    let capabilities = wanted & (greeting.capabilities | CONNECT_WITH_DATABASE);
    let stream: Box<dyn Duplex> = if is_secure {
        passage.in_connect_time(packet::send(&mut stream, &mut sequence, &head(capabilities))).await?;
        Box::new(passage.secure(stream, passage.trusted()).await?)
    } else {
        Box::new(stream)
    };
    let mut wire = Wire { stream, sequence, omits_ends: capabilities & OMITS_ENDS != 0, bound: passage.bound.clone() };
    let login = Login { user, password: address.password.as_deref().unwrap_or_default(), database, capabilities, is_secure };
    passage.in_connect_time(login.run(&mut wire, greeting)).await?;
    Ok(wire)
}

fn security(address: &Address) -> Result<Security, MysqlError> {
    let mut security = Security::IfOffered;
    for (name, value) in address.parameters() {
        if !matches!(name.to_ascii_lowercase().as_str(), "ssl-mode" | "sslmode" | "ssl_mode") {
            return Err(MysqlError::BadOption);
        }
        security = match value.to_ascii_uppercase().as_str() {
            "DISABLED" => Security::Never,
            "PREFERRED" => Security::IfOffered,
            "REQUIRED" | "VERIFY_CA" | "VERIFY_IDENTITY" => Security::Always,
            _ => return Err(MysqlError::BadOption),
        };
    }
    Ok(security)
}

impl Greeting {
    fn read(packet: &[u8]) -> Result<Greeting, MysqlError> {
        let mut reader = Reader::new(packet);
        if reader.u8()? != 10 {
            return Err(MysqlError::Malformed);
        }
        reader.terminated();
        reader.bytes(4)?;
        let mut nonce = reader.bytes(8)?.to_vec();
        reader.u8()?;
        let low = reader.u16()?;
        reader.bytes(3)?;
        let capabilities = u32::from(low) | u32::from(reader.u16()?) << 16;
        let length = usize::from(reader.u8()?);
        reader.bytes(10)?;
        nonce.extend_from_slice(reader.bytes(length.saturating_sub(8).max(13))?);
        nonce.truncate(NONCE_BYTES);
        let plugin = String::from_utf8_lossy(reader.terminated()).into_owned();
        Ok(Greeting { capabilities, plugin, nonce })
    }
}

/// What the answer to a greeting begins with; asked for TLS, it is all.
fn head(capabilities: u32) -> Vec<u8> {
    let mut out = capabilities.to_le_bytes().to_vec();
    out.extend(PACKET_BYTES_MAX.to_le_bytes());
    out.push(CHARACTERS);
    out.extend([0; 23]);
    out
}

/// Who asks.
struct Login<'a> {
    user: &'a str,
    password: &'a str,
    database: Option<&'a str>,
    capabilities: u32,
    is_secure: bool,
}

impl Login<'_> {
    async fn run(&self, wire: &mut Wire, greeting: Greeting) -> Result<(), MysqlError> {
        // A way that is not known is asked for again by a name that is.
        let proof = proof(&greeting.plugin, self.password, &greeting.nonce).unwrap_or_default();
        let mut out = head(self.capabilities);
        out.extend(self.user.as_bytes());
        out.push(0);
        if self.capabilities & COUNTED_PROOF != 0 {
            push_counted(&mut out, &proof);
        } else {
            out.push(proof.len() as u8);
            out.extend(&proof);
        }
        if let Some(database) = self.database {
            out.extend(database.as_bytes());
            out.push(0);
        }
        out.extend(greeting.plugin.as_bytes());
        out.push(0);
        if [Some(self.user), self.database].into_iter().flatten().any(|text| text.contains('\0')) {
            return Err(MysqlError::Login);
        }
        wire.send(&out).await?;
        for _ in 0..ROUNDS_MAX {
            let packet = wire.read_answer().await?;
            let mut reader = Reader::new(&packet);
            match reader.u8()? {
                0 => return Ok(()),
                // Another way, with another nonce.
                0xfe => {
                    let plugin = String::from_utf8_lossy(reader.terminated()).into_owned();
                    let nonce = reader.rest();
                    let nonce = nonce.get(..NONCE_BYTES).unwrap_or(nonce);
                    wire.send(&proof_of(&plugin, self.password, nonce)?).await?;
                }
                // The server knows this proof, and says so before it says that it is done.
                1 if reader.peek()? == 3 => {}
                1 if reader.peek()? == 4 && self.is_secure => wire.send(&[self.password.as_bytes(), &[0]].concat()).await?,
                1 => return Err(MysqlError::LoginNeedsTls),
                _ => return Err(MysqlError::Malformed),
            }
        }
        Err(MysqlError::LoginUnsupported)
    }
}

fn proof_of(plugin: &str, password: &str, nonce: &[u8]) -> Result<Vec<u8>, MysqlError> {
    proof(plugin, password, nonce).ok_or(MysqlError::LoginUnsupported)
}

/// What shows that somebody knows a password; `None` for a way that is not known.
fn proof(plugin: &str, password: &str, nonce: &[u8]) -> Option<Vec<u8>> {
    let hash = |algorithm: &'static Algorithm, parts: &[&[u8]]| digest(algorithm, &parts.concat()).as_ref().to_vec();
    let xor = |one: &[u8], other: &[u8]| one.iter().zip(other).map(|(one, other)| one ^ other).collect();
    let password = password.as_bytes();
    Some(match plugin {
        "mysql_native_password" | "caching_sha2_password" if password.is_empty() => Vec::new(),
        "mysql_native_password" => {
            let once = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[password]);
            let twice = hash(&SHA1_FOR_LEGACY_USE_ONLY, &[&once]);
            xor(&once, &hash(&SHA1_FOR_LEGACY_USE_ONLY, &[nonce, &twice]))
        }
        "caching_sha2_password" => {
            let once = hash(&SHA256, &[password]);
            let twice = hash(&SHA256, &[&once]);
            xor(&once, &hash(&SHA256, &[&twice, nonce]))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hexadecimal(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_proof_hides_the_password_behind_the_nonce() {
        let nonce: Vec<u8> = (1..=20).collect();
        for (plugin, bytes) in [("mysql_native_password", 20), ("caching_sha2_password", 32)] {
            let shown = proof(plugin, "secret", &nonce).unwrap();
            assert_eq!(shown.len(), bytes);
            assert_ne!(shown, proof(plugin, "secret", &[9; 20]).unwrap());
            assert_eq!(proof(plugin, "", &nonce).unwrap(), b"");
            // The server undoes the last step with the hash of the hash, which is all that it keeps.
            let algorithm = if bytes == 20 { &SHA1_FOR_LEGACY_USE_ONLY } else { &SHA256 };
            let kept = digest(algorithm, digest(algorithm, b"secret").as_ref());
            let parts = if bytes == 20 { [&nonce[..], kept.as_ref()] } else { [kept.as_ref(), &nonce[..]] };
            let undone: Vec<u8> = shown.iter().zip(digest(algorithm, &parts.concat()).as_ref()).map(|(one, other)| one ^ other).collect();
            assert_eq!(hexadecimal(digest(algorithm, &undone).as_ref()), hexadecimal(kept.as_ref()), "{plugin}");
        }
        for plugin in ["mysql_clear_password", "dialog", "", "auth_gssapi_client"] {
            assert!(proof(plugin, "secret", &nonce).is_none(), "{plugin}");
        }
    }

    #[test]
    fn a_greeting_is_read_or_refused() {
        let whole = [
            b"\x0a8.0.36\0\x01\0\0\0abcdefgh\0\xff\xff\x2d\x02\0\xff\xdf\x15".as_slice(),
            &[0; 10],
            b"ijklmnopqrst\0caching_sha2_password\0",
        ]
        .concat();
        let greeting = Greeting::read(&whole).unwrap();
        assert_eq!((greeting.nonce.as_slice(), greeting.plugin.as_str()), (&b"abcdefghijklmnopqrst"[..], "caching_sha2_password"));
        assert_eq!(greeting.capabilities, 0xdfff_ffff);
        for length in 0..whole.len() - 22 {
            assert!(Greeting::read(&whole[..length]).is_err(), "{length}");
        }
    }
}
