//! What is remembered of producers and their transactions (Kafka's `TransactionLogConfig` and `TransactionStateManagerConfig`).

use crate::config::key::{
    Check::*,
    Effect::{self, *},
    table,
};

const NO_TRANSACTIONS_YET: Effect = Nothing("transactions are not built yet");

table! {
    /// See the module.
    pub struct Transactions {
        fields {
            // Producers and transactions.
            producer_id_expiration_ms: i32 = "producer.id.expiration.ms", "86400000", AtLeast(1), Live, [], "Milliseconds after which the sequence of a silent producer is forgotten, by the time of its records.";
            producer_id_expiration_check_interval_ms: i32 = "producer.id.expiration.check.interval.ms", "600000", AtLeast(1), Restart, [], "Milliseconds between looks for silent producers.";
            transaction_state_log_num_partitions: i32 = "transaction.state.log.num.partitions", "50", AtLeast(1), NO_TRANSACTIONS_YET, [], "Partitions of __transaction_state; must not change once it exists.";
            transaction_state_log_replication_factor: i16 = "transaction.state.log.replication.factor", "3", AtLeast(1), NO_TRANSACTIONS_YET, [], "Replicas of __transaction_state, capped by the brokers alive when it is created.";
            transaction_state_log_min_isr: i32 = "transaction.state.log.min.isr", "2", AtLeast(1), NO_TRANSACTIONS_YET, [], "min.insync.replicas of __transaction_state, capped by its replicas.";
            transaction_state_log_segment_bytes: i32 = "transaction.state.log.segment.bytes", "104857600", AtLeast(1_048_576), NO_TRANSACTIONS_YET, [], "segment.bytes of __transaction_state.";
            transaction_max_timeout_ms: i32 = "transaction.max.timeout.ms", "900000", AtLeast(1), NO_TRANSACTIONS_YET, [], "Longest transaction timeout in milliseconds that a producer may ask for.";
            transactional_id_expiration_ms: i32 = "transactional.id.expiration.ms", "604800000", AtLeast(1), NO_TRANSACTIONS_YET, [], "Milliseconds after which an unused transactional id is forgotten.";
            transaction_abort_timed_out_transaction_cleanup_interval_ms: i32 = "transaction.abort.timed.out.transaction.cleanup.interval.ms", "10000", AtLeast(1), NO_TRANSACTIONS_YET, [], "Milliseconds between looks for transactions that are over their time.";
            transaction_remove_expired_transaction_cleanup_interval_ms: i32 = "transaction.remove.expired.transaction.cleanup.interval.ms", "3600000", AtLeast(1), NO_TRANSACTIONS_YET, [], "Milliseconds between looks for transactional ids to forget.";
            transaction_partition_verification_enable: bool = "transaction.partition.verification.enable", "true", Any, NO_TRANSACTIONS_YET, [], "Whether a transactional batch is checked against the coordinator before it is appended.";
        }
        without_field {
            i32 = "transaction.state.log.load.buffer.size", "5242880", Any, Nothing("coordinators load through the ordinary read path"), [], "Bytes per read when transactions are loaded.";
            i32 = "add.partitions.to.txn.retry.backoff.max.ms", "100", Any, NO_TRANSACTIONS_YET, [], "Most milliseconds between tries to add partitions to a transaction.";
            i32 = "add.partitions.to.txn.retry.backoff.ms", "20", Any, NO_TRANSACTIONS_YET, [], "Milliseconds between tries to add partitions to a transaction.";
            bool = "transaction.two.phase.commit.enable", "false", Any, NO_TRANSACTIONS_YET, [], "Whether transactions may be prepared by others (KIP-939).";
        }
    }
}
