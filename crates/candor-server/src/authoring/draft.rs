//! One change on its way: the content that was taken, the locks that are held, and what became of it. The driver
//! asks; the decision decides.

use std::sync::Arc;

use bytes::Bytes;
use candor_origin::{Spot, is_writable_path};
use candor_semantics::address::{Address, encode_path};
use candor_semantics::facts::{CommitFact, Committed, ContentFact, Live, Target};
use candor_semantics::field::depth::Depth;
use candor_semantics::field::destination::Destination;
use candor_semantics::field::entity_tag::EntityTag;
use candor_semantics::field::host::Host;
use candor_semantics::field::if_match::IfMatch;
use candor_semantics::field::media_type::MediaType;
use candor_semantics::field::prefer::{Prefer, Return};
use candor_semantics::field::{derived_from, overwrite, slug};
use candor_semantics::head::Head;
use candor_semantics::method::Method;
use candor_semantics::outcome::{Conflict, ConflictCause, Location, Outcome};
use candor_semantics::representation::{Metadata, OpenFault};
use candor_store::{Digest, Leaves};
use candor_wire::incoming::Incoming;
use tokio::sync::{OwnedMutexGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard};

use super::change::{Author, Done, Fault, digest_of};
use super::differences::{self, MOST_TEXT};
use super::upload::{self, Taken, Upload};
use super::versions::{self, VersionAddress};
use crate::configuration::Documents;
use crate::report;

/// Files up to this many bytes are tagged by their digest alone.
const TAGGED_BY_DIGEST: u64 = 1024 * 1024;

/// Names that are tried for a new member.
const MOST_NAMES: usize = 100;

/// A change on its way.
pub(crate) struct Draft {
    author: Author,
    method: Method,
    path: Vec<u8>,
    /// Where a copy or move leads.
    to: Option<Vec<u8>>,
    rules: Documents,
    limit: Option<u64>,
    way_out: Location,
    /// What was there when the request was looked at first; the inner `None` is nothing.
    before: Option<Option<EntityTag>>,
    upload: Option<Upload>,
    unkept: Option<Fault>,
    merged: bool,
    address_lock: Option<OwnedMutexGuard<()>>,
    tree_shared: Option<OwnedRwLockReadGuard<()>>,
    tree_alone: Option<OwnedRwLockWriteGuard<()>>,
}

/// What a conflict report tells.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The tag to resubmit against.
    pub(crate) current_etag: Option<String>,
    /// Unified diff.
    pub(crate) differences: Option<String>,
    /// Reference of the base.
    pub(crate) base: Option<String>,
    /// Reference of what is there now.
    pub(crate) theirs: Option<String>,
    /// Reference to resubmit to, or to look at.
    pub(crate) resolve: Option<String>,
}

impl Draft {
    /// A change of what is at an address.
    pub(crate) fn new(
        author: Author,
        method: Method,
        address: &Address,
        to: Option<Vec<u8>>,
        rules: Documents,
        limit: u64,
        way_out: Location,
    ) -> Draft {
        Draft {
            author,
            method,
            path: address.path().to_vec(),
            to,
            rules,
            limit: Some(limit),
            way_out,
            before: None,
            upload: None,
            unkept: None,
            merged: false,
            address_lock: None,
            tree_shared: None,
            tree_alone: None,
        }
    }

    // ---- content -------------------------------------------------------------------------------------------------

    /// Takes the content (questions 33 and 41).
    pub(crate) async fn take(
        &mut self,
        incoming: &mut Incoming,
        head: &Head,
        current: Option<&Result<Arc<Metadata>, OpenFault>>,
        compare: bool,
    ) -> ContentFact {
        let tag = current.and_then(|current| current.as_ref().ok()).map(|metadata| metadata.etag.clone());
        self.before = Some(tag.flatten());
        match upload::take(&self.author.authoring, incoming, head, self.limit).await {
            Taken::Whole(upload) => self.upload = Some(upload),
            Taken::Not(fact) => return fact,
            Taken::Unkept(error) => self.unkept = Some(error.into()),
        }
        let same_as_current = compare && self.is_same().await;
        ContentFact::Whole { same_as_current, unusable: self.unusable(head) }
    }

