//! The link with which `edgereel dev` signs a browser in.

use std::sync::{Arc, Mutex, PoisonError};

use domain::ids::hex;
use platform::secret::Secret;
use subtle::ConstantTimeEq as _;

/// A link that works once. Clones share its state.
#[derive(Clone)]
pub struct SignInLink(Arc<State>);

struct State {
    token: Secret,
    code: Mutex<String>,
    announce: Box<dyn Fn(&str) + Send + Sync>,
}

impl SignInLink {
    /// A link that signs in with `token`. When a browser has used it, `announce` is called with the path of the next
    /// one.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn new(
        token: Secret,
        announce: impl Fn(&str) + Send + Sync + 'static,
    ) -> Result<Self, getrandom::Error> {
        let code = Mutex::new(new_code()?);
        Ok(Self(Arc::new(State {
            token,
            code,
            announce: Box::new(announce),
        })))
    }

    /// The path of the current link.
    pub fn path(&self) -> String {
        let code = self.0.code.lock().unwrap_or_else(PoisonError::into_inner);
        format!("/sign-in?code={code}")
    }

    /// The token, if the code is that of the current link, which ends with this call.
    pub(crate) fn exchange(&self, presented: &str) -> Option<Secret> {
        {
            let mut code = self.0.code.lock().unwrap_or_else(PoisonError::into_inner);
            if code.is_empty() || !bool::from(code.as_bytes().ct_eq(presented.as_bytes())) {
                return None;
            }
            // Under the same lock: of two browsers with one link, one is signed in.
            code.clear();
        }
        match new_code() {
            Ok(code) => {
                *self.0.code.lock().unwrap_or_else(PoisonError::into_inner) = code;
                (self.0.announce)(&self.path());
            }
            Err(problem) => tracing::warn!("cannot create another sign-in link: {problem}"),
        }
        Some(self.0.token.clone())
    }
}

fn new_code() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes)?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_works_once() {
        let links: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = links.clone();
        let link = SignInLink::new(Secret::new("er_1"), move |it| {
            seen.lock().unwrap().push(it.to_owned())
        })
        .unwrap();
        let code = |path: String| path.rsplit_once('=').unwrap().1.to_owned();
        let first = code(link.path());
        assert!(link.exchange("").is_none() && link.exchange("0").is_none());
        assert_eq!(link.exchange(&first).unwrap().expose(), "er_1");
        assert!(link.exchange(&first).is_none());
        let next = code(links.lock().unwrap().pop().unwrap());
        assert_eq!(link.exchange(&next).unwrap().expose(), "er_1");
    }
}
