//! The token of a launch, and the file that tells it to the user's own programs.

use arkor_files::{Folder, Name};
use serde::{Deserialize, Serialize};

/// A secret of this launch: 32 random bytes, in hex.
#[derive(Clone)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// A new one.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random numbers.
    pub fn random() -> std::io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        Ok(Self(blake3::Hash::from_bytes(bytes).to_hex().to_string()))
    }

    /// The token itself.
    pub fn secret(&self) -> &str {
        &self.0
    }

    /// Whether this is the token, in a time that does not depend on where it differs.
    pub(crate) fn is(&self, other: &str) -> bool {
        // Hashes are compared in constant time.
        blake3::hash(self.0.as_bytes()) == blake3::hash(other.as_bytes())
    }
}

#[derive(Serialize, Deserialize)]
struct Content {
    url: String,
    token: String,
    process: u32,
}

/// Where the server is and what it wants to hear, for programs of the same user. Removed when
/// dropped, unless another launch has put its own in its place.
#[derive(Debug)]
pub struct TokenFile {
    folder: Folder,
    name: Name,
    token: Token,
}

/// More than such a file has.
const MOST_BYTES: u64 = 4096;

impl TokenFile {
    /// Writes the file `studio.json` in a folder: whole or not at all, and for its owner only. What has
    /// the name already is replaced, a link too.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(folder: Folder, url: &str, token: &Token) -> std::io::Result<Self> {
        let name = Name::new("studio.json")?;
        let mut content = serde_json::to_vec(&Content {
            url: url.into(),
            token: token.0.clone(),
            process: std::process::id(),
        })?;
        content.push(b'\n');
        folder.replace(&name, &content)?;
        Ok(Self {
            folder,
            name,
            token: token.clone(),
        })
    }

    /// Removes the file of a launch that is over.
    ///
    /// # Errors
    ///
    /// If it cannot be removed, or is not there.
    pub fn remove(folder: &Folder) -> std::io::Result<()> {
        folder.remove_file(&Name::new("studio.json")?)
    }

    /// Where it is.
    pub fn path(&self) -> std::path::PathBuf {
        self.folder.path_of(&self.name)
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let is_ours = self
            .folder
            .read(&self.name, MOST_BYTES)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Content>(&bytes).ok())
            .is_some_and(|content| self.token.is(&content.token));
        if is_ours {
            // Nothing is lost if it stays: its token opens nothing any more.
            let _ = self.folder.remove_file(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &tempfile::TempDir) -> Folder {
        Folder::open(folder.path()).unwrap()
    }

    #[test]
    fn case_40_the_file_of_another_launch_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("studio.json");
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert!(one.is(one.secret()) && !one.is(other.secret()) && !one.is(""));
        let ours = TokenFile::write(open(&folder), "http://127.0.0.1:1", &one).unwrap();
        let theirs = TokenFile::write(open(&folder), "http://127.0.0.1:2", &other).unwrap();
        drop(ours);
        let content: Content = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(content.token, other.secret());
        drop(theirs);
        assert!(!path.exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("studio.json");
        let token = Token::random().unwrap();
        let _file = TokenFile::write(open(&folder), "http://127.0.0.1:1", &token).unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_its_place_is_not_written_through() {
        let outside = tempfile::tempdir().unwrap();
        let letter = outside.path().join("letter");
        std::fs::write(&letter, "dear").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("studio.json");
        let token = Token::random().unwrap();
        std::os::unix::fs::symlink(&letter, &path).unwrap();
        let file = TokenFile::write(open(&folder), "http://127.0.0.1:1", &token).unwrap();
        assert!(path.symlink_metadata().unwrap().is_file());
        // Exchanged meanwhile: neither read through nor removed.
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&letter, &path).unwrap();
        drop(file);
        assert!(path.symlink_metadata().unwrap().is_symlink());
        assert_eq!(std::fs::read_to_string(&letter).unwrap(), "dear");
        std::fs::remove_file(&path).unwrap();
        std::fs::hard_link(&letter, &path).unwrap();
        drop(TokenFile::write(open(&folder), "http://127.0.0.1:1", &token).unwrap());
        assert_eq!(std::fs::read_to_string(&letter).unwrap(), "dear");
        std::fs::create_dir(&path).unwrap();
        assert!(TokenFile::write(open(&folder), "http://127.0.0.1:1", &token).is_err());
    }
}
