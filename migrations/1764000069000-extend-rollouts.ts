import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What every rollout went by so far. */
const RULES_BEFORE = JSON.stringify({
  mode: 'forced',
  onFailure: 'pause',
  retries: 0,
  retryAfterSeconds: 600,
  rates: {},
  schedule: { timeZone: 'UTC', download: [], install: [], blackout: [] },
  siteBudget: null,
})

/**
 * Rollouts with rules of their own, attempts, priorities and fallbacks; ways to a release; counts that are kept instead of
 * counted. Writes to `deployment` wait while its places are computed and its indexes are built, about ten seconds for each
 * million deployments; those to `device` while two indexes are built, a second for each million.
 */
export class ExtendRollouts1764000069000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    // Whose clocks and whose budget a device goes by.
    for (const [name, attribute] of [['time_zone', 'timeZone'] as const, ['site', 'site'] as const])
      await db.query(
        `CREATE INDEX device_by_${name} ON device (namespace, (attributes ->> '${attribute}')) WHERE attributes ? '${attribute}'`,
      )
    await db.query(
      `ALTER TABLE release ADD COLUMN least_version text, ADD COLUMN is_stepping_stone boolean NOT NULL DEFAULT false`,
    )
    await extendRollout(db)
    await extendStages(db)
    await extendDeployments(db)
    await keepCounts(db)
    await db.query(`CREATE TABLE refused_report (
      namespace text NOT NULL,
      code text NOT NULL,
      reports bigint NOT NULL,
      last_at bigint NOT NULL,
      PRIMARY KEY (namespace, code))`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE refused_report`)
    for (const event of ['insert', 'update', 'delete'])
      await db.query(`DROP TRIGGER deployment_tally_${event} ON deployment`)
    await db.query(`DROP FUNCTION deployment_tally`)
    await db.query(`DROP TABLE rollout_tally, rollout_offers`)
    await db.query(`DROP INDEX deployment_queue, deployment_renewal`)
    await db.query(`ALTER TABLE deployment DROP COLUMN attempt, DROP COLUMN due_at, DROP COLUMN place`)
    await db.query(`DROP FUNCTION rollout_place`)
    await db.query(
      `ALTER TABLE rollout ADD COLUMN gate_percent double precision CHECK (gate_percent > 0 AND gate_percent <= 100)`,
    )
    await db.query(`UPDATE rollout r SET state = CASE WHEN state = 'rolledBack' THEN 'cancelled' ELSE state END,
      gate_percent = (SELECT s.gate_percent FROM rollout_stage s WHERE s.rollout_id = r.id AND s.index = 0)`)
    await db.query(`ALTER TABLE rollout ALTER COLUMN gate_percent SET NOT NULL, DROP COLUMN priority, DROP COLUMN rules,
      DROP COLUMN parent_id, DROP COLUMN offers_due_ms, DROP CONSTRAINT rollout_state_check,
      ADD CONSTRAINT rollout_state_check CHECK (state IN ('planned', 'running', 'paused', 'finished', 'cancelled'))`)
    await db.query(`ALTER TABLE rollout_stage DROP COLUMN gate_percent, DROP COLUMN soak_seconds, DROP COLUMN wanted,
      DROP COLUMN filled_at, DROP COLUMN held_since`)
    await db.query(`ALTER TABLE release DROP COLUMN least_version, DROP COLUMN is_stepping_stone`)
    await db.query(`DROP INDEX device_by_time_zone, device_by_site`)
  }
}

async function extendRollout(db: QueryRunner): Promise<void> {
  await db.query(`ALTER TABLE rollout
    ADD COLUMN priority smallint NOT NULL DEFAULT 0,
    ADD COLUMN rules jsonb NOT NULL DEFAULT '${RULES_BEFORE}' CHECK (jsonb_typeof(rules) = 'object'),
    ADD COLUMN parent_id uuid REFERENCES rollout (id) CONSTRAINT rollout_one_fallback UNIQUE,
    ADD COLUMN offers_due_ms bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT rollout_state_check,
    ADD CONSTRAINT rollout_state_check CHECK (state IN ('planned', 'running', 'paused', 'finished', 'cancelled', 'rolledBack'))`)
  await db.query(`ALTER TABLE rollout ALTER COLUMN rules DROP DEFAULT`)
  // Devices that were offered something for the first time, by the minute: what the signed pace is held against.
  await db.query(`CREATE TABLE rollout_offers (
    rollout_id uuid NOT NULL REFERENCES rollout (id),
    minute bigint NOT NULL,
    devices bigint NOT NULL,
    PRIMARY KEY (rollout_id, minute))`)
  await db.query(`INSERT INTO rollout_offers SELECT rollout_id, 0, count(*) FROM deployment
    WHERE state <> 'queued' GROUP BY rollout_id`)
}

/** A gate belongs to its stage. Stages that were open were filled in the moment they opened. */
async function extendStages(db: QueryRunner): Promise<void> {
  await db.query(`ALTER TABLE rollout_stage
    ADD COLUMN gate_percent double precision CHECK (gate_percent > 0 AND gate_percent <= 100),
    ADD COLUMN soak_seconds bigint NOT NULL DEFAULT 0 CHECK (soak_seconds >= 0),
    ADD COLUMN wanted bigint,
    ADD COLUMN filled_at bigint,
    ADD COLUMN held_since bigint`)
  await db.query(`UPDATE rollout_stage s SET gate_percent = r.gate_percent, filled_at = s.opened_at,
      wanted = CASE WHEN s.state = 'waiting' THEN NULL
        ELSE (SELECT count(*) FROM deployment p WHERE p.rollout_id = s.rollout_id AND p.stage = s.index) END
    FROM rollout r WHERE r.id = s.rollout_id`)
  await db.query(`ALTER TABLE rollout_stage ALTER COLUMN gate_percent SET NOT NULL,
    ADD CONSTRAINT rollout_stage_measured CHECK (state = 'waiting' OR wanted IS NOT NULL)`)
  await db.query(`ALTER TABLE rollout DROP COLUMN gate_percent`)
}

async function extendDeployments(db: QueryRunner): Promise<void> {
  // The first eight bytes of the hash that orders a rollout's devices, turned so that numbers sort as the bytes do.
  await db.query(`CREATE FUNCTION rollout_place(rollout uuid, device text) RETURNS bigint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
      SELECT ('x' || encode(substr(sha256(convert_to(rollout::text || '/' || device, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
        # (-9223372036854775808) $$`)
  await db.query(`ALTER TABLE deployment
    ADD COLUMN attempt smallint NOT NULL DEFAULT 1,
    ADD COLUMN due_at bigint,
    ADD COLUMN place bigint`)
  await db.query(`UPDATE deployment SET place = rollout_place(rollout_id, device_id)`)
  await db.query(`ALTER TABLE deployment ALTER COLUMN place SET NOT NULL`)
  await db.query(`UPDATE deployment SET assignment = NULL, assignment_expires = NULL, assigned_at = NULL
    WHERE assignment IS NOT NULL
      AND state IN ('confirmed', 'failed', 'reverted', 'refused', 'timedOut', 'cancelled', 'superseded')`)
  await db.query(`CREATE INDEX deployment_queue ON deployment (rollout_id, stage, place) WHERE state = 'queued'`)
  await db.query(`CREATE INDEX deployment_renewal ON deployment
    (rollout_id, (assignment_expires - (assignment_expires - assigned_at) / 4)) WHERE assignment IS NOT NULL`)
}

/**
 * How many deployments of a stage are in a state is the sum of its rows here. Every statement that changes deployments adds
 * what it changed, and nobody waits for anybody: there is no row that all of them write. The engine adds old rows up.
 */
async function keepCounts(db: QueryRunner): Promise<void> {
  await db.query(`CREATE TABLE rollout_tally (
    rollout_id uuid NOT NULL,
    stage smallint NOT NULL,
    state text NOT NULL,
    devices bigint NOT NULL)`)
  await db.query(`CREATE INDEX rollout_tally_by_rollout ON rollout_tally (rollout_id)`)
  await db.query(`INSERT INTO rollout_tally
    SELECT rollout_id, stage, state, count(*) FROM deployment GROUP BY rollout_id, stage, state`)
  await db.query(`CREATE FUNCTION deployment_tally() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        INSERT INTO rollout_tally SELECT rollout_id, stage, state, count(*) FROM added GROUP BY rollout_id, stage, state;
      ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO rollout_tally SELECT rollout_id, stage, state, -count(*) FROM removed GROUP BY rollout_id, stage, state;
      ELSE
        INSERT INTO rollout_tally SELECT rollout_id, stage, state, sum(n) FROM (
          SELECT rollout_id, stage, state, 1 AS n FROM added UNION ALL SELECT rollout_id, stage, state, -1 FROM removed) AS each
        GROUP BY rollout_id, stage, state HAVING sum(n) <> 0;
      END IF;
      RETURN NULL;
    END $$`)
  const trigger = (event: string, tables: string) =>
    db.query(`CREATE TRIGGER deployment_tally_${event.toLowerCase()} AFTER ${event} ON deployment REFERENCING ${tables}
      FOR EACH STATEMENT EXECUTE FUNCTION deployment_tally()`)
  await trigger('INSERT', 'NEW TABLE AS added')
  await trigger('UPDATE', 'OLD TABLE AS removed NEW TABLE AS added')
  await trigger('DELETE', 'OLD TABLE AS removed')
}
