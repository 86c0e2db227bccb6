//! Budgets as casts meet them: reserved before, settled after, and never passed.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod platform;

use platform::{acme, answer, at, cast, count, database, idempotency, other};
use spell_cast::{Allowance, Budget, Budgets, EngineChoice, FailedKind, Ledger, Month, OperatorCap, OverBudget, Quotas, Reserved};
use spell_store::Database;
use std::sync::Arc;
use tokio::task::JoinSet;

/// January 1970.
const FIRST: Month = Month(0);

fn capped(budget_cents: u64) -> Allowance {
    Allowance { budget_cents: Some(budget_cents), quotas: Quotas::unbounded() }
}

async fn amounts(database: &Database, month: Month) -> (u64, u64) {
    let Budget { spent_cents, reserved_cents, .. } = database.budget(&acme(), month).await.unwrap();
    (spent_cents, reserved_cents)
}

#[tokio::test]
async fn what_a_cast_may_cost_is_set_aside_and_what_it_costs_is_spent() {
    let (directory, on_disk) = database();
    for database in [on_disk, Database::in_memory().unwrap()] {
        assert_eq!(database.reserve(cast(acme(), "cast_1", at(50)), Some(idempotency("k", 1)), 36).await, Ok(Reserved::New));
        assert_eq!(amounts(&database, FIRST).await, (0, 36));
        let again = database.reserve(cast(acme(), "cast_2", at(50)), Some(idempotency("k", 1)), 36).await;
        assert!(matches!(again, Ok(Reserved::Known(_))), "{again:?}");
        assert_eq!(amounts(&database, FIRST).await, (0, 36), "nothing is set aside for what does not run");
        database.finish("cast_1", answer("hello")).await.unwrap();
        assert_eq!(amounts(&database, FIRST).await, (4, 0));
        assert!(database.finish("cast_1", answer("hello")).await.is_err());
        assert_eq!(amounts(&database, FIRST).await, (4, 0), "a cast is paid once");
        assert_eq!(database.budget(&other(), FIRST).await, Ok(Budget::default()));
        assert_eq!(amounts(&database, Month(1)).await, (0, 0));
    }
    assert_eq!(Database::open(directory.path()).unwrap().budget(&acme(), FIRST).await.unwrap().spent_cents, 4);
}

#[tokio::test]
async fn who_has_not_enough_left_is_told_so_and_burns_no_key() {
    let (_directory, database) = database();
    database.grant(capped(100));
    database.reserve(cast(acme(), "cast_1", at(50)), None, 60).await.unwrap();
    let key = || Some(idempotency("k", 1));
    let over = OverBudget { spent_cents: 0, reserved_cents: 60, cap_cents: 100, cost_cents_max: 60 };
    assert_eq!(database.reserve(cast(acme(), "cast_2", at(50)), key(), 60).await, Ok(Reserved::OverBudget(over)));
    assert_eq!(database.reserve(cast(other(), "cast_3", at(50)), key(), 60).await, Ok(Reserved::New), "another tenant has its own");
    assert_eq!(database.known(&acme(), &idempotency("k", 1)).await, Ok(None));
    assert_eq!(database.casts(&acme(), None, 10).await.unwrap().len(), 1);
    let next_month = Month::of(at(50)).end();
    assert_eq!(database.reserve(cast(acme(), "cast_4", next_month), None, 60).await, Ok(Reserved::New), "a month later there is anew");
    database.finish("cast_1", answer("hello")).await.unwrap();
    assert_eq!(database.reserve(cast(acme(), "cast_5", at(50)), key(), 60).await, Ok(Reserved::New));
    assert_eq!(amounts(&database, FIRST).await, (4, 60));
}

