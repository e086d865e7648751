import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Clients that speak DDI: who they are, their actions and what they said of them. New tables only: nothing is locked for long. */
export class CreateDdi1764000071000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await createTargets(db)
    await createActions(db)
    await db.query(`CREATE TABLE ddi_refusal (
      namespace text NOT NULL,
      kind text NOT NULL,
      count bigint NOT NULL,
      last_at bigint NOT NULL,
      PRIMARY KEY (namespace, kind))`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE ddi_refusal, ddi_entry, ddi_action, ddi_target, ddi_gateway_token`)
  }
}

async function createTargets(db: QueryRunner): Promise<void> {
  await db.query(`CREATE TABLE ddi_target (
    namespace text NOT NULL,
    controller_id text NOT NULL CHECK (length(controller_id) BETWEEN 1 AND 256),
    device_id text NOT NULL,
    attributes jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    is_config_asked boolean NOT NULL DEFAULT true,
    installed_action integer,
    auto_confirm_at_ms bigint,
    auto_confirm_initiator text,
    auto_confirm_remark text,
    PRIMARY KEY (namespace, controller_id),
    CONSTRAINT ddi_target_device_once UNIQUE (namespace, device_id),
    FOREIGN KEY (namespace, device_id) REFERENCES device (namespace, id))`)
  await db.query(`CREATE TABLE ddi_gateway_token (
    id uuid PRIMARY KEY,
    namespace text NOT NULL,
    secret_sha256 bytea NOT NULL CONSTRAINT ddi_gateway_token_secret_once UNIQUE CHECK (octet_length(secret_sha256) = 32),
    label text NOT NULL,
    class_id bytea CHECK (octet_length(class_id) = 16),
    uses bigint NOT NULL DEFAULT 0 CHECK (uses >= 0),
    used bigint NOT NULL DEFAULT 0,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    expires_at bigint NOT NULL,
    revoked_at bigint,
    CONSTRAINT ddi_gateway_token_within_uses CHECK (used <= uses),
    CONSTRAINT ddi_gateway_token_enrols_a_class CHECK (uses = 0 OR class_id IS NOT NULL))`)
  await db.query(`CREATE INDEX ddi_gateway_token_by_namespace ON ddi_gateway_token (namespace, created_at, id)`)
}

async function createActions(db: QueryRunner): Promise<void> {
  // 32 bits: clients keep the number in an int.
  await db.query(`CREATE TABLE ddi_action (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    namespace text NOT NULL,
    device_id text NOT NULL,
    rollout_id uuid NOT NULL,
    consent text CHECK (consent IN ('given', 'denied')),
    is_cancel_rejected boolean NOT NULL DEFAULT false,
    told_update text CHECK (told_update IN ('forced', 'attempt', 'skip')),
    boot text,
    assigned_until bigint,
    entries integer NOT NULL DEFAULT 0,
    outcome text CHECK (outcome IN ('finished', 'failed', 'downloaded', 'cancelled', 'abandoned')),
    created_at bigint NOT NULL,
    closed_at bigint,
    FOREIGN KEY (rollout_id, device_id) REFERENCES deployment (rollout_id, device_id),
    CONSTRAINT ddi_action_closed_whole CHECK ((closed_at IS NULL) = (outcome IS NULL)))`)
  await db.query(`CREATE INDEX ddi_action_open ON ddi_action (namespace, device_id) WHERE closed_at IS NULL`)
  await db.query(
    `CREATE UNIQUE INDEX ddi_action_one_open ON ddi_action (rollout_id, device_id) WHERE closed_at IS NULL`,
  )
  await db.query(`CREATE INDEX ddi_action_by_device ON ddi_action (namespace, device_id, id)`)
  await db.query(`CREATE TABLE ddi_entry (
    action_id integer NOT NULL REFERENCES ddi_action (id),
    number integer NOT NULL,
    at_ms bigint NOT NULL,
    is_by_client boolean NOT NULL,
    status text NOT NULL,
    code integer,
    progress integer[] CHECK (cardinality(progress) = 2),
    messages text[] NOT NULL,
    PRIMARY KEY (action_id, number))`)
  // What was said stays as it was said.
  await db.query(`REVOKE UPDATE, DELETE ON ddi_entry FROM countersign_server`)
}