    /// Whether the content is what is there now.
    async fn is_same(&self) -> bool {
        let Some(digest) = self.upload.as_ref().map(|upload| upload.digest) else { return false };
        let (folder, path) = (self.author.folder.clone(), self.path.clone());
        let current = tokio::task::spawn_blocking(move || digest_of(&folder, &path)).await;
        matches!(current, Ok(Ok(current)) if current == digest)
    }

    fn unusable(&self, head: &Head) -> Option<Bytes> {
        let takes_two = matches!(self.method, Method::Move | Method::Copy);
        if takes_two && self.to.is_none() {
            return Some(Bytes::from_static(b"Destination: it must name another address of this site."));
        }
        if takes_two && (overwrite::from_head(head).is_err() || Depth::from_head(head).is_err()) {
            return Some(Bytes::from_static(
                b"Overwrite or Depth: the value is not one of those that can be.",
            ));
        }
        if derived_from::from_head(head).is_err() {
            return Some(Bytes::from_static(b"Derived-From: the value must be one quoted version."));
        }
        None
    }

    // ---- the transaction -----------------------------------------------------------------------------------------

    /// Waits until nobody else changes what this changes.
    pub(crate) async fn lock(&mut self) {
        let tree = self.author.authoring.tree.clone();
        let is_tree = matches!(self.method, Method::Move | Method::Copy | Method::Mkcol | Method::Post)
            || self.path.ends_with(b"/");
        if is_tree {
            self.tree_alone = Some(tree.write_owned().await);
        } else {
            self.tree_shared = Some(tree.read_owned().await);
            self.address_lock = Some(self.author.authoring.locks.lock(&self.path).await);
        }
    }

    /// What stands in the way, with what is true now (questions 44 and 45).
    ///
    /// # Errors
    /// An outcome that no question asks for: conditions of WebDAV on the destination.
    pub(crate) async fn check(
        &mut self,
        head: &Head,
        target: &Target,
        current: Option<&Result<Arc<Metadata>, OpenFault>>,
    ) -> Result<CommitFact, Outcome> {
        let tag = current.and_then(|c| c.as_ref().ok()).and_then(|metadata| metadata.etag.clone());
        let conflict = match self.method {
            Method::Put => self.clash(head, tag.clone()).await,
            Method::Delete if self.path.ends_with(b"/") => match self.is_empty_folder().await {
                true => None,
                false => Some(ConflictCause::NotEmpty),
            },
            Method::Move | Method::Copy => self.destination_clash(head, target).await?,
            _ => None,
        };
        let resolve = match conflict {
            Some(ConflictCause::BaseDiffers | ConflictCause::Overtaken) => self.reference(),
            _ => self.way_out.clone(),
        };
        Ok(CommitFact::Open {
            conflict: conflict.map(|cause| Box::new(Conflict { cause, current: tag, resolve })),
            merged: self.merged,
        })
    }

    fn reference(&self) -> Location {
        Location(encode_path(&self.path).into())
    }

    /// Whether somebody else has changed the document since this change was begun, or since the base it names.
    async fn clash(&mut self, head: &Head, current: Option<EntityTag>) -> Option<ConflictCause> {
        if let Ok(Some(base)) = derived_from::from_head(head) {
            let is_current = current.as_ref().is_some_and(|tag| tag.opaque()[..] == base[..]);
            if is_current || self.is_same().await {
                return None;
            }
            let base = String::from_utf8_lossy(&base).into_owned();
            return match self.merge(base).await {
                Some(merged) => {
                    self.upload = Some(Upload::of(merged.into_bytes()));
                    self.merged = true;
                    None
                }
                None => Some(ConflictCause::BaseDiffers),
            };
        }
        let same = match (&self.before, &current) {
            (Some(Some(before)), Some(now)) => before.weak_eq(now.as_ref()),
            (Some(None), None) => true,
            _ => false,
        };
        (!same && !self.is_same().await).then_some(ConflictCause::Overtaken)
    }

