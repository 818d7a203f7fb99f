//! `requirements.txt` as data: what packages, of which versions.
//!
//! To pip such a file is a list of orders: options, other files, addresses whose content is run to install it,
//! variables of the environment. Here a line names a package as [PEP 508](https://peps.python.org/pep-0508/)
//! has it, with hashes if need be, and nothing else. What pip gets is written anew from what was understood.

use std::path::Path;
use std::str::FromStr;

use pep508_rs::{Requirement, VerbatimUrl, VersionOrUrl};

use crate::{Place, ProjectError};

/// Most bytes of a file, and of one requirement.
pub(super) const SIZE: u64 = 1 << 20;
const LINE: usize = 8 << 10;

/// Most comparisons in the marker of one.
const COMPARISONS: usize = 20;

/// Most packages that are named.
const COUNT: usize = 2_000;

/// The hash functions of which pip takes digests, with their hexadecimal digits.
const HASHES: [(&str, usize); 3] = [("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// The requirements in a file, each in one line as pip reads it.
pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<String>, ProjectError> {
    let refused = |line: usize, text: &str, message: String| ProjectError::Requirement {
        place: Box::new(Place {
            path: path.into(),
            line,
            column: 1,
        }),
        line: text.trim().chars().take(200).collect(),
        message,
    };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
        .ok_or_else(|| refused(1, "", "the file is not UTF-8".into()))?;
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let mut whole = line.to_owned();
        // Hashes are written one in a line, as a rule.
        while let Some(begin) = whole.strip_suffix('\\') {
            let (_, more) = lines.next().unwrap_or_default();
            whole = format!("{begin} {more}");
            if whole.len() > LINE {
                break;
            }
        }
        let asked = without_comment(&whole).trim();
        if asked.is_empty() {
            continue;
        }
        let requirement = one(asked).map_err(|message| refused(number + 1, asked, message))?;
        if found.len() == COUNT {
            let message = format!("it is one of more than {COUNT}, which are not installed");
            return Err(refused(number + 1, asked, message));
        }
        found.push(requirement);
    }
    Ok(found)
}

/// As in pip, a comment begins where the line does, or behind a blank.
fn without_comment(line: &str) -> &str {
    let begins = |at: &usize| {
        let before = line.get(..*at).unwrap_or_default();
        before.is_empty() || before.ends_with(char::is_whitespace)
    };
    let at = line.match_indices('#').map(|(at, _)| at).find(begins);
    at.and_then(|at| line.get(..at)).unwrap_or(line)
}

fn one(asked: &str) -> Result<String, String> {
    if asked.len() > LINE {
        return Err(format!("it is longer than {LINE} bytes"));
    }
    if asked.starts_with('-') {
        return Err("it is an option of pip, and a file from somebody else gives none".into());
    }
    // pip puts variables of the environment in, and ends lines at letters that few know.
    let is_plain = |letter: char| matches!(letter, ' '..='~' | '\t') && letter != '$';
    if !asked.chars().all(is_plain) {
        return Err("it has a `$`, or a letter that is not ASCII".into());
    }
    let asked = asked.replace('\t', " ");
    let mut words = asked.split(" --hash=");
    let specifier = words.next().unwrap_or_default().trim();
    let mut hashes = String::new();
    for hash in words.map(str::trim) {
        let is_known = hash.split_once(':').is_some_and(|(function, digest)| {
            HASHES.contains(&(function, digest.len()))
                && digest.chars().all(|digit| digit.is_ascii_hexdigit())
        });
        if !is_known {
            return Err("its --hash is not sha256:DIGEST, sha384:DIGEST or sha512:DIGEST".into());
        }
        hashes += " --hash=";
        hashes += hash;
    }
    // An address or a path that is given without a name.
    if specifier.contains("://") || specifier.contains(['/', '\\']) {
        return Err("it is a path or an address, whose content would be run to install it".into());
    }
    // What it makes of a marker can double with each.
    let quotes = specifier.matches(['\'', '"']).count();
    if quotes > 2 * COMPARISONS {
        return Err(format!(
            "its marker has more than {COMPARISONS} comparisons"
        ));
    }
    // The parser has expectations of its own, which some lines fail.
    let parsed = arkor_types::caught(|| Requirement::<VerbatimUrl>::from_str(specifier));
    let requirement = match parsed {
        Some(parsed) => parsed.map_err(|error| error.message.to_string())?,
        None => return Err("it is not written as PEP 508 has it".into()),
    };
    if matches!(requirement.version_or_url, Some(VersionOrUrl::Url(_))) {
        return Err("it is an address, whose content would be run to install it".into());
    }
    // It is written with quotes of one kind, whatever is between them.
    let written = requirement.to_string();
    if written.len() > LINE {
        return Err(format!("in its plain form it is longer than {LINE} bytes"));
    }
    let again = arkor_types::caught(|| Requirement::<VerbatimUrl>::from_str(&written));
    if !again.is_some_and(|again| again.is_ok_and(|again| again == requirement)) {
        return Err("its marker has quotes in a text, which pip would read in another way".into());
    }
    Ok(written + &hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<String>, ProjectError> {
        parse(Path::new("requirements.txt"), text.as_bytes())
    }

    #[test]
    fn packages_are_named_with_extras_versions_markers_and_hashes() {
        let hash = format!("sha256:{}", "0a".repeat(32));
        let text = format!(
            "\u{feff}# those we need\nrich\nattrs == 25.1.0  # newest\nPyYAML[a,b]>=6,<7 ; python_version > '3.8'\r\n\n\
             six==1.17.0 \\\n    --hash={hash} \\\n    --hash={hash}\nx#y\n"
        );
        let error = parsed(&text).unwrap_err().to_string();
        assert!(error.contains("requirements.txt:9:1: `x#y`"), "{error}");
        let found = parsed(text.strip_suffix("x#y\n").unwrap()).unwrap();
        assert_eq!(found[..2], ["rich", "attrs==25.1.0"]);
        assert!(
            found[2].to_lowercase().starts_with("pyyaml[a,b]>=6,<7"),
            "{found:?}"
        );
        assert!(found[2].contains("python_"), "{found:?}");
        assert_eq!(found[3], format!("six==1.17.0 --hash={hash} --hash={hash}"));
        assert!(parsed("# nothing\n\n").unwrap().is_empty());
    }

    #[test]
    fn everything_else_is_refused_with_its_line() {
        for line in [
            "./evil",
            "evil/",
            "../evil.whl",
            "evil-1.0.tar.gz/",
            "C:\\evil",
            "-e ../evil",
            "-e.",
            "--editable=.",
            "-r more.txt",
            "-c /etc/passwd",
            "--no-binary :all:",
            "--index-url https://evil.example/simple",
            "--extra-index-url=https://evil.example",
            "--find-links .",
            "--trusted-host evil.example",
            "--pre",
            "name @ file:///tmp/evil",
            "name@https://evil.example/x.tar.gz",
            "name @ ./evil",
            "name @ git+https://evil.example/x",
            "git+https://evil.example/x#egg=x",
            "file:///tmp/evil",
            "https://evil.example/x.whl",
            "name --no-binary=name",
            "name --config-settings=x=y",
            "name --global-option=x",
            "name --hash=md5:00",
            "name --hash=sha256:zz",
            "name --hash=sha256:../../x",
            "name; python_version > '${HOME}'",
            "${HOME}/evil",
            "$NAME",
            "name\u{b}--pre",
            "name\u{85}--pre",
            "name ; os_name == 'a' or",
            "name==",
            "name ==1 other",
            "\u{2028}-e .",
            "n\u{e4}me",
            "name \\",
            "name \\\n-e .",
            "1a-:2ha#",
            "a-",
            "a.b_",
            "ha5a00[aa07a2-",
            "name ; os_name != \"a' or os_name != 'b\"",
        ] {
            let error = parsed(&format!("# first\n{line}\n"));
            // A trailing backslash joins nothing, and names a package all the same.
            if line == "name \\" {
                assert_eq!(error.unwrap(), ["name"]);
                continue;
            }
            let error = error.expect_err(line);
            let text = error.to_string();
            assert!(text.starts_with("requirements.txt:2:1: "), "{line}: {text}");
            assert!(
                error.hint().is_some_and(|hint| hint.contains(".venv")),
                "{line}"
            );
        }
        for bytes in [&b"\xff\xfen\0a\0m\0e\0"[..], b"n\0a", b"\xff"] {
            assert!(parse(Path::new("requirements.txt"), bytes).is_err());
        }
        assert!(parsed(&"a\n".repeat(COUNT + 1)).is_err());
        assert!(parsed(&format!("a{}", " ".repeat(LINE))).is_ok());
        assert!(parsed(&format!("a=={}", "1".repeat(LINE))).is_err());
        assert!(parsed(&"a \\\n".repeat(100_000)).is_err());
    }

    #[test]
    fn what_is_accepted_means_the_same_to_pip() {
        // No line of it is an option or an address, whatever the parser made of it.
        for line in [
            "a",
            "A.b_c-d",
            "a~=1.0",
            "a!=1,>2;os_name=='x y'",
            "a===weird+1",
        ] {
            for found in parsed(line).into_iter().flatten() {
                assert!(found.starts_with(|first: char| first.is_ascii_alphanumeric()));
                assert!(!found.contains(" @ ") && !found.contains("://"), "{found}");
            }
        }
    }
}
