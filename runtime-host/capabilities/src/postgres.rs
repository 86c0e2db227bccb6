//! PostgreSQL: `fermyon:spin/postgres@2.0.0`, `spin:postgres/postgres@3.0.0` and `@4.2.0` over one connection that one statement at a
//! time may use.
//!
//! This module knows statements, their parameters and rows. It must never know how a connection comes about.

mod address;
mod calendar;
mod fourth;
mod numeric;
mod parameter;
mod second;
mod third;
mod value;
mod wire;

use crate::Host;
use crate::outbound::{AnswerBound, AnswerTooLarge, ConnectionError, Passage, Turns, too_large};
use address::{Security, Target};
use bytes::BytesMut;
use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend;
use postgres_types::Type;
use std::io;
use std::sync::Arc;
use value::Value;
use wasmtime::component::Resource;
use wire::{Login, Wire};

const SCHEMES: [&str; 1] = ["postgres"];
/// Most columns of a row, as in PostgreSQL.
const COLUMNS_MAX: usize = 1_664;

/// A connection that a guest has opened.
pub struct PostgresConnection(Arc<Turns<Wire>>);

/// A connection that a guest is about to open.
pub struct PostgresBuilder {
    address: String,
    roots: Option<Arc<rustls::ClientConfig>>,
}

/// What the server says went wrong.
#[derive(Debug, Default)]
struct DbError {
    severity: String,
    code: String,
    message: String,
    detail: Option<String>,
    extras: Vec<(String, String)>,
}

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
enum PostgresError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("the server refuses the credentials")]
    Login,
    #[error("the server offers no TLS, and sslmode asks for it")]
    NoTls,
    #[error("the server does not speak the protocol of PostgreSQL")]
    Malformed,
    #[error("the connection is closed")]
    Closed,
    #[error(transparent)]
    TooLarge(#[from] AnswerTooLarge),
    #[error("the answer has more than {0} rows, the limit outbound.query_rows")]
    TooManyRows(u64),
    #[error("{0}")]
    BadParameter(String),
    #[error("the value of column {0:?} cannot be read")]
    Conversion(String),
    #[error("COPY is not supported: a statement has one answer here")]
    Copy,
    #[error("{}: {}", .0.severity, .0.message)]
    Query(Box<DbError>),
}

impl From<io::Error> for PostgresError {
    fn from(error: io::Error) -> Self {
        match too_large(&error) {
            Some(error) => Self::TooLarge(*error),
            None if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput) => Self::Malformed,
            None => Self::Closed,
        }
    }
}

/// What a statement gives back.
#[derive(Debug, Default)]
struct Answer {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    /// Rows that it changed, or gave.
    affected: u64,
}

#[derive(Debug)]
struct Column {
    name: String,
    kind: Type,
}

async fn open(
    passage: Passage,
    security: Security,
    application: Option<String>,
    roots: Option<Arc<rustls::ClientConfig>>,
) -> Result<PostgresConnection, PostgresError> {
    let login = Login::new(&passage, security, application.as_deref());
    let wire = Wire::open(&passage, &login, roots.unwrap_or_else(|| passage.trusted())).await?;
    Ok(PostgresConnection(Arc::new(passage.turns(wire))))
}

/// One statement, from its text to the end of its answer.
async fn run(connection: &Turns<Wire>, statement: &str, parameters: &[Value]) -> Result<Answer, PostgresError> {
    let running = async {
        let mut lease = connection.take().await?;
        let answer = lease.held.run(statement, parameters, connection.rows_max).await;
        // What these errors leave behind is a connection that waits for the next statement.
        if matches!(answer, Ok(_) | Err(PostgresError::Query(_) | PostgresError::BadParameter(_))) {
            lease.give_back();
        }
        answer
    };
    connection.in_time(running).await
}

impl Wire {
    async fn run(&mut self, statement: &str, parameters: &[Value], rows_max: u64) -> Result<Answer, PostgresError> {
        let (types, columns) = self.prepare(statement).await?;
        if types.len() != parameters.len() {
            let (asked, given) = (types.len(), parameters.len());
            return Err(PostgresError::BadParameter(format!("the statement has {asked} parameters, and {given} are given")));
        }
        let mut out = BytesMut::new();
        let values = types.iter().zip(parameters).zip(1_u32..);
        let mut fault = None;
        let write = |((kind, value), number): ((&Type, &Value), u32), out: &mut BytesMut| {
            parameter::write(value, kind, out).inspect_err(|error| fault = Some(format!("parameter ${number}: {error}")))
        };
        let bound = frontend::bind("", "", [1], values, write, [1], &mut out);
        if bound.is_err() {
            return Err(PostgresError::BadParameter(fault.unwrap_or_else(|| "the parameters are too large".to_owned())));
        }
        // One more than may be is enough to know.
        frontend::execute("", i32::try_from(rows_max.saturating_add(1)).unwrap_or(i32::MAX), &mut out)?;
        frontend::sync(&mut out);
        self.send(&out).await?;
        self.answer(columns, rows_max).await
    }

