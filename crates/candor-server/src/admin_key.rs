//! The admin key: made anew by each start, left where only the same user can read it, so that `candor why` on
//! the same machine just works. Being on the loopback is no credential; being able to read this file is one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The request field that carries the key. Not `Authorization`, which the address itself may want.
pub const KEY_FIELD: &str = "Candor-Key";

/// The key of one run of a server. Dropping it removes the files it was left in.
pub struct AdminKey {
    key: String,
    files: Vec<PathBuf>,
}

impl AdminKey {
    /// A new key: 256 random bits, as hexadecimal digits.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new() -> io::Result<AdminKey> {
        let mut bytes = [0_u8; 32];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| io::Error::other("no random bytes to be had"))?;
        let key = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(AdminKey { key, files: Vec::new() })
    }

    /// Whether this is the key. Takes the same time for every wrong one of the same length.
    pub fn is(&self, given: &[u8]) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.key.as_bytes(), given).is_ok()
    }

    /// Leaves the key in the user's runtime folder, named by the address of a listener (its port known).
    /// Gives the file.
    ///
    /// # Errors
    /// No runtime folder can be written, or the one that is there belongs to somebody else.
    pub fn leave_for(&mut self, address: SocketAddr) -> io::Result<PathBuf> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for folder in runtime_folders() {
            match private_folder(&folder).and_then(|()| self.leave(folder.join(file_name(address)))) {
                Ok(file) => return Ok(file),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Leaves the key in a file: mode 0600, whole or not at all. The folder must be there.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn leave(&mut self, file: PathBuf) -> io::Result<PathBuf> {
        let mut draft = file.clone().into_os_string();
        draft.push(format!(".{}", std::process::id()));
        let draft = PathBuf::from(draft);
        let _ = fs::remove_file(&draft);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut open| writeln!(open, "{}", self.key))
            .and_then(|()| fs::rename(&draft, &file));
        if let Err(error) = written {
            let _ = fs::remove_file(&draft);
            return Err(error);
        }
        self.files.push(file.clone());
        Ok(file)
    }
}

/// Removes the files, unless a later start has put its own key there.
impl Drop for AdminKey {
    fn drop(&mut self) {
        for file in &self.files {
            if read(file).is_some_and(|key| key == self.key) {
                let _ = fs::remove_file(file);
            }
        }
    }
}

/// Never prints the key.
impl std::fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminKey").field("files", &self.files).finish_non_exhaustive()
    }
}

/// Where a server of this user that listens on `address` leaves its key, in the folder that comes first.
pub fn runtime_key_path(address: SocketAddr) -> PathBuf {
    let folders = runtime_folders();
    let usual = folders.iter().find(|folder| folder.parent().is_some_and(Path::is_dir)).or(folders.last());
    usual.map(|folder| folder.join(file_name(address))).unwrap_or_default()
}

/// The key for a connection from `local` to `peer`, if a server of this user on this machine has left one.
///
/// Keys of listeners on every address (`0.0.0.0`, `[::]`) count, too; and never is a key given for another
/// machine, whatever it is called.
pub fn find(peer: SocketAddr, local: IpAddr) -> Option<String> {
    let (peer_ip, local) = (peer.ip().to_canonical(), local.to_canonical());
    if !peer_ip.is_loopback() && peer_ip != local {
        return None;
    }
    let everywhere = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let folders: Vec<PathBuf> = runtime_folders().into_iter().filter(|folder| is_private(folder)).collect();
    [peer_ip, peer.ip()]
        .into_iter()
        .chain(everywhere)
        .map(|ip| file_name(SocketAddr::new(ip, peer.port())))
        .flat_map(|name| folders.iter().map(move |folder| folder.join(&name)))
        .find_map(|file| read(&file))
}

fn file_name(address: SocketAddr) -> String {
    format!("{address}.key")
}

fn read(file: &Path) -> Option<String> {
    let mut key = String::new();
    File::open(file).ok()?.take(256).read_to_string(&mut key).ok()?;
    let key = key.trim_end();
    let legal = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    legal.then(|| key.to_owned())
}

/// The user's runtime folders, best first. A server writes the first that it can, a client looks in all.
fn runtime_folders() -> Vec<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
    let mut folders: Vec<PathBuf> = named.into_iter().map(|folder| folder.join("candor")).collect();
    folders.push(PathBuf::from(format!("/run/user/{user}/candor")));
    folders.push(PathBuf::from(format!("/tmp/candor-{user}")));
    folders
}

/// Makes the folder for this user alone; one that is there already must be ours.
fn private_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let metadata = fs::symlink_metadata(folder)?;
    if !metadata.is_dir() || metadata.uid() != rustix::process::getuid().as_raw() {
        let message = format!("{} belongs to somebody else", folder.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|metadata| {
        metadata.is_dir()
            && metadata.uid() == rustix::process::getuid().as_raw()
            && metadata.mode() & 0o077 == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("candor-key-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        folder
    }

    #[test]
    fn a_key_is_left_for_its_user_alone_and_taken_away() {
        let folder = folder("left");
        let file = folder.join("admin.key");
        let mut key = AdminKey::new().unwrap();
        key.leave(file.clone()).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        let text = read(&file).unwrap();
        assert_eq!(text.len(), 64);
        assert!(key.is(text.as_bytes()) && !key.is(b"") && !key.is(&text.as_bytes()[1..]));
        assert!(!format!("{key:?}").contains(&text));
        drop(key);
        assert!(!file.exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_key_of_a_later_start_stays() {
        let folder = folder("later");
        let file = folder.join("admin.key");
        let (mut first, mut second) = (AdminKey::new().unwrap(), AdminKey::new().unwrap());
        first.leave(file.clone()).unwrap();
        second.leave(file.clone()).unwrap();
        drop(first);
        assert!(second.is(read(&file).unwrap().as_bytes()));
        drop(second);
        assert!(!file.exists());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn keys_are_found_by_address_on_this_machine_only() {
        let mut key = AdminKey::new().unwrap();
        let everywhere: SocketAddr = "0.0.0.0:1".parse().unwrap();
        let file = key.leave_for(everywhere).unwrap();
        assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        let loopback: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let found = find(loopback, loopback.ip()).unwrap();
        assert!(key.is(found.as_bytes()));
        let elsewhere: SocketAddr = "192.0.2.1:1".parse().unwrap();
        assert_eq!(find(elsewhere, "192.0.2.9".parse().unwrap()), None);
        assert!(find(elsewhere, elsewhere.ip()).is_some());
        drop(key);
        assert_eq!(find(loopback, loopback.ip()), None);
    }

    #[test]
    fn a_folder_of_somebody_else_or_a_link_is_not_used() {
        let folder = folder("link");
        let link = folder.join("link");
        std::os::unix::fs::symlink("/tmp", &link).unwrap();
        assert!(private_folder(&link).is_err());
        assert!(!is_private(&link));
        let open = folder.join("open");
        DirBuilder::new().mode(0o700).create(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(!is_private(&open));
        private_folder(&open).unwrap();
        assert!(is_private(&open));
        fs::remove_dir_all(folder).unwrap();
    }
}
