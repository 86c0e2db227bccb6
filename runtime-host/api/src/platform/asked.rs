//! What a path and a query ask for, or a problem that says what is wrong with them.
//!
//! It knows how both are read, and pages of lists. It must never know what is on a page.

use crate::platform::problem::{Problem, Refusal};
use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

/// Entries of a page where nobody says.
const PAGE_DEFAULT: usize = 50;
/// Entries of a page at most.
const PAGE_MAX: usize = 100;

/// The parts of a path that stand for something.
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|Path(value)| Self(value)).map_err(|error| Problem::new(Refusal::BadRequest, error.body_text()))
    }
}

/// What stands behind the question mark.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(value)| Self(value)).map_err(|error| Problem::new(Refusal::BadRequest, error.body_text()))
    }
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// Entries at most; 50 unless it says otherwise.
    #[param(minimum = 1, maximum = 100, example = 10)]
    pub(crate) limit: Option<usize>,
    /// The last entry of the page before, as that page said.
    pub(crate) cursor: Option<String>,
}

impl Page {
    /// Entries on it at most.
    pub(crate) fn count_max(&self) -> Result<usize, Problem> {
        self.count_max_or(PAGE_DEFAULT)
    }

    /// The same, of a list that has another number of entries where nobody says.
    pub(crate) fn count_max_or(&self, default: usize) -> Result<usize, Problem> {
        let count = self.limit.unwrap_or(default);
        if (1..=PAGE_MAX).contains(&count) {
            return Ok(count);
        }
        Err(Problem::new(Refusal::Invalid, format!("limit must be between 1 and {PAGE_MAX}")))
    }
}

/// Cuts what was read, one entry more than the page has, and says where the next one begins.
pub(crate) fn cut<T>(found: &mut Vec<T>, count_max: usize, cursor: impl Fn(&T) -> String) -> Option<String> {
    let is_more = found.len() > count_max;
    found.truncate(count_max);
    if is_more { found.last().map(cursor) } else { None }
}
