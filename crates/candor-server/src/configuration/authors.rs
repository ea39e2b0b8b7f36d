//! Writers named beside the configuration: `--author`.

use std::collections::BTreeSet;

use super::routes::{Access, Callers, Documents, Route, RouteKind, RoutePath, Routes};
use super::user::{User, password};
use super::{Configuration, Site};

/// Somebody who may write every document of every site, unless a route says who may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name; no user of the configuration has it.
    pub name: String,
    /// The hash of the password, as in `[[user]]`.
    pub hash: String,
}

impl Configuration {
    /// This configuration with authors more. They may write wherever a route offers writing to somebody, and
    /// where no route says anything.
    ///
    /// # Errors
    /// A name is taken, a hash is none, or passwords would travel in the clear.
    pub fn with_authors(mut self, authors: &[Author]) -> Result<Configuration, String> {
        if authors.is_empty() {
            return Ok(self);
        }
        for author in authors {
            if self.user(&author.name).is_some() {
                return Err(format!("--author {}: there is a user of this name already", author.name));
            }
            let hash = password(&author.hash)?;
            self.users.push(User {
                name: author.name.clone(),
                password: Some(hash),
                tokens: Vec::new(),
                groups: Vec::new(),
            });
        }
        let in_the_clear = self.listeners.iter().find(|listener| listener.is_cleartext_off_loopback());
        let careless = self.sites.iter().any(|site| !site.insecure_basic && !site.redirect_to_https);
        if let Some(listener) = in_the_clear.filter(|_| careless) {
            return Err(format!(
                "--author: passwords would pass {listener} in the clear; use https:// (with --tls-cert), \
                 or set CANDOR_INSECURE_BASIC=true"
            ));
        }
        let names: BTreeSet<String> = authors.iter().map(|author| author.name.clone()).collect();
        for site in &mut self.sites {
            add(site, &names);
        }
        Ok(self)
    }
}

fn add(site: &mut Site, names: &BTreeSet<String>) {
    let mut routes: Vec<Route> = site.routes.iter().cloned().collect();
    let mut covered = false;
    for route in &mut routes {
        covered |= route.path.text() == "/" && matches!(route.path, RoutePath::Subtree(_));
        let at_root = route.path.text() == "/" && matches!(route.what, RouteKind::Documents(_));
        match &mut route.access.write {
            Some(Callers::Only(members)) => members.extend(names.iter().cloned()),
            None if at_root => route.access.write = Some(Callers::Only(names.clone())),
            Some(Callers::Anyone) | None => continue,
        }
        if route.access.conceal.is_none() && route.access.realm.is_none() {
            route.access.realm = Some(route.path.text().to_owned());
        }
    }
    if !covered {
        routes.push(Route {
            path: RoutePath::Subtree("/".to_owned()),
            access: Access {
                realm: Some("/".to_owned()),
                read: Callers::Anyone,
                write: Some(Callers::Only(names.clone())),
                conceal: None,
            },
            what: RouteKind::Documents(Documents { post_creates: true, ..Documents::default() }),
            rate: None,
            cache_control: None,
            fields: Vec::new(),
            cors: None,
        });
    }
    site.routes = Routes::new(routes);
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::SystemTime;

    use super::super::Flags;
    use super::*;

    const HASH: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$T06GhXp4Au+pF/uVjRHZKQ$LzqS+T1gVZ5cnlPhm2NbjFWkuEiRnHMoQz2pCxaZP3k";

    fn with(text: &str, name: &str) -> Result<Configuration, String> {
        let read = Configuration::parse(text, Path::new("/c.toml"), &Flags::default(), [], SystemTime::now());
        let author = Author { name: name.to_owned(), hash: HASH.to_owned() };
        read.map_err(|error| error.to_string())?.with_authors(&[author])
    }

    #[test]
    fn authors_write_where_nobody_else_is_named() {
        let found = with("[[site]]\nroot = \"/tmp\"\n[[site.route]]\npath = \"/ro/\"\n", "amy").unwrap();
        let routes = &found.sites[0].routes;
        let write = |path: &str| routes.find(path.as_bytes()).and_then(|route| route.access.write.clone());
        assert!(write("/a").is_some_and(|write| write.include(Some("amy")) && !write.include(None)));
        assert_eq!(write("/ro/a"), None);
        assert!(found.user("amy").is_some());
    }

    #[test]
    fn passwords_do_not_travel_in_the_clear() {
        let open = "listen = [\"0.0.0.0:80\"]\n[[site]]\nroot = \"/tmp\"\n";
        assert!(with(open, "amy").is_err_and(|error| error.contains("in the clear")));
        assert!(with(&format!("insecure_basic = true\n{open}"), "amy").is_ok());
    }
}
