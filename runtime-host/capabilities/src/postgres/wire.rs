//! The protocol of PostgreSQL, version 3: greeting, statements, answers. Every message is measured before there is room made for it.
//!
//! This module knows messages. It must never know which values fit which types, nor what an interface makes of them.

use super::address::{Security, Target};
use super::{DbError, PostgresError};
use crate::outbound::{AnswerBound, CheckedStream, Duplex, Passage};
use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::{self, sasl};
use postgres_protocol::message::backend::{ErrorResponseBody, Header, Message};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// What is read from the network at once.
const READ_BYTES: usize = 8 << 10;
/// Most rounds of hashing that a server may ask for; it knows 4096 itself. A greater number would keep a thread busy for ever.
const SCRAM_ROUNDS_MAX: u32 = 100_000;
/// Most text of an error that is kept of each field.
const FIELD_BYTES_MAX: usize = 8 << 10;

/// An open connection.
pub(super) struct Wire {
    stream: Box<dyn Duplex>,
    read: BytesMut,
    pub(super) bound: AnswerBound,
}

impl Wire {
    /// Agrees upon TLS and tells who asks, until the server is ready.
    pub(super) async fn open(
        passage: &Passage,
        target: &Login<'_>,
        trusted: std::sync::Arc<rustls::ClientConfig>,
    ) -> Result<Wire, PostgresError> {
        let mut stream = passage.open().await?;
        let stream: Box<dyn Duplex> = match offers_tls(&mut stream, target.security).await? {
            true => Box::new(passage.secure(stream, trusted).await?),
            false => Box::new(stream),
        };
        let mut wire = Wire { stream, read: BytesMut::new(), bound: passage.bound.clone() };
        passage.in_connect_time(wire.log_in(target)).await?;
        Ok(wire)
    }

    async fn log_in(&mut self, login: &Login<'_>) -> Result<(), PostgresError> {
        let mut out = BytesMut::new();
        let mut parameters = vec![("client_encoding", "UTF8"), ("user", login.user)];
        parameters.extend(Some(("database", login.database)).filter(|(_, database)| !database.is_empty()));
        parameters.extend(login.application.map(|name| ("application_name", name)));
        frontend::startup_message(parameters, &mut out).map_err(|_| PostgresError::Malformed)?;
        self.send(&out).await?;
        let mut scram = None;
        loop {
            let mut out = BytesMut::new();
            match self.message().await? {
                Message::AuthenticationOk | Message::BackendKeyData(_) => continue,
                Message::ReadyForQuery(_) => return Ok(()),
                Message::ErrorResponse(error) => return Err(refusal(&error)),
                Message::AuthenticationCleartextPassword => frontend::password_message(login.password, &mut out)?,
                Message::AuthenticationMd5Password(body) => {
                    let hash = authentication::md5_hash(login.user.as_bytes(), login.password, body.salt());
                    frontend::password_message(hash.as_bytes(), &mut out)?;
                }
                Message::AuthenticationSasl(body) => {
                    if !body.mechanisms().any(|name| Ok(name == sasl::SCRAM_SHA_256))? {
                        return Err(PostgresError::Login);
                    }
                    let begun = sasl::ScramSha256::new(login.password, sasl::ChannelBinding::unsupported());
                    frontend::sasl_initial_response(sasl::SCRAM_SHA_256, begun.message(), &mut out)?;
                    scram = Some(begun);
                }
                Message::AuthenticationSaslContinue(body) => {
                    let scram = scram.as_mut().filter(|_| rounds(body.data()) <= SCRAM_ROUNDS_MAX).ok_or(PostgresError::Login)?;
                    scram.update(body.data()).map_err(|_| PostgresError::Login)?;
                    frontend::sasl_response(scram.message(), &mut out)?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    let scram = scram.as_mut().ok_or(PostgresError::Login)?;
                    scram.finish(body.data()).map_err(|_| PostgresError::Login)?;
                    continue;
                }
                _ => return Err(PostgresError::Login),
            }
            self.send(&out).await?;
        }
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), PostgresError> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    /// The next message that is not merely a notice.
    pub(super) async fn message(&mut self) -> Result<Message, PostgresError> {
        loop {
            if let Some(header) = Header::parse(&self.read)? {
                let length = usize::try_from(header.len()).map_err(|_| PostgresError::Malformed)?.saturating_add(1);
                self.bound.has(length.saturating_sub(self.read.len()) as u64)?;
                match Message::parse(&mut self.read)? {
                    Some(Message::NoticeResponse(_) | Message::ParameterStatus(_) | Message::NotificationResponse(_)) => continue,
                    Some(message) => return Ok(message),
                    None => {}
                }
            }
            self.read.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(PostgresError::Closed);
            }
        }
    }

    /// The next message, where an error ends the statement: the rest of it is read first, so that another statement may follow.
    pub(super) async fn expect(&mut self) -> Result<Message, PostgresError> {
        let message = self.message().await?;
        let Message::ErrorResponse(error) = message else { return Ok(message) };
        let error = read_error(&error);
        self.finish().await?;
        Err(PostgresError::Query(Box::new(error)))
    }

    /// Reads until the server is ready for the next statement.
    pub(super) async fn finish(&mut self) -> Result<(), PostgresError> {
        while !matches!(self.message().await?, Message::ReadyForQuery(_)) {}
        Ok(())
    }
}

