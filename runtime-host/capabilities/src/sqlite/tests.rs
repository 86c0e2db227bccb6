//! The interfaces over a database that answers with what it was asked.

use super::*;
use crate::Grants;
use spell_types::{BoxFuture, Limits, SqlDatabase};

struct Echo;

impl SqlDatabase for Echo {
    fn connect(&self) -> Arc<dyn SqlConnection> {
        Arc::new(Echo)
    }
}

impl SqlConnection for Echo {
    fn execute(&self, statement: String, parameters: Vec<SqlValue>) -> BoxFuture<'_, Result<SqlAnswer, SqlError>> {
        let answer = match statement.as_str() {
            "full" => Err(SqlError::Full { bytes_max: 7 }),
            "late" => Err(SqlError::TimeExceeded { time_ms_max: 5 }),
            _ => Ok(SqlAnswer { columns: vec![statement], rows: vec![parameters] }),
        };
        Box::pin(std::future::ready(answer))
    }
    fn last_insert_rowid(&self) -> i64 {
        3
    }
    fn changes(&self) -> u64 {
        4
    }
}

fn host() -> Host {
    let database: Arc<dyn SqlDatabase> = Arc::new(Echo);
    let sqlite_databases = [("default".to_owned(), database)].into();
    Arc::new(Grants { sqlite_databases, ..Grants::none("test") }).host(&Limits::default())
}

#[tokio::test]
async fn every_kind_of_value_passes_both_ways() {
    use plain::sqlite::{HostConnection, Value};
    let mut host = host();
    let opened = HostConnection::open(&mut host, "default".to_owned()).await.unwrap().unwrap();
    let again = || Resource::new_borrow(opened.rep());
    let values = [Value::Null, Value::Integer(-1), Value::Real(0.5), Value::Text("a".into()), Value::Blob(vec![0, 255])];
    let answer = HostConnection::execute(&mut host, again(), "x".to_owned(), values.to_vec()).await.unwrap().unwrap();
    assert_eq!(answer.columns, ["x"]);
    assert_eq!(format!("{:?}", answer.rows[0].values), format!("{values:?}"));
    assert_eq!(HostConnection::last_insert_rowid(&mut host, again()).await.unwrap(), 3);
    assert_eq!(HostConnection::changes(&mut host, again()).await.unwrap(), 4);
}

#[tokio::test]
async fn errors_have_the_interfaces_words() {
    use spin2::sqlite::{Error, HostConnection};
    let mut host = host();
    let opened = HostConnection::open(&mut host, "default".to_owned()).await.unwrap().unwrap();
    let again = || Resource::new_borrow(opened.rep());
    assert!(matches!(HostConnection::execute(&mut host, again(), "full".into(), vec![]).await.unwrap(), Err(Error::DatabaseFull)));
    let late = HostConnection::execute(&mut host, again(), "late".into(), vec![]).await.unwrap();
    assert!(matches!(&late, Err(Error::Io(text)) if text.contains("5 ms")), "{late:?}");
}

#[tokio::test]
async fn a_database_that_was_not_granted_is_denied() {
    use spin2::sqlite::{Error, HostConnection};
    assert!(matches!(HostConnection::open(&mut host(), "other".to_owned()).await.unwrap(), Err(Error::AccessDenied)));
    let mut nothing = Arc::new(Grants::none("test")).host(&Limits::default());
    assert!(matches!(HostConnection::open(&mut nothing, "default".to_owned()).await.unwrap(), Err(Error::AccessDenied)));
}

#[test]
fn only_so_many_connections_are_open_at_once() {
    let mut host = host();
    let mut opened: Vec<_> = (0..DATABASES_OPEN_MAX).map(|_| host.open_database("default").unwrap()).collect();
    assert_eq!(host.open_database("default").unwrap_err(), OpenError::TooMany);
    host.close_database(opened.pop().unwrap()).unwrap();
    assert!(host.open_database("default").is_ok());
}
