//! The laws that every backend keeps, each an async function that panics where one is broken.
//!
//! [`contract_suite!`](crate::contract_suite) makes a test of each:
//!
//! ```text
//! wakeful_store::contract_suite!(open_an_empty_store().await);
//! ```
//!
//! The expression gives a pair: an `Arc<dyn Store>` without any content, and whatever has to live
//! as long as the store does.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this is test code, in the library only so that every backend can run it"
)]

pub mod assistants;
pub mod crons;
pub mod events;
pub mod expiry;
pub mod files;
pub mod fires;
pub mod items;
pub mod journal;
pub mod keys;
mod kit;
pub mod outbox;
pub mod own_crons;
pub mod queue;
pub mod recovery;
pub mod runs;
pub mod states;
pub mod stats;
pub mod threads;

/// Makes a test of every law, in a module for each topic.
#[macro_export]
macro_rules! contract_suite {
    ($open:expr) => {
        $crate::contract_suite! { @laws $open;
            assistants: [
                an_assistant_is_made_once
                assistants_are_found_by_what_they_contain
                every_change_makes_a_version_after_all_others
                a_change_is_merged_into_what_is_there
                going_back_to_a_version_brings_all_of_it_back
                versions_are_found_by_what_they_contain
                deleting_an_assistant_takes_its_versions_and_crons
                deleting_an_assistant_stops_its_runs
                threads_go_with_their_assistant_if_asked
                a_fire_is_planned_with_the_assistant_as_it_is
                a_fire_and_a_change_of_its_assistant_exclude_each_other
            ]
            threads: [
                a_thread_reads_back_as_it_was_written
                an_id_is_taken_once
                threads_are_found_by_what_they_contain
                pages_are_cut_from_a_sorted_whole
                values_come_back_to_the_last_bit_and_at_any_depth
                deleting_a_thread_deletes_all_of_it
                deleting_a_thread_fences_its_running_run
            ]
            runs: [
                a_run_reads_back_as_it_was_written
                a_run_needs_a_thread
                a_run_can_bring_its_thread
                a_busy_thread_refuses_a_run_that_says_reject
                thread_metadata_is_merged_where_it_is_absent
                a_run_id_is_used_once
                runs_are_inserted_together_or_not_at_all
                runs_are_listed_newest_first
                cancelling_a_pending_run_frees_its_thread
                deleting_a_run_spares_one_that_is_running
                deleting_the_first_of_a_queue_offers_the_second
            ]
            queue: [
                the_longest_waiting_thread_comes_first
                one_thread_runs_one_run_at_a_time
                a_backlog_on_one_thread_delays_no_other
                a_run_does_not_begin_before_it_is_available
                a_delayed_run_does_not_hold_up_the_next
                concurrent_claims_share_the_runs
                a_finished_run_commits_its_checkpoint_with_it
                checkpoints_count_up_and_know_their_parents
                a_running_run_can_commit_before_it_ends
                a_failed_run_leaves_its_thread_as_it_was
                an_interrupted_thread_stays_so_until_it_is_answered
                every_outcome_reads_back
                a_thread_stays_busy_while_runs_wait
                a_temporary_thread_goes_with_its_run
                a_thread_that_is_to_go_waits_for_its_last_run
            ]
            recovery: [
                an_older_claim_is_fenced
                a_requeued_run_keeps_its_place
                a_renewed_lease_is_not_taken_back
                an_ended_lease_is_taken_back
                an_exclusive_host_takes_back_every_run_but_its_own
                a_run_without_attempts_left_fails
                a_forgiven_attempt_does_not_count
            ]
            crons: [
                a_cron_reads_back_as_it_was_written
                a_cron_id_is_taken_once
                crons_are_found_by_what_they_contain
                an_update_names_the_version_it_read
                an_update_moves_the_due_instant
                the_last_accounted_instant_only_grows
                deleting_a_cron_deletes_its_fires
            ]
            own_crons: [
                what_a_run_does_to_crons_comes_with_its_end
                a_run_that_fails_leaves_crons_as_they_were
                crons_do_not_outlive_a_thread_that_goes
                a_run_deletes_no_cron_of_another_thread
                a_run_that_is_deleted_takes_its_crons_along
            ]
            fires: [
                held_runs_begin_when_those_before_have_ended
                a_held_run_without_others_begins_at_once
                fires_by_hand_are_recorded_once_and_beside_those_of_the_schedule
                a_plan_that_minds_other_runs_is_made_of_those_there_are
                a_cron_is_paused_after_as_many_failures_as_it_says
                an_update_can_record_what_it_passes_over
                crons_that_have_ended_are_swept
                crons_on_time_come_before_those_that_are_late
                the_zones_that_were_seen_are_remembered
                a_due_cron_fires_with_all_that_belongs_to_it
                due_crons_come_earliest_first_and_at_most_as_many_as_asked
                a_cron_that_is_not_due_does_not_fire
                concurrent_claims_fire_each_instant_once
                an_update_and_a_fire_exclude_each_other
                a_skipped_fire_is_recorded_without_a_run
                an_instant_fires_once_even_if_it_comes_up_again
                a_thread_that_became_busy_is_planned_anew
                a_fire_on_a_fresh_thread_creates_it
                the_last_fire_leaves_nothing_due
                fires_are_listed_newest_first
            ]
            items: [
                an_item_reads_back_as_it_was_put
                a_replaced_item_keeps_its_creation
                a_deleted_item_is_gone
                a_search_finds_a_namespace_and_all_below_it
                a_search_is_filtered_sorted_and_cut
                a_search_that_finds_too_many_bytes_says_so
                an_expired_item_is_not_there
                expired_items_are_deleted_in_portions
                a_read_can_extend_the_time_of_an_item
                namespaces_are_listed_with_prefix_suffix_and_depth
                a_sweep_keeps_the_values_of_items
                a_time_to_live_without_end_is_for_ever
            ]
            states: [
                a_thread_can_begin_with_a_history
                a_thread_is_patched_key_by_key
                a_copy_goes_its_own_way
                a_state_is_written_only_where_it_was_seen
                a_run_begins_where_it_says
                deleting_a_run_reverts_its_thread
                keeping_the_latest_drops_the_rest
            ]
            expiry: [
                threads_expire_in_the_order_of_their_time
                using_a_thread_restarts_its_time
                a_busy_thread_never_expires
                a_thread_can_shrink_instead_of_going
            ]
            outbox: [
                a_run_that_ends_leaves_a_delivery_if_it_has_a_webhook
                every_way_to_end_leaves_a_delivery
                a_run_that_is_put_back_or_discarded_leaves_none
                a_delivery_has_the_values_that_its_run_did_not_return
                a_claimed_delivery_comes_up_again_only_later
                a_slow_origin_holds_up_no_other
                an_attempt_is_noted_with_what_follows_from_it
                a_final_delivery_can_be_asked_for_again
                a_host_that_starts_releases_what_was_handed_out
                deliveries_are_listed_newest_first
                a_delivery_goes_with_its_run_and_a_pending_one_keeps_it
                a_sweep_forgets_old_deliveries
            ]
            journal: [
                a_call_that_was_paid_for_is_recorded_until_its_run_ends
                a_call_takes_the_place_of_an_earlier_one_and_keeps_its_tokens
                a_call_of_a_run_that_was_taken_away_is_counted_and_not_recorded
                tokens_are_counted_day_by_day
                a_sweep_keeps_the_answers_of_runs_in_progress
            ]
            keys: [
                a_key_reads_back_as_it_was_written
                there_are_at_most_so_many_keys
                a_revoked_key_does_not_come_back
                the_last_use_of_a_key_only_moves_on
            ]
            stats: [
                the_queue_is_measured
                writes_that_were_made_durable_are_counted
            ]
            events: [
                a_run_keeps_its_events_if_asked
                events_of_a_fenced_end_are_not_kept
            ]
            files: [
                a_file_comes_back_under_its_digest
                a_sweep_keeps_what_is_named
                a_sweep_forgets_old_runs_without_a_thread
                a_sweep_forgets_old_fires
                a_check_passes_while_the_store_is_open
                a_closed_store_refuses_everything
            ]
        }
    };
    (@laws $open:expr; $($topic:ident: [$($law:ident)+])+) => {$(
        mod $topic {
            #[allow(unused_imports, reason = "the expression may need what stands around it")]
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $law() {
                    let (store, _guard) = $open;
                    $crate::contract::$topic::$law(store).await;
                }
            )+
        }
    )+};
}
