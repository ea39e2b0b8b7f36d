//! Sites at work: a configured site with its folder, found by host.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use candor_origin::{Folder, FolderOptions, Rules};
use candor_semantics::field::host::Host;
use candor_semantics::head::{Head, Scheme};

use crate::configuration::{self, RouteKind};

/// A site that is served.
pub(crate) struct Site {
    /// What was said about it.
    pub(crate) configuration: configuration::Site,
    /// Its folder.
    pub(crate) folder: Folder,
    /// How the folder is read where no route says otherwise.
    rules: Arc<Rules>,
    /// The rules of each route, by its position.
    route_rules: Vec<Arc<Rules>>,
    /// When it was opened: marks without a time of their own count from here.
    pub(crate) opened: SystemTime,
}

impl Site {
    fn open(configuration: &configuration::Site) -> io::Result<Site> {
        let folder = Folder::open(&configuration.root, FolderOptions::default())?;
        let rules = Arc::new(rules(configuration, None));
        let route_rules =
            configuration.routes.iter().map(|route| Arc::new(rules_of(configuration, route))).collect();
        Ok(Site {
            configuration: configuration.clone(),
            folder,
            rules,
            route_rules,
            opened: SystemTime::now(),
        })
    }

    /// How the folder is read for an address under a route.
    pub(crate) fn rules_for(&self, route: Option<usize>) -> &Arc<Rules> {
        route.and_then(|position| self.route_rules.get(position)).unwrap_or(&self.rules)
    }
}

fn rules_of(site: &configuration::Site, route: &configuration::Route) -> Rules {
    let mut rules = rules(site, route.cache_control.as_deref());
    if let RouteKind::Documents(documents) = &route.what {
        rules.default_variant =
            documents.default_variant.as_deref().map(|name| Bytes::copy_from_slice(name.as_bytes()));
    }
    rules
}

fn rules(site: &configuration::Site, cache_control: Option<&str>) -> Rules {
    Rules {
        listing: site.listing,
        languages: site.languages.iter().map(|tag| Bytes::from(tag.clone())).collect(),
        cache_control: cache_control
            .or(site.cache_control.as_deref())
            .map(|value| Bytes::from(value.to_owned())),
        ..Rules::default()
    }
}

/// All sites, found by host.
pub(crate) struct Sites {
    sites: Vec<Arc<Site>>,
    named: HashMap<String, usize>,
    below: HashMap<String, usize>,
    every: Option<usize>,
}

impl Sites {
    /// Opens the folder of every site.
    ///
    /// # Errors
    /// A folder cannot be read; the error names it.
    pub(crate) fn open(configured: &[configuration::Site]) -> io::Result<Sites> {
        let mut sites =
            Sites { sites: Vec::new(), named: HashMap::new(), below: HashMap::new(), every: None };
        for (number, configuration) in configured.iter().enumerate() {
            sites.sites.push(Arc::new(Site::open(configuration)?));
            for host in &configuration.hosts {
                match host {
                    configuration::Host::Name(name) => sites.named.insert(name.clone(), number),
                    configuration::Host::Below(parent) => sites.below.insert(parent.clone(), number),
                };
            }
            if configuration.hosts.is_empty() {
                sites.every = Some(number);
            }
        }
        Ok(sites)
    }

    /// The site that answers for a request; `None` where its authority is nobody's here (421).
    pub(crate) fn find(&self, head: &Head) -> Option<&Arc<Site>> {
        // Most servers have one site for every host: nothing to look up.
        if self.named.is_empty() && self.below.is_empty() {
            return self.every.and_then(|number| self.sites.get(number));
        }
        let number = match authority(head) {
            Some(host) => {
                let parent = host.split_once('.').map(|(_, parent)| parent);
                self.named
                    .get(host.as_str())
                    .or_else(|| parent.and_then(|parent| self.below.get(parent)))
                    .copied()
                    .or(self.every)
            }
            // HTTP/1.0 without Host: the site for every host, or the first.
            None => self.every.or(Some(0)),
        };
        self.sites.get(number?)
    }

    /// All sites in the order written.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.sites.iter()
    }
}

/// The host a request is for, lower case, without port: the target's own where it is in absolute form.
pub(crate) fn authority(head: &Head) -> Option<String> {
    let stated = match split_absolute(head.target()) {
        Some((_, authority)) => authority,
        None => head.get("host")?,
    };
    Host::parse(stated).map(|host| host.lower())
}

/// Scheme and authority of a target in absolute form (RFC 9112 section 3.2.2).
fn split_absolute(target: &[u8]) -> Option<(&[u8], &[u8])> {
    if target.starts_with(b"/") {
        return None;
    }
    let colon = target.windows(3).position(|three| three == b"://")?;
    let (scheme, rest) = target.split_at_checked(colon)?;
    let rest = rest.get(3..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    Some((scheme, rest.get(..end)?))
}

/// Whether a target in absolute form names a scheme that this connection does not speak for. A request that came
/// through a proxy's TLS may name either.
pub(crate) fn names_other_scheme(head: &Head) -> bool {
    split_absolute(head.target()).is_some_and(|(scheme, _)| {
        let own = scheme.eq_ignore_ascii_case(head.scheme().name().as_bytes());
        let plain_over_tls = head.scheme() == Scheme::Https && scheme.eq_ignore_ascii_case(b"http");
        !own && !plain_over_tls
    })
}
