import type { DataSource, EntityManager } from 'typeorm'
import { errorCodeOf } from '../error-code.js'

const TRIES = 5
/** Deadlock, serialization failure: the database gave up one of two transactions, and the other has gone on. */
const passing = new Set(['40P01', '40001'])

/** A transaction that is tried again when the database chose it to give way. `work` may run several times. */
export async function transaction<T>(database: DataSource, work: (manager: EntityManager) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await database.transaction(work)
    } catch (error) {
      if (attempt === TRIES || !passing.has(errorCodeOf(error))) throw error
    }
  }
}
