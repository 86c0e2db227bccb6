-- What tenants may spend, and have spent. Amounts are cents; months are counted from January 1970, in UTC.

-- What is said of a tenant. Without a word of the operator's, that on all tenants counts.
CREATE TABLE budgets (
    tenant             TEXT NOT NULL PRIMARY KEY,
    is_uncapped        INTEGER NOT NULL DEFAULT 0 CHECK (is_uncapped IN (0, 1)),
    operator_cap_cents INTEGER CHECK (operator_cap_cents >= 0),
    own_cap_cents      INTEGER CHECK (own_cap_cents >= 0),
    CHECK (NOT is_uncapped OR operator_cap_cents IS NULL)
) STRICT, WITHOUT ROWID;

-- A cast counts in the month in which it was begun.
CREATE TABLE budget_months (
    month          INTEGER NOT NULL,
    tenant         TEXT NOT NULL,
    spent_cents    INTEGER NOT NULL CHECK (spent_cents >= 0),
    reserved_cents INTEGER NOT NULL CHECK (reserved_cents >= 0),
    PRIMARY KEY (month, tenant)
) STRICT, WITHOUT ROWID;

-- What is set aside for a cast until it has ended.
ALTER TABLE casts ADD COLUMN cost_cents_max INTEGER NOT NULL DEFAULT 0;

INSERT INTO budget_months (month, tenant, spent_cents, reserved_cents)
    SELECT (strftime('%Y', created_at_ms / 1000, 'unixepoch') - 1970) * 12 + strftime('%m', created_at_ms / 1000, 'unixepoch') - 1 AS month,
        tenant, CAST(min(total(min(cost_cents, 1000000000000000)), 1000000000000000) AS INTEGER), 0
    FROM casts WHERE cost_cents IS NOT NULL GROUP BY month, tenant;

-- Casts that were begun on the last day on which the tenant cast.
CREATE TABLE cast_days (
    tenant TEXT NOT NULL PRIMARY KEY,
    day    INTEGER NOT NULL,
    casts  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX casts_that_run_of_tenant ON casts (tenant) WHERE state = 'running';

-- What a version takes: its program and the component made of it, as if nobody else had either.
ALTER TABLE modules ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE modules SET stored_bytes = size_bytes + (SELECT length(bytes) FROM programs WHERE digest = component);
CREATE INDEX modules_of_spell ON modules (spell_id, stored_bytes);
CREATE INDEX keys_of_tenant ON api_keys (tenant, created_at_ms);
