//! MQTT: `fermyon:spin/mqtt@2.0.0` and `spin:mqtt/mqtt@3.0.0` over one connection that one message at a time may use. Nothing is
//! subscribed to, so all that a broker has to say are acknowledgements.
//!
//! This module knows the steps of publishing. It must never know how a connection comes about.

mod interfaces;
mod packet;

use crate::Host;
use crate::outbound::{AnswerBound, ConnectionError, Duplex, Passage, Turns};
use packet::{Ack, Connect};
use std::io;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use wasmtime::component::Resource;

const SCHEMES: [&str; 2] = ["mqtt", "mqtts"];

/// A connection that a guest has opened.
pub struct MqttConnection(Arc<Turns<Wire>>);

struct Wire {
    stream: Box<dyn Duplex>,
    /// The number of the last message that asked to be acknowledged.
    last: u16,
    bound: AnswerBound,
}

/// How surely a message arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::enum_variant_names, reason = "the words of the standard")]
enum Quality {
    AtMostOnce,
    AtLeastOnce,
    ExactlyOnce,
}

/// Why a message was not published.
#[derive(Debug)]
enum MqttError {
    InvalidAddress,
    TooManyConnections,
    Connection(String),
    Other(String),
}

impl From<ConnectionError> for MqttError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::BadAddress(_) => Self::InvalidAddress,
            ConnectionError::TooMany => Self::TooManyConnections,
            ConnectionError::QueryTimeout | ConnectionError::Closed => Self::Other(error.to_string()),
            error => Self::Connection(error.to_string()),
        }
    }
}

impl From<io::Error> for MqttError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::Other => Self::Other(error.to_string()),
            _ => ConnectionError::Closed.into(),
        }
    }
}

/// Who asks, as the guest says it beside the address.
struct Login {
    user: String,
    password: String,
    keep_alive_secs: u64,
}

async fn open(passage: Passage, login: Login) -> Result<MqttConnection, MqttError> {
    let address = &passage.address;
    let client = address.parameters().find(|(name, _)| *name == "client_id").map(|(_, client)| client).unwrap_or_default();
    let given = Some((login.user, login.password)).filter(|(user, _)| !user.is_empty());
    let credentials = given.or_else(|| Some((address.user.clone()?, address.password.clone().unwrap_or_default())));
    let keep_alive = u16::try_from(login.keep_alive_secs).unwrap_or(u16::MAX);
    let connect = packet::connect(&Connect { client: &client, credentials: credentials.as_ref(), keep_alive_secs: keep_alive });
    let connect = connect.ok_or_else(|| MqttError::Connection("client, user or password is too long".to_owned()))?;
    let stream = passage.open().await?;
    let stream: Box<dyn Duplex> = match address.destination.scheme() {
        "mqtts" => Box::new(passage.secure(stream, passage.trusted()).await?),
        _ => Box::new(stream),
    };
    let mut wire = Wire { stream, last: 0, bound: passage.bound.clone() };
    let greeting = async move {
        wire.send(&connect).await?;
        match wire.acknowledgement().await? {
            Ack::Connected(0) => Ok::<_, MqttError>(wire),
            Ack::Connected(4 | 5) => Err(MqttError::Connection("the server refuses the credentials".to_owned())),
            Ack::Connected(code) => Err(MqttError::Connection(format!("the server refuses the connection with code {code}"))),
            _ => Err(packet::malformed().into()),
        }
    };
    let wire = passage.in_connect_time(greeting).await?;
    Ok(MqttConnection(Arc::new(passage.turns(wire))))
}

/// One message, until it is as sure to have arrived as was asked for.
async fn publish(connection: &Turns<Wire>, topic: &str, payload: &[u8], quality: Quality) -> Result<(), MqttError> {
    let publishing = async {
        let mut lease = connection.take().await?;
        // A message that cannot be said leaves the connection as it was.
        let message = lease.held.message(topic, payload, quality);
        let published = match &message {
            Some(message) => lease.held.publish(message, quality).await,
            None => Err(MqttError::Other("a topic has 1 to 65535 bytes, and no wildcard".to_owned())),
        };
        if message.is_none() || published.is_ok() {
            lease.give_back();
        }
        published
    };
    connection.in_time(publishing).await
}

impl Wire {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), MqttError> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    async fn acknowledgement(&mut self) -> Result<Ack, MqttError> {
        Ok(packet::read(&mut self.stream, &self.bound).await?)
    }

    fn message(&mut self, topic: &str, payload: &[u8], quality: Quality) -> Option<Vec<u8>> {
        // Zero is no number of a message.
        self.last = self.last.checked_add(1).unwrap_or(1);
        packet::publish(topic, payload, quality, self.last)
    }

    async fn publish(&mut self, message: &[u8], quality: Quality) -> Result<(), MqttError> {
        self.send(message).await?;
        let number = self.last;
        match quality {
            Quality::AtMostOnce => {}
            Quality::AtLeastOnce => self.expect(Ack::Published(number)).await?,
            Quality::ExactlyOnce => {
                self.expect(Ack::Received(number)).await?;
                self.send(&packet::release(number)).await?;
                self.expect(Ack::Completed(number)).await?;
            }
        }
        Ok(())
    }

    async fn expect(&mut self, expected: Ack) -> Result<(), MqttError> {
        if self.acknowledgement().await? == expected { Ok(()) } else { Err(packet::malformed().into()) }
    }
}

impl Host {
    fn mqtt(&self, opened: &Resource<MqttConnection>) -> wasmtime::Result<Arc<Turns<Wire>>> {
        Ok(Arc::clone(&self.table.get(opened)?.0))
    }

    fn keep_mqtt(&mut self, opened: Result<MqttConnection, MqttError>) -> Result<Resource<MqttConnection>, MqttError> {
        self.table.push(opened?).map_err(|_| MqttError::TooManyConnections)
    }
}
