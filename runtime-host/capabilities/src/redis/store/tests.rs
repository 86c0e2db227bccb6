//! Addresses of stores, and a server that is played by the test.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SECRET: &str = "hunter2";

fn store(url: &str) -> Result<RedisStore, RedisStoreError> {
    RedisStore::new(url, &TlsRoots::web().unwrap(), Duration::from_secs(1), Duration::from_secs(1))
}

#[test]
fn an_address_names_one_database_and_is_never_repeated() {
    for (url, place) in [
        ("redis://h", "h:6379/0"),
        ("redis://u:hunter2@H.:1/3", "h:1/3"),
        ("rediss://[::1]:7/0007", "[::1]:7/7"),
        ("redis://h/", "h:6379/0"),
    ] {
        assert_eq!(store(url).map(|store| store.place()).unwrap(), place, "{url}");
    }
    for url in [
        "redis://:hunter2@h/hunter2",
        "redis://:hunter2@h/1?a=hunter2",
        "redis://:hunter2@h/99999999999",
        "redis://hunter2@@h",
        "rediss://:hunter2@h",
        "hunter2://h",
        "",
    ] {
        let error = store(url).map(drop).unwrap_err();
        assert!(!format!("{error}{error:?}").contains(SECRET), "{url}: {error}");
    }
}

/// A server that reads something and answers with these bytes, once for each connection and answer.
async fn server(answers: Vec<Vec<Vec<u8>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for answers in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            for answer in answers {
                let read = stream.read(&mut [0; 4096]).await.unwrap_or(0);
                if read == 0 || stream.write_all(&answer).await.is_err() {
                    break;
                }
            }
        }
    });
    url
}

#[tokio::test]
async fn a_connection_serves_again_unless_the_server_closed_it_or_spoke_unasked() {
    let answer = |text: &str| text.as_bytes().to_vec();
    // The second answer of the first connection is too much; the second connection is closed after its only one.
    let url = server(vec![
        vec![answer("$1\r\na\r\n"), answer("$1\r\nb\r\n:1\r\n")],
        vec![answer("$1\r\nc\r\n")],
        vec![answer("$1\r\nd\r\n"), answer("$1\r\ne\r\n")],
    ]);
    let store = store(&url.await).unwrap();
    for expected in ["a", "b", "c", "d", "e"] {
        assert_eq!(store.get("", "k").await, Ok(Some(answer(expected))));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(store.get("", "k").await, Err(KeyValueError::Unavailable), "nobody listens any more");
}

#[tokio::test]
async fn what_no_redis_would_answer_is_an_error() {
    let value = |bytes: usize| [format!("${bytes}\r\n").into_bytes(), vec![b'x'; bytes], b"\r\n".to_vec()].concat();
    let most = VALUE_BYTES_MAX;
    let too_large = KeyValueError::ValueTooLarge { bytes: most + 1, bytes_max: most };
    let table = [
        (value(most), Ok(Some(vec![b'x'; most]))),
        (value(most + 1), Err(too_large)),
        (b"$1000000000\r\n".to_vec(), Err(KeyValueError::AnswerTooLarge { bytes_max: REPLY_BYTES_MAX })),
        (b"*1000000000\r\n".to_vec(), Err(KeyValueError::Unavailable)),
        (b":1\r\n".to_vec(), Err(KeyValueError::Unavailable)),
        (b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), Err(KeyValueError::Unavailable)),
        (b"-WRONGTYPE Operation against a key\r\n".to_vec(), Err(KeyValueError::NotAValue)),
        (b"-ERR whatever\r\n".to_vec(), Err(KeyValueError::Unavailable)),
    ];
    for (answer, expected) in table {
        let store = store(&server(vec![vec![answer.clone()]]).await).unwrap();
        assert_eq!(store.get("", "k").await, expected, "{:?}", String::from_utf8_lossy(&answer[..answer.len().min(40)]));
    }
}

#[tokio::test]
async fn a_listing_that_never_ends_ends_in_time() {
    let endless = vec![b"*2\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n".to_vec(); 1_000_000];
    let store = store(&server(vec![endless]).await).unwrap();
    let started = Instant::now();
    assert_eq!(store.get_keys("").await, Err(KeyValueError::Unavailable));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}
