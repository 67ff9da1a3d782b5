use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::Confinement;
use crate::machine::MAX_MEMORIES;

/// Descriptors of a run: what a guest may hold, and what the host holds for it.
const DESCRIPTORS: u64 = 160;

/// Descriptors of the process itself.
const OWN_DESCRIPTORS: u64 = 128;

/// Bytes that a run takes beside its memories: stacks, tables, texts on their way.
const BESIDE: u64 = 64 << 20;

/// Bytes that the process takes by itself.
const OWN: u64 = 1 << 30;

/// Bytes of address space for compiled code and the stacks of threads.
const ROOM: u64 = 64 << 30;

/// Bytes of address space that a memory takes where there is no pool: what an address of 32 bits
/// reaches, and what is around that so that nothing needs to be checked.
const MEMORY: u64 = 8 << 30;

/// Limits what the process may take of the system.
pub(super) fn set(confinement: &Confinement) -> io::Result<()> {
    let slots = u64::from(confinement.slots).saturating_add(1);
    for (resource, most) in [
        (Resource::Core, 0),
        (Resource::Fsize, confinement.file),
        (Resource::Nofile, slots.saturating_mul(DESCRIPTORS).saturating_add(OWN_DESCRIPTORS)),
        (Resource::Data, memory(confinement)),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
    ] {
        lower(resource, most)?;
    }
    Ok(())
}

/// Limits the address space to what the process has by now, and what its runs may add: the pool of
/// memories takes terabytes of it, of which next to nothing is there.
pub(in crate::runners) fn bound_address_space(confinement: &Confinement) -> io::Result<()> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_ascii_whitespace().next().and_then(|pages| pages.parse().ok());
    let pages: u64 = pages.ok_or_else(|| io::Error::other("/proc/self/statm is not as it was"))?;
    let taken = pages.saturating_mul(rustix::param::page_size() as u64);
    let memories = u64::from(confinement.slots).saturating_add(1) * u64::from(MAX_MEMORIES);
    let reserved = memories.saturating_mul(MEMORY);
    let most =
        [taken, reserved, memory(confinement), ROOM].into_iter().fold(0, u64::saturating_add);
    lower(Resource::As, most)
}

/// Bytes of memory that the process may write to.
fn memory(confinement: &Confinement) -> u64 {
    let slots = u64::from(confinement.slots).saturating_add(1);
    slots.saturating_mul(confinement.memory.saturating_add(BESIDE)).saturating_add(OWN)
}

fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let allowed = getrlimit(resource).maximum;
    let most = Some(allowed.map_or(most, |allowed| allowed.min(most)));
    Ok(setrlimit(resource, Rlimit { current: most, maximum: most })?)
}
