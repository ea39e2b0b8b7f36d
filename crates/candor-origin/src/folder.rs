//! A folder that is served: what is live at an address, and the bytes of its forms.
//!
//! Everything remembered is checked before it is used: the folder's stamp for the names, the file's stamp for the
//! bytes, both by their full paths, so that a renamed folder or a turned link is seen at once. What is hot costs
//! these checks and never waits; what is cold is read on the blocking pool.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use bytes::Bytes;
use candor_semantics::address::Address;
use candor_semantics::facts::Live;
use candor_semantics::field::http_date::HttpDate;
use candor_semantics::outcome::Location;
use candor_semantics::representation::{Chosen, Coding, CodingSet, Metadata, OpenFault, Variant};
use rustix::fs::FileType;

use crate::arrivals::Arrivals;
use crate::coded::{self, Coded};
use crate::content::{Content, Held, Known};
use crate::document::{Document, FormState, Sibling, Source};
use crate::listing::{self, Listing};
use crate::media;
use crate::names::{self, Directory, Kind};
use crate::resolve::{self, Form};
use crate::root::{Beneath, Missing, Reach, Root};
use crate::rules::Rules;
use crate::shelf::Shelf;
use crate::stamp::{self, Stamp};

/// The longest file name there can be.
const NAME_MAX: usize = 255;

/// Files whose tags are remembered, and pairs of files that were compared.
const MOST_KNOWN: usize = 50_000;

/// How much memory and how many descriptors a folder may keep.
#[derive(Clone, Debug)]
pub struct FolderOptions {
    /// Bytes for names of folders and what answers at addresses.
    pub names: usize,
    /// Bytes for contents of small files.
    pub contents: usize,
    /// Bytes for coded copies.
    pub coded: usize,
    /// Open files.
    pub descriptors: usize,
    /// Copies coded at the same time.
    pub coders: usize,
    /// Cold answers prepared at the same time.
    pub readers: usize,
}

impl Default for FolderOptions {
    /// 64 MiB each; a sixteenth of the descriptors this process may have; half of the cores for coding.
    fn default() -> FolderOptions {
        const MIB: usize = 1024 * 1024;
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let descriptors =
            limit.and_then(|limit| usize::try_from(limit / 16).ok()).unwrap_or(1024).clamp(8, 4096);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        FolderOptions {
            names: 64 * MIB,
            contents: 64 * MIB,
            coded: 64 * MIB,
            descriptors,
            coders: (cores / 2).max(1),
            readers: 64,
        }
    }
}

/// A folder that is served, shared by all threads. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Folder(Arc<Inner>);

/// What is true of an address, as far as the folder knows.
#[derive(Debug)]
pub struct Standing {
    /// What is live.
    pub live: Option<Live>,
    /// The address with its slash, where a folder was asked for without.
    pub slash_form: Option<Location>,
    /// The root cannot be read: nothing true can be said of what is missing.
    pub away: bool,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Nothing,
    Document(Arc<Document>),
    Directory(Arc<Directory>, Arc<Rules>),
    Fault(OpenFault),
}

/// A form, opened.
#[derive(Debug)]
pub struct Opened {
    /// The fields of its answer.
    pub metadata: Arc<Metadata>,
    /// Its content.
    pub body: Body,
}

/// Content of an opened form.
#[derive(Clone, Debug)]
pub enum Body {
    /// In memory.
    Bytes(Bytes),
    /// In an open file, read by position.
    File {
        /// The file.
        file: Arc<File>,
        /// Number of bytes.
        length: u64,
        /// Tells afterwards whether the file stayed as it was while it was sent.
        state: FileState,
    },
    /// What is in a folder, to be rendered.
    Listing(Listing),
}

/// The state a file was opened in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState(Stamp);

impl FileState {
    /// Whether the file is still in this state. One system call.
    pub fn holds(&self, file: &File) -> bool {
        rustix::fs::fstat(file).is_ok_and(|stat| self.0.has_same_bytes(&Stamp::of(&stat)))
    }
}

