use super::*;
use candor_semantics::head::{Scheme, Version};
use std::fs;
use std::io::ErrorKind;
use std::sync::{Condvar, Mutex};
use std::time::Instant;

fn head(target: &str) -> Head {
    Head::from_parts(b"GET", target.as_bytes(), Version::Http11, Scheme::Http, [("Host", "example.org")])
}

fn log(log: &AccessLog, target: &str) {
    log.log(&Entry {
        client: None,
        user: None,
        time: SystemTime::now(),
        head: &head(target),
        status: 200,
        sent: 1,
        complete: true,
        duration: Duration::ZERO,
        reason: None,
        incident: None,
        upstream: None,
    });
}

fn on(file: &Path) -> AccessLog {
    let format = LogFormat::Combined;
    AccessLog::open(&configuration::AccessLog { format, file: Some(file.to_owned()) }).unwrap()
}

fn targets(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| line.split(' ').nth(6).unwrap().to_owned()).collect()
}

#[test]
fn lines_are_written_soon_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let access = on(&file);
    for round in 0..3 {
        log(&access, &format!("/{round}/a"));
        log(&access, &format!("/{round}/b"));
        let start = Instant::now();
        while targets(&file).len() < 2 * (round + 1) {
            assert!(start.elapsed() < Duration::from_secs(5), "written without being asked");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert_eq!(targets(&file), ["/0/a", "/0/b", "/1/a", "/1/b", "/2/a", "/2/b"]);
}

#[test]
fn dropping_writes_everything_and_opening_appends() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    for number in 0..3 {
        let access = on(&file);
        for _ in 0..1000 {
            log(&access, &format!("/{number}"));
        }
    }
    let targets = targets(&file);
    assert_eq!(targets.len(), 3000);
    assert!(targets.is_sorted());
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o007, 0, "not for everybody");
}

#[test]
fn a_renamed_file_is_left_alone_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let (file, old) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let access = on(&file);
    log(&access, "/before");
    fs::rename(&file, &old).unwrap();
    log(&access, "/between");
    access.reopen();
    assert!(access.flush());
    log(&access, "/after");
    assert!(access.flush());
    assert_eq!(targets(&old), ["/before", "/between"]);
    assert_eq!(targets(&file), ["/after"]);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    access.reopen();
    log(&access, "/kept");
    assert!(access.flush());
    assert_eq!(access.lost(), 0, "the file that is still open is used");
}

#[test]
fn threads_do_not_mix_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let access = on(&file);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let access = &access;
            scope.spawn(move || {
                // So slowly that a busy disk keeps up.
                for number in 0..20 {
                    (0..50).for_each(|line| log(access, &format!("/{thread}/{}", number * 50 + line)));
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        }
    });
    assert!(access.flush());
    assert_eq!(access.lost(), 0);
    let targets = targets(&file);
    for thread in 0..8 {
        let prefix = format!("/{thread}/");
        let numbers: Vec<usize> =
            targets.iter().filter_map(|target| target.strip_prefix(&prefix)?.parse().ok()).collect();
        assert!(numbers.iter().copied().eq(0..1000), "all of thread {thread}, in order");
    }
}

/// A place that takes nothing until it is opened.
#[derive(Default)]
struct Sluice {
    open: Mutex<bool>,
    opened: Condvar,
    written: Mutex<Vec<u8>>,
}

impl Write for &Sluice {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let open = self.open.lock().unwrap();
        drop(self.opened.wait_while(open, |open| !*open).unwrap());
        let part = bytes.len().min(10_001);
        self.written.lock().unwrap().extend_from_slice(&bytes[..part]);
        Ok(part)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stalled_disk_stalls_nobody_and_losses_are_told() {
    let sluice: &'static Sluice = Box::leak(Box::default());
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    let access = AccessLog::start(
        LogFormat::Combined,
        Box::new(move || Ok(Box::new(sluice))),
        Arc::default(),
        move |message| telling.lock().unwrap().push(message.to_owned()),
    )
    .unwrap();
    const LINES: u64 = 100_000;
    let start = Instant::now();
    (0..LINES).for_each(|number| log(&access, &format!("/{number}")));
    assert!(start.elapsed() < Duration::from_secs(5), "nothing waited");
    let lost = access.lost();
    assert!(lost > 0 && lost < LINES, "{lost}");
    *sluice.open.lock().unwrap() = true;
    sluice.opened.notify_all();
    drop(access);
    let written = sluice.written.lock().unwrap();
    assert_eq!(written.iter().filter(|&&byte| byte == b'\n').count() as u64, LINES - lost);
    let told = told.lock().unwrap();
    let counts: u64 =
        told.iter().map(|message| message.split(' ').nth(6).unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!(counts, lost, "{told:?}");
    assert!(told[0].ends_with(" (written too slowly)"), "{told:?}");
}

#[test]
fn a_full_disk_loses_lines_and_is_told_once() {
    let lost = Arc::new(AtomicU64::new(0));
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = told.clone();
    let access = AccessLog::start(
        LogFormat::Json,
        Box::new(|| open(Some(Path::new("/dev/full")))),
        lost.clone(),
        move |message| telling.lock().unwrap().push(message.to_owned()),
    )
    .unwrap();
    for _ in 0..3 {
        log(&access, "/");
        assert!(access.flush());
    }
    assert_eq!(lost.load(Relaxed), 3);
    {
        let told = told.lock().unwrap();
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("lines of the access log lost: 1 (cannot be written: "), "{told:?}");
    }
    drop(access);
    assert_eq!(told.lock().unwrap().len(), 2, "the rest at the end");
}

/// Takes a few bytes, fails once, then takes all.
struct Hiccup(Arc<Mutex<Vec<u8>>>, usize);

impl Write for Hiccup {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.1 += 1;
        let part = match self.1 {
            1 => 20,
            2 => return Err(ErrorKind::StorageFull.into()),
            _ => bytes.len(),
        };
        self.0.lock().unwrap().extend_from_slice(&bytes[..part]);
        Ok(part)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_line_broken_off_by_a_failure_is_not_glued_to_the_next() {
    let written = Arc::new(Mutex::new(Vec::new()));
    let place = written.clone();
    let access = AccessLog::start(
        LogFormat::Combined,
        Box::new(move || Ok(Box::new(Hiccup(place.clone(), 0)))),
        Arc::default(),
        |_| {},
    )
    .unwrap();
    log(&access, "/lost");
    assert!(access.flush());
    log(&access, "/kept");
    assert!(access.flush());
    assert_eq!(access.lost(), 1);
    let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains("\"GET /kept HTTP/1.1\""), "{written}");
}

#[test]
fn what_cannot_be_opened_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("missing/access.log");
    let configuration = configuration::AccessLog { format: LogFormat::Json, file: Some(file) };
    assert_eq!(AccessLog::open(&configuration).unwrap_err().kind(), ErrorKind::NotFound);
    let standard = configuration::AccessLog { format: LogFormat::Json, file: None };
    assert!(AccessLog::open(&standard).is_ok());
}
