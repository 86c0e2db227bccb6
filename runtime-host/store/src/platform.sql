-- What the platform keeps. Times are milliseconds since 1970, durations microseconds, digests and hashes 32 bytes.

CREATE TABLE spells (
    id             TEXT NOT NULL PRIMARY KEY,
    tenant         TEXT NOT NULL,
    key            TEXT NOT NULL,
    name           TEXT NOT NULL,
    description    TEXT NOT NULL,
    engine         TEXT NOT NULL,
    limits         TEXT NOT NULL CHECK (json_valid(limits)),
    is_active      INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    active_version TEXT,
    created_at_ms  INTEGER NOT NULL,
    updated_at_ms  INTEGER NOT NULL,
    UNIQUE (tenant, key),
    -- The version that is cast is always one of its own.
    FOREIGN KEY (id, active_version) REFERENCES modules (spell_id, version)
) STRICT, WITHOUT ROWID;

-- Programs as they were uploaded, and the components that were made of them: the same bytes once, whoever has them.
-- The bytes come last, so that nothing else is read through them.
CREATE TABLE programs (
    digest     BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    is_corrupt INTEGER NOT NULL DEFAULT 0 CHECK (is_corrupt IN (0, 1)),
    bytes      BLOB NOT NULL
) STRICT;

CREATE TABLE modules (
    id            TEXT NOT NULL PRIMARY KEY,
    spell_id      TEXT NOT NULL REFERENCES spells (id) ON DELETE CASCADE,
    version       TEXT NOT NULL,
    digest        BLOB NOT NULL REFERENCES programs (digest),
    size_bytes    INTEGER NOT NULL,
    file_name     TEXT,
    abi           TEXT NOT NULL,
    component     BLOB NOT NULL REFERENCES programs (digest),
    created_at_ms INTEGER NOT NULL,
    UNIQUE (spell_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX modules_of_digest ON modules (digest);
CREATE INDEX modules_of_component ON modules (component);

-- A program goes with the last module that refers to it, however that goes.
CREATE TRIGGER programs_of_deleted_modules AFTER DELETE ON modules BEGIN
    DELETE FROM programs WHERE digest IN (OLD.digest, OLD.component)
        AND NOT EXISTS (SELECT 1 FROM modules WHERE modules.digest = programs.digest)
        AND NOT EXISTS (SELECT 1 FROM modules WHERE modules.component = programs.digest);
END;
CREATE TRIGGER programs_of_changed_modules AFTER UPDATE OF component ON modules BEGIN
    DELETE FROM programs WHERE digest = OLD.component
        AND NOT EXISTS (SELECT 1 FROM modules WHERE modules.digest = programs.digest)
        AND NOT EXISTS (SELECT 1 FROM modules WHERE modules.component = programs.digest);
END;

-- Casts outlive their spells, so they say themselves what those were called. The output comes last, for the same reason as above.
CREATE TABLE casts (
    id                TEXT NOT NULL PRIMARY KEY,
    tenant            TEXT NOT NULL,
    spell_id          TEXT NOT NULL,
    spell_key         TEXT NOT NULL,
    spell_name        TEXT NOT NULL,
    version           TEXT NOT NULL,
    engine            TEXT NOT NULL,
    created_at_ms     INTEGER NOT NULL,
    -- In pairs: for more than two words SQLite makes a table, with every row that is written.
    state             TEXT NOT NULL CHECK (state IN ('running', 'completed') OR state IN ('failed', 'indeterminate')),
    ended_at_ms       INTEGER,
    wall_us           INTEGER,
    cpu_us            INTEGER,
    fuel              INTEGER,
    memory_bytes_peak INTEGER,
    bytes_in          INTEGER,
    bytes_out         INTEGER,
    cost_cents        INTEGER,
    failed_kind       TEXT,
    failed_code       TEXT,
    failed_message    TEXT,
    content_type      TEXT,
    output            BLOB,
    CHECK ((state IN ('completed', 'failed')) = (ended_at_ms IS NOT NULL)),
    CHECK ((state = 'completed') = (output IS NOT NULL)),
    CHECK ((state = 'failed') = (failed_kind IS NOT NULL))
) STRICT;
CREATE INDEX casts_of_tenant ON casts (tenant, id);
CREATE INDEX casts_of_spell ON casts (tenant, spell_id, ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE INDEX casts_that_run ON casts (id) WHERE state = 'running';

-- Keys under which clients cast at most once.
CREATE TABLE idempotency (
    tenant        TEXT NOT NULL,
    key           TEXT NOT NULL,
    fingerprint   BLOB NOT NULL CHECK (length(fingerprint) = 32),
    cast_id       TEXT NOT NULL REFERENCES casts (id),
    created_at_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at_ms);
-- Casts are forgotten one by one, and each is looked for here.
CREATE INDEX idempotency_of_cast ON idempotency (cast_id);

-- Keys by which clients show who they are: of each its hash alone.
CREATE TABLE api_keys (
    id            TEXT NOT NULL PRIMARY KEY,
    tenant        TEXT NOT NULL,
    name          TEXT NOT NULL,
    prefix        TEXT NOT NULL,
    scopes        TEXT NOT NULL CHECK (json_valid(scopes)),
    hash          BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    created_at_ms INTEGER NOT NULL,
    revoked_at_ms INTEGER
) STRICT, WITHOUT ROWID;