#[derive(Debug)]
struct Inner {
    root: Root,
    directories: Shelf<Box<[u8]>, Directory>,
    documents: Shelf<Box<[u8]>, Document>,
    contents: Shelf<Stamp, Content>,
    files: Shelf<Stamp, Content>,
    /// Tags of files whose descriptors were let go.
    known: Shelf<Stamp, Known>,
    coded: Shelf<(Bytes, Coding), Coded>,
    /// Whether a sibling in a state decodes to its file in a state.
    siblings: Shelf<(Stamp, Stamp), bool>,
    coding: Mutex<HashSet<(Bytes, Coding)>>,
    coders: usize,
    arrivals: Arrivals,
    gates: Gates,
    readers: Arc<tokio::sync::Semaphore>,
}

impl Folder {
    /// Opens the root. Nothing else is read: a folder of any size is ready at once.
    ///
    /// # Errors
    /// The root is missing, is no folder, or cannot be read; the text names the path.
    pub fn open(root: &Path, options: FolderOptions) -> io::Result<Folder> {
        let root = Root::open(root)?;
        Ok(Folder(Arc::new(Inner {
            root,
            directories: Shelf::new(options.names / 2, 8),
            documents: Shelf::new(options.names / 2, 16),
            contents: Shelf::new(options.contents, 16),
            files: Shelf::new(options.descriptors, 4),
            known: Shelf::new(MOST_KNOWN, 8),
            coded: Shelf::new(options.coded, 4),
            siblings: Shelf::new(MOST_KNOWN, 4),
            coding: Mutex::default(),
            coders: options.coders,
            arrivals: Arrivals::default(),
            gates: Gates::default(),
            readers: Arc::new(tokio::sync::Semaphore::new(options.readers)),
        })))
    }

    /// What is live at an address. Does not yield where the answer is known and still true.
    pub async fn look(&self, address: &Address, rules: &Arc<Rules>) -> Standing {
        match self.0.look(address, rules, Search::CACHED) {
            Some(standing) => standing,
            None => Box::pin(self.look_cold(address, rules)).await,
        }
    }

    /// The root as it is now, for changes.
    pub(crate) fn beneath(&self) -> Result<Beneath, rustix::io::Errno> {
        self.0.root.now()
    }

    async fn look_cold(&self, address: &Address, rules: &Arc<Rules>) -> Standing {
        let asked = Some(Instant::now());
        let gate = self.0.gates.of(address.parent());
        let _one_at_a_time = gate.lock().await;
        // Somebody else may have read the folder meanwhile.
        if let Some(standing) = self.0.look(address, rules, Search { reach: Reach::Cached, asked }) {
            return standing;
        }
        let (inner, address, rules) = (self.0.clone(), address.clone(), rules.clone());
        self.blocking(move || inner.look(&address, &rules, Search { reach: Reach::Disk, asked }))
            .await
            .flatten()
            .unwrap_or_else(|| Standing::fault(OpenFault::Failed))
    }

    /// Opens a form, `None` for a listing, and tells its metadata. `wanted` are the codings the client takes: the
    /// best one that is not at hand is made meanwhile, for later answers.
    ///
    /// # Errors
    /// Why it cannot be opened; [`OpenFault::Vanished`] asks for another look.
    pub async fn open_form(
        &self,
        standing: &Standing,
        chosen: Option<Chosen>,
        wanted: CodingSet,
    ) -> Result<Opened, OpenFault> {
        match (&standing.place, chosen) {
            (Place::Document(document), Some(chosen)) => {
                let form = document.forms.get(chosen.variant).ok_or(OpenFault::Failed)?;
                let opened = match form.recall(chosen.coding) {
                    Some((source, metadata)) => Opened { metadata, body: body(source) },
                    None => Box::pin(self.open_cold(document, chosen)).await?,
                };
                if form.makeable && wanted != CodingSet::EMPTY && form.sibling(chosen.coding).is_none() {
                    self.prepare(document, chosen.variant, wanted);
                }
                Ok(opened)
            }
            (Place::Directory(directory, rules), None) if rules.listing => {
                let (inner, directory, rules) = (self.0.clone(), directory.clone(), rules.clone());
                Box::pin(self.blocking(move || inner.list(&directory, &rules)))
                    .await
                    .unwrap_or(Err(OpenFault::Failed))
            }
            (Place::Directory(..), _) => Err(OpenFault::Forbidden),
            (Place::Fault(fault), _) => Err(*fault),
            (Place::Nothing, _) | (Place::Document(_), None) => Err(OpenFault::Vanished),
        }
    }

