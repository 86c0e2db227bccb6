//! Group commit, seen from the jobs.

use super::*;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use tokio::task::JoinSet;

type Failure = JobError<&'static str>;

fn writer() -> Arc<Writer> {
    let connection = Connection::open_in_memory().expect("open");
    connection.execute_batch("CREATE TABLE numbers (number INTEGER PRIMARY KEY) STRICT").expect("create");
    Arc::new(Writer::start(connection).expect("start"))
}

fn insert(connection: &Connection, number: i64) -> Result<(), Failure> {
    connection.execute("INSERT INTO numbers VALUES (?1)", [number])?;
    Ok(())
}

async fn numbers(writer: &Writer) -> Vec<i64> {
    let select = |connection: &Connection| -> Result<Vec<i64>, Failure> {
        let mut select = connection.prepare("SELECT number FROM numbers ORDER BY number")?;
        let numbers = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(numbers)
    };
    writer.write(select).await.expect("select")
}

/// Holds the writer up in a batch of its own until the sender is dropped, so that what is queued meanwhile becomes one batch.
async fn hold_up(writer: &Arc<Writer>, tasks: &mut JoinSet<Result<(), Failure>>) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    let starts = Arc::new(tokio::sync::Notify::new());
    let (writer, started) = (Arc::clone(writer), Arc::clone(&starts));
    tasks.spawn(async move {
        let wait = move |_: &Connection| {
            started.notify_one();
            let _ = held.recv();
            Ok(())
        };
        writer.write(wait).await
    });
    starts.notified().await;
    release
}

async fn all_of(tasks: JoinSet<Result<(), Failure>>) -> Vec<Result<(), Failure>> {
    tasks.join_all().await
}

#[tokio::test]
async fn two_hundred_jobs_share_one_commit() {
    let writer = writer();
    let mut tasks = JoinSet::new();
    let release = hold_up(&writer, &mut tasks).await;
    for number in 0..200 {
        let writer = Arc::clone(&writer);
        tasks.spawn(async move { writer.write(move |connection| insert(connection, number)).await });
    }
    while writer.queue.waiting() < 200 {
        tokio::task::yield_now().await;
    }
    drop(release);
    assert!(all_of(tasks).await.iter().all(Result::is_ok));
    assert_eq!(writer.counts(), WriteCounts { jobs: 201, commits: 2 });
    assert_eq!(numbers(&writer).await.len(), 200);
}

#[tokio::test]
async fn a_job_that_fails_takes_nothing_else_with_it() {
    let writer = writer();
    let mut tasks = JoinSet::new();
    let release = hold_up(&writer, &mut tasks).await;
    for number in 1..=6 {
        let writer = Arc::clone(&writer);
        let work = move |connection: &Connection| {
            insert(connection, number)?;
            match number {
                2 => Err(JobError::Refused("two")),
                4 => insert(connection, number), // violates the primary key
                5 => panic!("five"),
                _ => Ok(()),
            }
        };
        tasks.spawn(async move { writer.write(work).await });
    }
    while writer.queue.waiting() < 6 {
        tokio::task::yield_now().await;
    }
    drop(release);
    let results = all_of(tasks).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 4);
    assert_eq!(results.iter().filter(|result| matches!(result, Err(JobError::Refused("two")))).count(), 1);
    assert_eq!(results.iter().filter(|result| matches!(result, Err(JobError::Failed(_)))).count(), 1);
    assert_eq!(results.iter().filter(|result| matches!(result, Err(JobError::Unavailable))).count(), 1);
    assert_eq!(numbers(&writer).await, [1, 3, 6]);
    assert_eq!(writer.counts().commits, 3);
}

/// How often a job is run that changes nothing, beside one that does something and refuses.
async fn runs_beside(refusing: impl Fn(&Connection) -> Result<(), Failure> + Send + 'static) -> usize {
    let writer = writer();
    let mut tasks = JoinSet::new();
    let release = hold_up(&writer, &mut tasks).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let (first, second, counted) = (Arc::clone(&writer), Arc::clone(&writer), Arc::clone(&runs));
    tasks.spawn(async move {
        let count = move |_: &Connection| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(())
        };
        first.write(count).await
    });
    tasks.spawn(async move { second.write(refusing).await });
    while writer.queue.waiting() < 2 {
        tokio::task::yield_now().await;
    }
    drop(release);
    assert_eq!(all_of(tasks).await.iter().filter(|result| matches!(result, Err(JobError::Refused("no")))).count(), 1);
    assert!(numbers(&writer).await.is_empty());
    runs.load(Ordering::Relaxed)
}

#[tokio::test]
async fn jobs_are_run_anew_only_if_there_is_something_to_take_back() {
    let refuse = |_: &Connection| Err(JobError::Refused("no"));
    assert_eq!(runs_beside(refuse).await, 1);
    let change_and_refuse = |connection: &Connection| {
        insert(connection, 1)?;
        Err(JobError::Refused("no"))
    };
    assert_eq!(runs_beside(change_and_refuse).await, 2);
}

#[tokio::test]
async fn when_sqlite_gives_up_a_transaction_nothing_of_the_batch_is_acknowledged() {
    let writer = writer();
    let mut tasks = JoinSet::new();
    let release = hold_up(&writer, &mut tasks).await;
    for number in 1..=3 {
        let writer = Arc::clone(&writer);
        let work = move |connection: &Connection| {
            insert(connection, number)?;
            if number == 2 {
                connection.execute_batch("ROLLBACK")?;
            }
            Ok(())
        };
        tasks.spawn(async move { writer.write(work).await });
    }
    while writer.queue.waiting() < 3 {
        tokio::task::yield_now().await;
    }
    drop(release);
    let results = all_of(tasks).await;
    assert_eq!(results.iter().filter(|result| matches!(result, Err(JobError::Unavailable))).count(), 3);
    assert!(numbers(&writer).await.is_empty());
    writer.write(|connection| insert(connection, 4)).await.expect("the writer goes on");
    assert_eq!(numbers(&writer).await, [4]);
}

#[tokio::test]
async fn what_is_queued_when_it_is_dropped_is_still_written() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("numbers.db");
    let connection = Connection::open(&path).expect("open");
    connection.execute_batch("CREATE TABLE numbers (number INTEGER PRIMARY KEY) STRICT").expect("create");
    let writer = Arc::new(Writer::start(connection).expect("start"));
    let mut tasks = JoinSet::new();
    let release = hold_up(&writer, &mut tasks).await;
    for number in 0..20 {
        let writer = Arc::clone(&writer);
        tasks.spawn(async move { writer.write(move |connection| insert(connection, number)).await });
    }
    while writer.queue.waiting() < 20 {
        tokio::task::yield_now().await;
    }
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    drop(release);
    drop(writer);
    let count: i64 = Connection::open(&path).expect("open").query_row("SELECT count(*) FROM numbers", [], |row| row.get(0)).expect("count");
    assert_eq!(count, 20);
}
