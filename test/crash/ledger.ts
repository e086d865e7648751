import { expect } from '@jest/globals'
import pg from 'pg'
import { activeStates } from '../../src/domain/rollout/deployment-state.js'

interface Entry {
  readonly event: string
  readonly stage: number | null
}

/** What must hold of rollouts whatever died: read from the tables themselves, not by way of the server. */
export class Ledger {
  constructor(private readonly databaseUrl: string) {}

  /** Holds at every moment, also while a rollout is under way. */
  async check(rolloutId: string): Promise<void> {
    expect(await this.rows(COUNTS, [rolloutId])).toEqual([])
    expect(await this.rows(HELD_TWICE, [activeStates])).toEqual([])
    expect(await this.rows(GATE_SKIPPED, [rolloutId])).toEqual([])
    expect(await this.rows(TOO_MANY, [rolloutId])).toEqual([])
  }

  /** Each step of a rollout that was taken, in its order. */
  async steps(rolloutId: string): Promise<readonly string[]> {
    const entries = await this.rows<Entry>(
      `SELECT event, (detail->>'stage')::int AS stage FROM audit_entry
       WHERE detail->>'rollout' = $1 AND event LIKE 'rollout.%' ORDER BY number`,
      [rolloutId],
    )
    return entries.map(({ event, stage }) => event.slice('rollout.'.length) + (stage === null ? '' : ` ${stage}`))
  }

  /** Devices of a rollout by the state of their deployment. */
  async states(rolloutId: string): Promise<Readonly<Record<string, number>>> {
    const rows = await this.rows<{ state: string; devices: number }>(
      'SELECT state, count(*)::int AS devices FROM deployment WHERE rollout_id = $1 GROUP BY state',
      [rolloutId],
    )
    return Object.fromEntries(rows.map(({ state, devices }) => [state, devices]))
  }

  async rows<T>(text: string, values: unknown[] = []): Promise<T[]> {
    const client = new pg.Client({ connectionString: this.databaseUrl })
    await client.connect()
    try {
      return (await client.query(text, values)).rows as T[]
    } finally {
      await client.end()
    }
  }
}

/** What the triggers have counted, less what is there. */
const COUNTS = `SELECT stage, state, sum(devices)::int AS difference FROM (
    SELECT stage, state, devices FROM rollout_tally WHERE rollout_id = $1
    UNION ALL SELECT stage, state, -count(*) FROM deployment WHERE rollout_id = $1 GROUP BY stage, state) n
  GROUP BY stage, state HAVING sum(devices) <> 0`

const HELD_TWICE = `SELECT namespace, device_id FROM deployment WHERE state = ANY ($1)
  GROUP BY namespace, device_id HAVING count(*) > 1`

/** A device in a stage that is not open, or a stage that opened before the gate of the one before it had held. */
const GATE_SKIPPED = `SELECT s.index FROM rollout_stage s LEFT JOIN rollout_stage b
    ON b.rollout_id = s.rollout_id AND b.index = s.index - 1
  WHERE s.rollout_id = $1 AND ((s.opened_at IS NOT NULL AND s.index > 0 AND (b.passed_at IS NULL OR b.passed_at > s.opened_at
      OR (SELECT count(*) FROM deployment p WHERE p.rollout_id = s.rollout_id AND p.stage = b.index AND p.state = 'confirmed')
        < ceil(b.wanted * b.gate_percent / 100)))
    OR (s.opened_at IS NULL AND EXISTS (SELECT 1 FROM deployment p WHERE p.rollout_id = s.rollout_id AND p.stage = s.index)))`

/**
 * A stage with more devices than it wanted, or a rollout with more than its plan. Only the last stage takes latecomers: devices that
 * became members after it was filled.
 */
const TOO_MANY = `SELECT s.index FROM rollout_stage s JOIN rollout r ON r.id = s.rollout_id
  WHERE s.rollout_id = $1 AND s.wanted IS NOT NULL
    AND (SELECT count(*) FROM deployment p WHERE p.rollout_id = s.rollout_id AND p.stage = s.index)
      > CASE WHEN s.filled_at IS NOT NULL AND s.index = (SELECT max(l.index) FROM rollout_stage l WHERE l.rollout_id = s.rollout_id)
          THEN r.devices_total - (SELECT count(*) FROM deployment p WHERE p.rollout_id = s.rollout_id AND p.stage < s.index)
          ELSE s.wanted END`
