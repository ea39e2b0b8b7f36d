//! Time of a hot look-up and opening, in nanoseconds: `cargo run --release -p candor-origin --example hot`.
//!
//! With a number as argument only so many rounds are made, so that the system calls can be counted:
//! `strace -c target/release/examples/hot 10`.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use candor_origin::{Folder, FolderOptions, Rules};
use candor_semantics::address::Address;
use candor_semantics::representation::{Chosen, Coding, CodingSet};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let rounds = std::env::args().nth(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(300_000_u32);
    let place = tempfile::tempdir()?;
    for (name, content) in [
        ("small.txt", "candor".repeat(100)),
        ("page.html", "<p>candor".repeat(100)),
        ("large.bin", "candor".repeat(100_000)),
        ("doc.en.html", "<p>yes".to_owned()),
        ("doc.de.html", "<p>ja".to_owned()),
    ] {
        std::fs::write(place.path().join(name), content)?;
    }
    std::thread::sleep(Duration::from_millis(50));
    let two = [place.path().to_owned(), place.path().join("small.txt")];
    let start = Instant::now();
    for _ in 0..rounds {
        for path in &two {
            std::hint::black_box(rustix::fs::stat(path).is_ok());
        }
    }
    told("two stats", start, rounds)?;
    let folder = Folder::open(place.path(), FolderOptions::default())?;
    let rules = Arc::new(Rules::default());
    for target in ["/small.txt", "/page.html", "/page", "/large.bin", "/doc", "/missing", "/missing/x"] {
        let Ok(address) = Address::parse(target.as_bytes()) else { continue };
        for warm in [true, false] {
            let rounds = if warm { 10 } else { rounds };
            let start = Instant::now();
            for _ in 0..rounds {
                one(&folder, &address, &rules).await;
            }
            if !warm {
                told(target, start, rounds)?;
            }
        }
    }
    Ok(())
}

fn told(what: &str, start: Instant, rounds: u32) -> std::io::Result<()> {
    let each = start.elapsed().as_nanos() / u128::from(rounds.max(1));
    writeln!(std::io::stdout(), "{what:12} {each:6} ns")
}

async fn one(folder: &Folder, address: &Address, rules: &Arc<Rules>) {
    let standing = folder.look(address, rules).await;
    if standing.live.is_some() {
        let chosen = Some(Chosen { variant: 0, coding: Coding::Identity });
        std::hint::black_box(folder.open_form(&standing, chosen, CodingSet::EMPTY).await.is_ok());
    }
    std::hint::black_box(standing);
}