    /// Both edits of the base in one text.
    async fn merge(&self, base: String) -> Option<String> {
        let yours = self.upload.as_ref()?.bytes(MOST_TEXT).and_then(differences::text)?;
        let (author, path) = (self.author.clone(), self.path.clone());
        let work = move || {
            let base = author.kept_text(&path, &base)?;
            let theirs = author.current_text(&path)?;
            differences::merged(&base, &theirs, &yours)
        };
        tokio::task::spawn_blocking(work).await.ok().flatten()
    }

    async fn is_empty_folder(&self) -> bool {
        let (folder, path) = (self.author.folder.clone(), self.path.clone());
        let told = tokio::task::spawn_blocking(move || folder.is_empty_folder(&path)).await;
        matches!(told, Ok(Ok(true)))
    }

    /// What stands in the way at the destination of a copy or move.
    async fn destination_clash(
        &mut self,
        head: &Head,
        target: &Target,
    ) -> Result<Option<ConflictCause>, Outcome> {
        let Some(to) = self.to.clone() else { return Ok(None) };
        let is_folder = !matches!(target.live, Some(Live::Document { .. })) || self.path.ends_with(b"/");
        if is_folder && !self.path.ends_with(b"/") {
            self.path.push(b'/');
        }
        let bare = to.strip_suffix(b"/").unwrap_or(&to).to_vec();
        let to = if is_folder { [&bare[..], b"/"].concat() } else { bare.clone() };
        let itself = self.path.strip_suffix(b"/").unwrap_or(&self.path).to_vec();
        let inside = self.method == Method::Move
            && bare.strip_prefix(&itself[..]).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"));
        if !is_writable_path(&bare) || bare == itself || inside {
            return Err(Outcome::Forbidden(None));
        }
        let folder = self.author.folder.clone();
        let spot = tokio::task::spawn_blocking(move || folder.spot(&bare)).await;
        self.to = Some(to);
        match spot {
            Ok(Ok(Spot::ParentMissing)) => Ok(Some(ConflictCause::ParentMissing)),
            Ok(Ok(Spot::ParentIsFile)) => Ok(Some(ConflictCause::ParentIsFile)),
            Ok(Ok(Spot::Free)) => Ok(None),
            Ok(Ok(_)) if overwrite::from_head(head) == Ok(false) => {
                Err(Outcome::PreconditionFailed { current: None })
            }
            Ok(Ok(Spot::File)) if !is_folder => Ok(None),
            Ok(Ok(_)) => Ok(Some(ConflictCause::FolderThere)),
            _ => Err(Outcome::InternalError),
        }
    }

    // ---- the commit ----------------------------------------------------------------------------------------------

    /// Carries the change out.
    pub(crate) async fn commit(&mut self, head: &Head) -> CommitFact {
        if let Some(fault) = self.unkept.take() {
            return self.failed(fault);
        }
        let stored = self.upload.as_ref().map(|upload| (upload.digest, upload.length));
        let work = self.work(head);
        // The locks go along: should the client leave, the change is finished under them all the same.
        let locks = (self.address_lock.take(), self.tree_shared.take(), self.tree_alone.take());
        let done = match tokio::task::spawn_blocking(move || (work(), locks)).await {
            Ok((done, locks)) => {
                (self.address_lock, self.tree_shared, self.tree_alone) = locks;
                done
            }
            Err(_) => Err(Fault::Failed("the change was interrupted".to_owned())),
        };
        match done {
            Ok((done, made)) => CommitFact::Committed(self.committed(done, &made, stored)),
            Err(fault) => self.failed(fault),
        }
    }

