//! Machine code of single functions, so that after an edit only what changed is compiled.
//!
//! Most of a trainer is its language's library, and an edit leaves that as it was. Cranelift asks for
//! a function by a hash of all that its code depends on. In memory only, and bounded: what a whole
//! component compiled to is in the cache folder anyway.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use wasmtime::CacheStore;

/// Bytes of code that are kept; about a hundred trainers' worth.
const CAPACITY: usize = 64 << 20;

#[derive(Debug, Default)]
pub(super) struct FunctionCache {
    /// Two ages. When the young one has its half, it becomes the old one, and the old one goes.
    ages: Mutex<Ages>,
}

#[derive(Debug, Default)]
struct Ages {
    young: HashMap<Vec<u8>, Vec<u8>>,
    young_size: usize,
    old: HashMap<Vec<u8>, Vec<u8>>,
}

impl Ages {
    fn put(&mut self, key: Vec<u8>, code: Vec<u8>) {
        self.young_size += key.len() + code.len();
        self.young.insert(key, code);
        if self.young_size > CAPACITY / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_size = 0;
        }
    }
}

impl FunctionCache {
    fn ages(&self) -> MutexGuard<'_, Ages> {
        // Nothing in here is left half done by a panic.
        self.ages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheStore for FunctionCache {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let mut ages = self.ages();
        if let Some(code) = ages.young.get(key) {
            return Some(Cow::Owned(code.clone()));
        }
        let (key, code) = ages.old.remove_entry(key)?;
        ages.put(key, code.clone());
        Some(Cow::Owned(code))
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        self.ages().put(key.to_vec(), value);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_size_is_bounded() {
        let cache = FunctionCache::default();
        let code = vec![7; 1 << 20];
        assert!(cache.insert(b"used", code.clone()));
        for number in 0..500_u32 {
            assert!(cache.insert(&number.to_le_bytes(), code.clone()));
            assert_eq!(cache.get(b"used").as_deref(), Some(code.as_slice()));
            let ages = cache.ages();
            let all = (ages.young.len() + ages.old.len()) << 20;
            assert!(all <= CAPACITY + (2 << 20), "{all}");
        }
        assert_eq!(cache.get(&0_u32.to_le_bytes()), None);
        assert!(cache.get(&499_u32.to_le_bytes()).is_some());
    }
}
