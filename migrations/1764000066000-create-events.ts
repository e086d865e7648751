import type { MigrationInterface, QueryRunner } from 'typeorm'

/** The event stream and webhooks that are told of it. New tables only: nothing is locked for long. */
export class CreateEvents1764000066000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    // `number` is given at writing, in any order of commits; `position` afterwards, by one at a time: what is read up to a position
    // stays complete.
    await db.query(`CREATE TABLE event (
      number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      id uuid NOT NULL DEFAULT gen_random_uuid(),
      namespace text NOT NULL,
      at_ms bigint NOT NULL,
      type text NOT NULL,
      data jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object'),
      position bigint CHECK (position > 0))`)
    await db.query(`CREATE UNIQUE INDEX event_position_once ON event (position)`)
    await db.query(`CREATE INDEX event_by_namespace ON event (namespace, position)`)
    await db.query(`CREATE INDEX event_unplaced ON event (number) WHERE position IS NULL`)
    await db.query(`CREATE TABLE webhook (
      id uuid PRIMARY KEY,
      namespace text NOT NULL,
      url text NOT NULL,
      types text[] NOT NULL CHECK (cardinality(types) > 0),
      created_at bigint NOT NULL,
      created_by text NOT NULL,
      position bigint NOT NULL,
      disabled_at bigint,
      disabled_why text,
      CONSTRAINT webhook_disabled_whole CHECK ((disabled_at IS NULL) = (disabled_why IS NULL)))`)
    await db.query(`CREATE INDEX webhook_by_namespace ON webhook (namespace, id)`)
    await db.query(`CREATE TABLE webhook_delivery (
      webhook_id uuid NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
      event_position bigint NOT NULL,
      state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'given-up')),
      attempts smallint NOT NULL DEFAULT 0,
      next_ms bigint NOT NULL,
      last_answer text,
      changed_at bigint NOT NULL,
      PRIMARY KEY (webhook_id, event_position))`)
    await db.query(`CREATE INDEX webhook_delivery_due ON webhook_delivery (next_ms) WHERE state = 'waiting'`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE webhook_delivery, webhook, event`)
  }
}
