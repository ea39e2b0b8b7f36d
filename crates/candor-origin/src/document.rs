//! A document: the forms that answer at one address, as they were when they were looked up.

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use candor_semantics::address::encode_path;
use candor_semantics::field::entity_tag::EntityTag;
use candor_semantics::field::http_date::HttpDate;
use candor_semantics::negotiation;
use candor_semantics::representation::{Coding, CodingSet, Metadata, OpenFault, Variant, Vary};
use rustix::fs::{AtFlags, CWD};

use crate::coded::{self, Coded};
use crate::content::Content;
use crate::names::Directory;
use crate::resolve::Form;
use crate::rules::Rules;
use crate::stamp::Stamp;
use crate::{language, listing, media};

/// All forms of a document. Never changed: when anything it rests on is different, another one is made.
#[derive(Debug)]
pub(crate) struct Document {
    /// The folder whose names led here.
    directory: Arc<Directory>,
    /// The rules it was made under.
    rules: Arc<Rules>,
    /// One for each variant.
    pub(crate) forms: Vec<FormState>,
    /// What negotiation sees.
    pub(crate) variants: Arc<[Variant]>,
    vary: Vary,
    /// Something is known better by now, as that a coded copy is ready.
    stale: AtomicBool,
}

/// A form with what the file system says about it.
#[derive(Debug)]
pub(crate) struct FormState {
    /// What its name tells.
    pub(crate) form: Form,
    /// The file's address path.
    pub(crate) path: Vec<u8>,
    /// Its state, or why it cannot be opened.
    pub(crate) state: Result<Stamp, OpenFault>,
    /// Coded siblings by coding.
    pub(crate) siblings: [Option<Sibling>; 4],
    /// Codings that can be made.
    pub(crate) makeable: bool,
    absolute: CString,
    location: Option<Bytes>,
    opened: [Mutex<Option<Remembered>>; 4],
}

/// A coded sibling of a form.
#[derive(Debug)]
pub(crate) struct Sibling {
    /// Its address path.
    pub(crate) path: Vec<u8>,
    /// Its state when it was looked up.
    pub(crate) stamp: Stamp,
    absolute: CString,
}

/// Metadata of an opened form; its content is kept elsewhere, and may go.
#[derive(Debug)]
struct Remembered {
    source: WeakSource,
    metadata: Arc<Metadata>,
}

#[derive(Debug)]
enum WeakSource {
    Content(Weak<Content>),
    Coded(Weak<Coded>),
}

/// Where the bytes of a form are.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A file as it is.
    Content(Arc<Content>),
    /// A copy made here.
    Coded(Arc<Coded>),
}

impl Document {
    /// Puts forms together. `ready` tells which made codings of a form are there.
    pub(crate) fn new(
        directory: Arc<Directory>,
        rules: Arc<Rules>,
        forms: Vec<FormState>,
        ready: impl Fn(&FormState) -> CodingSet,
    ) -> Document {
        let variants: Arc<[Variant]> = forms.iter().map(|form| form.variant(&rules, ready(form))).collect();
        let vary = negotiation::vary(&variants);
        Document { directory, rules, forms, variants, vary, stale: AtomicBool::new(false) }
    }

    /// Whether all of it is still true: one system call for the folder and one for each form.
    pub(crate) fn holds(&self, rules: &Arc<Rules>) -> bool {
        Arc::ptr_eq(&self.rules, rules)
            && !self.stale.load(Ordering::Relaxed)
            && self.directory.holds()
            && self.forms.iter().all(FormState::holds)
    }

    /// Something is known better: look again the next time.
    pub(crate) fn outdate(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// What is said about an opened form.
    pub(crate) fn metadata(
        &self,
        form: &FormState,
        coding: Coding,
        identity: &Content,
        (length, etag): (u64, Option<EntityTag>),
        last_modified: Option<HttpDate>,
    ) -> Arc<Metadata> {
        let content_type = match (form.form.gzipped, form.form.media_type) {
            // Its characters are behind the coding.
            (true, Some(media_type)) => media_type.to_owned(),
            (_, media_type) => identity.characters.content_type(media_type, form.form.charset),
        };
        Arc::new(Metadata {
            content_type: content_type.into(),
            content_language: form.form.language.clone().map(Bytes::from),
            coding,
            length: Some(length),
            etag,
            last_modified,
            content_location: form.location.clone(),
            vary: self.vary,
            cache_control: self.rules.cache_control.clone(),
            ranges: true,
            sandboxed: false,
        })
    }

    /// Bytes of memory, roughly.
    pub(crate) fn weight(&self) -> usize {
        300 + self.forms.iter().map(|form| 900 + form.path.len() * 6).sum::<usize>()
    }
}

impl FormState {
    /// A form as the file system has it. `location` is told where the address is not the form's own.
    pub(crate) fn new(
        form: Form,
        path: Vec<u8>,
        absolute: CString,
        state: Result<Stamp, OpenFault>,
        rules: &Rules,
        location: bool,
    ) -> FormState {
        let size = state.as_ref().map_or(0, Stamp::size);
        let compressible = form.media_type.is_none_or(media::is_compressible) && !form.gzipped;
        let makeable = rules.compress && compressible && (coded::LEAST..=coded::MOST).contains(&size);
        let location = location.then(|| encode_path(&path).into());
        FormState {
            form,
            path,
            state,
            siblings: Default::default(),
            makeable,
            absolute,
            location,
            opened: Default::default(),
        }
    }

