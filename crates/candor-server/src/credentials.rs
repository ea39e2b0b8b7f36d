//! Who is calling: Basic passwords (RFC 7617) and bearer tokens (RFC 6750).
//!
//! A password costs its argon2id hash, so verification runs on a bounded pool, a success is remembered for a
//! minute under a keyed hash, unknown users cost as much as known ones, and failures count against the client.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::{Argon2, PasswordVerifier};
use candor_semantics::field::authorization::{self, Authorization};
use candor_semantics::head::Head;
use tokio::sync::Semaphore;

use crate::configuration::{TokenDigest, User};

/// How long a verified password is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Verified passwords remembered at most.
const MOST_REMEMBERED: usize = 10_000;

/// Verifications waiting or running at most: more are answered 503.
const POOL: usize = 32;

/// Failed attempts of one client in [`FAILURE_WINDOW`] before it is told to wait (429).
const MOST_FAILURES: u32 = 20;

/// The time over which failures are counted.
const FAILURE_WINDOW: Duration = Duration::from_secs(60);

/// What a request's credentials are worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// None were given.
    Absent,
    /// They are this user's.
    Valid(Arc<str>),
    /// They are nobody's, or malformed.
    Invalid,
    /// Too many verifications at once: nothing can be said now.
    Busy,
    /// This client failed too often; it may try again after so many seconds.
    Throttled(u32),
}

/// A name and a password under a keyed hash.
type Fingerprint = [u8; 32];

/// The users of a configuration and what is remembered of them.
pub(crate) struct Credentials {
    users: HashMap<Arc<str>, Arc<str>>,
    tokens: HashMap<TokenDigest, Arc<str>>,
    /// Stands in for unknown users, so that they cost as much.
    nobody: Arc<str>,
    key: [u8; 32],
    remembered: Mutex<HashMap<Fingerprint, (Arc<str>, Instant)>>,
    failures: Mutex<HashMap<IpAddr, (u32, Instant)>>,
    pool: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

impl Credentials {
    /// Credentials of these users.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub(crate) fn new(users: &[User]) -> std::io::Result<Credentials> {
        let mut named = HashMap::new();
        let mut tokens = HashMap::new();
        for user in users {
            let name: Arc<str> = user.name.as_str().into();
            if let Some(password) = &user.password {
                named.insert(name.clone(), password.as_str().into());
            }
            tokens.extend(user.tokens.iter().map(|token| (*token, name.clone())));
        }
        // The hash of nothing in particular: of an unknown password, with the cost of a real one.
        let nobody = named.values().next().cloned().unwrap_or_else(|| NOBODY.into());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Credentials {
            users: named,
            tokens,
            nobody,
            key: random()?,
            remembered: Mutex::default(),
            failures: Mutex::default(),
            pool: Arc::new(Semaphore::new(POOL)),
            running: Arc::new(Semaphore::new(cores.max(2) / 2)),
        })
    }

    /// What the request's `Authorization` field is worth.
    pub(crate) async fn verify(&self, head: &Head, client: Option<IpAddr>) -> Verdict {
        let Some(stated) = authorization::Authorization::from_head(head) else { return Verdict::Absent };
        match stated {
            Authorization::Basic { user, password } => self.verify_password(&user, &password, client).await,
            Authorization::Bearer(token) => match self.tokens.get(&digest(token)) {
                Some(name) => Verdict::Valid(name.clone()),
                None => self.failed(client),
            },
            Authorization::Other(_) | Authorization::Malformed => Verdict::Invalid,
        }
    }

    async fn verify_password(&self, user: &[u8], password: &[u8], client: Option<IpAddr>) -> Verdict {
        let fingerprint = self.fingerprint(user, password);
        if let Some(name) = self.recall(&fingerprint) {
            return Verdict::Valid(name);
        }
        if let Some(wait) = self.throttled(client) {
            return Verdict::Throttled(wait);
        }
        let Ok(_waiting) = self.pool.clone().try_acquire_owned() else { return Verdict::Busy };
        let Ok(_running) = self.running.clone().acquire_owned().await else { return Verdict::Busy };
        let known = std::str::from_utf8(user).ok().and_then(|name| self.users.get_key_value(name));
        let (name, hash) = match known {
            Some((name, hash)) => (Some(name.clone()), hash.clone()),
            None => (None, self.nobody.clone()),
        };
        let password = password.to_vec();
        let matches = tokio::task::spawn_blocking(move || password_matches(&hash, &password)).await;
        match (matches, name) {
            (Ok(true), Some(name)) => {
                self.remember(fingerprint, name.clone());
                Verdict::Valid(name)
            }
            (Err(_), _) => Verdict::Busy,
            _ => self.failed(client),
        }
    }

    fn fingerprint(&self, user: &[u8], password: &[u8]) -> Fingerprint {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(&(user.len() as u64).to_le_bytes());
        hasher.update(user);
        hasher.update(password);
        *hasher.finalize().as_bytes()
    }

    fn recall(&self, fingerprint: &Fingerprint) -> Option<Arc<str>> {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (name, since) = remembered.get(fingerprint)?;
        (since.elapsed() < REMEMBERED).then(|| name.clone())
    }

    fn remember(&self, fingerprint: Fingerprint, name: Arc<str>) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MOST_REMEMBERED {
            remembered.retain(|_, (_, since)| since.elapsed() < REMEMBERED);
        }
        if remembered.len() < MOST_REMEMBERED {
            remembered.insert(fingerprint, (name, Instant::now()));
        }
    }

    /// Seconds this client has to wait, if it failed too often.
    fn throttled(&self, client: Option<IpAddr>) -> Option<u32> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, since) = failures.get(&client?)?;
        let left = FAILURE_WINDOW.checked_sub(since.elapsed())?;
        (*count >= MOST_FAILURES).then(|| u32::try_from(left.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    }

    fn failed(&self, client: Option<IpAddr>) -> Verdict {
        if let Some(client) = client {
            let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
            if failures.len() >= MOST_REMEMBERED {
                failures.retain(|_, (_, since)| since.elapsed() < FAILURE_WINDOW);
            }
            let entry = failures.entry(client).or_insert((0, Instant::now()));
            if entry.1.elapsed() >= FAILURE_WINDOW {
                *entry = (0, Instant::now());
            }
            entry.0 = entry.0.saturating_add(1);
        }
        Verdict::Invalid
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("users", &self.users.len()).finish_non_exhaustive()
    }
}

/// A hash that no password has been made for.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn password_matches(hash: &str, password: &[u8]) -> bool {
    argon2::PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password, &hash).is_ok())
}

/// The SHA-256 of a token.
fn digest(token: &[u8]) -> TokenDigest {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    TokenDigest(bytes)
}

/// Random bytes for keys.
///
/// # Errors
/// The system gives none.
pub(crate) fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| std::io::Error::other("no random bytes to be had"))?;
    Ok(bytes)
}