/// Who asks, and how.
pub(super) struct Login<'a> {
    user: &'a str,
    password: &'a [u8],
    database: &'a str,
    application: Option<&'a str>,
    security: Security,
}

impl<'a> Login<'a> {
    pub(super) fn new(passage: &'a Passage, security: Security, application: Option<&'a str>) -> Login<'a> {
        let address = &passage.address;
        Login {
            user: address.user.as_deref().unwrap_or_default(),
            password: address.password.as_deref().unwrap_or_default().as_bytes(),
            database: &address.path,
            application,
            security,
        }
    }
}

/// Asks for TLS where it is wanted. The answer is one byte, and not one more is read before TLS begins.
async fn offers_tls(stream: &mut CheckedStream, security: Security) -> Result<bool, PostgresError> {
    if security == Security::Never {
        return Ok(false);
    }
    let mut out = BytesMut::new();
    frontend::ssl_request(&mut out);
    stream.write_all(&out).await?;
    match (stream.read_u8().await?, security) {
        (b'S', _) => Ok(true),
        (b'N', Security::IfOffered) => Ok(false),
        (b'N', _) => Err(PostgresError::NoTls),
        _ => Err(PostgresError::Malformed),
    }
}

/// The rounds of hashing in a server's first message.
fn rounds(message: &[u8]) -> u32 {
    let text = std::str::from_utf8(message).unwrap_or_default();
    text.split(',').find_map(|part| part.strip_prefix("i=")).and_then(|number| number.parse().ok()).unwrap_or(u32::MAX)
}

/// Why the server lets nobody in; what it says of wrong credentials may repeat them.
fn refusal(error: &ErrorResponseBody) -> PostgresError {
    let error = read_error(error);
    if error.code.starts_with("28") { PostgresError::Login } else { PostgresError::Query(Box::new(error)) }
}

fn read_error(body: &ErrorResponseBody) -> DbError {
    let mut error = DbError::default();
    let mut fields = body.fields();
    while let Ok(Some(field)) = fields.next() {
        let bytes = field.value_bytes();
        let text = String::from_utf8_lossy(bytes.get(..FIELD_BYTES_MAX).unwrap_or(bytes)).into_owned();
        let name = match field.type_() {
            b'S' if error.severity.is_empty() => {
                error.severity = text;
                continue;
            }
            // The same, never translated.
            b'V' => {
                error.severity = text;
                continue;
            }
            b'C' => {
                error.code = text;
                continue;
            }
            b'M' => {
                error.message = text;
                continue;
            }
            b'D' => {
                error.detail = Some(text);
                continue;
            }
            b'H' => "hint",
            b'P' => "position",
            b'W' => "where",
            b's' => "schema",
            b't' => "table",
            b'c' => "column",
            b'd' => "datatype",
            b'n' => "constraint",
            _ => continue,
        };
        if error.extras.len() < 16 {
            error.extras.push((name.to_owned(), text));
        }
    }
    error
}

/// What is left of a target once its address was judged.
pub(super) fn split(target: Target) -> (crate::outbound::Address, Security, Option<String>) {
    (target.address, target.security, target.application)
}
