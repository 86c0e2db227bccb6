//! The answer of the hello guests without WebAssembly: what hyper alone costs on this machine.
//!
//! Knows HTTP/1.1 on a loopback port that it prints; must never know WebAssembly or grow a feature, or the numbers stop being comparable.

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Serves on a free loopback port until it is killed.
#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    println!("Serving http://{}", listener.local_addr()?);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return Ok(()) };
        match listener.accept().await {
            Ok((stream, _)) => {
                stream.set_nodelay(true)?;
                tokio::spawn(serve(stream, place));
            }
            // Descriptors may have run out; they come back when connections end.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

const BODY: &[u8] = b"Hello, world!";
const CONNECTIONS_MAX: usize = 1_024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

async fn serve(stream: TcpStream, place: OwnedSemaphorePermit) {
    let answered = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
    // A client that leaves early is no event here: the load generator always does at the end of a round.
    drop((answered, place));
}

async fn answer(_request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::new(Bytes::from_static(BODY))))
}
