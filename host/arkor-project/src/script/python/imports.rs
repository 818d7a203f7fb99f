//! What a Python file imports, found without evaluating it.
//!
//! Only what import statements say counts: a module that is imported by a computed name is found if
//! something else names it. A text that looks like an import statement and stands at the beginning of a
//! line of a string is none, since strings are passed over.

/// An import statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Import {
    /// Number of dots before the name: 0 is absolute.
    pub(super) level: usize,
    /// Parts of the module's name; empty in `from . import name`.
    pub(super) module: Vec<String>,
    /// What is taken from it, each of which may be a module too; empty in `import a.b`.
    pub(super) names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    Mark(char),
    /// The end of a logical line.
    End,
}

/// All import statements of a file.
pub(super) fn imports(text: &str) -> Vec<Import> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut rest = tokens.as_slice();
    let mut at_beginning = true;
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        match token {
            Token::Name("import") if at_beginning => rest = plain(after, &mut found),
            Token::Name("from") if at_beginning => rest = from(after, &mut found),
            _ => {}
        }
        at_beginning = matches!(token, Token::End | Token::Mark(';' | ':'));
    }
    found
}

/// After `import`: `a.b as c, d`.
fn plain<'a, 'b>(mut rest: &'b [Token<'a>], found: &mut Vec<Import>) -> &'b [Token<'a>] {
    loop {
        let (module, after) = dotted(rest);
        rest = after;
        if !module.is_empty() {
            found.push(Import {
                level: 0,
                module,
                names: Vec::new(),
            });
        }
        if let [Token::Name("as"), Token::Name(_), after @ ..] = rest {
            rest = after;
        }
        match rest {
            [Token::Mark(','), after @ ..] => rest = after,
            _ => return rest,
        }
    }
}

/// After `from`: `..a.b import c as d, e`, perhaps in parentheses.
fn from<'a, 'b>(mut rest: &'b [Token<'a>], found: &mut Vec<Import>) -> &'b [Token<'a>] {
    let mut level = 0;
    while let [Token::Mark('.'), after @ ..] = rest {
        level += 1;
        rest = after;
    }
    let (module, after) = dotted(rest);
    let [Token::Name("import"), after @ ..] = after else {
        return after;
    };
    rest = after;
    let mut names = Vec::new();
    loop {
        rest = match rest {
            [Token::Name("as"), Token::Name(_), after @ ..]
            | [Token::Mark('(' | ')' | ',' | '*'), after @ ..] => after,
            [Token::Name(name), after @ ..] => {
                names.push((*name).to_owned());
                after
            }
            _ => break,
        };
    }
    found.push(Import {
        level,
        module,
        names,
    });
    rest
}

fn dotted<'a, 'b>(mut rest: &'b [Token<'a>]) -> (Vec<String>, &'b [Token<'a>]) {
    let mut parts = Vec::new();
    while let [Token::Name(name), after @ ..] = rest {
        if *name == "import" {
            break;
        }
        parts.push((*name).to_owned());
        rest = after;
        match rest {
            [Token::Mark('.'), after @ ..] => rest = after,
            _ => break,
        }
    }
    (parts, rest)
}

/// Names and marks; strings, comments, numbers and line ends in parentheses are left out.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        rest = match first {
            '\n' => {
                if depth == 0 {
                    tokens.push(Token::End);
                }
                after
            }
            '#' => rest.find('\n').map_or("", |end| &rest[end..]),
            // The line goes on.
            '\\' => after
                .strip_prefix("\r\n")
                .or_else(|| after.strip_prefix('\n'))
                .unwrap_or(after),
            '"' | '\'' => after_string(rest),
            _ if first.is_alphabetic() || first == '_' => {
                let is_part = |c: char| c.is_alphanumeric() || c == '_';
                let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                let is_prefix = after.starts_with(['"', '\''])
                    && name.len() <= 2
                    && name.chars().all(|c| "rRbBuUfFtT".contains(c));
                if is_prefix {
                    after_string(after)
                } else {
                    tokens.push(Token::Name(name));
                    after
                }
            }
            _ if first.is_whitespace() => after,
            _ => {
                match first {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                tokens.push(Token::Mark(first));
                after
            }
        };
    }
    tokens.push(Token::End);
    tokens
}

/// What follows a string, which `text` begins with. In a raw one a backslash keeps a quote from ending it
/// as well, so there is no difference.
fn after_string(text: &str) -> &str {
    let quote = text.get(..1).unwrap_or_default();
    let long = quote.repeat(3);
    let (end, mut rest) = match text.strip_prefix(&long) {
        Some(rest) => (long.as_str(), rest),
        None => (quote, text.get(1..).unwrap_or_default()),
    };
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix(end) {
            return after;
        }
        let skipped = match first {
            '\\' => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            // One that is not closed ends with its line.
            '\n' if end.len() == 1 => return rest,
            _ => first.len_utf8(),
        };
        rest = rest.get(skipped..).unwrap_or_default();
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::imports;

    fn shown(text: &str) -> Vec<String> {
        let shown = imports(text).into_iter().map(|import| {
            let dots = ".".repeat(import.level);
            let module = import.module.join(".");
            format!("{dots}{module} {}", import.names.join(" "))
                .trim_end()
                .to_owned()
        });
        shown.collect()
    }

    #[test]
    fn statements_are_found() {
        let text = r#"
import a.b as c, d
from .x import (  # comment
    y as z,
    w,
)
from .. import q
from e.f import *
try: import late
except ImportError: pass
if True: from g import h; import i
import j \
    .k
"#;
        assert_eq!(
            shown(text),
            [
                "a.b", "d", ".x y w", ".. q", "e.f", "late", "g h", "i", "j.k"
            ]
        );
    }

    #[test]
    fn what_only_looks_like_one_is_not() {
        let text = r##"
"""
import a
"""
x = '''
from b import c''' + rb"\
import d" + f"{y["import e"]}"
# import f
print(importer, "\"", 'import g')
raise ValueError from import_h
yield from i
text = "not closed
import real
"##;
        assert_eq!(shown(text), ["real"]);
        assert!(shown("from").is_empty() && shown("import").is_empty());
        assert!(shown("from .").is_empty() && shown("\"\\").is_empty());
    }
}
