//! A proxy named by the environment: `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, as other clients read
//! them.

use candor_semantics::url::{self, Url};

use crate::credentials;

/// Which requests go to which proxy.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    except: Vec<String>,
}

/// One proxy, spoken to in HTTP.
#[derive(Clone)]
pub struct Proxy {
    /// Its address.
    pub url: Url,
    /// Name and password written into its URL.
    pub credentials: Option<(String, String)>,
}

/// Never shows the password.
impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proxy({})", self.url.origin())
    }
}

impl Proxies {
    /// Reads the variables through `read`. `HTTP_PROXY` in capitals is not read: a client of a server's program
    /// could set it with a field.
    pub fn from_environment(read: impl Fn(&str) -> Option<String>) -> Proxies {
        let first = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| read(name).filter(|value| !value.is_empty()))
                .as_deref()
                .and_then(proxy)
        };
        let except = read("no_proxy").or_else(|| read("NO_PROXY")).unwrap_or_default();
        Proxies {
            http: first(&["http_proxy", "all_proxy", "ALL_PROXY"]),
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            except: except
                .split(',')
                .map(|one| one.trim().to_ascii_lowercase())
                .filter(|one| !one.is_empty())
                .collect(),
        }
    }

    /// The proxy for an address, if it goes to one.
    pub fn of(&self, url: &Url) -> Option<&Proxy> {
        let excepted = self.except.iter().any(|one| {
            let name = one.trim_start_matches("*.").trim_start_matches('.');
            one == "*" || url.host() == name || url.host().ends_with(&format!(".{name}"))
        });
        if excepted {
            return None;
        }
        if url.is_tls() { self.https.as_ref() } else { self.http.as_ref() }
    }
}

fn proxy(text: &str) -> Option<Proxy> {
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let credentials = url::credentials(&text).map(|both| {
        let (user, password) = credentials::split(&both);
        (user, password.unwrap_or_default())
    });
    Some(Proxy { url: Url::parse(&text).ok()?, credentials })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment() {
        let proxies = Proxies::from_environment(|name| match name {
            "http_proxy" => Some("amy:pw@127.0.0.1:3128".into()),
            "no_proxy" => Some("localhost, .example.org".into()),
            _ => None,
        });
        let of = |text: &str| proxies.of(&Url::parse(text).unwrap()).map(|proxy| proxy.url.port());
        assert_eq!(of("http://a/"), Some(3128));
        assert_eq!(of("https://a/"), None);
        assert_eq!(of("http://localhost/"), None);
        assert_eq!(of("http://x.example.org/"), None);
        assert_eq!(
            proxies.of(&Url::parse("http://a/").unwrap()).unwrap().credentials.clone().unwrap().0,
            "amy"
        );
    }
}
