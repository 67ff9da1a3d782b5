use std::io::Read;
use std::path::Path;

use wakeful_core::{Grants, HeldSecret, Provision, SecretSource, SecretValue, VariableSource};

use super::GrantBounds;

impl GrantBounds {
    /// Reads what a run is given of these grants, anew for each run: a secret may be exchanged at
    /// any time.
    ///
    /// # Errors
    ///
    /// Says which variable or file is missing, and nothing of what any of them holds.
    pub(crate) async fn provide(&self, grants: &Grants) -> Result<Provision, String> {
        if grants.environment.is_empty() && grants.secrets.is_empty() {
            return Ok(Provision::default());
        }
        let mut environment = Vec::new();
        for variable in &grants.environment {
            let value = match &variable.value {
                VariableSource::Text(text) => text.clone(),
                VariableSource::Host(name) => self.text(name).map_err(|problem| {
                    format!("variable {} of the assistant's .toml: {problem}", variable.name)
                })?,
            };
            environment.push((variable.name.clone(), value));
        }
        let mut secrets = Vec::new();
        for grant in &grants.secrets {
            let value = self.secret(&grant.source).await.map_err(|problem| {
                format!("secret {} of the assistant's .toml: {problem}", grant.name)
            })?;
            secrets.push(HeldSecret { grant: grant.clone(), value });
        }
        Ok(Provision { environment, secrets })
    }

    fn text(&self, name: &str) -> Result<String, String> {
        let value = self.variables.read(name);
        let value = value.ok_or_else(|| {
            format!("the host's environment has no {name}; set it where the host is started")
        })?;
        value.into_string().map_err(|_| format!("the host's {name} is not valid UTF-8"))
    }

    /// Reads a secret. The error says nothing of what it is.
    pub(crate) async fn secret(&self, source: &SecretSource) -> Result<SecretValue, String> {
        let bytes = match source {
            SecretSource::Host(name) => self.text(name)?.into_bytes(),
            SecretSource::File(path) => {
                let path = path.clone();
                tokio::task::spawn_blocking(move || read(&path))
                    .await
                    .map_err(|_| "the host is shutting down".to_owned())??
            }
        };
        SecretValue::new(bytes)
    }
}

/// What is in a file, without white space at its end.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    // One more than a secret may have, and a line end.
    let most = SecretValue::LONGEST as u64 + 3;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(most).read_to_end(&mut bytes))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    bytes.truncate(bytes.trim_ascii_end().len());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use wakeful_core::{SecretGrant, VariableGrant, VariableSource};

    use super::*;
    use crate::HostEnvironment;

    #[tokio::test]
    async fn values_come_from_the_environment_and_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "from-a-file\n").unwrap();
        let variables = HostEnvironment::new(|name| match name {
            "HERE" => Some("here-it-is".into()),
            "SHORT" => Some(OsString::from("short")),
            _ => None,
        });
        let bounds = GrantBounds { variables, ..GrantBounds::default() };
        let secret = |source| SecretGrant {
            name: "S".to_owned(),
            source,
            to: Vec::new(),
            header: "authorization".to_owned(),
        };
        let named = |name: &str| SecretSource::Host(name.to_owned());
        let grants = Grants {
            environment: vec![VariableGrant {
                name: "V".to_owned(),
                value: VariableSource::Host("HERE".to_owned()),
            }],
            secrets: vec![secret(named("HERE")), secret(SecretSource::File(file))],
            ..Grants::default()
        };
        let given = bounds.provide(&grants).await.unwrap();
        assert_eq!(given.environment, [("V".to_owned(), "here-it-is".to_owned())]);
        let values: Vec<_> = given.secrets.iter().map(|it| it.value.expose()).collect();
        assert_eq!(values, [b"here-it-is".as_slice(), b"from-a-file"]);
        assert!(!format!("{:?}", given.secrets).contains("from-a-file"));

        for (source, expected) in [
            (named("GONE"), "the host's environment has no GONE"),
            (named("SHORT"), "it has 5 bytes"),
            (SecretSource::File("/no/such/file".into()), "/no/such/file"),
        ] {
            let grants = Grants { secrets: vec![secret(source)], ..Grants::default() };
            let problem = bounds.provide(&grants).await.unwrap_err();
            assert!(problem.starts_with("secret S") && problem.contains(expected), "{problem}");
        }
    }
}
