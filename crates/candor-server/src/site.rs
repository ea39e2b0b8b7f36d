//! Sites at work: a configured site with its folder, found by host.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use candor_gateway::{Gateway, Store};
use candor_origin::{Folder, FolderOptions, Rules};
use candor_semantics::field::host::Host;
use candor_semantics::head::{Head, Scheme};

use crate::authoring::{self, Authoring};
use crate::configuration::{self, RouteKind};

/// A site that is served.
pub(crate) struct Site {
    /// What was said about it.
    pub(crate) configuration: configuration::Site,
    /// Its folder.
    pub(crate) folder: Folder,
    /// What it needs to be written, or to tell marks of its ledger.
    pub(crate) authoring: Option<Arc<Authoring>>,
    /// How the folder is read where no route says otherwise.
    rules: Arc<Rules>,
    /// The rules of each route, by its position.
    route_rules: Vec<Arc<Rules>>,
    /// The gateway of each route that is one, by its position.
    gateways: Vec<Option<Arc<Gateway>>>,
    /// When it was opened: marks without a time of their own count from here.
    pub(crate) opened: SystemTime,
}

impl Site {
    fn open(
        configured: &configuration::Site,
        state: Option<&Path>,
        store: &Arc<Store>,
        content_limit: u64,
    ) -> io::Result<Site> {
        let folder = Folder::open(&configured.root, FolderOptions::default())?;
        let mut configuration = configured.clone();
        if configuration.languages.is_empty() {
            configuration.languages.extend(index_language(&configuration.root));
        }
        let configuration = &configuration;
        let rules = Arc::new(rules(configuration, None));
        let route_rules =
            configuration.routes.iter().map(|route| Arc::new(rules_of(configuration, route))).collect();
        let gateways = configuration
            .routes
            .iter()
            .map(|route| crate::forwarding::gateway(route, store, content_limit))
            .collect::<io::Result<_>>()?;
        let authoring = authoring::state::open(configuration, state, &folder)?;
        Ok(Site {
            authoring,
            gateways,
            configuration: configuration.clone(),
            folder,
            rules,
            route_rules,
            opened: SystemTime::now(),
        })
    }

    /// The gateway of a route, if it is one.
    pub(crate) fn gateway(&self, route: Option<usize>) -> Option<&Arc<Gateway>> {
        self.gateways.get(route?)?.as_ref()
    }

    /// All gateways of the site.
    pub(crate) fn gateways(&self) -> impl Iterator<Item = &Arc<Gateway>> {
        self.gateways.iter().flatten()
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
    pub(crate) fn open(
        configured: &[configuration::Site],
        state: Option<&Path>,
        content_limit: u64,
    ) -> io::Result<Sites> {
        let store = Arc::new(Store::new(crate::forwarding::STORED));
        let mut sites =
            Sites { sites: Vec::new(), named: HashMap::new(), below: HashMap::new(), every: None };
        for (number, configuration) in configured.iter().enumerate() {
            sites.sites.push(Arc::new(Site::open(configuration, state, &store, content_limit)?));
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

    /// Whether documents of some site can be written.
    pub(crate) fn are_written(&self) -> bool {
        self.sites.iter().any(|site| site.authoring.as_ref().is_some_and(|authoring| authoring.can_write()))
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

/// The port a request is for.
pub(crate) fn port(head: &Head) -> Option<u16> {
    let stated = match split_absolute(head.target()) {
        Some((_, authority)) => authority,
        None => head.get("host")?,
    };
    Host::parse(stated).map(|host| host.port_or_default(head.scheme()))
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

/// The language of the site's own index page: the order of a site that states none. Read when the site is opened.
fn index_language(root: &Path) -> Option<String> {
    use std::io::Read as _;
    let mut start = Vec::new();
    let file = std::fs::File::open(root.join("index.html")).ok()?;
    file.take(INDEX_START).read_to_end(&mut start).ok()?;
    page_language(&String::from_utf8_lossy(&start))
}

/// As much of an index page as is looked at for its language.
const INDEX_START: u64 = 4096;

/// The value of `lang` in the start tag of the `html` element.
fn page_language(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let tag = lower.split_once("<html")?.1.split_once('>')?.0;
    let value = tag.split_ascii_whitespace().find_map(|attribute| attribute.strip_prefix("lang="))?;
    let value = value.trim_matches(['"', '\'']);
    let legal = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    legal.then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_of_a_page() {
        for (page, language) in [
            ("<!DOCTYPE html>\n<html lang=\"en\">", Some("en")),
            ("<HTML class=x LANG='pt-BR'>", Some("pt-br")),
            ("<html lang=de dir=ltr>", Some("de")),
            ("<html><body lang=de>", None),
            ("<html lang=\"\">", None),
            ("no markup", None),
        ] {
            assert_eq!(page_language(page).as_deref(), language, "{page}");
        }
    }
}
