//! MySQL and MariaDB: `fermyon:spin/mysql@2.0.0` and `spin:mysql/mysql@3.0.0` over one connection that one statement at a time may use.
//!
//! This module knows statements, their parameters and rows. It must never know how a connection comes about.

mod login;
mod packet;
mod second;
mod third;
mod value;

use crate::Host;
use crate::outbound::{AnswerTooLarge, ConnectionError, Passage, Turns, too_large};
use packet::{Reader, Wire};
use std::io;
use std::sync::Arc;
use value::{Column, Value};
use wasmtime::component::Resource;

const SCHEMES: [&str; 1] = ["mysql"];

const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;
const CLOSE: u8 = 0x19;

/// A connection that a guest has opened.
pub struct MysqlConnection(Arc<Turns<Wire>>);

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
enum MysqlError {
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    #[error("the address names no user")]
    NoUser,
    #[error("ssl-mode is DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY, and there is no other option")]
    BadOption,
    #[error("the server refuses the credentials")]
    Login,
    #[error("the server asks for the password itself, which is told over TLS only: set ssl-mode=REQUIRED")]
    LoginNeedsTls,
    #[error("the server asks for a way to log in that is not supported")]
    LoginUnsupported,
    #[error("the server offers no TLS, and ssl-mode asks for it")]
    NoTls,
    #[error("the server does not speak the protocol of MySQL")]
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
    #[error("{0}")]
    Query(String),
}

impl From<io::Error> for MysqlError {
    fn from(error: io::Error) -> Self {
        match too_large(&error) {
            Some(error) => Self::TooLarge(*error),
            None if error.kind() == io::ErrorKind::InvalidData => Self::Malformed,
            None => Self::Closed,
        }
    }
}

/// What a statement gives back.
#[derive(Debug, Default)]
struct Answer {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

async fn open(passage: Passage) -> Result<MysqlConnection, MysqlError> {
    let wire = login::open(&passage).await?;
    Ok(MysqlConnection(Arc::new(passage.turns(wire))))
}

/// One statement, from its text to the end of its answer.
async fn run(connection: &Turns<Wire>, statement: &str, parameters: &[Value]) -> Result<Answer, MysqlError> {
    let running = async {
        let mut lease = connection.take().await?;
        let answer = lease.held.run(statement, parameters, connection.rows_max).await;
        if is_done(&answer) {
            lease.give_back();
        }
        answer
    };
    connection.in_time(running).await
}

/// Whether what is left is a connection that waits for the next statement.
fn is_done(answer: &Result<Answer, MysqlError>) -> bool {
    matches!(answer, Ok(_) | Err(MysqlError::Query(_) | MysqlError::BadParameter(_)))
}

impl Wire {
    async fn run(&mut self, statement: &str, parameters: &[Value], rows_max: u64) -> Result<Answer, MysqlError> {
        let prepared = self.prepare(statement).await?;
        let answer = self.execute(&prepared, parameters, rows_max).await;
        if is_done(&answer) {
            // Nothing is answered to this.
            self.command(&[&[CLOSE][..], &prepared.id].concat()).await?;
        }
        answer
    }

    async fn prepare(&mut self, statement: &str) -> Result<Prepared, MysqlError> {
        self.command(&[&[PREPARE], statement.as_bytes()].concat()).await?;
        let packet = self.read_answer().await?;
        let mut reader = Reader::new(&packet);
        if reader.u8()? != 0 {
            return Err(MysqlError::Malformed);
        }
        let prepared = Prepared { id: *reader.array()?, columns: reader.u16()?, parameters: reader.u16()? };
        for count in [prepared.parameters, prepared.columns] {
            for _ in 0..count {
                self.read().await?;
            }
            if count > 0 && !self.omits_ends {
                self.read().await?;
            }
        }
        Ok(prepared)
    }

    async fn execute(&mut self, prepared: &Prepared, parameters: &[Value], rows_max: u64) -> Result<Answer, MysqlError> {
        if usize::from(prepared.parameters) != parameters.len() {
            let (asked, given) = (prepared.parameters, parameters.len());
            return Err(MysqlError::BadParameter(format!("the statement has {asked} parameters, and {given} are given")));
        }
        let mut out = vec![EXECUTE];
        out.extend(prepared.id);
        // No cursor; one execution.
        out.extend([0, 1, 0, 0, 0]);
        value::write_all(parameters, &mut out);
        self.command(&out).await?;
        let packet = self.read_answer().await?;
        let mut answer = Answer::default();
        let mut reader = Reader::new(&packet);
        let count = match reader.peek()? {
            // Done, without rows.
            0 => return Ok(answer),
            // It wants a file of this machine.
            0xfb => return Err(MysqlError::Malformed),
            _ => reader.length()?,
        };
        for _ in 0..count {
            let column = Column::read(&self.read().await?)?;
            self.bound.charge(size_of::<Column>() as u64)?;
            answer.columns.push(column);
        }
        if !self.omits_ends {
            self.read().await?;
        }
        loop {
            let packet = self.read_answer().await?;
            // A row begins with zero, its end with this.
            if packet.first() == Some(&0xfe) {
                return Ok(answer);
            }
            if answer.rows.len() as u64 >= rows_max {
                return Err(MysqlError::TooManyRows(rows_max));
            }
            self.bound.charge((size_of::<Vec<Value>>() + answer.columns.len() * size_of::<Value>()) as u64)?;
            answer.rows.push(value::read_row(&answer.columns, &packet)?);
        }
    }
}

/// A statement that the server has read.
struct Prepared {
    id: [u8; 4],
    columns: u16,
    parameters: u16,
}

impl Host {
    fn mysql(&self, opened: &Resource<MysqlConnection>) -> wasmtime::Result<Arc<Turns<Wire>>> {
        Ok(Arc::clone(&self.table.get(opened)?.0))
    }

    fn keep_mysql(&mut self, opened: Result<MysqlConnection, MysqlError>) -> Result<Resource<MysqlConnection>, MysqlError> {
        self.table.push(opened?).map_err(|_| ConnectionError::TooMany.into())
    }
}
