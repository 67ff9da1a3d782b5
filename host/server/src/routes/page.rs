use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};

pub(crate) const PAGINATION_NEXT: &str = "x-pagination-next";
pub(crate) const PAGINATION_TOTAL: &str = "x-pagination-total";

/// A part of a list, with the headers that say where it goes on and how long the whole is.
pub(crate) fn paged(list: Response, offset: usize, shown: usize, total: usize) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(PAGINATION_TOTAL, HeaderValue::from(total));
    let next = offset.saturating_add(shown);
    if shown > 0 && next < total {
        headers.insert(PAGINATION_NEXT, HeaderValue::from(next));
    }
    (headers, list).into_response()
}
