use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets the process hold as many connections and files open as the system allows it. What it may
/// by default, often 1024, is too little for a server with thousands of open streams.
pub(super) fn open_as_many_as_allowed() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where this is refused, the server serves as many as before.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_on_open_files_is_the_highest_allowed() {
        open_as_many_as_allowed();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