#[tokio::test]
async fn a_replay_is_answered_also_when_nothing_is_left() {
    let (_directory, database) = database();
    database.grant(capped(36));
    database.reserve(cast(acme(), "cast_1", at(50)), Some(idempotency("k", 1)), 36).await.unwrap();
    database.set_own_cap(&acme(), Some(0)).await.unwrap();
    let again = database.reserve(cast(acme(), "cast_2", at(50)), Some(idempotency("k", 1)), 36).await;
    assert!(matches!(again, Ok(Reserved::Known(_))), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_casts_at_the_edge_of_a_cap_never_pass_it() {
    let (_directory, database) = database();
    database.grant(capped(1_000));
    let database = Arc::new(database);
    let mut tasks = JoinSet::new();
    for number in 0..100 {
        let database = Arc::clone(&database);
        tasks.spawn(async move {
            let id = format!("cast_{number}");
            let reserved = database.reserve(cast(acme(), &id, at(50)), Some(idempotency(&id, 1)), 36).await.unwrap();
            let (spent, reserved_cents) = amounts(&database, FIRST).await;
            assert!(spent + reserved_cents <= 1_000, "{spent} and {reserved_cents}");
            if reserved == Reserved::New && number % 2 == 0 {
                let mut ending = answer("hello");
                ending.cost_cents = 36;
                database.finish(&id, ending).await.unwrap();
            }
            reserved == Reserved::New
        });
    }
    let admitted = tasks.join_all().await.into_iter().filter(|is_new| *is_new).count() as u64;
    assert_eq!(admitted, 1_000 / 36);
    let (spent, reserved) = amounts(&database, FIRST).await;
    assert_eq!(spent + reserved, 36 * admitted);
}

#[tokio::test]
async fn a_cast_of_which_nobody_knows_what_it_did_has_spent_all_that_it_may_cost() {
    let (directory, first) = database();
    first.reserve(cast(acme(), "cast_1", at(50)), None, 36).await.unwrap();
    first.reserve(cast(acme(), "cast_2", at(50)), None, 10).await.unwrap();
    first.finish("cast_2", answer("hello")).await.unwrap();
    drop(first);
    let next = Database::open(directory.path()).unwrap();
    assert_eq!(next.claim_casts().await, Ok(1));
    assert_eq!(amounts(&next, FIRST).await, (40, 0));
    next.finish("cast_1", answer("late")).await.unwrap();
    assert_eq!(amounts(&next, FIRST).await, (8, 0), "whoever ran it after all knows what it cost");
}

#[tokio::test]
async fn caps_are_kept_and_the_least_of_the_operators_and_the_tenants_counts() {
    let (_directory, database) = database();
    database.grant(capped(500));
    for (operator, own, expected) in [
        (OperatorCap::Default, None, Some(500)),
        (OperatorCap::Cents(900), None, Some(900)),
        (OperatorCap::Cents(900), Some(700), Some(700)),
        (OperatorCap::Uncapped, Some(700), Some(700)),
        (OperatorCap::Uncapped, None, None),
        (OperatorCap::Default, Some(700), Some(500)),
    ] {
        database.set_operator_cap(&acme(), operator).await.unwrap();
        database.set_own_cap(&acme(), own).await.unwrap();
        assert_eq!(database.budget(&acme(), FIRST).await.unwrap().cap_cents(), expected, "{operator:?}, {own:?}");
    }
    database.reserve(cast(other(), "cast_1", at(50)), None, 1).await.unwrap();
    let all = database.all_budgets(FIRST).await.unwrap();
    assert_eq!(all.iter().map(|(tenant, _)| tenant.as_str()).collect::<Vec<_>>(), ["acme", "other"]);
    assert_eq!(database.all_budgets(Month(9)).await.unwrap().len(), 1, "of whom nothing is said, there is nothing in other months");
}

#[tokio::test]
async fn amounts_that_are_too_large_break_no_sum() {
    let (_directory, database) = database();
    for id in ["cast_1", "cast_2", "cast_3"] {
        assert_eq!(database.reserve(cast(acme(), id, at(50)), None, u64::MAX).await, Ok(Reserved::New));
    }
    let mut ending = answer("hello");
    ending.cost_cents = u64::MAX;
    database.finish("cast_1", ending).await.unwrap();
    assert_eq!(database.claim_casts().await, Ok(2));
    assert!(amounts(&database, FIRST).await.0 > 1 << 60);
    let late = database.finish("cast_2", answer("hello")).await;
    assert_eq!(late, Ok(()));
}

#[tokio::test]
async fn the_mean_cost_of_a_spell_is_that_of_its_last_casts() {
    let (_directory, database) = database();
    let mean = async || database.cost_cents_mean(&acme(), "spell_1", EngineChoice::Wasm).await.unwrap();
    assert_eq!(mean().await, None);
    for number in 0..110 {
        let id = format!("cast_{number}");
        database.reserve(cast(acme(), &id, at(50)), None, 36).await.unwrap();
        let mut ending = if number == 109 { platform::failure(FailedKind::Host) } else { answer("hello") };
        (ending.cost_cents, ending.ended_at) = (if number < 9 { 1_000 } else { 1 + number % 2 }, at(100 + number));
        database.finish(&id, ending).await.unwrap();
    }
    assert_eq!(mean().await, Some(2), "rounded up");
    assert_eq!(database.cost_cents_mean(&other(), "spell_1", EngineChoice::Wasm).await, Ok(None));
}

#[tokio::test]
async fn what_was_cast_before_there_were_budgets_was_spent_in_its_month() {
    let (directory, database) = database();
    let months = [at(951_868_799), at(951_868_800), at(951_868_801)];
    for (number, created_at) in months.iter().enumerate() {
        let id = format!("cast_{number}");
        database.reserve(cast(acme(), &id, *created_at), None, 0).await.unwrap();
        database.finish(&id, answer("hello")).await.unwrap();
    }
    drop(database);
    let sql = include_str!("../src/budgets.sql");
    let insert = sql.split(';').find(|statement| statement.contains("INSERT INTO budget_months")).unwrap();
    let connection = rusqlite::Connection::open(directory.path().join("spell.db")).unwrap();
    let before: Vec<(u32, u64)> = spent(&connection);
    connection.execute("DELETE FROM budget_months", []).unwrap();
    connection.execute(insert, []).unwrap();
    assert_eq!(spent(&connection), before);
    assert_eq!(before, [(Month::of(months[0]).0, 4), (Month::of(months[1]).0, 8)]);
    drop(connection);
    assert_eq!(count(directory.path(), "SELECT count(*) FROM budget_months"), 2);
}

fn spent(connection: &rusqlite::Connection) -> Vec<(u32, u64)> {
    let mut select = connection.prepare("SELECT month, spent_cents FROM budget_months ORDER BY month").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))).unwrap();
    rows.map(Result::unwrap).collect()
}