    /// Whether the path still leads to the same file in the same state.
    fn holds(&self) -> bool {
        let Ok(stamp) = &self.state else { return false };
        holds(&self.absolute, stamp)
    }

    fn variant(&self, rules: &Rules, ready: CodingSet) -> Variant {
        let stamp = self.state.as_ref().ok();
        let language = self.form.language.as_deref();
        Variant {
            href: encode_path(&self.path).into(),
            content_type: Bytes::from_static(
                self.form.media_type.unwrap_or("application/octet-stream").as_bytes(),
            ),
            type_known: self.form.media_type.is_some(),
            language: language.map(|tag| Bytes::copy_from_slice(tag.as_bytes())),
            length: stamp.map_or(0, Stamp::size),
            codings: self.codings(),
            ready: self.at_hand(ready),
            default: rules.default_variant.as_deref() == Some(&self.form.name),
            suffixes: self.form.suffixes,
            language_rank: language::rank(language.map(str::as_bytes), &rules.languages),
            modified: stamp.and_then(listing::last_modified),
        }
    }

    /// Codings that are there or can be made.
    fn codings(&self) -> CodingSet {
        if self.form.gzipped {
            return CodingSet::EMPTY.with(Coding::Gzip);
        }
        set(|coding| self.makeable || self.has(coding))
    }

    /// Codings that cost nothing to serve.
    fn at_hand(&self, made: CodingSet) -> CodingSet {
        if self.form.gzipped {
            return CodingSet::EMPTY.with(Coding::Gzip);
        }
        set(|coding| self.has(coding) || made.contains(coding))
    }

    fn has(&self, coding: Coding) -> bool {
        self.sibling(coding).is_some()
    }

    /// The sibling in a coding.
    pub(crate) fn sibling(&self, coding: Coding) -> Option<&Sibling> {
        self.siblings.get(coding as usize)?.as_ref()
    }

    /// What was opened before and still is true. The form itself has just been looked up; a sibling has not.
    pub(crate) fn recall(&self, coding: Coding) -> Option<(Source, Arc<Metadata>)> {
        let held = self.opened.get(coding as usize)?.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = held.as_ref()?;
        let source = match &remembered.source {
            WeakSource::Content(content) => Source::Content(content.upgrade()?),
            WeakSource::Coded(coded) => Source::Coded(coded.upgrade()?),
        };
        if self.sibling(coding).is_some_and(|sibling| !sibling.holds()) {
            return None;
        }
        Some((source, remembered.metadata.clone()))
    }

    /// Keeps what was opened, where it can be trusted to stay true for as long as the stamps hold.
    pub(crate) fn remember(&self, coding: Coding, source: &Source, metadata: &Arc<Metadata>) {
        let expected = match self.sibling(coding) {
            Some(sibling) => Some(&sibling.stamp),
            None => self.state.as_ref().ok(),
        };
        let source = match source {
            Source::Content(content) if content.settled && Some(&content.stamp) == expected => {
                WeakSource::Content(Arc::downgrade(content))
            }
            Source::Coded(coded) => WeakSource::Coded(Arc::downgrade(coded)),
            Source::Content(_) => return,
        };
        if let Some(place) = self.opened.get(coding as usize) {
            let remembered = Remembered { source, metadata: metadata.clone() };
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(remembered);
        }
    }
}

impl Sibling {
    /// A sibling as the file system has it.
    pub(crate) fn new(path: Vec<u8>, absolute: CString, stamp: Stamp) -> Sibling {
        Sibling { path, stamp, absolute }
    }

    fn holds(&self) -> bool {
        holds(&self.absolute, &self.stamp)
    }
}

/// Identity, and the codings of which this holds.
fn set(there: impl Fn(Coding) -> bool) -> CodingSet {
    let coded = coded::CODINGS.into_iter().filter(|&coding| there(coding));
    coded.fold(CodingSet::EMPTY.with(Coding::Identity), CodingSet::with)
}

fn holds(absolute: &CString, stamp: &Stamp) -> bool {
    rustix::fs::statat(CWD, absolute, AtFlags::empty()).is_ok_and(|stat| Stamp::of(&stat) == *stamp)
}
