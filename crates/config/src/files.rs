//! Variables whose value is in a file, as Docker and Kubernetes mount secrets: `EDGEREEL_API_TOKEN_FILE=/run/secrets/token`
//! sets `EDGEREEL_API_TOKEN`.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read as _;

/// Prefix of all variables.
pub(super) const PREFIX: &str = "EDGEREEL_";
const SUFFIX: &str = "_FILE";

/// The largest file that is read, bytes. Key rings are the largest values.
const MAX_BYTES: u64 = 64 << 10;

/// Reads the file of each variable `EDGEREEL_..._FILE`. Returns the values by the names without `_FILE`, and, by the same
/// names, a message for each file that cannot be read and for each value that is also set directly.
pub(super) fn read(
    variables: &HashMap<String, String>,
) -> (HashMap<String, String>, BTreeMap<String, String>) {
    let (mut values, mut problems) = (HashMap::new(), BTreeMap::new());
    for (variable, path) in variables {
        let Some(name) = variable
            .strip_suffix(SUFFIX)
            .filter(|name| name.starts_with(PREFIX))
        else {
            continue;
        };
        if variables.contains_key(name) {
            problems.insert(
                name.to_owned(),
                format!("{name} and {variable} are both set: unset one"),
            );
            continue;
        }
        match contents(path) {
            Ok(value) => drop(values.insert(name.to_owned(), value.trim().to_owned())),
            Err(error) => drop(problems.insert(
                name.to_owned(),
                format!("{variable}: cannot read the file: {error}"),
            )),
        }
    }
    (values, problems)
}

fn contents(path: &str) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(std::io::Error::other(format!(
            "it is larger than {MAX_BYTES} bytes"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, contents: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, contents).unwrap();
            path.display().to_string()
        };
        let set = |variables: &[(&str, &str)]| {
            read(
                &variables
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            )
        };
        let token = path("token", b"secret\n");

        let (values, problems) =
            set(&[("EDGEREEL_API_TOKEN_FILE", &token), ("OTHER_FILE", &token)]);
        assert_eq!(
            (
                values.len(),
                values["EDGEREEL_API_TOKEN"].as_str(),
                problems.len()
            ),
            (1, "secret", 0)
        );

        let (values, problems) = set(&[
            ("EDGEREEL_API_TOKEN", "other"),
            ("EDGEREEL_API_TOKEN_FILE", &token),
        ]);
        assert!(values.is_empty());
        let problem = "EDGEREEL_API_TOKEN and EDGEREEL_API_TOKEN_FILE are both set: unset one";
        assert_eq!(problems["EDGEREEL_API_TOKEN"], problem);

        for bad in [
            "/nowhere/token",
            &path("binary", &[0xff]),
            &path("large", &[b'a'; 70_000]),
        ] {
            let (values, problems) = set(&[("EDGEREEL_DATABASE_FILE", bad)]);
            assert!(values.is_empty());
            assert!(
                problems["EDGEREEL_DATABASE"]
                    .starts_with("EDGEREEL_DATABASE_FILE: cannot read the file: ")
            );
        }
    }
}