    async fn open_cold(&self, document: &Arc<Document>, chosen: Chosen) -> Result<Opened, OpenFault> {
        match self.0.open(document, chosen, Reach::Cached) {
            Err(Missing::WouldBlock) => {}
            result => return result.map_err(fault_of),
        }
        let (inner, document) = (self.0.clone(), document.clone());
        let result = self.blocking(move || inner.open(&document, chosen, Reach::Disk)).await;
        result.unwrap_or(Err(Missing::Failed)).map_err(fault_of)
    }

    /// Lets go of descriptors that nobody used since the last call, and of files that were removed. Call it every
    /// ten seconds or so: an open file keeps its disk space, and its file system from being unmounted.
    pub fn tidy(&self) {
        self.0.files.tidy(Content::is_linked);
    }

    /// Starts making the coding that this client would get, if a coder is free.
    fn prepare(&self, document: &Arc<Document>, variant: usize, wanted: CodingSet) {
        let Some(form) = document.forms.get(variant) else { return };
        let ready = document.variants.get(variant).map(|variant| variant.ready).unwrap_or_default();
        let best = coded::CODINGS.into_iter().find(|&coding| wanted.contains(coding));
        let Some(coding) = best.filter(|&coding| !ready.contains(coding)) else { return };
        let Some((Source::Content(content), _)) = form.recall(Coding::Identity) else { return };
        let Some(key) = coded_key(&content, coding).filter(|key| self.0.coded.get(key).is_none()) else {
            return;
        };
        if !self.0.begin_coding(&key) {
            return;
        }
        let (inner, document) = (self.0.clone(), document.clone());
        tokio::task::spawn_blocking(move || {
            if inner.code(&content, key).is_ok() {
                document.outdate();
            }
        });
    }

    /// Runs what may wait for the disk, not too much of it at once. What has not begun when nobody waits for it
    /// any more is left undone: work for clients that have left must not stand before that for those who stay.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        // The permit goes with the work. It would otherwise be free again as soon as a client leaves.
        let permit = self.0.readers.clone().acquire_owned().await.ok()?;
        let waiting = Arc::new(());
        let awaited = Arc::downgrade(&waiting);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            (awaited.strong_count() > 0).then(work)
        });
        let done = done.await.ok().flatten();
        drop(waiting);
        done
    }
}

/// A form that is there.
#[derive(Debug)]
struct There {
    form: Form,
    path: Vec<u8>,
    state: Result<Stamp, OpenFault>,
}

/// How far a look-up may go.
#[derive(Clone, Copy, Debug)]
struct Search {
    reach: Reach,
    /// Since when somebody waits: what was read later is true for him.
    asked: Option<Instant>,
}

impl Search {
    const CACHED: Search = Search { reach: Reach::Cached, asked: None };
}

impl Inner {
    /// What is live at an address; `None` where the disk would have to be waited for.
    fn look(&self, address: &Address, rules: &Arc<Rules>, search: Search) -> Option<Standing> {
        let path = address.path();
        if let Some(document) = self.documents.get(path)
            && document.holds(rules)
        {
            return Some(Standing::document(document));
        }
        if !address.is_nameable()
            || names::is_hidden(path)
            || path.split(|&b| b == b'/').any(|s| s.len() > NAME_MAX)
        {
            return Some(Standing::nothing());
        }
        match self.find(address, rules, search) {
            Ok(standing) => Some(standing),
            Err(Missing::WouldBlock) => None,
            Err(missing) => Some(Standing::missing(missing)),
        }
    }

