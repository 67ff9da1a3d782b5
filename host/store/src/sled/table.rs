use crate::record::{
    StoredAssistant, StoredCall, StoredCheckpoint, StoredCron, StoredCronStats, StoredDay,
    StoredDelivery, StoredFire, StoredItem, StoredKey, StoredLease, StoredRun, StoredThread,
    StoredVersion,
};

macro_rules! tables {
    ($($(#[$doc:meta])+ $table:ident = $name:literal,)+) => {
        /// A tree of the database. Ids are 16 bytes, instants 8; see [`super::keys`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Table {
            $($(#[$doc])+ $table,)+
        }

        impl Table {
            /// Every table, in the order of their declaration.
            pub(super) const ALL: &[Self] = &[$(Self::$table,)+];

            /// The name of the tree.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$table => $name,)+ }
            }
        }
    };
}

tables! {
    /// What is known of the database itself, by name.
    Meta = "meta",
    /// Assistant → record.
    Assistants = "assistants",
    /// Assistant ‖ version → record.
    AssistantVersions = "assistant_versions",
    /// Thread → record.
    Threads = "threads",
    /// Thread ‖ step, counted down so that the newest is first → record.
    Checkpoints = "checkpoints",
    /// Thread ‖ checkpoint → its step.
    CheckpointSteps = "checkpoint_steps",
    /// Run → record.
    Runs = "runs",
    /// Thread ‖ created ‖ run.
    RunsByThread = "runs_by_thread",
    /// Created ‖ run.
    RunsByTime = "runs_by_time",
    /// Cron ‖ created ‖ run.
    RunsByCron = "runs_by_cron",
    /// Ended ‖ run, for runs whose thread went away with them.
    Orphans = "orphans",
    /// Thread ‖ created ‖ run, of pending runs → available.
    Pending = "pending",
    /// Thread ‖ available ‖ run, of pending runs.
    Waiting = "waiting",
    /// Thread → its lane, while it has pending or running runs.
    Lanes = "lanes",
    /// Available ‖ thread, of threads with pending and without running runs.
    Ready = "ready",
    /// Run → its lease, of running runs.
    Running = "running",
    /// Expiry ‖ thread, of threads that go or shrink when they were not used until then and that
    /// are not busy.
    Expiries = "expiries",
    /// Cron → record.
    Crons = "crons",
    /// Thread ‖ cron.
    CronsByThread = "crons_by_thread",
    /// Due ‖ cron.
    Due = "due",
    /// Ended ‖ cron.
    CronsEnded = "crons_ended",
    /// Cron → what has become of its fires.
    CronStats = "cron_stats",
    /// Cron ‖ created ‖ run, of unfinished runs that are queued or running.
    CronRuns = "cron_runs",
    /// Cron ‖ created ‖ run, of runs that wait for those.
    CronHeld = "cron_held",
    /// Cron ‖ scheduled, ‖ run where no schedule made the fire → record.
    Fires = "fires",
    /// Labels ‖ key → record; see [`super::item_keys`].
    Items = "items",
    /// Expires ‖ labels ‖ key.
    ItemsByExpiry = "items_by_expiry",
    /// Run ‖ number → record, of calls of language models while the run is unfinished.
    Journal = "journal",
    /// Day ‖ kind ‖ name → its tokens.
    Tokens = "tokens",
    /// API key → record.
    Keys = "keys",
    /// Delivery → record.
    Deliveries = "deliveries",
    /// Created ‖ delivery.
    DeliveriesByTime = "deliveries_by_time",
    /// Next attempt ‖ delivery, of pending ones → whether it was handed out, and its origin.
    DeliveriesDue = "deliveries_due",
}

/// A record that has a table of its own.
pub(super) trait Record {
    /// Where it is kept.
    const TABLE: Table;
    /// What it is, for people.
    const WHAT: &'static str;
}

macro_rules! records {
    ($($type:ty => $table:ident $what:literal,)+) => {$(
        impl Record for $type {
            const TABLE: Table = Table::$table;
            const WHAT: &'static str = $what;
        }
    )+};
}

records! {
    StoredAssistant => Assistants "assistant",
    StoredVersion => AssistantVersions "version of an assistant",
    StoredThread => Threads "thread",
    StoredCheckpoint => Checkpoints "checkpoint",
    StoredRun => Runs "run",
    StoredLease => Running "lease",
    StoredCron => Crons "cron",
    StoredCronStats => CronStats "statistics of a cron",
    StoredFire => Fires "fire",
    StoredItem => Items "item",
    StoredCall => Journal "call of a model",
    StoredDay => Tokens "tokens of a day",
    StoredKey => Keys "API key",
    StoredDelivery => Deliveries "delivery",
}
