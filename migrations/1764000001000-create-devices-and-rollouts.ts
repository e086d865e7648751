import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Devices and what they reported, rollouts and their deployments, and messages on their way to the broker.
 * New tables only: nothing is locked.
 */
export class CreateDevicesAndRollouts1764000001000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await createDevices(db)
    await createRollouts(db)
    await createDeployments(db)
    await createOutbox(db)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TABLE mqtt_outbox, deployment, rollout_approval, rollout_stage, rollout, krl_acknowledgement,
      device, claim_token`)
  }
}

async function createDevices(db: QueryRunner): Promise<void> {
  await db.query(`CREATE TABLE claim_token (
    id uuid PRIMARY KEY,
    namespace text NOT NULL,
    secret_sha256 bytea NOT NULL CONSTRAINT claim_token_secret_once UNIQUE CHECK (octet_length(secret_sha256) = 32),
    class_id bytea NOT NULL CHECK (octet_length(class_id) = 16),
    uses bigint NOT NULL CHECK (uses > 0),
    used bigint NOT NULL DEFAULT 0,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    expires_at bigint NOT NULL,
    CONSTRAINT claim_token_within_uses CHECK (used <= uses))`)
  await db.query(`CREATE TABLE device (
    namespace text NOT NULL,
    id text NOT NULL CHECK (id ~ '^[0-9a-f]{64}$'),
    class_id bytea NOT NULL CHECK (octet_length(class_id) = 16),
    public_key bytea NOT NULL,
    credential_sha256 bytea NOT NULL CONSTRAINT device_credential_once UNIQUE CHECK (octet_length(credential_sha256) = 32),
    enrolled_at bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    report_epoch bigint,
    report_counter bigint,
    reported_ms bigint,
    report bytea,
    reported_state text,
    reported_reason bigint,
    running_manifest_sha256 bytea,
    running_sequence bigint,
    running_image_sha256 bytea,
    root_version bigint,
    krl_number bigint,
    old_reports bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (namespace, id),
    CONSTRAINT device_report_whole CHECK ((report IS NULL) = (report_counter IS NULL) AND (report IS NULL) = (report_epoch IS NULL)))`)
  await db.query(`CREATE INDEX device_by_class ON device (namespace, class_id)`)
  // One row for each step a device made; who acknowledged number n: those with a row of n or more.
  await db.query(`CREATE TABLE krl_acknowledgement (
    namespace text NOT NULL,
    krl_number bigint NOT NULL,
    device_id text NOT NULL,
    received_ms bigint NOT NULL,
    PRIMARY KEY (namespace, krl_number, device_id))`)
}

async function createRollouts(db: QueryRunner): Promise<void> {
  await db.query(`CREATE TABLE rollout (
    id uuid PRIMARY KEY,
    namespace text NOT NULL,
    release_id uuid NOT NULL REFERENCES release (id),
    fallback_release_id uuid REFERENCES release (id),
    manifest_sha256 bytea NOT NULL CHECK (octet_length(manifest_sha256) = 32),
    sequence bigint NOT NULL,
    class_id bytea NOT NULL CHECK (octet_length(class_id) = 16),
    device_ids text[],
    plan bytea NOT NULL,
    plan_sha256 bytea NOT NULL CHECK (octet_length(plan_sha256) = 32),
    not_before bigint NOT NULL,
    expires bigint NOT NULL,
    devices_per_hour bigint NOT NULL,
    devices_total bigint NOT NULL,
    gate_percent double precision NOT NULL CHECK (gate_percent > 0 AND gate_percent <= 100),
    limit_count bigint,
    limit_percent double precision,
    silence_seconds bigint NOT NULL CHECK (silence_seconds > 0),
    jitter_seconds bigint NOT NULL CHECK (jitter_seconds >= 0),
    state text NOT NULL CHECK (state IN ('planned', 'running', 'paused', 'finished', 'cancelled')),
    pause_reason text,
    pause_code text,
    hold_until bigint NOT NULL DEFAULT 0,
    hold_code text,
    created_at bigint NOT NULL,
    created_by text NOT NULL,
    started_at bigint,
    ended_at bigint,
    CONSTRAINT rollout_limited CHECK (limit_count IS NOT NULL OR limit_percent IS NOT NULL),
    CONSTRAINT rollout_pause_has_reason CHECK ((state = 'paused') = (pause_reason IS NOT NULL)))`)
  await db.query(`CREATE INDEX rollout_by_namespace ON rollout (namespace, created_at DESC, id DESC)`)
  await db.query(`CREATE INDEX rollout_running ON rollout (id) WHERE state = 'running'`)
  await db.query(`CREATE TABLE rollout_stage (
    rollout_id uuid NOT NULL REFERENCES rollout (id),
    index smallint NOT NULL CHECK (index >= 0),
    devices bigint,
    percent double precision,
    state text NOT NULL CHECK (state IN ('waiting', 'open', 'passed')),
    accepted_failures bigint NOT NULL DEFAULT 0,
    opened_at bigint,
    passed_at bigint,
    PRIMARY KEY (rollout_id, index),
    CONSTRAINT rollout_stage_one_reach CHECK ((devices IS NULL) <> (percent IS NULL)))`)
  await db.query(`CREATE UNIQUE INDEX rollout_stage_one_open ON rollout_stage (rollout_id) WHERE state = 'open'`)
  await db.query(`CREATE TABLE rollout_approval (
    rollout_id uuid NOT NULL REFERENCES rollout (id),
    person text NOT NULL,
    role text NOT NULL,
    key_id bytea NOT NULL,
    document bytea NOT NULL,
    received_at bigint NOT NULL,
    CONSTRAINT rollout_approval_person_once PRIMARY KEY (rollout_id, person))`)
}

async function createDeployments(db: QueryRunner): Promise<void> {
  await db.query(`CREATE TABLE deployment (
    rollout_id uuid NOT NULL,
    device_id text NOT NULL,
    namespace text NOT NULL,
    stage smallint NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'offered', 'downloading', 'downloaded', 'installing', 'rebooting',
      'confirmed', 'failed', 'reverted', 'refused', 'timedOut', 'cancelled', 'superseded')),
    reason bigint,
    assignment bytea,
    assignment_expires bigint,
    assigned_at bigint,
    alive_at bigint NOT NULL,
    changed_at bigint NOT NULL,
    PRIMARY KEY (rollout_id, device_id),
    FOREIGN KEY (rollout_id, stage) REFERENCES rollout_stage (rollout_id, index),
    FOREIGN KEY (namespace, device_id) REFERENCES device (namespace, id),
    CONSTRAINT deployment_assignment_whole CHECK ((assignment IS NULL) = (assigned_at IS NULL) AND (assignment IS NULL) = (assignment_expires IS NULL)))`)
  await db.query(`CREATE UNIQUE INDEX deployment_one_active ON deployment (namespace, device_id)
    WHERE state IN ('queued', 'offered', 'downloading', 'downloaded', 'installing', 'rebooting')`)
  await db.query(`CREATE INDEX deployment_by_state ON deployment (rollout_id, stage, state)`)
  await db.query(`CREATE INDEX deployment_by_device ON deployment (namespace, device_id, rollout_id)`)
}

async function createOutbox(db: QueryRunner): Promise<void> {
  await db.query(`CREATE TABLE mqtt_outbox (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text NOT NULL,
    payload bytea NOT NULL,
    is_retained boolean NOT NULL,
    expires_at bigint NOT NULL,
    created_ms bigint NOT NULL)`)
}