    fn find(&self, address: &Address, rules: &Arc<Rules>, search: Search) -> Result<Standing, Missing> {
        let reach = search.reach;
        let directory = self.directory(address.parent(), search)?;
        if address.is_folder_form() {
            let index = resolve::forms(&directory, b"index", &rules.languages);
            let index = self.sorted_out(&directory, index, reach)?;
            return Ok(match index.iter().any(|there| there.form.is(media::is_page)) {
                true => self.document(address, &directory, index, rules, reach)?,
                false => Standing::directory(directory, rules),
            });
        }
        let name = address.name();
        let kind = match directory.kind(name) {
            Some(Kind::Unsure) => self.kind_of(&directory, name, reach)?,
            kind => kind,
        };
        let there = match kind {
            Some(Kind::File) => self.there(&directory, resolve::exact(&directory, name), reach)?,
            _ => self.sorted_out(&directory, resolve::forms(&directory, name, &rules.languages), reach)?,
        };
        // A folder yields its address to a page; a PDF or a script beside it is had by its own name.
        let answers = kind != Some(Kind::Folder) || there.iter().any(|there| there.form.is(media::is_page));
        if answers && !there.is_empty() {
            return self.document(address, &directory, there, rules, reach);
        }
        match kind {
            Some(Kind::Folder) => Ok(Standing::slash_form(address)),
            _ => Ok(Standing::nothing()),
        }
    }

    /// Asks the file system what a name stands for.
    fn kind_of(&self, directory: &Directory, name: &[u8], reach: Reach) -> Result<Option<Kind>, Missing> {
        match self.stat(&self.beneath()?, &directory.path_of(name), reach) {
            Ok((_, FileType::RegularFile)) => Ok(Some(Kind::File)),
            Ok((_, FileType::Directory)) => Ok(Some(Kind::Folder)),
            Ok(_) => Ok(Some(Kind::Other)),
            Err(Missing::Absent) => Ok(None),
            Err(missing) => Err(missing),
        }
    }

    fn stat(&self, beneath: &Beneath, path: &[u8], reach: Reach) -> Result<(Stamp, FileType), Missing> {
        let stat = beneath.stat(path, reach).map_err(|errno| Missing::from_errno(errno, reach))?;
        Ok((Stamp::of(&stat), FileType::from_raw_mode(stat.st_mode)))
    }

    /// The root as it is now.
    fn beneath(&self) -> Result<Beneath, Missing> {
        self.root.now().map_err(|_| Missing::Away)
    }

    /// The names of the folder at a path that ends in a slash.
    fn directory(&self, path: &[u8], search: Search) -> Result<Arc<Directory>, Missing> {
        let current = |directory: &Arc<Directory>| {
            search.asked.is_some_and(|asked| directory.is_newer_than(asked)) || directory.holds()
        };
        if let Some(directory) = self.directories.get(path).filter(current) {
            return Ok(directory);
        }
        if search.reach == Reach::Cached {
            return Err(self.without_disk(path));
        }
        match Directory::read(&self.root, &self.beneath()?, path) {
            Ok(directory) => {
                let directory = Arc::new(directory);
                self.directories.put(path.into(), directory.clone(), directory.weight());
                Ok(directory)
            }
            // The next one who asks gets his answer from the nearest folder that is there.
            Err(Missing::Absent) if path != b"/" => {
                let _ = self.directory(parent_of(path), search)?;
                Err(Missing::Absent)
            }
            Err(missing) => Err(missing),
        }
    }

    /// Whether the nearest folder that is known proves that there is none at this path.
    fn without_disk(&self, path: &[u8]) -> Missing {
        let mut below = path;
        while below != b"/" {
            let parent = parent_of(below);
            if let Some(directory) = self.directories.get(parent).filter(|directory| directory.holds()) {
                let name = below.get(parent.len()..below.len() - 1).unwrap_or_default();
                return match directory.kind(name) {
                    Some(Kind::Folder | Kind::Unsure) => Missing::WouldBlock,
                    Some(Kind::File | Kind::Other) | None => Missing::Absent,
                };
            }
            below = parent;
        }
        Missing::WouldBlock
    }

