//! A store in one folder: SQLite for the ledger and small contents, files for larger ones.
//!
//! Everything is written by one thread, which puts what is waiting into one transaction, so that many writers
//! share one sync of the disk. Nobody is answered before that sync.

mod files;
mod read;
mod write;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use crate::contents::{Contents, Digest, Kept, read_checked};
use crate::fault::{RecordError, StoreError};
use crate::ledger::{Act, Intended, Intent, IntentId, Ledger, Mark, Moment, Record, Standing, Version};
use crate::memory::nearest_mark;
use crate::{plan, resolve};
use files::Files;
use read::Reading;

/// The number of the form that this version writes.
const FORM: u32 = 1;

/// "Cndr": tells a ledger from other databases.
const APPLICATION: u32 = 0x436e_6472;

/// Contents up to this many bytes are kept in the ledger's file, where they share its syncs.
const INLINE: u64 = 64 * 1024;

/// Changes that share a transaction at most.
const GROUP: usize = 128;

/// How often it is looked whether another process wrote into the ledger.
const GLANCE: Duration = Duration::from_millis(200);

/// Ledger and contents in a folder.
pub struct SqliteStore {
    jobs: Option<Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    readers: Mutex<Vec<Connection>>,
    marks: Arc<RwLock<BTreeMap<Vec<u8>, Mark>>>,
    files: Files,
    path: std::path::PathBuf,
}

/// Work for the writer: done inside the transaction, told after its commit.
struct Job {
    work: Box<Work>,
    answer: SyncSender<Result<Done, RecordError>>,
}

type Work = dyn FnOnce(&Connection) -> Result<Done, RecordError> + Send;

/// What came of a job.
enum Done {
    Act(Act),
    Intent(IntentId),
    Nothing,
}

impl SqliteStore {
    /// Opens the ledger in a folder, made if it is not there.
    ///
    /// # Errors
    /// The folder cannot be written, or holds what this version cannot read.
    pub fn open(folder: &Path) -> Result<SqliteStore, StoreError> {
        std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        let path = folder.join("ledger.sqlite");
        let mut connection = Connection::open(&path).map_err(fault)?;
        prepare(&mut connection)?;
        let marks = Arc::new(RwLock::new(read::marks(&connection)?));
        let files = Files::open(folder)?;
        let (jobs, queue) = mpsc::channel();
        let shared = marks.clone();
        let writer = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || write_jobs(&mut connection, &queue, &shared))
            .map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(SqliteStore {
            jobs: Some(jobs),
            writer: Some(writer),
            readers: Mutex::default(),
            marks,
            files,
            path,
        })
    }

    /// Whether there is a ledger in a folder.
    pub fn is_there(folder: &Path) -> bool {
        folder.join("ledger.sqlite").is_file()
    }

    fn run(
        &self,
        work: impl FnOnce(&Connection) -> Result<Done, RecordError> + Send + 'static,
    ) -> Result<Done, RecordError> {
        let stopped = || RecordError::Store(StoreError::Failed("the writer has stopped".to_owned()));
        let (answer, told) = mpsc::sync_channel(1);
        let job = Job { work: Box::new(work), answer };
        self.jobs.as_ref().ok_or_else(stopped)?.send(job).map_err(|_| stopped())?;
        told.recv().map_err(|_| stopped())?
    }

    fn read<T>(&self, read: impl FnOnce(&Reading<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let held = self.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match held {
            Some(connection) => connection,
            None => self.reader()?,
        };
        let result = {
            let transaction = connection.unchecked_transaction().map_err(fault)?;
            read(&Reading(&transaction))
        };
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }

    fn reader(&self) -> Result<Connection, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags).map_err(fault)?;
        connection.busy_timeout(Duration::from_secs(5)).map_err(fault)?;
        connection.pragma_update(None, "query_only", true).map_err(fault)?;
        connection.pragma_update(None, "mmap_size", 1_u64 << 30).map_err(fault)?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(connection)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Ledger for SqliteStore {
    fn standing(&self, path: &[u8]) -> Result<Standing, StoreError> {
        self.read(|rows| resolve::standing(rows, path))
    }

    fn mark(&self, path: &[u8]) -> Result<Option<Mark>, StoreError> {
        Ok(nearest_mark(&self.marks.read().unwrap_or_else(PoisonError::into_inner), path))
    }

    fn versions(&self, path: &[u8]) -> Result<Vec<Version>, StoreError> {
        self.read(|rows| resolve::versions(rows, path))
    }

    fn acts(&self, path: Option<&[u8]>, before: Option<u64>, most: usize) -> Result<Vec<Act>, StoreError> {
        self.read(|rows| rows.acts(path, before, most))
    }

    fn record(&self, record: &Record) -> Result<Act, RecordError> {
        let record = record.clone();
        let done = self.run(move |connection| {
            let writes = plan::plan(&Reading(connection), &record, Moment::now())?;
            let act = write::apply(connection, &writes)?;
            if let Some(intent) = record.fulfils {
                write::abandon(connection, intent)?;
            }
            Ok(act.map_or(Done::Nothing, Done::Act))
        })?;
        match done {
            Done::Act(act) => Ok(act),
            Done::Intent(_) | Done::Nothing => Err(RecordError::Nothing),
        }
    }

    fn intend(&self, intended: &Intended) -> Result<IntentId, RecordError> {
        let intended = intended.clone();
        let done = self.run(move |connection| {
            plan::check(&Reading(connection), &intended)?;
            Ok(Done::Intent(write::intend(connection, &intended)?))
        })?;
        match done {
            Done::Intent(id) => Ok(id),
            Done::Act(_) | Done::Nothing => Err(RecordError::Nothing),
        }
    }

    fn abandon(&self, intent: IntentId) -> Result<(), StoreError> {
        let done = self.run(move |connection| {
            write::abandon(connection, intent)?;
            Ok(Done::Nothing)
        });
        match done {
            Ok(_) => Ok(()),
            Err(RecordError::Store(error)) => Err(error),
            Err(other) => Err(StoreError::Failed(other.to_string())),
        }
    }

    fn intents(&self) -> Result<Vec<Intent>, StoreError> {
        self.read(|rows| rows.intents())
    }
}

