//! SQL databases: `fermyon:spin/sqlite@2.0.0`, `spin:sqlite/sqlite@3.0.0` and `@3.1.0` over one trait.
//!
//! This module knows labels and which of them are granted. It must never know how a database keeps its data.

use crate::bindings::{plain, spin2, spin3};
use crate::host::HostAccess;
use crate::key_value::Answer;
use crate::{Host, Rule};
use spell_types::{SqlAnswer, SqlConnection, SqlError, SqlValue};
use std::sync::Arc;
use wasmtime::component::{Accessor, FutureReader, Resource, StreamReader};

/// Most connections that one request holds open at once.
const DATABASES_OPEN_MAX: usize = 16;

/// A connection that a guest has opened.
#[derive(Clone)]
pub struct OpenDatabase(pub(crate) Arc<dyn SqlConnection>);

/// Why a connection was not opened.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    AccessDenied,
    TooMany,
}

impl OpenError {
    /// What is said of too many: the interfaces have no word for it.
    pub(crate) fn too_many() -> String {
        format!("{DATABASES_OPEN_MAX} connections are open; a request may not have more at once")
    }
}

impl Host {
    pub(crate) fn open_database(&mut self, label: &str) -> Result<Resource<OpenDatabase>, OpenError> {
        let Some(database) = self.grants.sqlite_databases.get(label) else {
            self.grants.audit.refused(&self.grants.component, Rule::SqliteDatabase, label, true);
            return Err(OpenError::AccessDenied);
        };
        if self.databases_open >= DATABASES_OPEN_MAX {
            return Err(OpenError::TooMany);
        }
        let opened = self.table.push(OpenDatabase(database.connect())).map_err(|_| OpenError::TooMany)?;
        self.databases_open += 1;
        Ok(opened)
    }

    pub(crate) fn database(&self, opened: &Resource<OpenDatabase>) -> wasmtime::Result<OpenDatabase> {
        Ok(self.table.get(opened)?.clone())
    }

    pub(crate) fn close_database(&mut self, opened: Resource<OpenDatabase>) -> wasmtime::Result<()> {
        self.table.delete(opened)?;
        self.databases_open = self.databases_open.saturating_sub(1);
        Ok(())
    }
}

/// The values, rows and errors of one generation of the interface, from and to ours.
macro_rules! words {
    ($($module:ident)::+) => {
        impl From<crate::sqlite::OpenError> for $($module)::+::Error {
            fn from(error: crate::sqlite::OpenError) -> Self {
                match error {
                    crate::sqlite::OpenError::AccessDenied => Self::AccessDenied,
                    crate::sqlite::OpenError::TooMany => Self::Io(crate::sqlite::OpenError::too_many()),
                }
            }
        }

        impl From<spell_types::SqlError> for $($module)::+::Error {
            fn from(error: spell_types::SqlError) -> Self {
                match error {
                    spell_types::SqlError::Full { .. } => Self::DatabaseFull,
                    other => Self::Io(other.to_string()),
                }
            }
        }

        impl From<$($module)::+::Value> for spell_types::SqlValue {
            fn from(value: $($module)::+::Value) -> Self {
                match value {
                    $($module)::+::Value::Null => Self::Null,
                    $($module)::+::Value::Integer(number) => Self::Integer(number),
                    $($module)::+::Value::Real(number) => Self::Real(number),
                    $($module)::+::Value::Text(text) => Self::Text(text),
                    $($module)::+::Value::Blob(bytes) => Self::Blob(bytes),
                }
            }
        }

        impl From<Vec<spell_types::SqlValue>> for $($module)::+::RowResult {
            fn from(values: Vec<spell_types::SqlValue>) -> Self {
                let value = |value| match value {
                    spell_types::SqlValue::Null => $($module)::+::Value::Null,
                    spell_types::SqlValue::Integer(number) => $($module)::+::Value::Integer(number),
                    spell_types::SqlValue::Real(number) => $($module)::+::Value::Real(number),
                    spell_types::SqlValue::Text(text) => $($module)::+::Value::Text(text),
                    spell_types::SqlValue::Blob(bytes) => $($module)::+::Value::Blob(bytes),
                };
                Self { values: values.into_iter().map(value).collect() }
            }
        }

        impl From<spell_types::SqlAnswer> for $($module)::+::QueryResult {
            fn from(answer: spell_types::SqlAnswer) -> Self {
                Self { columns: answer.columns, rows: answer.rows.into_iter().map(Into::into).collect() }
            }
        }
    };
}
pub(crate) use words;

words!(spin2::sqlite);
words!(plain::sqlite);
words!(spin3::sqlite);

impl OpenDatabase {
    /// Runs a statement whose parameters are in the words of any generation.
    pub(crate) async fn execute<V: Into<SqlValue>>(&self, statement: String, parameters: Vec<V>) -> Result<SqlAnswer, SqlError> {
        self.0.execute(statement, parameters.into_iter().map(Into::into).collect()).await
    }
}

impl spin2::sqlite::Host for Host {}

