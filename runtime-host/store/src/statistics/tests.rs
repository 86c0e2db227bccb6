//! That sums are read from indexes, and stop somewhere.

use super::*;

/// A database in memory with the schema of the real one, and how SQLite would run a statement in it.
fn plan(connection: &Connection, sql: &str) -> String {
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let count = explain.parameter_count();
    let rows = explain.query_map(rusqlite::params_from_iter(vec![1; count]), |row| row.get::<_, String>("detail")).unwrap();
    rows.map(Result::unwrap).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn every_sum_reads_a_range_of_an_index() {
    let database = Database::in_memory().unwrap();
    let plans = |connection: &Connection| {
        let top = format!("{TOP} executions DESC, spell_id LIMIT ?5");
        Ok::<_, Failure>([TRENDS, ENGINES, top.as_str(), spells::CASTS].map(|sql| plan(connection, sql)))
    };
    let plans = database.read(plans).await.unwrap();
    let expected = [
        "casts_of_spell (tenant=? AND spell_id=? AND ended_at_ms>?)",
        "casts_of_tenant_by_end (tenant=? AND ended_at_ms>? AND ended_at_ms<?)",
        "casts_of_tenant_by_end (tenant=? AND ended_at_ms>? AND ended_at_ms<?)",
        "casts_of_spell (tenant=? AND spell_id=? AND ended_at_ms>? AND ended_at_ms<?)",
    ];
    for (plan, index) in plans.iter().zip(expected) {
        assert!(plan.contains(&format!("SEARCH casts USING INDEX {index}")), "{index}: {plan}");
    }
}

#[tokio::test]
async fn sums_stop_at_the_most_casts_and_say_so() {
    let database = Database::in_memory().unwrap();
    let fill = |connection: &Connection| {
        let sql =
            "INSERT INTO casts (id, tenant, spell_id, spell_key, spell_name, version, engine, created_at_ms, state, ended_at_ms, wall_us,
                 memory_bytes_peak, cost_cents, output)
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n <= ?1)
             SELECT 'cast_' || n, 'acme', 's', 's', 'S', '1.0.0', 'wasm', 1, 'completed', n, n, 0, 1, x'' FROM numbers";
        Ok::<_, Failure>(connection.execute(sql, [ROWS_MAX])?)
    };
    assert_eq!(database.write(fill).await.unwrap(), CASTS_SUMMED_MAX + 1);
    let tenant: TenantId = "acme".parse().unwrap();
    let span = |milliseconds| Span {
        since: SystemTime::UNIX_EPOCH,
        until: SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(milliseconds),
    };
    let all = CASTS_SUMMED_MAX as u64;
    for (until, expected, is_partial) in [(u64::MAX >> 20, all, true), (all, all - 1, false)] {
        let engines = database.engine_sums(&tenant, span(until)).await.unwrap();
        assert_eq!((engines.entries[0].executions, engines.is_partial), (expected, is_partial));
        let top = database.top_spells(&tenant, span(until), TopBy::Cost, 1).await.unwrap();
        assert_eq!((top.entries[0].executions, top.is_partial), (expected, is_partial));
        let spell = database.spell_sums(&tenant, "s", span(until)).await.unwrap();
        assert_eq!((spell.executions, spell.is_partial), (expected, is_partial));
    }
    let newest = database.spell_sums(&tenant, "s", span(u64::MAX >> 20)).await.unwrap();
    assert_eq!(newest.wall_us.p50, all / 2 + 1, "the oldest is left out");
}
