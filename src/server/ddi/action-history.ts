import type { EntityManager } from 'typeorm'
import { Refusal } from '../../domain/refusal.js'
import type { HistoryStatus } from './feedback-rule.js'

/** Entries of one action; one that ends it is always taken. */
export const MAX_ENTRIES = 1_000
const MAX_MESSAGES = 50
const MAX_MESSAGE_LENGTH = 512

export interface HistoryEntry {
  readonly status: HistoryStatus
  readonly isByClient: boolean
  readonly messages: readonly string[]
  readonly code?: number | null
  readonly progress?: readonly [number, number] | null
}

/**
 * Adds to the history of an action that the caller holds. The very word that came last is counted and not stored: SWUpdate says
 * "Skipped Update." at each poll outside its window.
 * @param isLast it ends the action: there is always room for that.
 * @throws Refusal `RATE_EXCEEDED`.
 */
export async function addEntry(
  manager: EntityManager,
  action: { readonly id: number; readonly entries: number },
  entry: HistoryEntry,
  { atMs, isLast }: { readonly atMs: number; readonly isLast: boolean },
): Promise<void> {
  const said = [entry.isByClient, entry.status, entry.code ?? null, entry.progress ?? null, messagesOf(entry)]
  const repeated = await manager.query<[unknown[], number]>(
    `UPDATE ddi_action a SET repeats = repeats + 1 FROM ddi_entry e
     WHERE a.id = $1 AND e.action_id = a.id AND e.number = a.entries AND e.is_by_client = $2 AND e.status = $3
       AND e.code IS NOT DISTINCT FROM $4::integer AND e.progress IS NOT DISTINCT FROM $5::integer[] AND e.messages = $6::text[]`,
    [action.id, ...said],
  )
  if (repeated[1] > 0) return
  if (action.entries >= MAX_ENTRIES && !isLast)
    throw new Refusal('RATE_EXCEEDED', { limit: MAX_ENTRIES, what: 'entries of an action' })
  await manager.query('UPDATE ddi_action SET entries = entries + 1 WHERE id = $1', [action.id])
  await manager.query(
    `INSERT INTO ddi_entry (action_id, number, at_ms, is_by_client, status, code, progress, messages)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [action.id, action.entries + 1, atMs, ...said],
  )
}

const messagesOf = ({ messages }: HistoryEntry): string[] => messages.slice(0, MAX_MESSAGES).map(keepable)

/** PostgreSQL keeps every character but NUL. */
const keepable = (text: string): string => text.replaceAll('\0', '').slice(0, MAX_MESSAGE_LENGTH)

export interface ActionHistory {
  readonly status: HistoryStatus
  readonly messages: readonly string[]
}

/** The newest word and the newest messages, newest first. @param count how many of them; -1 for all. */
export async function readHistory(
  manager: Pick<EntityManager, 'query'>,
  actionId: number,
  count: number,
): Promise<ActionHistory | null> {
  const rows = await manager.query<{ status: HistoryStatus; messages: string[] }[]>(
    'SELECT status, messages FROM ddi_entry WHERE action_id = $1 ORDER BY number DESC',
    [actionId],
  )
  const [newest] = rows
  if (newest === undefined || count === 0) return null
  const messages = rows.flatMap((row) => row.messages.toReversed())
  return { status: newest.status, messages: count < 0 ? messages : messages.slice(0, count) }
}
