use crate::error::Error;

/// Carries `work` out whole. A handler is dropped when its client goes away; what changes the host
/// must not stop halfway then, so it has a task of its own.
pub(crate) async fn whole<T, E, F>(work: F) -> Result<T, Error>
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Into<Error> + Send + 'static,
{
    tokio::spawn(work).await?.map_err(Into::into)
}
