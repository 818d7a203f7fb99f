//! The token of a launch, and the file that tells it to the user's own programs.

use std::io::Write;
use std::path::{Path, PathBuf};

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
    path: PathBuf,
    token: Token,
}

impl TokenFile {
    /// Writes the file: whole or not at all, and for its owner only.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write(path: &Path, url: &str, token: &Token) -> std::io::Result<Self> {
        let folder = path.parent().unwrap_or(Path::new("."));
        // Temporary files are created for their owner only (0600 where there are modes).
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let content = Content {
            url: url.into(),
            token: token.0.clone(),
            process: std::process::id(),
        };
        serde_json::to_writer(&mut file, &content)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(Self {
            path: path.into(),
            token: token.clone(),
        })
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        let is_ours = std::fs::read(&self.path)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Content>(&bytes).ok())
            .is_some_and(|content| self.token.is(&content.token));
        if is_ours {
            // Nothing is lost if it stays: its token opens nothing any more.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_40_the_file_of_another_launch_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("studio.json");
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert!(one.is(one.secret()) && !one.is(other.secret()) && !one.is(""));
        let ours = TokenFile::write(&path, "http://127.0.0.1:1", &one).unwrap();
        let theirs = TokenFile::write(&path, "http://127.0.0.1:2", &other).unwrap();
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
        let _file = TokenFile::write(&path, "http://127.0.0.1:1", &token).unwrap();
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
