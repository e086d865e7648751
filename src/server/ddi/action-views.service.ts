import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { pageOf, type Page, type PageQuery } from '../request-fields.js'
import type { HistoryStatus, Outcome } from './feedback-rule.js'

export interface ActionView {
  readonly id: string
  readonly rolloutId: string
  readonly outcome: Outcome | null
  readonly createdAt: number
  readonly closedAt: number | null
  readonly entries: readonly EntryView[]
  /** Words that were the same as the one before; they are no entries. */
  readonly repeats: number
}
export interface EntryView {
  readonly atMs: number
  readonly by: 'client' | 'server'
  readonly status: HistoryStatus
  readonly code: number | null
  /** Done, and of how much. */
  readonly progress: readonly [number, number] | null
  readonly messages: readonly string[]
}

interface ActionRow {
  readonly id: number
  readonly rollout_id: string
  readonly outcome: Outcome | null
  readonly created_at: number
  readonly closed_at: number | null
  readonly repeats: number
}
interface EntryRow {
  readonly action_id: number
  readonly at_ms: number
  readonly is_by_client: boolean
  readonly status: HistoryStatus
  readonly code: number | null
  readonly progress: [number, number] | null
  readonly messages: string[]
}

/** Actions of a client as people see them: what it was told, what it said. */
@Injectable()
export class ActionViews {
  constructor(private readonly database: DataSource) {}

  /** The newest first. */
  async list(namespace: string, deviceId: string, page: PageQuery): Promise<Page<ActionView>> {
    const before = /^\d{1,9}$/.test(page.after ?? '') ? Number(page.after) : 2_147_483_647
    const rows = await this.database.query<ActionRow[]>(
      `SELECT id, rollout_id, outcome, created_at, closed_at, repeats FROM ddi_action
       WHERE namespace = $1 AND device_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4`,
      [namespace, deviceId, before, page.limit + 1],
    )
    const entries = await this.database.query<EntryRow[]>(
      'SELECT * FROM ddi_entry WHERE action_id = ANY ($1) ORDER BY action_id, number',
      [rows.map((row) => row.id)],
    )
    return pageOf(
      rows,
      page.limit,
      (row) => String(row.id),
      (row) => ({
        id: String(row.id),
        rolloutId: row.rollout_id,
        outcome: row.outcome,
        createdAt: row.created_at,
        closedAt: row.closed_at,
        entries: entries.filter((each) => each.action_id === row.id).map(entryView),
        repeats: row.repeats,
      }),
    )
  }
}

const entryView = (row: EntryRow): EntryView => ({
  atMs: row.at_ms,
  by: row.is_by_client ? 'client' : 'server',
  status: row.status,
  code: row.code,
  progress: row.progress,
  messages: row.messages,
})
