//! The world of one configuration: everything that a reload replaces as a whole.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use candor_semantics::field::http_date::HttpDate;
use candor_semantics::field::retry_after::RetryAfter;
use candor_semantics::outcome::Delay;

use crate::configuration::Configuration;
use crate::credentials::Credentials;
use crate::metrics::Metrics;
use crate::share::Share;
use crate::site::{Site, Sites};

/// The group whose members may see the trace and the console.
const ADMINS: &str = "admins";

/// A configuration at work.
pub(crate) struct World {
    /// Tells worlds apart: what is remembered of one is not used in the next.
    pub(crate) number: u64,
    /// What was said.
    pub(crate) configuration: Configuration,
    /// The sites.
    pub(crate) sites: Sites,
    /// The users.
    pub(crate) credentials: Credentials,
    /// The port of the first TLS listener.
    pub(crate) https_port: Option<u16>,
    /// Counts, the same in every world.
    pub(crate) metrics: Arc<Metrics>,
    admins: Vec<String>,
    shares: Option<Share>,
    /// By site and route.
    route_shares: Vec<Vec<Option<Share>>>,
}

impl World {
    /// Opens what a configuration names.
    ///
    /// # Errors
    /// A folder cannot be read, named in the error.
    pub(crate) fn open(configuration: Configuration, metrics: Arc<Metrics>) -> io::Result<World> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let sites = Sites::open(
            &configuration.sites,
            configuration.state.as_deref(),
            configuration.limits.body_size,
        )?;
        let credentials = Credentials::new(&configuration.users)?;
        let in_admins = |user: &&crate::configuration::User| user.groups.iter().any(|group| group == ADMINS);
        let route_shares = configuration
            .sites
            .iter()
            .map(|site| site.routes.iter().map(|route| route.rate.as_ref().map(Share::new)).collect())
            .collect();
        Ok(World {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            sites,
            credentials,
            https_port: None,
            metrics,
            admins: configuration.users.iter().filter(in_admins).map(|user| user.name.clone()).collect(),
            shares: configuration.limits.rate.as_ref().map(Share::new),
            route_shares,
            configuration,
        })
    }

    /// Whether a user is in the group of administrators.
    pub(crate) fn is_admin(&self, name: &str) -> bool {
        self.admins.iter().any(|admin| admin == name)
    }

    /// Takes one request from a client's share of the server and of the route.
    ///
    /// # Errors
    /// The share is used up; the time after which it is not.
    pub(crate) fn take_share(
        &self,
        client: IpAddr,
        site: Option<&Arc<Site>>,
        route: Option<usize>,
    ) -> Result<(), Delay> {
        let route = route.and_then(|route| {
            let site = self.sites.iter().position(|s| site.is_some_and(|site| Arc::ptr_eq(s, site)))?;
            self.route_shares.get(site)?.get(route)?.as_ref()
        });
        let now = Instant::now();
        for shares in [self.shares.as_ref(), route].into_iter().flatten() {
            shares.take(client, now).map_err(delay)?;
        }
        Ok(())
    }

    /// Whether a client's word about itself, given for another, is believed.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.configuration.trusted_proxies.iter().any(|network| network.contains(peer))
    }
}

/// What a share says, as far as it can be said in an answer.
fn delay(retry_after: RetryAfter) -> Delay {
    let seconds = retry_after.delay(HttpDate::from_unix(0));
    Delay(u32::try_from(seconds).unwrap_or(u32::MAX))
}