    /// The forms that are there and that somebody could choose.
    fn sorted_out(
        &self,
        directory: &Directory,
        forms: Vec<Form>,
        reach: Reach,
    ) -> Result<Vec<There>, Missing> {
        Ok(resolve::sorted_out(self.there(directory, forms, reach)?, |there| &there.form))
    }

    /// The forms that are there.
    fn there(&self, directory: &Directory, forms: Vec<Form>, reach: Reach) -> Result<Vec<There>, Missing> {
        if forms.is_empty() {
            return Ok(Vec::new());
        }
        let beneath = self.beneath()?;
        let mut there = Vec::with_capacity(forms.len());
        for form in forms {
            let path = directory.path_of(&form.name);
            let state = match self.stat(&beneath, &path, reach) {
                Ok((stamp, FileType::RegularFile)) => Ok(stamp),
                Ok(_) | Err(Missing::Absent) => continue,
                Err(Missing::WouldBlock) => return Err(Missing::WouldBlock),
                Err(missing) => Err(fault_of(missing)),
            };
            there.push(There { form, path, state });
        }
        Ok(there)
    }

    /// The document of these forms.
    fn document(
        &self,
        address: &Address,
        directory: &Arc<Directory>,
        forms: Vec<There>,
        rules: &Arc<Rules>,
        reach: Reach,
    ) -> Result<Standing, Missing> {
        let beneath = self.beneath()?;
        // Negotiated answers say where their form is; a folder's only index document goes without saying.
        let own_name = |there: &There| there.form.name == address.name() || address.is_folder_form();
        let negotiated = forms.len() > 1 || !forms.iter().all(own_name);
        let mut states = Vec::with_capacity(forms.len());
        for There { form, path, state } in forms {
            let absolute = self.root.path_of(&path).ok_or(Missing::Absent)?;
            let mut state = FormState::new(form, path, absolute, state, rules, negotiated);
            self.add_siblings(&beneath, directory, &mut state, reach)?;
            states.push(state);
        }
        let document = Document::new(directory.clone(), rules.clone(), states, |form| self.made(form));
        let document = Arc::new(document);
        self.documents.put(address.path().into(), document.clone(), document.weight());
        Ok(Standing::document(document))
    }

    fn add_siblings(
        &self,
        beneath: &Beneath,
        directory: &Directory,
        form: &mut FormState,
        reach: Reach,
    ) -> Result<(), Missing> {
        let Ok(stamp) = form.state else { return Ok(()) };
        if form.form.gzipped {
            return Ok(());
        }
        for (coding, name) in resolve::coded_siblings(directory, &form.form.name) {
            let path = directory.path_of(&name);
            let sibling = match self.stat(beneath, &path, reach) {
                Ok((sibling, FileType::RegularFile)) => sibling,
                Err(Missing::WouldBlock) => return Err(Missing::WouldBlock),
                _ => continue,
            };
            if self.siblings.get(&(stamp, sibling)).as_deref() == Some(&false) {
                continue;
            }
            let place = form.siblings.get_mut(coding as usize);
            if let (Some(place), Some(absolute)) = (place, self.root.path_of(&path)) {
                *place = Some(Sibling::new(path, absolute, sibling));
            }
        }
        Ok(())
    }

    /// Codings of a form that were made and are worth serving.
    fn made(&self, form: &FormState) -> CodingSet {
        let content = form.state.ok().and_then(|stamp| self.held(&stamp)).filter(|_| form.makeable);
        let Some(content) = content else { return CodingSet::EMPTY };
        coded::CODINGS
            .into_iter()
            .filter(|&coding| {
                let coded = coded_key(&content, coding).and_then(|key| self.coded.get(&key));
                coded.is_some_and(|coded| coded.worthwhile)
            })
            .fold(CodingSet::EMPTY, CodingSet::with)
    }

