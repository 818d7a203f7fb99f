//! A trainer in a script language, as it was when it was saved.

use serde::Serialize;

/// A language that is not compiled: a runtime with an interpreter runs its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptLanguage {
    /// JavaScript; TypeScript is this by the time it is a [`Program`].
    JavaScript,
    /// Python.
    Python,
}

/// What kind of file a module is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleFormat {
    /// An ECMAScript module, without types.
    EcmaScript,
    /// A CommonJS module.
    CommonJs,
    /// A JSON document.
    Json,
    /// Python source.
    Python,
    /// Any other file, which a trainer reads as data.
    Data,
}

/// One file of a [`Program`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramModule {
    /// Path in the project with `/` between parts; of installed Python packages, `site-packages/` and
    /// the path in the folder they are installed in.
    pub name: String,
    /// What kind of file it is.
    pub format: ModuleFormat,
    /// What runs, in UTF-8; of data, whatever it is.
    pub content: Vec<u8>,
    /// What its imports mean, as (specifier, name of a module).
    pub links: Vec<(String, String)>,
    /// A Source Map of version 3, if the content is not what the user wrote.
    pub source_map: Option<String>,
}

/// All files that a trainer consists of, in an order that depends on them alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What runs it.
    pub language: ScriptLanguage,
    /// Name of the module to begin with.
    pub entry: String,
    /// The files.
    pub modules: Vec<ProgramModule>,
}

impl Program {
    /// blake3 in hex, of everything that can change what runs, and of source maps: with those of other lines, errors
    /// would name places that are not in the user's files any more.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("arkor-host 2026 program");
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(&[self.language as u8]);
        part(self.entry.as_bytes());
        for module in &self.modules {
            part(module.name.as_bytes());
            part(&[module.format as u8]);
            part(&module.content);
            part(module.source_map.as_deref().unwrap_or_default().as_bytes());
            part(&(module.links.len() as u64).to_le_bytes());
            for (specifier, name) in &module.links {
                part(specifier.as_bytes());
                part(name.as_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Name of the entry's file, without folder and ending.
    pub fn name(&self) -> &str {
        let file = self.entry.rsplit('/').next().unwrap_or(&self.entry);
        file.split('.').next().unwrap_or(file)
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        let sizes = self.modules.iter().map(|module| module.content.len());
        sizes.sum::<usize>() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program() -> Program {
        let module = |name: &str, content: &str| ProgramModule {
            name: name.into(),
            format: ModuleFormat::EcmaScript,
            content: content.into(),
            links: vec![("./b.js".into(), "src/b.js".into())],
            source_map: None,
        };
        Program {
            language: ScriptLanguage::JavaScript,
            entry: "src/trainer.ts".into(),
            modules: vec![module("src/trainer.ts", "a"), module("src/b.js", "b")],
        }
    }

    #[test]
    fn the_digest_is_of_all_that_runs() {
        let digest = program().digest();
        assert_eq!(program().digest(), digest);
        assert_eq!(program().name(), "trainer");
        let changes: [fn(&mut Program); 6] = [
            |p| p.entry = "src/b.js".into(),
            |p| p.modules[0].content.push(b' '),
            |p| p.modules[1].name = "src/c.js".into(),
            |p| p.modules[1].format = ModuleFormat::CommonJs,
            |p| p.modules[0].links[0].1 = "src/c.js".into(),
            |p| p.modules[0].source_map = Some("{}".into()),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut changed = program();
            change(&mut changed);
            assert_ne!(changed.digest(), digest, "{index}");
        }
        // Bytes do not move from one part to the next.
        let mut moved = program();
        moved.modules[0].name = "src/trainer.tsx".into();
        moved.modules[0].content = vec![];
        assert_ne!(moved.digest(), digest);
    }
}
