//! Each safety rule is taken away in turn, and the walk must notice within its budget of seeds. Races of too many rare
//! events for a short walk have a story of their own (`kills:` in `scripts`).

use super::{
    walk::{Variant, find_fault},
    *,
};

/// Seeds for each variant and number of replicas.
const SEEDS: u64 = 2_500;

/// Rules that stories show to be needed. Those of D9 and D10 are about answers, not about data.
const BY_STORY: &[&str] = &[
    "epoch_floor",
    "adopt_before_use",
    "ack_of_own_epoch",
    "progress_reset",
    "unclean_starts_over",
    "recovering_alone",
    "produce_needs_min_isr",
    "latest_after_epoch_start",
];

fn variants() -> Vec<(&'static str, Variant)> {
    let production = Variant::production();
    let mut variants: Vec<(&str, Variant)> = Rules::NAMES
        .iter()
        .filter(|name| !BY_STORY.contains(name))
        .map(|name| {
            let rules = Rules::without(name).expect("it is in the list");
            (*name, Variant { rules, ..production })
        })
        .collect();
    variants.push((
        "min ISR from elsewhere",
        Variant {
            min_isr_elsewhere: true,
            ..production
        },
    ));
    variants.push((
        "acks before they are durable",
        Variant {
            acks_at_once: true,
            ..production
        },
    ));
    variants
}

#[test]
fn the_walk_notices_a_missing_rule() {
    let survivors: Vec<&str> = variants()
        .into_iter()
        .filter(|(_, variant)| {
            let finds = |replicas| (0..SEEDS).any(|seed| find_fault(seed, replicas, *variant).is_some());
            !finds(3) && !finds(5)
        })
        .map(|(name, _)| name)
        .collect();
    assert_eq!(survivors, Vec::<&str>::new());
}

#[test]
fn a_rule_is_found_by_its_name() {
    assert_eq!(
        Rules::without("ack_only_matched").map(|rules| rules.ack_only_matched),
        Some(false)
    );
    assert_eq!(Rules::without("no such rule"), None);
}