    // ---- opening -------------------------------------------------------------------------------------------------

    fn open(&self, document: &Document, chosen: Chosen, reach: Reach) -> Result<Opened, Missing> {
        let form = document.forms.get(chosen.variant).ok_or(Missing::Failed)?;
        match form.state {
            Err(OpenFault::Forbidden) => return Err(Missing::Forbidden),
            Err(_) => return Err(Missing::Failed),
            Ok(_) => {}
        }
        let beneath = self.beneath()?;
        let identity = self.content(&beneath, &form.path, reach).inspect_err(|_| document.outdate())?;
        if Some(&identity.stamp) != form.state.as_ref().ok() {
            document.outdate();
        }
        let coding = chosen.coding;
        let source = match form.sibling(coding) {
            _ if coding == Coding::Identity || form.form.gzipped => Source::Content(identity.clone()),
            Some(sibling) => match self.sibling(&beneath, &identity, sibling, coding, reach)? {
                Some(content) => Source::Content(content),
                // It holds something else. It is no coding of this document.
                None => {
                    document.outdate();
                    return Err(Missing::Absent);
                }
            },
            None => Source::Coded(self.coded(&identity, coding, reach)?),
        };
        let (length, etag) = match &source {
            Source::Content(content) => (content.stamp.size(), content.etag.clone()),
            Source::Coded(coded) => (coded.bytes.len() as u64, coded.etag.clone()),
        };
        let last_modified = self.last_modified(&form.path, &identity);
        let metadata = document.metadata(form, coding, &identity, (length, etag), last_modified);
        // A coded copy stays true as long as what it was made from.
        if identity.settled && Some(&identity.stamp) == form.state.as_ref().ok() {
            form.remember(coding, &source, &metadata);
        }
        Ok(Opened { metadata, body: body(source) })
    }

    /// The later of the file's time and the time these bytes were first known at this address.
    fn last_modified(&self, path: &[u8], identity: &Content) -> Option<HttpDate> {
        let told = listing::last_modified(&identity.stamp)?;
        let Some(tag) = &identity.etag else { return Some(told) };
        let now = stamp::now().div_euclid(1_000_000_000);
        let modified = i64::try_from(told.unix()).unwrap_or(i64::MAX);
        let known = self.arrivals.first_known(path, tag, modified, now);
        Some(told.max(HttpDate::from_unix(u64::try_from(known).unwrap_or(0))))
    }

    fn content(&self, beneath: &Beneath, path: &[u8], reach: Reach) -> Result<Arc<Content>, Missing> {
        let content =
            Content::read(beneath, path, reach, |stamp| self.held(stamp), |stamp| self.known.get(stamp))?;
        if content.settled && self.held(&content.stamp).is_none() {
            match content.weight() {
                (_, true) => {
                    self.files.put(content.stamp, content.clone(), 1);
                    self.known.put(content.stamp, Arc::new(content.known()), 1);
                }
                (weight, false) => self.contents.put(content.stamp, content.clone(), weight),
            }
        }
        Ok(content)
    }

    /// Content that is held and can be trusted.
    fn held(&self, stamp: &Stamp) -> Option<Arc<Content>> {
        self.contents.get(stamp).or_else(|| self.files.get(stamp))
    }

    /// A sibling's content, unless it is no coding of the identity's: left over from an earlier build.
    fn sibling(
        &self,
        beneath: &Beneath,
        identity: &Content,
        sibling: &Sibling,
        coding: Coding,
        reach: Reach,
    ) -> Result<Option<Arc<Content>>, Missing> {
        let content = self.content(beneath, &sibling.path, reach)?;
        let pair = (identity.stamp, content.stamp);
        let settled = identity.settled && content.settled;
        if let Some(same) = self.siblings.get(&pair).filter(|_| settled) {
            return Ok(same.then_some(content));
        }
        let same = if identity.stamp.size() > coded::COMPARED {
            // Too long to be compared: believed if it was made after the file.
            content.stamp.modified() >= identity.stamp.modified()
        } else if reach == Reach::Cached {
            return Err(Missing::WouldBlock);
        } else {
            let plain = identity.bytes()?;
            match &content.held {
                Held::Bytes(bytes) => coded::decodes_to(&bytes[..], coding, &plain),
                Held::File(_) => coded::decodes_to(&content.bytes()?[..], coding, &plain),
            }
        };
        if settled {
            self.siblings.put(pair, Arc::new(same), 1);
        }
        Ok(same.then_some(content))
    }

