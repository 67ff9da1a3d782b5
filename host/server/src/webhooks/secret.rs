use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;
use uuid::Uuid;
use wakeful::core::{DeliveryId, Digest, Timestamp};

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// The file in the data folder that keeps the secret, if the settings name none.
const FILE: &str = wakeful::WEBHOOK_SECRET;

/// What messages are signed with: `whsec_` and 24 to 64 bytes in base64, as Standard Webhooks
/// says. Shown only by [`WebhookSecret::reveal`].
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

/// Text that is not a secret. The text itself is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "a webhook secret is `whsec_` and 24 to 64 bytes in base64; `wakeful webhooks secret` prints one"
)]
pub struct InvalidSecret;

impl WebhookSecret {
    /// A new random one.
    pub fn generate() -> Self {
        let random: Vec<u8> = (0..4).flat_map(|_| Uuid::new_v4().into_bytes()).collect();
        Self(Digest::of(&random).as_bytes().to_vec())
    }

    /// The one in the data folder; a new one is put there if there is none.
    ///
    /// # Errors
    /// When the file can neither be read nor made, or is not a secret.
    pub fn of_folder(data: &Path) -> io::Result<Self> {
        let path = data.join(FILE);
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        match std::fs::read_to_string(&path) {
            Ok(text) => text
                .trim()
                .parse()
                .map_err(|invalid| named(io::Error::new(ErrorKind::InvalidData, invalid))),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let secret = Self::generate();
                match secret.keep(data, &path) {
                    // Somebody else was faster.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => Self::of_folder(data),
                    kept => kept.map(|()| secret).map_err(named),
                }
            }
            Err(error) => Err(named(error)),
        }
    }

    /// Writes the file whole or not at all, and never over another.
    fn keep(&self, data: &Path, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(data)?;
        let draft = data.join(format!("{FILE}.{}", Uuid::new_v4()));
        let kept = write_private(&draft, &format!("{}\n", self.reveal()))
            .and_then(|()| std::fs::hard_link(&draft, path));
        let _ = std::fs::remove_file(&draft);
        kept?;
        std::fs::File::open(data)?.sync_all()
    }

    /// The secret as receivers need it.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(&self.0))
    }

    /// The signature of a message.
    pub(super) fn sign(&self, id: DeliveryId, at: Timestamp, body: &[u8]) -> String {
        // A key may have any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{}.", at.as_second()).as_bytes());
        mac.update(body);
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

impl FromStr for WebhookSecret {
    type Err = InvalidSecret;

    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(InvalidSecret)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| InvalidSecret)?;
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(InvalidSecret) }
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_of_a_folder_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = WebhookSecret::of_folder(&data).unwrap();
        assert_eq!(WebhookSecret::of_folder(&data).unwrap(), first);
        assert_ne!(WebhookSecret::generate(), first);
        assert_eq!(first.reveal().parse(), Ok(first.clone()));
        assert!(!format!("{first:?}").contains(&first.reveal()));
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(data.join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(data.join(FILE), "whsec_short").unwrap();
        let problem = WebhookSecret::of_folder(&data).unwrap_err().to_string();
        assert!(problem.contains(FILE) && problem.contains("base64"), "{problem}");
    }

    #[test]
    fn what_is_not_a_secret_is_refused() {
        for bad in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!"] {
            assert_eq!(bad.parse::<WebhookSecret>(), Err(InvalidSecret), "{bad}");
        }
        assert!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse::<WebhookSecret>().is_ok());
    }
}
