//! Gateway routes at work: from what the configuration says to a gateway that answers.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use candor_gateway::{Breaker, Gateway, Health, Settings, Store};

use crate::configuration::{Balance, Route, RouteKind};
use crate::world::World;

/// Bytes of stored answers, over all gateways.
pub(crate) const STORED: usize = 64 * 1024 * 1024;

/// Requests at work with the upstreams of one route.
const IN_FLIGHT: usize = 1024;

/// The gateway of a route, if it is one.
///
/// # Errors
/// It has an upstream that cannot be.
pub(crate) fn gateway(
    route: &Route,
    store: &Arc<Store>,
    content_limit: u64,
) -> io::Result<Option<Arc<Gateway>>> {
    let RouteKind::Gateway(said) = &route.what else { return Ok(None) };
    let settings = Settings {
        to: said.to.clone(),
        prefix: route.path.text().to_owned(),
        connect_timeout: said.connect_timeout,
        response_timeout: said.response_timeout,
        cache: said.cache,
        stale: said.stale,
        provisional: said.provisional,
        mirror: said.mirror,
        annotate: said
            .annotate
            .iter()
            .map(|(name, value)| (name.clone(), Bytes::from(value.clone())))
            .collect(),
        breaker: said.breaker.map(|breaker| Breaker { failures: breaker.failures, open: breaker.open }),
        by_hash: said.balance == Balance::Hash,
        health: said.health.as_ref().map(|health| Health { path: health.path.clone(), every: health.every }),
        in_flight: IN_FLIGHT,
        content_limit: Some(content_limit),
    };
    Gateway::new(settings, store.clone())
        .map(|gateway| Some(Arc::new(gateway)))
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Everything that is counted, upstreams included.
pub(crate) fn metrics(world: &World) -> String {
    let mut page = world.metrics.render();
    for site in world.sites.iter() {
        for gateway in site.gateways() {
            gateway.write_metrics(&mut page);
        }
    }
    page
}