    /// A coded copy, made now if it is not there: the client takes nothing else.
    fn coded(&self, identity: &Content, coding: Coding, reach: Reach) -> Result<Arc<Coded>, Missing> {
        let key = coded_key(identity, coding);
        if let Some(coded) = key.as_ref().and_then(|key| self.coded.get(key)) {
            return Ok(coded);
        }
        match (key, reach) {
            (_, Reach::Cached) => Err(Missing::WouldBlock),
            (Some(key), Reach::Disk) => self.code(identity, key),
            (None, Reach::Disk) => Coded::make(identity, coding).map(Arc::new),
        }
    }

    fn begin_coding(&self, key: &(Bytes, Coding)) -> bool {
        let mut coding = self.coding.lock().unwrap_or_else(PoisonError::into_inner);
        coding.len() < self.coders && coding.insert(key.clone())
    }

    fn code(&self, identity: &Content, key: (Bytes, Coding)) -> Result<Arc<Coded>, Missing> {
        let made = Coded::make(identity, key.1).map(Arc::new);
        self.coding.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        let made = made?;
        self.coded.put(key, made.clone(), 200 + made.bytes.len());
        Ok(made)
    }

    fn list(&self, directory: &Directory, rules: &Rules) -> Result<Opened, OpenFault> {
        let beneath = self.beneath().map_err(fault_of)?;
        let (listing, stamp) = Listing::read(&beneath, directory).map_err(fault_of)?;
        let metadata = listing.metadata(&stamp, rules.cache_control.clone());
        Ok(Opened { metadata, body: Body::Listing(listing) })
    }
}

impl Standing {
    fn new(live: Option<Live>, place: Place) -> Standing {
        Standing { live, slash_form: None, away: false, place }
    }

    fn nothing() -> Standing {
        Standing::new(None, Place::Nothing)
    }

    fn missing(missing: Missing) -> Standing {
        match missing {
            Missing::Absent => Standing::nothing(),
            Missing::Away => Standing { away: true, ..Standing::nothing() },
            Missing::Forbidden => Standing::fault(OpenFault::Forbidden),
            Missing::Failed | Missing::WouldBlock => Standing::fault(OpenFault::Failed),
        }
    }

    fn document(document: Arc<Document>) -> Standing {
        Standing::new(Some(Live::Document { variants: document.variants.clone() }), Place::Document(document))
    }

    fn directory(directory: Arc<Directory>, rules: &Arc<Rules>) -> Standing {
        let live = if rules.listing { Live::Listing } else { Live::Folder };
        Standing::new(Some(live), Place::Directory(directory, rules.clone()))
    }

    fn slash_form(address: &Address) -> Standing {
        let mut reference = address.reference().into_bytes();
        reference.push(b'/');
        if let Some(query) = address.query() {
            reference.push(b'?');
            reference.extend_from_slice(query);
        }
        Standing { slash_form: Some(Location(reference.into())), ..Standing::nothing() }
    }

    /// Something may be there, and it cannot be opened: never a 404.
    fn fault(fault: OpenFault) -> Standing {
        let variant = Variant {
            href: Bytes::new(),
            content_type: Bytes::from_static(b"application/octet-stream"),
            type_known: false,
            language: None,
            length: 0,
            codings: CodingSet::EMPTY.with(Coding::Identity),
            ready: CodingSet::EMPTY.with(Coding::Identity),
            default: false,
            suffixes: 0,
            language_rank: u8::MAX,
            modified: None,
        };
        Standing::new(Some(Live::Document { variants: Arc::new([variant]) }), Place::Fault(fault))
    }
}