impl spin2::sqlite::HostConnection for Host {
    async fn open(&mut self, label: String) -> Answer<Resource<OpenDatabase>, spin2::sqlite::Error> {
        Ok(self.open_database(&label).map_err(Into::into))
    }

    async fn execute(
        &mut self,
        opened: Resource<OpenDatabase>,
        statement: String,
        parameters: Vec<spin2::sqlite::Value>,
    ) -> Answer<spin2::sqlite::QueryResult, spin2::sqlite::Error> {
        let opened = self.database(&opened)?;
        Ok(opened.execute(statement, parameters).await.map(Into::into).map_err(Into::into))
    }

    async fn drop(&mut self, opened: Resource<OpenDatabase>) -> wasmtime::Result<()> {
        self.close_database(opened)
    }
}

impl plain::sqlite::Host for Host {}

impl plain::sqlite::HostConnection for Host {
    async fn open(&mut self, label: String) -> Answer<Resource<OpenDatabase>, plain::sqlite::Error> {
        Ok(self.open_database(&label).map_err(Into::into))
    }

    async fn execute(
        &mut self,
        opened: Resource<OpenDatabase>,
        statement: String,
        parameters: Vec<plain::sqlite::Value>,
    ) -> Answer<plain::sqlite::QueryResult, plain::sqlite::Error> {
        let opened = self.database(&opened)?;
        Ok(opened.execute(statement, parameters).await.map(Into::into).map_err(Into::into))
    }

    async fn last_insert_rowid(&mut self, opened: Resource<OpenDatabase>) -> wasmtime::Result<i64> {
        Ok(self.database(&opened)?.0.last_insert_rowid())
    }

    async fn changes(&mut self, opened: Resource<OpenDatabase>) -> wasmtime::Result<u64> {
        Ok(self.database(&opened)?.0.changes())
    }

    async fn drop(&mut self, opened: Resource<OpenDatabase>) -> wasmtime::Result<()> {
        self.close_database(opened)
    }
}

impl spin3::sqlite::Host for Host {}

impl spin3::sqlite::HostConnection for Host {
    async fn open(&mut self, label: String) -> Answer<Resource<OpenDatabase>, spin3::sqlite::Error> {
        Ok(self.open_database(&label).map_err(Into::into))
    }

    async fn execute(
        &mut self,
        opened: Resource<OpenDatabase>,
        statement: String,
        parameters: Vec<spin3::sqlite::Value>,
    ) -> Answer<spin3::sqlite::QueryResult, spin3::sqlite::Error> {
        let opened = self.database(&opened)?;
        Ok(opened.execute(statement, parameters).await.map(Into::into).map_err(Into::into))
    }

    async fn last_insert_rowid(&mut self, opened: Resource<OpenDatabase>) -> wasmtime::Result<i64> {
        Ok(self.database(&opened)?.0.last_insert_rowid())
    }

    async fn changes(&mut self, opened: Resource<OpenDatabase>) -> wasmtime::Result<u64> {
        Ok(self.database(&opened)?.0.changes())
    }

    async fn drop(&mut self, opened: Resource<OpenDatabase>) -> wasmtime::Result<()> {
        self.close_database(opened)
    }
}

/// What `execute-async` gives: the columns, the rows, and whether they are all.
type Rows = (Vec<String>, StreamReader<spin3::sqlite::RowResult>, FutureReader<Result<(), spin3::sqlite::Error>>);

impl<T: Send> spin3::sqlite::HostConnectionWithStore<T> for HostAccess {
    async fn open_async(store: &Accessor<T, Self>, label: String) -> Answer<Resource<OpenDatabase>, spin3::sqlite::Error> {
        Ok(store.with(|mut access| access.get().open_database(&label)).map_err(Into::into))
    }

    async fn execute_async(
        store: &Accessor<T, Self>,
        opened: Resource<OpenDatabase>,
        statement: String,
        parameters: Vec<spin3::sqlite::Value>,
    ) -> Answer<Rows, spin3::sqlite::Error> {
        let answer = match find(store, &opened)?.execute(statement, parameters).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error.into())),
        };
        store.with(|mut access| {
            let rows: Vec<spin3::sqlite::RowResult> = answer.rows.into_iter().map(Into::into).collect();
            let rows = StreamReader::new(&mut access, rows)?;
            let end = FutureReader::new(&mut access, async move { wasmtime::error::Ok(Ok(())) })?;
            Ok(Ok((answer.columns, rows, end)))
        })
    }

    async fn last_insert_rowid_async(store: &Accessor<T, Self>, opened: Resource<OpenDatabase>) -> wasmtime::Result<i64> {
        Ok(find(store, &opened)?.0.last_insert_rowid())
    }

    async fn changes_async(store: &Accessor<T, Self>, opened: Resource<OpenDatabase>) -> wasmtime::Result<u64> {
        Ok(find(store, &opened)?.0.changes())
    }
}

fn find<T>(store: &Accessor<T, HostAccess>, opened: &Resource<OpenDatabase>) -> wasmtime::Result<OpenDatabase> {
    store.with(|mut access| access.get().database(opened))
}

#[cfg(test)]
mod tests;
