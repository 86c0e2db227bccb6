-- Spells that workflows of GitHub cast, and what executed their casts.

-- The workflow as JSON, `{"repository":"owner/name","file":"spell.yml","reference":"main"}`.
ALTER TABLE spells ADD COLUMN workflow TEXT CHECK (json_valid(workflow));
-- Names of the failures after which it casts, as a JSON array; all of them where there is none.
ALTER TABLE spells ADD COLUMN fallback_on TEXT CHECK (json_valid(fallback_on));

-- Why a cast is executed by what executes it, and the run of a workflow that it became. It stands beside `casts`, in which the output is to
-- stay last; casts of spells that this host alone executes have no row.
CREATE TABLE cast_engines (
    cast_id    TEXT NOT NULL PRIMARY KEY REFERENCES casts (id) ON DELETE CASCADE,
    reason     TEXT NOT NULL,
    workflow   TEXT CHECK (json_valid(workflow)),
    run_id     INTEGER,
    run_url    TEXT,
    CHECK (workflow IS NOT NULL OR run_id IS NULL)
) STRICT, WITHOUT ROWID;