fn body(source: Source) -> Body {
    match source {
        Source::Coded(coded) => Body::Bytes(coded.bytes.clone()),
        Source::Content(content) => match &content.held {
            Held::Bytes(bytes) => Body::Bytes(bytes.clone()),
            Held::File(file) => Body::File {
                file: file.clone(),
                length: content.stamp.size(),
                state: FileState(content.stamp),
            },
        },
    }
}

/// Under what a coded copy is kept: only content with a strong tag can have one.
fn coded_key(content: &Content, coding: Coding) -> Option<(Bytes, Coding)> {
    let tag = content.etag.as_ref().filter(|tag| !tag.is_weak())?;
    Some((tag.opaque().clone(), coding))
}

fn fault_of(missing: Missing) -> OpenFault {
    match missing {
        Missing::Absent | Missing::Away => OpenFault::Vanished,
        Missing::Forbidden => OpenFault::Forbidden,
        Missing::Failed | Missing::WouldBlock => OpenFault::Failed,
    }
}

/// The folder around a folder's path.
fn parent_of(path: &[u8]) -> &[u8] {
    let inner = path.get(..path.len().saturating_sub(1)).unwrap_or_default();
    let end = memchr::memrchr(b'/', inner).map_or(0, |at| at + 1);
    path.get(..end).filter(|parent| !parent.is_empty()).unwrap_or(b"/")
}

/// One reader for each folder at a time: the others get what he found.
#[derive(Debug, Default)]
struct Gates(Mutex<HashMap<Box<[u8]>, Weak<Gate>>>);

type Gate = tokio::sync::Mutex<()>;

impl Gates {
    fn of(&self, path: &[u8]) -> Arc<Gate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.get(path).and_then(Weak::upgrade) {
            return gate;
        }
        gates.retain(|_, gate| gate.strong_count() > 0);
        let gate = Arc::default();
        gates.insert(path.into(), Arc::downgrade(&gate));
        gate
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn folder(place: &tempfile::TempDir, readers: usize) -> Folder {
        Folder::open(place.path(), FolderOptions { readers, ..FolderOptions::default() }).unwrap()
    }

    /// Begins work that lasts until the sender speaks, or is dropped.
    async fn occupied(folder: &Folder) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Option<()>>) {
        let (finish, finished) = mpsc::channel::<()>();
        let (begin, begun) = tokio::sync::oneshot::channel();
        let folder = folder.clone();
        let waits = tokio::spawn(async move {
            let work = move || {
                let _ = begin.send(());
                let _ = finished.recv_timeout(Duration::from_secs(10));
            };
            folder.blocking(work).await
        });
        begun.await.unwrap();
        (finish, waits)
    }

    #[tokio::test]
    async fn a_client_that_leaves_does_not_free_the_reader_at_work_for_it() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(&place, 1);
        let (finish, waits) = occupied(&folder).await;
        waits.abort();
        let _ = waits.await;
        let next = folder.blocking(|| ());
        tokio::pin!(next);
        assert!(tokio::time::timeout(Duration::from_millis(50), &mut next).await.is_err());
        finish.send(()).unwrap();
        assert_eq!(tokio::time::timeout(Duration::from_secs(10), next).await.unwrap(), Some(()));
    }

    #[test]
    fn what_nobody_waits_for_is_not_begun() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(&place, 8);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let (finish, waits) = occupied(&folder).await;
            let done = Arc::new(AtomicBool::new(false));
            let (told, left) = (done.clone(), folder.clone());
            let leaves =
                tokio::spawn(async move { left.blocking(move || told.store(true, Ordering::SeqCst)).await });
            tokio::task::yield_now().await;
            leaves.abort();
            let _ = leaves.await;
            finish.send(()).unwrap();
            assert_eq!(waits.await.unwrap(), Some(()));
            assert_eq!(folder.blocking(|| ()).await, Some(()));
            assert!(!done.load(Ordering::SeqCst));
        });
    }
}
