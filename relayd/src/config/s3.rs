//! How a bucket is reached: by the variables that other programs for S3 read, too. None of it is in the file, so that no secret is.

use super::ConfigError;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Endpoint, region and credentials of an S3-compatible store.
#[derive(Clone)]
pub(crate) struct S3Access {
    /// `AWS_ENDPOINT_URL_S3`, or `AWS_ENDPOINT_URL`; Amazon's own if neither is set.
    pub(crate) endpoint: Option<String>,
    /// `AWS_REGION`, or `AWS_DEFAULT_REGION`; `us-east-1` if neither is set.
    pub(crate) region: String,
    /// `AWS_ACCESS_KEY_ID`, or `aws_access_key_id` in the file that `AWS_SHARED_CREDENTIALS_FILE` names.
    pub(crate) key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`, or `aws_secret_access_key` in that file.
    pub(crate) secret: Zeroizing<String>,
    /// `AWS_SESSION_TOKEN`, or `aws_session_token` in that file.
    pub(crate) session_token: Option<Zeroizing<String>>,
}

impl std::fmt::Debug for S3Access {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("S3Access")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl S3Access {
    /// Reads the environment, and the file that it may name.
    ///
    /// # Errors
    /// [`ConfigError`], naming the variable.
    pub(crate) fn from_environment() -> Result<Self, ConfigError> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let file = match variable("AWS_SHARED_CREDENTIALS_FILE").map(PathBuf::from) {
            None => None,
            Some(path) => Some(std::fs::read_to_string(&path).map(Zeroizing::new).map_err(
                |error| {
                    let problem = format!("cannot be read: {error}");
                    ConfigError::in_file(&path, None, problem)
                },
            )?),
        };
        Self::read(variable, file.as_deref().map(String::as_str))
    }

    fn read(
        variable: impl Fn(&str) -> Option<String>,
        file: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let profile = variable("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
        let either = |name: &str, key: &str| {
            let given = variable(name).map(Zeroizing::new);
            given.or_else(|| profile_value(file?, &profile, key))
        };
        let required = |name: &'static str, key: &str| {
            either(name, key).ok_or_else(|| {
                let problem = format!(
                    "a bucket needs {name} in the environment, or {key} in the section [{profile}] of the file that \
                     AWS_SHARED_CREDENTIALS_FILE names"
                );
                ConfigError::together("blob_store", &problem)
            })
        };
        let endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
        if let Some(endpoint) = &endpoint
            && !(endpoint.starts_with("https://") || endpoint.starts_with("http://"))
        {
            return Err(ConfigError::together(
                "blob_store",
                "AWS_ENDPOINT_URL must begin with https://, or with http:// for a network that is trusted",
            ));
        }
        let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
        Ok(Self {
            endpoint,
            region: region.unwrap_or_else(|| "us-east-1".to_owned()),
            key_id: required("AWS_ACCESS_KEY_ID", "aws_access_key_id")?.to_string(),
            secret: required("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key")?,
            session_token: either("AWS_SESSION_TOKEN", "aws_session_token"),
        })
    }
}

/// The value of `key = value` in the section of a profile.
fn profile_value(file: &str, profile: &str, key: &str) -> Option<Zeroizing<String>> {
    let mut inside = false;
    for line in file.lines().map(str::trim) {
        if let Some(section) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            inside = section.trim() == profile;
        } else if inside
            && let Some((name, value)) = line.split_once('=')
            && name.trim() == key
        {
            return Some(Zeroizing::new(value.trim().to_owned()));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# keys\n[default]\naws_access_key_id = FILEID\naws_secret_access_key=file/secret=\n\n\
        [other]\naws_access_key_id = OTHERID\naws_secret_access_key = other\naws_session_token = token\n";

    fn read(variables: &[(&str, &str)], file: Option<&str>) -> Result<S3Access, String> {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        S3Access::read(variable, file).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_comes_before_the_file() {
        let access = read(&[], Some(FILE)).unwrap();
        assert_eq!(
            (access.key_id.as_str(), access.secret.as_str()),
            ("FILEID", "file/secret=")
        );
        assert_eq!(
            (access.endpoint, access.region.as_str()),
            (None, "us-east-1")
        );
        assert!(access.session_token.is_none());
        let access = read(
            &[("AWS_PROFILE", "other"), ("AWS_SECRET_ACCESS_KEY", "mine")],
            Some(FILE),
        )
        .unwrap();
        assert_eq!(
            (access.key_id.as_str(), access.secret.as_str()),
            ("OTHERID", "mine")
        );
        assert_eq!(access.session_token.unwrap().as_str(), "token");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named_and_no_secret_is_shown() {
        let missing = read(&[("AWS_ACCESS_KEY_ID", "ID")], None).unwrap_err();
        assert!(missing.contains("AWS_SECRET_ACCESS_KEY"), "{missing}");
        let keys = [
            ("AWS_ACCESS_KEY_ID", "ID"),
            ("AWS_SECRET_ACCESS_KEY", "hidden"),
        ];
        let with = |more| read(&[&keys[..], &[more]].concat(), None);
        assert!(
            with(("AWS_ENDPOINT_URL", "minio:9000"))
                .unwrap_err()
                .contains("https://")
        );
        let access = with(("AWS_ENDPOINT_URL_S3", "http://minio:9000")).unwrap();
        assert_eq!(access.endpoint.as_deref(), Some("http://minio:9000"));
        assert!(!format!("{access:?}").contains("hidden"));
    }
}