    /// The change, to be made where waiting for the disk is fine.
    fn work(&mut self, head: &Head) -> impl FnOnce() -> Result<(Done, Vec<u8>), Fault> + Send + 'static {
        let (author, method, path, to) =
            (self.author.clone(), self.method, self.path.clone(), self.to.clone());
        let (upload, declared) = (self.upload.take(), media_type(head));
        let gone = if self.rules.tombstones && !is_temporary(&path) { Leaves::Mark } else { Leaves::Nothing };
        let left = if is_temporary(&path) { Leaves::Nothing } else { Leaves::Mark };
        let names = if method == Method::Post { names(head, declared.as_deref()) } else { Vec::new() };
        let whole = !matches!(Depth::from_head(head), Ok(Some(Depth::Zero)));
        move || {
            let upload = upload.ok_or_else(|| Fault::Failed("there is no content".to_owned()));
            let there = to.ok_or_else(|| Fault::Failed("there is no destination".to_owned()));
            match method {
                Method::Put => author.put(&path, &mut upload?, declared, false).map(|done| (done, path)),
                Method::Post => create_member(&author, &path, upload?, declared, &names),
                Method::Delete => author.delete(&path, gone).map(|done| (done, path)),
                Method::Mkcol => {
                    let path = [path.strip_suffix(b"/").unwrap_or(&path), b"/"].concat();
                    author.make_collection(&path).map(|done| (done, path))
                }
                Method::Move => {
                    let there = there?;
                    author.move_to(&path, &there, left).map(|done| (done, there))
                }
                Method::Copy => {
                    let there = there?;
                    author.copy_to(&path, &there, whole).map(|done| (done, there))
                }
                _ => Err(Fault::Failed("there is no such change".to_owned())),
            }
        }
    }

    fn committed(&self, done: Done, made: &[u8], stored: Option<(Digest, u64)>) -> Committed {
        let created = (done == Done::Created).then(|| Location(encode_path(made).into()));
        let writes = matches!(self.method, Method::Put | Method::Post);
        let etag = stored
            .filter(|(_, length)| writes && *length <= TAGGED_BY_DIGEST)
            .and_then(|(digest, _)| EntityTag::strong(digest.tag()));
        // What was merged is not what was sent: its tag must not stand for that (section 9.3.4).
        let etag = etag.filter(|_| !self.merged);
        Committed { created, etag, ..Committed::default() }
    }

    fn failed(&self, fault: Fault) -> CommitFact {
        match fault {
            Fault::Full => CommitFact::Full,
            Fault::Temporary => CommitFact::Temporary(None),
            Fault::InTheWay => {
                // Somebody changed the folder by hand in this very moment.
                CommitFact::Temporary(Some(candor_semantics::outcome::Delay(1)))
            }
            Fault::Failed(why) => {
                report::error(&format!("{}: {why}", String::from_utf8_lossy(&self.path).escape_debug()));
                CommitFact::Failed
            }
        }
    }

    /// Whether the client should get what is there after the change.
    pub(crate) fn wants_result(&self, head: &Head) -> bool {
        self.method == Method::Put
            && (self.merged || Prefer::from_head(head).return_ == Some(Return::Representation))
    }

    // ---- the report ----------------------------------------------------------------------------------------------

    /// What differs, for those who may read it. Takes the content first where it is short and was not asked for.
    pub(crate) async fn report(
        &mut self,
        outcome: &Outcome,
        head: &Head,
        incoming: &mut Incoming,
        reserved: &str,
    ) -> Option<Report> {
        let (current, resolve) = match outcome {
            Outcome::Conflict(conflict) => (conflict.current.clone(), conflict.resolve.clone()),
            Outcome::PreconditionFailed { current } => (current.clone(), self.reference()),
            _ => return None,
        };
        let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let mut report = Report {
            current_etag: current.as_ref().map(|tag| text(&tag.to_bytes())),
            resolve: Some(text(&resolve.0)),
            ..Report::default()
        };
        if self.method != Method::Put {
            return Some(report);
        }
        let short = incoming.length().is_some_and(|length| length <= MOST_TEXT);
        if self.upload.is_none() && short && !incoming.is_done() && !head.has("expect") {
            self.limit = Some(MOST_TEXT);
            if let Taken::Whole(upload) =
                upload::take(&self.author.authoring, incoming, head, Some(MOST_TEXT)).await
            {
                self.upload = Some(upload);
            }
        }
        let yours =
            self.upload.as_ref().and_then(|upload| upload.bytes(MOST_TEXT)).and_then(differences::text);
        let base = stated_base(head);
        let (author, path, reserved) = (self.author.clone(), self.path.clone(), reserved.to_owned());
        let current = current.map(|tag| text(tag.opaque()));
        let work = move || {
            let is_version =
                |tag: &String| matches!(versions::find(&author.authoring, &path, tag), Ok(Some(_)));
            let reference = |tag: &String| VersionAddress::reference(&reserved, tag, &path);
            report.base = base.as_ref().filter(|tag| is_version(tag)).map(reference);
            let here = encode_path(&path);
            report.theirs = current.map(|tag| if is_version(&tag) { reference(&tag) } else { here });
            let base = base.and_then(|tag| author.kept_text(&path, &tag));
            if let (Some(theirs), Some(yours)) = (author.current_text(&path), yours) {
                report.differences = Some(differences::of_conflict(base.as_deref(), &theirs, &yours));
            }
            report
        };
        tokio::task::spawn_blocking(work).await.ok()
    }
}