    /// The types of a statement's parameters, and its columns.
    async fn prepare(&mut self, statement: &str) -> Result<(Vec<Type>, Vec<Column>), PostgresError> {
        let mut out = BytesMut::new();
        let unfit = |_| PostgresError::BadParameter("the statement is too long, or has a zero byte".to_owned());
        frontend::parse("", statement, [], &mut out).map_err(unfit)?;
        frontend::describe(b'S', "", &mut out)?;
        frontend::sync(&mut out);
        self.send(&out).await?;
        let (mut types, mut columns) = (Vec::new(), Vec::new());
        loop {
            match self.expect().await? {
                Message::ParseComplete | Message::NoData => {}
                Message::ParameterDescription(body) => {
                    let mut oids = body.parameters();
                    while let Some(oid) = oids.next()? {
                        types.push(type_of(oid));
                    }
                }
                Message::RowDescription(body) => {
                    let mut fields = body.fields();
                    while let Some(field) = fields.next()? {
                        if columns.len() >= COLUMNS_MAX {
                            return Err(PostgresError::Malformed);
                        }
                        columns.push(Column { name: field.name().to_owned(), kind: type_of(field.type_oid()) });
                    }
                }
                Message::ReadyForQuery(_) => return Ok((types, columns)),
                _ => return Err(PostgresError::Malformed),
            }
        }
    }

    async fn answer(&mut self, columns: Vec<Column>, rows_max: u64) -> Result<Answer, PostgresError> {
        let mut answer = Answer { columns, ..Answer::default() };
        loop {
            match self.expect().await? {
                Message::BindComplete | Message::EmptyQueryResponse => {}
                Message::DataRow(row) => {
                    if answer.rows.len() as u64 >= rows_max {
                        return Err(PostgresError::TooManyRows(rows_max));
                    }
                    let row = read_row(&answer.columns, &row, &self.bound)?;
                    answer.rows.push(row);
                }
                Message::CommandComplete(body) => answer.affected = affected(body.tag()?),
                Message::PortalSuspended => return Err(PostgresError::TooManyRows(rows_max)),
                Message::CopyInResponse(_) | Message::CopyOutResponse(_) => return Err(PostgresError::Copy),
                Message::ReadyForQuery(_) => return Ok(answer),
                _ => return Err(PostgresError::Malformed),
            }
        }
    }
}

fn read_row(columns: &[Column], row: &DataRowBody, bound: &AnswerBound) -> Result<Vec<Value>, PostgresError> {
    let mut values = Vec::with_capacity(columns.len());
    bound.charge((size_of::<Vec<Value>>() + columns.len() * size_of::<Value>()) as u64)?;
    let mut ranges = row.ranges();
    for column in columns {
        let range = ranges.next()?.ok_or(PostgresError::Malformed)?;
        let unreadable = || PostgresError::Conversion(column.name.clone());
        let value = match range {
            None => Value::Null,
            Some(range) => {
                let bytes = row.buffer().get(range).ok_or(PostgresError::Malformed)?;
                Value::read(&column.kind, bytes, bound).ok_or_else(unreadable)?
            }
        };
        bound.charge(value.weight() as u64)?;
        values.push(value);
    }
    Ok(values)
}

/// A type by its number. One that somebody has made has no name here.
fn type_of(oid: u32) -> Type {
    Type::from_oid(oid).unwrap_or_else(|| Type::new(format!("type {oid}"), oid, postgres_types::Kind::Simple, String::new()))
}

/// The number at the end of what a command says of itself, such as `INSERT 0 5`.
fn affected(tag: &str) -> u64 {
    tag.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// What a certificate in PEM makes trusted, and nothing besides it.
fn roots_of(certificate: &str) -> Result<Arc<rustls::ClientConfig>, PostgresError> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let bad = |reason: &str| PostgresError::BadParameter(format!("the certificate {reason}"));
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(certificate.as_bytes()) {
        let certificate = certificate.map_err(|_| bad("is not written as PEM"))?;
        roots.add(certificate).map_err(|_| bad("cannot be trusted: it is malformed"))?;
    }
    if roots.is_empty() {
        return Err(bad("is missing: there is none in what was given"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|_| bad("cannot be used"))?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Leave to open a connection, and what to say once it is open.
struct Opening {
    passage: Passage,
    security: Security,
    application: Option<String>,
}

impl Opening {
    async fn open(self, roots: Option<Arc<rustls::ClientConfig>>) -> Result<PostgresConnection, PostgresError> {
        open(self.passage, self.security, self.application, roots).await
    }
}

impl Host {
    fn admit_postgres(&mut self, address: &str) -> Result<Opening, PostgresError> {
        let (address, security, application) = match Target::parse(address) {
            Ok(target) => {
                let (address, security, application) = wire::split(target);
                (Ok(address), security, application)
            }
            Err(error) => (Err(error), Security::Always, None),
        };
        let passage = self.outbound.admit(address, &SCHEMES)?;
        Ok(Opening { passage, security, application })
    }

    fn postgres(&self, opened: &Resource<PostgresConnection>) -> wasmtime::Result<Arc<Turns<Wire>>> {
        Ok(Arc::clone(&self.table.get(opened)?.0))
    }

    fn keep_postgres(&mut self, opened: Result<PostgresConnection, PostgresError>) -> Result<Resource<PostgresConnection>, PostgresError> {
        self.table.push(opened?).map_err(|_| ConnectionError::TooMany.into())
    }
}