impl Contents for SqliteStore {
    fn keep(&self, digest: &Digest, content: &mut dyn Read, length: u64) -> Result<(), StoreError> {
        if self.has(digest)? {
            return Ok(());
        }
        if length > INLINE {
            return self.files.keep(digest, content, length);
        }
        let (digest, bytes) = (*digest, read_checked(digest, content, length)?);
        let done = self.run(move |connection| {
            write::keep(connection, &digest, &bytes)?;
            Ok(Done::Nothing)
        });
        match done {
            Ok(_) => Ok(()),
            Err(RecordError::Store(error)) => Err(error),
            Err(other) => Err(StoreError::Failed(other.to_string())),
        }
    }

    fn has(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.read(|rows| rows.content(digest))?.is_some() || self.files.find(digest)?.is_some())
    }

    fn open(&self, digest: &Digest) -> Result<Option<Kept>, StoreError> {
        match self.read(|rows| rows.content(digest))? {
            Some(bytes) => Ok(Some(Kept::Bytes(bytes))),
            None => self.files.find(digest),
        }
    }
}

// ---- the writer --------------------------------------------------------------------------------------------------

fn write_jobs(connection: &mut Connection, queue: &Receiver<Job>, marks: &RwLock<BTreeMap<Vec<u8>, Mark>>) {
    let mut seen = changes_of_others(connection);
    loop {
        match queue.recv_timeout(GLANCE) {
            Ok(first) => {
                let group: Vec<Job> =
                    std::iter::once(first).chain(queue.try_iter().take(GROUP - 1)).collect();
                write_group(connection, group, marks);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = changes_of_others(connection);
        if now != seen {
            seen = now;
            reload(connection, marks);
        }
    }
}

/// A number that changes when another process has written.
fn changes_of_others(connection: &Connection) -> Option<i64> {
    connection.pragma_query_value(None, "data_version", |row| row.get(0)).ok()
}

fn reload(connection: &Connection, marks: &RwLock<BTreeMap<Vec<u8>, Mark>>) {
    if let Ok(read) = read::marks(connection) {
        *marks.write().unwrap_or_else(PoisonError::into_inner) = read;
    }
}

/// One transaction for all; each job fails alone, the commit for everybody.
fn write_group(connection: &mut Connection, group: Vec<Job>, marks: &RwLock<BTreeMap<Vec<u8>, Mark>>) {
    let mut told = Vec::with_capacity(group.len());
    let committed = (|| {
        let mut transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
        for job in group {
            let point = transaction.savepoint().map_err(fault);
            let result = match point {
                Ok(point) => match (job.work)(&point) {
                    Ok(done) => point.commit().map_err(|error| fault(error).into()).map(|()| done),
                    Err(error) => Err(error),
                },
                Err(error) => Err(error.into()),
            };
            told.push((job.answer, result));
        }
        transaction.commit().map_err(fault)
    })();
    // What others are told of marks is what was committed.
    let marked = |result: &Result<Done, RecordError>| {
        matches!(result, Ok(Done::Act(act)) if matches!(
            act.kind,
            crate::ActKind::MarkMoved
                | crate::ActKind::MarkMovedForNow
                | crate::ActKind::Retire
                | crate::ActKind::Restore
        ))
    };
    if committed.is_ok() && told.iter().any(|(_, result)| marked(result)) {
        reload(connection, marks);
    }
    for (answer, result) in told {
        let result = match &committed {
            Ok(()) => result,
            Err(error) => Err(RecordError::Store(error.clone())),
        };
        let _ = answer.send(result);
    }
}

// ---- opening -----------------------------------------------------------------------------------------------------

fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    connection.busy_timeout(Duration::from_secs(10)).map_err(fault)?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let (application, form) =
        (number("application_id").map_err(fault)?, number("user_version").map_err(fault)?);
    if form > FORM && application == APPLICATION {
        return Err(StoreError::Newer(form, FORM));
    }
    if form != 0 && application != APPLICATION {
        return Err(StoreError::Damaged("the file is another program's database".to_owned()));
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(fault)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(fault)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000).map_err(fault)?;
    connection.set_prepared_statement_cache_capacity(64);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    // Another process may have made the tables meanwhile.
    let form: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(fault)?;
    if form == 0 {
        transaction.execute_batch(include_str!("sqlite/1.sql")).map_err(fault)?;
        transaction.pragma_update(None, "application_id", APPLICATION).map_err(fault)?;
        transaction.pragma_update(None, "user_version", FORM).map_err(fault)?;
    }
    transaction.commit().map_err(fault)
}

/// Whose fault an error of SQLite is.
fn fault(error: rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(
            ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::CannotOpen,
        ) => StoreError::Temporary(text),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(text),
        _ => StoreError::Failed(text),
    }
}

/// Whose fault an error of the file system is.
pub(crate) fn failed(path: &Path, error: &std::io::Error) -> StoreError {
    use std::io::ErrorKind;
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StoreError::Full,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StoreError::Temporary(text),
        _ => StoreError::Failed(text),
    }
}