impl Author {
    /// The text of a version. Waits for the disk.
    fn kept_text(&self, path: &[u8], tag: &str) -> Option<String> {
        let address = VersionAddress { tag: tag.to_owned(), of: Address::from_path(path.to_vec()) };
        if let Ok(Some((_, kept))) = versions::open(&self.authoring, &address) {
            return kept.bytes(MOST_TEXT).ok().flatten().and_then(differences::text);
        }
        None
    }

    /// The text that is there now. Waits for the disk.
    fn current_text(&self, path: &[u8]) -> Option<String> {
        use std::io::Read;
        let file = self.folder.file(path).ok()?;
        if file.metadata().ok()?.len() > MOST_TEXT {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(MOST_TEXT + 1).read_to_end(&mut bytes).ok()?;
        differences::text(bytes)
    }
}

/// The version an edit says it began with.
fn stated_base(head: &Head) -> Option<String> {
    if let Ok(Some(base)) = derived_from::from_head(head) {
        return Some(String::from_utf8_lossy(&base).into_owned());
    }
    let condition = IfMatch::from_head(head)?;
    let tag = condition.list()?.tags().next()?.to_owned();
    Some(String::from_utf8_lossy(tag.opaque()).into_owned())
}

/// The path that a copy or move names, where it is one of the same site.
pub(crate) fn destination(head: &Head) -> Option<Vec<u8>> {
    let there = Destination::from_head(head).ok().flatten()?;
    if let Some((scheme, host)) = &there.authority {
        let own = head.get("host").and_then(Host::parse)?;
        let same =
            own.lower() == host.lower() && own.port_or_default(*scheme) == host.port_or_default(*scheme);
        if !same {
            return None;
        }
    }
    let address = Address::parse(there.path).ok().filter(Address::is_nameable)?;
    Some(address.path().to_vec())
}

/// The media type that a writer declares.
fn media_type(head: &Head) -> Option<String> {
    let value = head.get("content-type").filter(|value| value.len() <= 200)?;
    MediaType::parse(value)?;
    std::str::from_utf8(value).ok().map(str::to_owned)
}

/// Whether a name is one that programs give to what they are about to rename or remove.
fn is_temporary(path: &[u8]) -> bool {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    name.ends_with(b"~")
        || name.ends_with(b".tmp")
        || name.ends_with(b".part")
        || name.starts_with(b".#")
        || name.starts_with(b"~$")
        || (name.starts_with(b"#") && name.ends_with(b"#"))
}

// ---- members -------------------------------------------------------------------------------------------------

/// Makes a member of a collection under the first name that is free.
fn create_member(
    author: &Author,
    collection: &[u8],
    mut upload: Upload,
    declared: Option<String>,
    names: &[String],
) -> Result<(Done, Vec<u8>), Fault> {
    for name in names {
        let path = [collection.strip_suffix(b"/").unwrap_or(collection), b"/", name.as_bytes()].concat();
        // A name that had another document tells of that one.
        let known = author.authoring.ledger.standing(&path)?;
        let marked = author.authoring.ledger.mark(&path)?.is_some();
        if marked || !matches!(known, candor_store::Standing::Unknown) || !is_writable_path(&path) {
            continue;
        }
        match author.put(&path, &mut upload, declared.clone(), true) {
            Err(Fault::InTheWay) => {}
            result => return result.map(|done| (done, path)),
        }
    }
    Err(Fault::Temporary)
}

/// Names for a new member: as the client wishes, numbered where that is taken, else one that nobody has.
fn names(head: &Head, declared: Option<&str>) -> Vec<String> {
    let ending = declared.and_then(ending).unwrap_or_default();
    let wished = slug::from_head(head).map(|slug| safe(&slug)).filter(|name| !name.is_empty());
    let unique = || {
        let random = crate::credentials::random::<5>().unwrap_or_default();
        random.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + ending
    };
    let mut names = Vec::new();
    if let Some(name) = wished {
        let (stem, own) = match name.rsplit_once('.') {
            Some((stem, own)) if !stem.is_empty() => (stem.to_owned(), format!(".{own}")),
            _ => (name.clone(), ending.to_owned()),
        };
        names.push(format!("{stem}{own}"));
        names.extend((2..MOST_NAMES).map(|number| format!("{stem}-{number}{own}")));
    }
    names.extend(std::iter::repeat_with(unique).take(8));
    names
}

/// A file name from a wish: no slashes, no dots in front, not too long.
fn safe(wish: &str) -> String {
    let name: String = wish
        .chars()
        .map(|letter| if matches!(letter, '/' | '\\' | ' ' | '?' | '#' | '%') { '-' } else { letter })
        .filter(|letter| !letter.is_control())
        .collect();
    let name = name.trim_matches(|letter| matches!(letter, '.' | '-' | '~'));
    let end = (0..=name.len().min(180)).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
    name.get(..end).unwrap_or_default().to_owned()
}

/// The usual ending of names for a media type.
fn ending(declared: &str) -> Option<&'static str> {
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match essence.as_str() {
        "text/plain" => ".txt",
        "text/html" => ".html",
        "text/markdown" => ".md",
        "text/css" => ".css",
        "text/csv" => ".csv",
        "application/json" => ".json",
        "application/xml" | "text/xml" => ".xml",
        "application/pdf" => ".pdf",
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/gif" => ".gif",
        "image/webp" => ".webp",
        "image/svg+xml" => ".svg",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_semantics::head::{Scheme, Version};

    #[test]
    fn names_of_members() {
        let first = |fields: &[(&str, &str)], declared| {
            let head = Head::from_parts(b"POST", b"/box/", Version::Http11, Scheme::Http, fields.to_vec());
            names(&head, declared).first().cloned().unwrap_or_default()
        };
        assert_eq!(first(&[("Slug", "The Beach")], Some("text/plain")), "The-Beach.txt");
        assert_eq!(first(&[("Slug", "a/b.md")], Some("text/plain")), "a-b.md");
        assert_eq!(first(&[("Slug", "../../etc")], None), "etc".to_owned());
        assert_eq!(first(&[], Some("image/png; q=1")).len(), 14);
        assert!(safe(&"ä".repeat(200)).len() <= 180);
    }

    #[test]
    fn temporary_names() {
        for (path, temporary) in
            [("/a/x.txt~", true), ("/.#x", true), ("/a.tmp", true), ("/a.tmp/b", false), ("/~amy/x", false)]
        {
            assert_eq!(is_temporary(path.as_bytes()), temporary, "{path}");
        }
    }

    #[test]
    fn destinations_of_this_site() {
        let there = |value: &str| {
            let fields = [("Host", "a.example:8080"), ("Destination", value)];
            destination(&Head::from_parts(b"MOVE", b"/x", Version::Http11, Scheme::Http, fields))
        };
        assert_eq!(there("/b%20c").as_deref(), Some(&b"/b c"[..]));
        assert_eq!(there("http://a.example:8080/b").as_deref(), Some(&b"/b"[..]));
        assert_eq!(there("http://b.example/b"), None);
        assert_eq!(there("b"), None);
        assert_eq!(there("/../b"), None);
    }
}
