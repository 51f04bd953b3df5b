//! The keys that sign and verify passes.

use std::fmt;

use super::{InvalidKeys, KeyId, KeyedMac, decode, entries, keyed_mac};

/// The keys that sign and verify passes. The first one signs.
#[derive(Clone)]
pub struct PassKeys {
    keys: Vec<(KeyId, KeyedMac)>,
}

impl PassKeys {
    /// Parses `id:base64,id:base64`, each key of at least 32 bytes; the first one signs, all
    /// verify.
    pub fn parse(text: &str) -> Result<Self, InvalidKeys> {
        let keys = entries(text, "`id:base64 of at least 32 bytes`")?
            .into_iter()
            .map(|(id, material)| {
                let mac = keyed_mac(&id, &decode(&id, material)?)?;
                Ok((id, mac))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { keys })
    }

    /// The key that signs.
    pub(crate) fn current(&self) -> Option<(&KeyId, &KeyedMac)> {
        self.keys.first().map(|(id, mac)| (id, mac))
    }

    /// The key with this id.
    pub(crate) fn get(&self, id: &[u8]) -> Option<&KeyedMac> {
        self.keys
            .iter()
            .find(|it| it.0.as_str().as_bytes() == id)
            .map(|it| &it.1)
    }
}

impl fmt::Debug for PassKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(|it| it.0.as_str()))
            .finish()
    }
}
