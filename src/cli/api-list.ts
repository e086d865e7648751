import type { z } from 'zod'
import { listOf } from './api-answers.js'
import type { ApiClient } from './api-client.js'

/** 100,000 rows: a list that does not end is not followed for ever. */
const MAX_PAGES = 100

/** Every row of a list, page by page. */
export async function listAll<T>(api: ApiClient, path: string, row: z.ZodType<T>): Promise<T[]> {
  const rows: T[] = []
  let after = ''
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const answer = await api.get(`${path}?limit=1000${after}`, listOf(row))
    rows.push(...answer.items)
    if (typeof answer.next !== 'string' && typeof answer.next !== 'number') break
    after = `&after=${encodeURIComponent(answer.next)}`
  }
  return rows
}
