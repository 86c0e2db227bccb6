//! Places for outbound connections that all components share, on top of those that each has for itself.
//!
//! This module knows kinds of connections by their scheme. It must never know whose a connection is.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many places there are; `None` is no limit beyond those of the components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlacesMax {
    /// Requests over HTTP that are under way.
    pub http: Option<usize>,
    /// Connections to PostgreSQL.
    pub postgres: Option<usize>,
    /// Connections to MySQL.
    pub mysql: Option<usize>,
    /// Connections to Redis.
    pub redis: Option<usize>,
    /// Connections to MQTT brokers.
    pub mqtt: Option<usize>,
    /// Sockets of guests' own.
    pub sockets: Option<usize>,
    /// All of these together.
    pub total: Option<usize>,
}

/// The places. Made once and given to every component's way out.
#[derive(Debug, Default)]
pub struct ConnectionPlaces {
    kinds: Vec<(&'static [&'static str], Arc<Semaphore>)>,
    total: Option<Arc<Semaphore>>,
}

impl ConnectionPlaces {
    /// So many places.
    pub fn new(max: &PlacesMax) -> ConnectionPlaces {
        let semaphore = |places: usize| Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        let kinds: [(&[&str], Option<usize>); 6] = [
            (&["http", "https"], max.http),
            (&["postgres", "postgresql"], max.postgres),
            (&["mysql"], max.mysql),
            (&["redis", "rediss"], max.redis),
            (&["mqtt", "mqtts"], max.mqtt),
            (&["tcp"], max.sockets),
        ];
        let kinds = kinds.into_iter().filter_map(|(schemes, places)| Some((schemes, semaphore(places?))));
        ConnectionPlaces { kinds: kinds.collect(), total: max.total.map(semaphore) }
    }

    /// Waits for a place of its kind, and then for one of all kinds: always in this order, so that nobody waits in a ring.
    pub(super) async fn take(&self, scheme: &str) -> Vec<OwnedSemaphorePermit> {
        let of_kind = self.kinds.iter().find(|(schemes, _)| schemes.contains(&scheme)).map(|(_, places)| places);
        let mut taken = Vec::new();
        for places in of_kind.into_iter().chain(&self.total) {
            // A semaphore that is never closed never fails.
            taken.extend(Arc::clone(places).acquire_owned().await);
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_kind_has_its_places_and_all_kinds_share_the_total() {
        let places = ConnectionPlaces::new(&PlacesMax { redis: Some(1), total: Some(2), ..PlacesMax::default() });
        let redis = places.take("redis").now_or_never().expect("a place");
        assert!(places.take("rediss").now_or_never().is_none(), "there is one for Redis");
        let http = places.take("http").now_or_never().expect("a place");
        assert!(places.take("postgres").now_or_never().is_none(), "there are two in all");
        drop((redis, http));
        assert!(places.take("rediss").now_or_never().is_some());
        assert!(ConnectionPlaces::default().take("http").now_or_never().expect("no limit").is_empty());
    }
}
